//! What waits for the sink, and whose turn it is.
//!
//! Three lanes: what only the sink can make safe goes first. Then what is new in memory and
//! what is left over on the disk take turns, a batch each, so that after an outage neither
//! waits for all of the other.

use std::collections::VecDeque;

use super::batch::Batch;

/// The most records that are in the spool and in memory as well; more are read back later.
pub(super) const LIVING: usize = 8192;

/// Where a batch comes from, and goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Memory alone has it.
    Straight,
    /// It is in the spool, and new.
    Living,
    /// It was read back from the spool.
    Backlog,
}

/// What the sink is to get next.
pub(super) enum Turn {
    /// This.
    Batch(Lane, Batch),
    /// What the spool has below this number.
    Read { below: u64 },
    /// Nothing.
    Rest,
}

#[derive(Default)]
pub(super) struct Lanes {
    pub(super) straight: VecDeque<Batch>,
    living: VecDeque<Batch>,
    /// What was read and could not be delivered yet.
    backlog: VecDeque<Batch>,
    /// Whether the spool may have records that are in no lane.
    behind: bool,
    /// Whether the spool is not to be read for a while.
    paused: bool,
    /// The number after the last record that is known to be in the spool.
    end: u64,
    /// Whose turn it was.
    last: Option<Lane>,
}

impl Lanes {
    /// The lanes of a spool whose next number is `end`.
    pub(super) fn behind(end: u64) -> Self {
        Self { behind: true, end, ..Self::default() }
    }

    /// The number after the last record that is known to be in the spool.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Takes a batch that is in the spool; into memory, when there is room.
    pub(super) fn live(&mut self, batch: Batch) {
        self.end = self.end.max(batch.end().unwrap_or(0));
        let living: usize = self.living.iter().map(Batch::len).sum();
        if living + batch.len() <= LIVING {
            self.living.push_back(batch);
        } else {
            self.behind = true;
        }
    }

    /// Takes a batch back, to the head of its lane.
    pub(super) fn again(&mut self, lane: Lane, batch: Batch) {
        match lane {
            Lane::Straight => self.straight.push_front(batch),
            Lane::Living => self.living.push_front(batch),
            Lane::Backlog => self.backlog.push_front(batch),
        }
    }

    /// What is next.
    pub(super) fn next(&mut self) -> Turn {
        if let Some(batch) = self.straight.pop_front() {
            return Turn::Batch(Lane::Straight, batch);
        }
        let left_over = (self.behind && !self.paused) || !self.backlog.is_empty();
        if (self.last != Some(Lane::Living) || !left_over)
            && let Some(batch) = self.living.pop_front()
        {
            self.last = Some(Lane::Living);
            return Turn::Batch(Lane::Living, batch);
        }
        if !left_over {
            return Turn::Rest;
        }
        self.last = Some(Lane::Backlog);
        match self.backlog.pop_front() {
            Some(batch) => Turn::Batch(Lane::Backlog, batch),
            // What is in memory is not read as well, nor is what is being written.
            None => {
                let living = self.living.front().and_then(Batch::first);
                Turn::Read { below: living.unwrap_or(self.end) }
            }
        }
    }

    /// The reading that was next cannot be done yet: it is next again.
    pub(super) fn not_yet(&mut self) {
        self.last = Some(Lane::Living);
    }

    /// Has the spool left alone, or not any more.
    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// The spool has nothing more below a number.
    pub(super) fn read_all(&mut self, below: u64) {
        self.behind &= below != self.end;
    }

    /// Whether nothing is left but what is on the disk alone.
    pub(super) fn is_quiet(&self) -> bool {
        self.straight.is_empty() && self.living.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::clock::Micros;
    use crate::gamelog::{Keep, KeptRecord};
    use crate::spool::Stored;

    fn batch(numbers: std::ops::Range<u64>) -> Batch {
        let record = KeptRecord {
            id: Uuid::nil(),
            at: Micros(0),
            app: "demo".parse().unwrap(),
            member: None,
            kind: "test".to_owned(),
            fields: serde_json::Value::Null,
        };
        let stored = |number| Stored { number, keep: Keep::Always, record: record.clone() };
        Batch::stored(numbers.map(stored).collect())
    }

    /// What is next: its lane and first number, or below which number is to be read.
    fn next(lanes: &mut Lanes) -> Option<(Lane, u64)> {
        match lanes.next() {
            Turn::Batch(lane, batch) => Some((lane, batch.first().unwrap())),
            Turn::Read { below } => Some((Lane::Backlog, below)),
            Turn::Rest => None,
        }
    }

    #[test]
    fn what_is_new_and_what_is_left_take_turns() {
        let mut lanes = Lanes::behind(100);
        (0..3).for_each(|place| lanes.live(batch(100 + place * 10..110 + place * 10)));
        assert_eq!(next(&mut lanes), Some((Lane::Living, 100)));
        // What is in memory is not read.
        assert_eq!(next(&mut lanes), Some((Lane::Backlog, 110)));
        lanes.again(Lane::Backlog, batch(0..10));
        assert_eq!(next(&mut lanes), Some((Lane::Living, 110)));
        assert_eq!(next(&mut lanes), Some((Lane::Backlog, 0)));
        assert_eq!(next(&mut lanes), Some((Lane::Living, 120)));
        // With nothing new, what is left goes on alone.
        assert_eq!(next(&mut lanes), Some((Lane::Backlog, 130)));
        assert_eq!(next(&mut lanes), Some((Lane::Backlog, 130)));
        lanes.read_all(130);
        assert_eq!(next(&mut lanes), None);
        lanes.live(batch(130..131));
        assert_eq!(next(&mut lanes), Some((Lane::Living, 130)));
    }

    #[test]
    fn what_finds_no_room_in_memory_is_read_later() {
        let mut lanes = Lanes::behind(0);
        lanes.read_all(0);
        let most = u64::try_from(LIVING).unwrap();
        lanes.live(batch(0..most));
        lanes.live(batch(most..most + 5));
        assert_eq!(next(&mut lanes), Some((Lane::Living, 0)));
        assert_eq!(next(&mut lanes), Some((Lane::Backlog, most + 5)));
        // An answer to an earlier question does not say that nothing is left.
        lanes.read_all(most);
        assert_eq!(next(&mut lanes), Some((Lane::Backlog, most + 5)));
        lanes.pause(true);
        assert_eq!(next(&mut lanes), None);
    }

    #[test]
    fn what_only_the_sink_can_make_safe_goes_first() {
        let mut lanes = Lanes::behind(0);
        lanes.live(batch(0..1));
        lanes.again(Lane::Straight, batch(5..6));
        assert!(!lanes.is_quiet());
        assert_eq!(next(&mut lanes), Some((Lane::Straight, 5)));
        assert_eq!(next(&mut lanes), Some((Lane::Living, 0)));
        assert!(lanes.is_quiet());
    }
}
