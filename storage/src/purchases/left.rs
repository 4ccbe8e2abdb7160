//! Claims that were left: whoever decided on them died, or could not reach their owners' rows.

use std::time::Duration;

use protocol::ids::MemberId;

use super::claim::Hold;
use super::owned::Purchase;
use crate::clock::Micros;

/// How long a claim that could not be finished rests at least, and at most.
pub const REST_LEAST: Duration = Duration::from_secs(60);
/// As above.
pub const REST_MOST: Duration = Duration::from_secs(3600);

/// Which claims are to be finished.
#[derive(Clone, Copy, Debug)]
pub struct Finishing {
    /// Those that have been pending since before then: what is younger may be under way.
    pub before: Micros,
    /// The present time.
    pub now: Micros,
    /// How many at most, on each server.
    pub limit: usize,
}

impl Finishing {
    /// When a claim that is pending since `since` is tried again if this try comes to nothing. It
    /// rests as long as it has waited, so the rests double, and what is new is never held up for
    /// long by what cannot be finished.
    #[must_use]
    pub fn again(&self, since: Micros) -> Micros {
        self.now.after(self.now.since(since).clamp(REST_LEAST, REST_MOST))
    }
}

/// A claim that was left and is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The purchase among its owner's rows.
    pub purchase: Purchase,
    /// Why it is held, if it is.
    pub hold: Option<Hold>,
    /// The highest number in the owner's inbox if this wrote to it. Otherwise its rows had
    /// followed, and whoever let them died before it said so.
    pub pushed: Option<u64>,
}

/// What came of finishing claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Those that are finished.
    pub finished: Vec<Finished>,
    /// Whose rows may have followed or not: nobody knows.
    pub unsure: Vec<MemberId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_rests_as_long_as_it_has_waited_within_bounds() {
        let start = Micros(1_000_000_000);
        let rest = |waited: u64| {
            let now = start.after(Duration::from_secs(waited));
            Finishing { before: now, now, limit: 1 }.again(start).since(now)
        };
        assert_eq!([0, 59, 60].map(rest), [REST_LEAST; 3]);
        assert_eq!(rest(61), Duration::from_secs(61));
        assert_eq!([3600, 86_400].map(rest), [REST_MOST; 2]);
    }
}
