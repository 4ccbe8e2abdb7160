//! Reading back what is not settled, in the order of its numbers, each once a run.

use std::io;

use super::files::{Files, Handle};
use super::segment::{self, HEADER, Step};
use super::store::Store;
use crate::clock::Micros;
use crate::gamelog::{Keep, KeptRecord};

/// A record as it was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) number: u64,
    pub(crate) keep: Keep,
    pub(crate) record: KeptRecord,
}

/// Where reading stands.
#[derive(Default)]
pub(super) struct Reader {
    /// The segment, and how far in its file.
    segment: Option<u64>,
    offset: u64,
    /// The least number that may come.
    expected: u64,
    /// The bytes of the file from `offset` on that were read and not yet used, less `used`.
    buffer: Vec<u8>,
    used: usize,
}

impl Reader {
    fn enter(&mut self, segment: u64) {
        let expected = segment;
        *self = Self { segment: Some(segment), offset: HEADER as u64, expected, ..Self::default() };
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    fn pass(&mut self, bytes: usize, expected: u64) {
        self.used += bytes;
        self.offset += bytes as u64;
        self.expected = expected;
    }
}

/// What a frame turned out to be.
enum Next {
    Record(Box<Stored>),
    /// There is more, of no interest.
    Passed,
    /// Nothing more below the bound for now.
    Over,
}

impl<F: Files> Store<F> {
    /// The next records that are not settled and numbered below `below`, at most `most`. None
    /// is given twice.
    pub(super) fn read(&mut self, most: usize, below: u64) -> io::Result<Vec<Stored>> {
        let mut records = Vec::new();
        while records.len() < most {
            match self.next_record(below)? {
                Next::Record(record) => records.push(*record),
                Next::Passed => {}
                Next::Over => break,
            }
        }
        Ok(records)
    }

    fn next_record(&mut self, below: u64) -> io::Result<Next> {
        let here = self.reader.segment.unwrap_or(0);
        let mut later = self.segments.iter().filter(|segment| segment.first >= here);
        let Some(segment) = later.next() else { return Ok(Next::Over) };
        let (first, length) = (segment.first, segment.length);
        let after = later.next().map(|segment| segment.first);
        if self.reader.segment != Some(first) {
            // What was between is settled, or was never there.
            self.settled.insert(self.reader.expected, first);
            self.reader.enter(first);
        }
        if self.reader.rest().is_empty() && self.reader.offset < length {
            let wanted = usize::try_from(length - self.reader.offset).unwrap_or(usize::MAX);
            let (name, offset) = (segment::name(first), self.reader.offset);
            let bytes = match self.files.read(&name, offset, wanted) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                bytes => bytes?,
            };
            (self.reader.buffer, self.reader.used) = (bytes, 0);
        }
        let expected = self.reader.expected;
        if self.reader.rest().is_empty() && self.reader.offset < length {
            // The file was taken away or cut: what was in it will not come back.
            self.set_aside(first, 0, expected, after.unwrap_or_else(|| self.next()));
            self.reader.offset = length;
            return Ok(Next::Passed);
        }
        match segment::step(self.reader.rest(), expected) {
            Step::Frame(frame) if frame.number >= below => Ok(Next::Over),
            Step::Frame(frame) => {
                let (number, keep, length) = (frame.number, frame.keep, frame.length());
                let record = serde_json::from_slice::<KeptRecord>(frame.body);
                // A number that was skipped belongs to nothing.
                self.settled.insert(expected, number);
                if self.settled.covers(number, number + 1) {
                    self.reader.pass(length, number + 1);
                    return Ok(Next::Passed);
                }
                match record {
                    Ok(record) => {
                        self.reader.pass(length, number + 1);
                        Ok(Next::Record(Box::new(Stored { number, keep, record })))
                    }
                    Err(_) => {
                        self.set_aside(first, length, number, number + 1);
                        Ok(Next::Passed)
                    }
                }
            }
            Step::Damage { skip, found } => {
                let to = found.or(after).unwrap_or_else(|| self.next());
                self.set_aside(first, skip, expected, to);
                Ok(Next::Passed)
            }
            Step::End => match after {
                // The segment after this one says where it begins.
                Some(after) => {
                    self.settled.insert(expected, after);
                    self.reader.enter(after);
                    Ok(Next::Passed)
                }
                None => Ok(Next::Over),
            },
        }
    }

    /// Copies bytes that cannot be read into a file of their own, once, and goes on behind them.
    fn set_aside(&mut self, segment: u64, bytes: usize, from: u64, to: u64) {
        let lost = (to - from) - self.settled.count(from, to);
        if lost > 0 {
            let offset = self.reader.offset;
            let name = format!("damaged-{segment:016x}-{offset}");
            let part = self.reader.rest().get(..bytes).unwrap_or_default();
            let room = self.damaged + part.len() as u64 <= self.limits.aside();
            let kept = room && !part.is_empty() && copy(&self.files, &name, part).is_ok();
            if kept {
                self.damaged += part.len() as u64;
            }
            tracing::error!(
                segment,
                offset,
                bytes,
                records = lost,
                kept_in = kept.then_some(name),
                "a part of the game log's spool is damaged: it is set aside, what follows is read"
            );
            metrics::counter!("daemun_spool_damaged_total").increment(lost);
        }
        self.reader.pass(bytes, to);
        self.settle_range(from, to);
    }
}

/// Writes bytes that cannot be read into a file of their own.
pub(super) fn copy(files: &impl Files, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = files.create(name)?;
    file.append(bytes)?;
    file.sync()?;
    files.sync_folder()
}

/// When the first record of a segment happened.
pub(super) fn first_at(files: &impl Files, first: u64) -> Option<Micros> {
    let bytes = files.read(&segment::name(first), HEADER as u64, 64 * 1024).ok()?;
    match segment::step(&bytes, first) {
        Step::Frame(frame) => {
            serde_json::from_slice::<KeptRecord>(frame.body).ok().map(|record| record.at)
        }
        Step::Damage { .. } | Step::End => None,
    }
}
