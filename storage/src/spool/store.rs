//! The spool's owner: segments, what is settled in them, and what may still come in.

use std::collections::VecDeque;
use std::io;

use super::files::{Files, Handle};
use super::frame::{self, HEAD};
use super::position;
use super::ranges::Ranges;
use super::read::Reader;
use super::segment::{self, HEADER};
use crate::clock::Micros;
use crate::gamelog::Keep;

/// How much the spool may hold, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// All segments together.
    pub(super) bytes: u64,
    /// One segment.
    pub(super) segment: u64,
}

impl Limits {
    /// The share of all segments that a record may find room in. An eighth is for records
    /// that are never dropped.
    fn room(self, keep: Keep) -> u64 {
        match keep {
            Keep::Always => self.bytes,
            Keep::WhenThereIsRoom => self.bytes - self.bytes / 8,
        }
    }

    /// What may be set aside beside the segments: damaged bytes, and dead letters.
    pub(super) fn aside(self) -> u64 {
        self.bytes / 16
    }
}

/// A segment whose bytes up to `length` are durable.
#[derive(Debug)]
pub(super) struct Segment {
    /// The number of its first record, and its name.
    pub(super) first: u64,
    /// The number after that of its last record.
    pub(super) end: u64,
    /// How many of its bytes count.
    pub(super) length: u64,
    /// When its first record happened.
    pub(super) at: Option<Micros>,
}

/// A record to be written.
pub(super) struct Entry<'a> {
    pub(super) keep: Keep,
    pub(super) at: Micros,
    pub(super) body: &'a [u8],
}

/// The spool. One thread owns it.
pub(super) struct Store<F: Files> {
    pub(super) files: F,
    pub(super) limits: Limits,
    pub(super) segments: VecDeque<Segment>,
    /// The last segment's file, unless that one is to have no more.
    writer: Option<F::Handle>,
    /// The number of the next record.
    next: u64,
    pub(super) settled: Ranges,
    unsaved: bool,
    pub(super) reader: Reader,
    /// The bytes that were set aside, and those of dead letters.
    pub(super) damaged: u64,
    pub(super) dead: u64,
    /// Whether the dead letters may end in the middle of a line.
    pub(super) torn: bool,
}

impl<F: Files> Store<F> {
    pub(super) fn new(
        files: F,
        limits: Limits,
        segments: VecDeque<Segment>,
        mut settled: Ranges,
    ) -> Self {
        let end = segments.back().map_or(0, |last| last.end);
        let next = end.max(settled.end());
        // Numbers that nothing has any more.
        settled.insert(end, next);
        Self {
            files,
            limits,
            segments,
            writer: None,
            next,
            settled,
            unsaved: false,
            reader: Reader::default(),
            damaged: 0,
            dead: 0,
            torn: false,
        }
    }

