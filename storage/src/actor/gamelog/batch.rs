//! Records that go together.

use std::sync::Arc;

use super::Place;
use crate::gamelog::{Keep, KeptRecord, LogRecord, Verdict};
use crate::spool::{Dead, Placed, Stored};

/// Records on their way to the sink, or to the spool before it.
#[derive(Debug)]
pub(super) struct Batch {
    /// Their numbers in the spool; none when it does not have them.
    numbers: Option<Vec<u64>>,
    pub(super) keeps: Vec<Keep>,
    pub(super) records: Arc<[KeptRecord]>,
    /// How often it failed by its own fault, as far as is known, when it is one record.
    pub(super) failures: u32,
    /// Their places in memory, given back when they are safe.
    places: Vec<Place>,
}

/// What became of a batch that was to be spooled.
pub(super) struct Spooled {
    /// What is durable.
    pub(super) safe: Option<Batch>,
    /// What found no room and is never dropped.
    pub(super) left: Option<Batch>,
    /// The kinds of what found no room and is dropped.
    pub(super) dropped: Vec<String>,
    /// What can never be written.
    pub(super) refused: Vec<Dead>,
}

/// What became of a batch that the sink was given.
#[derive(Default)]
pub(super) struct Judged {
    /// How many records are kept, and the numbers of those that have one.
    pub(super) records: usize,
    pub(super) kept: Vec<u64>,
    pub(super) refused: Vec<Dead>,
    /// What failed by its own fault, as far as is known, and why the last of it did.
    pub(super) failed: Option<Batch>,
    pub(super) reason: String,
}

impl Batch {
    pub(super) fn of(records: Vec<(LogRecord, Place)>) -> Self {
        let keeps = records.iter().map(|(record, _)| record.event.keep()).collect();
        let kept = records.iter().map(|(record, _)| record.kept()).collect();
        let places = records.into_iter().map(|(_, place)| place).collect();
        Self { numbers: None, keeps, records: kept, failures: 0, places }
    }

    /// A batch of what was read from the spool.
    pub(super) fn stored(stored: Vec<Stored>) -> Self {
        let numbers = stored.iter().map(|stored| stored.number).collect();
        let keeps = stored.iter().map(|stored| stored.keep).collect();
        let records = stored.into_iter().map(|stored| stored.record).collect();
        Self { numbers: Some(numbers), keeps, records, failures: 0, places: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// The number of its first record.
    pub(super) fn first(&self) -> Option<u64> {
        self.numbers.as_ref()?.first().copied()
    }

    /// The number after that of its last record.
    pub(super) fn end(&self) -> Option<u64> {
        self.numbers.as_ref()?.last().map(|last| last + 1)
    }

    /// Gives back the places in memory.
    pub(super) fn free(&mut self) {
        self.places.clear();
    }

    /// Those of its records, a place each.
    fn only(&self, places: &[usize], numbers: Option<Vec<u64>>) -> Option<Self> {
        let keeps = places.iter().map(|place| self.keeps[*place]).collect();
        let records = places.iter().map(|place| self.records[*place].clone()).collect();
        let batch = Self { numbers, keeps, records, failures: 0, places: Vec::new() };
        (!places.is_empty()).then_some(batch)
    }

    /// Both halves of a batch of at least two.
    pub(super) fn halves(mut self) -> [Self; 2] {
        let middle = self.len() / 2;
        let second = Self {
            numbers: self.numbers.as_mut().map(|numbers| numbers.split_off(middle)),
            keeps: self.keeps.split_off(middle),
            records: self.records[middle..].into(),
            failures: 0,
            places: self.places.split_off(middle.min(self.places.len())),
        };
        self.records = self.records[..middle].into();
        [self, second]
    }

    fn dead(&self, place: usize, reason: String) -> Dead {
        let number = self.numbers.as_ref().map(|numbers| numbers[place]);
        Dead { number, keep: self.keeps[place], reason, record: self.records[place].clone() }
    }

    /// Parts what the spool took from what it did not. There is a word for each record.
    pub(super) fn spooled(mut self, placed: Vec<Placed>) -> Spooled {
        let (mut at, mut numbers, mut left) = (Vec::new(), Vec::new(), Vec::new());
        let (mut dropped, mut refused) = (Vec::new(), Vec::new());
        for (place, placed) in placed.into_iter().enumerate().take(self.len()) {
            match (placed, self.keeps[place]) {
                (Placed::At(number), Keep::Always | Keep::WhenThereIsRoom) => {
                    at.push(place);
                    numbers.push(number);
                }
                (Placed::NoRoom, Keep::Always) => left.push(place),
                (Placed::NoRoom, Keep::WhenThereIsRoom) => {
                    dropped.push(self.records[place].kind.clone());
                }
                (Placed::Refused(reason), Keep::Always | Keep::WhenThereIsRoom) => {
                    refused.push(self.dead(place, reason));
                }
            }
        }
        let mut places = std::mem::take(&mut self.places);
        let left = self.only(&left, None).map(|mut batch| {
            batch.places = places.split_off(places.len().saturating_sub(batch.len()));
            batch
        });
        let safe = if at.len() == self.len() {
            self.numbers = Some(numbers);
            Some(self)
        } else {
            self.only(&at, Some(numbers))
        };
        Spooled { safe, left, dropped, refused }
    }

    /// Parts what the sink took from what it did not. There is a verdict for each record.
    pub(super) fn judged(mut self, verdicts: Vec<Verdict>) -> Judged {
        let mut judged = Judged::default();
        let mut failed = Vec::new();
        for (place, verdict) in verdicts.into_iter().enumerate().take(self.len()) {
            match verdict {
                Verdict::Kept => {
                    judged.kept.extend(self.numbers.as_ref().map(|numbers| numbers[place]));
                    judged.records += 1;
                }
                Verdict::Refused(reason) => judged.refused.push(self.dead(place, reason)),
                Verdict::Failed(reason) => {
                    failed.push(place);
                    judged.reason = reason;
                }
            }
        }
        let numbers = |of: &Vec<u64>| failed.iter().map(|place| of[*place]).collect();
        let numbers = self.numbers.as_ref().map(numbers);
        let mut places = std::mem::take(&mut self.places);
        judged.failed = self.only(&failed, numbers).map(|mut batch| {
            batch.places = places.split_off(places.len().saturating_sub(batch.len()));
            batch.failures = self.failures;
            batch
        });
        judged
    }
}
