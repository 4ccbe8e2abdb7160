//! Where a primary was, when: what turns a replica's position into a time.
//!
//! No clock of another machine is asked, and nothing that the replica says of itself: one whose
//! connection to the primary is cut thinks that it has everything.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::position::Position;

/// How many positions are remembered: at one a second, ten minutes of a primary that is written.
const MOST: usize = 600;

/// A primary's positions, the oldest first, each with the last moment at which the primary was
/// seen there.
#[derive(Default)]
pub(super) struct Past(VecDeque<(Position, Instant)>);

impl Past {
    /// The primary was there when it was asked at `asked`.
    pub(super) fn saw(&mut self, position: Position, asked: Instant) {
        match self.0.back_mut() {
            Some((last, until)) if *last == position => *until = (*until).max(asked),
            Some(_) | None => self.0.push_back((position, asked)),
        }
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// Lets everything have been longer ago, as if time had passed.
    #[cfg(test)]
    pub(super) fn backdate(&mut self, by: Duration) {
        self.0.iter_mut().for_each(|(_, until)| *until -= by);
    }

    /// How far who is at `position` lags at most; `None` when that is longer ago than is known.
    pub(super) fn lag(&self, position: &Position, now: Instant) -> Option<Duration> {
        let reached = self.0.iter().rev().find(|(past, _)| position.reaches(past));
        reached.map(|(_, until)| now.saturating_duration_since(*until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> Position {
        Position::parse(&format!("0-1-{number}")).unwrap()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_lag_is_counted_from_when_the_primary_was_last_seen_there() {
        let (mut past, start) = (Past::default(), Instant::now());
        assert_eq!(past.lag(&at(9), start), None, "nothing is known");
        past.saw(at(1), start);
        past.saw(at(1), start + 10 * SECOND);
        past.saw(at(5), start + 11 * SECOND);
        let now = start + 71 * SECOND;
        assert_eq!(past.lag(&at(5), now), Some(60 * SECOND));
        assert_eq!(past.lag(&at(4), now), Some(61 * SECOND), "somewhere between");
        assert_eq!(past.lag(&at(0), now), None, "older than what is known");
        // A quiet primary that is asked now and then: who has its last has all.
        past.saw(at(5), now);
        assert_eq!(past.lag(&at(5), now), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let (mut past, start) = (Past::default(), Instant::now());
        for number in 1..=MOST as u64 + 1 {
            past.saw(at(number), start);
        }
        assert_eq!((past.0.len(), past.lag(&at(1), start)), (MOST, None));
        assert!(past.lag(&at(2), start).is_some());
    }
}