    /// Writes records, and returns when they are durable: each with its number, or with none
    /// when there was no room for it.
    ///
    /// # Errors
    /// When the disk refuses. None of the records counts as written then, though some may be
    /// found again after a restart.
    pub(super) fn append(&mut self, entries: &[Entry<'_>]) -> io::Result<Vec<Option<u64>>> {
        let first = self.next;
        let written = self.write(entries);
        if written.is_err() {
            // What the file now has is not known, so nothing more is written to it.
            self.abandon();
            self.settled.insert(first, self.next);
            self.unsaved = true;
        }
        self.measure();
        written
    }

    fn write(&mut self, entries: &[Entry<'_>]) -> io::Result<Vec<Option<u64>>> {
        let mut numbers = Vec::with_capacity(entries.len());
        let mut bytes = Vec::new();
        for entry in entries {
            let size = (HEAD + entry.body.len()) as u64;
            let used = self.used() + bytes.len() as u64;
            if used + size + HEADER as u64 > self.limits.room(entry.keep) {
                numbers.push(None);
                continue;
            }
            if self.is_full(bytes.len() as u64, size) {
                self.flush(&mut bytes)?;
                self.begin()?;
            }
            if let Some(last) = self.segments.back_mut() {
                last.at = last.at.or(Some(entry.at));
            }
            frame::write(&mut bytes, self.next, entry.keep, entry.body);
            numbers.push(Some(self.next));
            self.next += 1;
        }
        self.flush(&mut bytes)?;
        Ok(numbers)
    }

    /// Whether a frame is to be in the next segment. One that is longer than a segment may be
    /// has one for itself.
    fn is_full(&self, pending: u64, size: u64) -> bool {
        let last = self.segments.back().filter(|_| self.writer.is_some());
        last.is_none_or(|last| {
            let begun = last.length > HEADER as u64 || pending > 0;
            begun && last.length + pending + size > self.limits.segment
        })
    }

    /// Makes the frames durable in the last segment.
    fn flush(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let (Some(writer), Some(last)) = (self.writer.as_mut(), self.segments.back_mut()) else {
            return Ok(());
        };
        if bytes.is_empty() {
            return Ok(());
        }
        writer.append(bytes)?;
        writer.sync()?;
        last.length += bytes.len() as u64;
        last.end = self.next;
        bytes.clear();
        Ok(())
    }

    /// Begins a segment. Its name and header are durable when it returns.
    fn begin(&mut self) -> io::Result<()> {
        self.writer = None;
        let name = segment::name(self.next);
        let made = self.files.create(&name).and_then(|mut writer| {
            writer.append(&segment::header(self.next))?;
            writer.sync()?;
            self.files.sync_folder()?;
            Ok(writer)
        });
        let writer = made.inspect_err(|_| {
            // It holds nothing; one that stays is taken away at the next start.
            let _ = self.files.remove(&name);
        })?;
        self.writer = Some(writer);
        let (first, length) = (self.next, HEADER as u64);
        self.segments.push_back(Segment { first, end: first, length, at: None });
        Ok(())
    }

    /// Leaves the last segment as it was when it was last durable.
    fn abandon(&mut self) {
        let (Some(mut writer), Some(last)) = (self.writer.take(), self.segments.back()) else {
            return;
        };
        // When this fails too, the reader stops at `length`, and a restart repeats records.
        let _ = writer.truncate(last.length).and_then(|()| writer.sync());
    }

    /// Has reading begin anew.
    pub(super) fn rewind(&mut self) {
        self.reader = Reader::default();
    }

    /// Takes numbers as settled: nobody asks for these records again.
    pub(super) fn settle(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.settled.insert(*number, number + 1);
        }
        self.settle_range(0, 0);
    }

    /// As [`Store::settle`], for all of `from..to`.
    pub(super) fn settle_range(&mut self, from: u64, to: u64) {
        self.settled.insert(from, to);
        self.unsaved = true;
        self.remove();
        self.measure();
    }

    /// Removes the segments that have nothing left to read.
    fn remove(&mut self) {
        let (last, writing) = (self.segments.back().map(|last| last.first), self.writer.is_some());
        let (settled, files) = (&self.settled, &self.files);
        self.segments.retain(|segment| {
            let over = settled.covers(segment.first, segment.end)
                && !(writing && Some(segment.first) == last);
            // One that cannot be removed now is seen as settled at the next start.
            let gone = over
                && match files.remove(&segment::name(segment.first)) {
                    Ok(()) => true,
                    // Somebody else took it away.
                    Err(error) => error.kind() == io::ErrorKind::NotFound,
                };
            !gone
        });
    }

    /// Makes durable what is settled; what is not saved is sent again after a restart.
    pub(super) fn save(&mut self) -> io::Result<()> {
        if self.unsaved {
            position::save(&self.files, &self.settled)?;
            self.unsaved = false;
        }
        Ok(())
    }

    /// The bytes of all segments.
    pub(super) fn used(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// How many records wait to be settled, at most.
    pub(super) fn waiting(&self) -> u64 {
        let in_segment = |segment: &Segment| {
            segment.end - segment.first - self.settled.count(segment.first, segment.end)
        };
        self.segments.iter().map(in_segment).sum()
    }

    /// The number of the next record.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// All numbers below are settled.
    pub(super) fn settled_below(&self) -> u64 {
        self.settled.next_absent(0)
    }

    pub(super) fn measure(&self) {
        let unsettled = |segment: &&Segment| !self.settled.covers(segment.first, segment.end);
        let oldest = self.segments.iter().find(unsettled).and_then(|segment| segment.at);
        metrics::gauge!("daemun_spool_bytes").set(self.used() as f64);
        metrics::gauge!("daemun_spool_records").set(self.waiting() as f64);
        metrics::gauge!("daemun_spool_oldest_timestamp_seconds")
            .set(oldest.map_or(0.0, |at| at.0 as f64 / 1e6));
    }
}
