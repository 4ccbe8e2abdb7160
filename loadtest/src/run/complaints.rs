//! What was wrong. One wrong answer fails a run.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// How many are kept in words; the rest is counted.
const KEPT: usize = 10;
/// After so many there is no sense in letting more players in.
const HOPELESS: u64 = 100;

/// What was wrong, shared by all players.
#[derive(Default)]
pub(super) struct Complaints(Mutex<Wrong>);

/// What was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// How often.
    pub count: u64,
    /// The first ones.
    pub first: Vec<String>,
}

impl Complaints {
    /// Something was wrong with what a player was told.
    pub(super) fn of(&self, player: usize, what: impl std::fmt::Display) {
        self.add(format!("player {player}: {what}"));
    }

    /// Something was wrong.
    pub(super) fn add(&self, what: String) {
        let mut wrong = self.lock();
        wrong.count += 1;
        if wrong.first.len() < KEPT {
            wrong.first.push(what);
        }
    }

    /// All so far.
    pub(super) fn so_far(&self) -> Wrong {
        self.lock().clone()
    }

    /// How many so far.
    pub(super) fn count(&self) -> u64 {
        self.lock().count
    }

    /// Whether so much is wrong that going on would only add to it.
    pub(super) fn hopeless(&self) -> bool {
        self.count() >= HOPELESS
    }

    fn lock(&self) -> MutexGuard<'_, Wrong> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_kept_and_all_are_counted() {
        let complaints = Complaints::default();
        for number in 0..100 {
            assert!(!complaints.hopeless());
            complaints.of(number, "it is wrong");
        }
        let wrong = complaints.so_far();
        assert_eq!((wrong.count, wrong.first.len()), (100, KEPT));
        assert_eq!(wrong.first[9], "player 9: it is wrong");
        assert!(complaints.hopeless());
    }
}
