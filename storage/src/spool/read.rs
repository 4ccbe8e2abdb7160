//! Reading back what is not settled, in the order of its numbers, each once a run.

use std::collections::VecDeque;
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
    /// Readers of segments that the disk did not give back: each tries its own again.
    stuck: VecDeque<Reader>,
    /// The reader of all that follows, while one that was stuck has its turn.
    parked: Option<Box<Reader>>,
}

impl Reader {
    fn enter(&mut self, segment: u64) {
        let (expected, stuck) = (segment, std::mem::take(&mut self.stuck));
        let (segment, offset) = (Some(segment), HEADER as u64);
        *self = Self { segment, offset, expected, stuck, ..Self::default() };
    }

    /// Leaves its segment for later, and goes on at the one behind it.
    fn pass_over(&mut self, after: u64) {
        let stuck = std::mem::take(&mut self.stuck);
        let mut left = std::mem::take(self);
        // It begins where it stands, with bytes that are read again.
        (left.buffer, left.used) = (Vec::new(), 0);
        self.stuck = stuck;
        self.stuck.push_back(left);
        self.enter(after);
    }

    /// Gives one that was stuck its turn, if there is one.
    fn try_stuck(&mut self) -> bool {
        let Some(stuck) = self.stuck.pop_front() else { return false };
        let parked = std::mem::replace(self, stuck);
        self.parked = Some(Box::new(parked));
        true
    }

    /// How many that were stuck wait for a turn.
    fn waiting(&self) -> usize {
        self.parked.as_deref().map_or(self.stuck.len(), |parked| parked.stuck.len())
    }

    /// Ends the turn of one that was stuck, if one has it. What has more comes again.
    fn resume(&mut self, more: bool) -> bool {
        let Some(parked) = self.parked.take() else { return false };
        let mut done = std::mem::replace(self, *parked);
        if more {
            (done.buffer, done.used) = (Vec::new(), 0);
            self.stuck.push_back(done);
        }
        true
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
        let mut left = self.reader.waiting();
        let mut failed = None;
        while records.len() < most {
            match self.next_record(below) {
                Ok(Next::Record(record)) => records.push(*record),
                Ok(Next::Passed) => {}
                Ok(Next::Over) if self.reader.resume(true) => {}
                // What the disk did not give back before is asked for when all else is read.
                Ok(Next::Over) if left > 0 && self.reader.try_stuck() => left -= 1,
                Ok(Next::Over) => break,
                Err(error) => {
                    failed = Some(error);
                    // What is behind it need not wait for it.
                    if !self.pass_over() {
                        break;
                    }
                }
            }
        }
        match failed {
            Some(error) if records.is_empty() => Err(error),
            Some(_) | None => Ok(records),
        }
    }

    /// Goes on behind the segment that the disk does not give back; not when nothing is.
    fn pass_over(&mut self) -> bool {
        if self.reader.resume(true) {
            return true;
        }
        let here = self.reader.segment;
        let behind = self.segments.iter().find(|segment| Some(segment.first) > here);
        let Some(after) = behind.map(|segment| segment.first) else { return false };
        self.reader.pass_over(after);
        true
    }

    fn next_record(&mut self, below: u64) -> io::Result<Next> {
        let here = self.reader.segment.unwrap_or(0);
        let mut later = self.segments.iter().filter(|segment| segment.first >= here);
        let segment = later.next();
        if self.reader.parked.is_some()
            && segment.map(|segment| segment.first) != self.reader.segment
        {
            // All of it was settled meanwhile.
            self.reader.resume(false);
            return Ok(Next::Passed);
        }
        let Some(segment) = segment else { return Ok(Next::Over) };
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
            Step::End if self.reader.parked.is_some() => {
                let after = after.unwrap_or_else(|| self.next());
                self.settled.insert(expected, after);
                self.reader.resume(false);
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
