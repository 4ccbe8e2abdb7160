//! How long a notice rests that was not taken.

use std::time::Duration;

use storage::clock::Micros;

use crate::random;

/// The first rest.
const FIRST: Duration = Duration::from_secs(5);
/// The longest rest.
pub(super) const LONGEST: Duration = Duration::from_secs(3600);
/// For how long a notice is tried, from when it was written.
pub(super) const GIVEN_UP: Duration = Duration::from_secs(3 * 24 * 3600);

/// When to try again after so many tries in vain, the one that just failed not counted; `None`
/// when that was the last.
pub(super) fn next(now: Micros, written: Micros, tries: u32, least: Duration) -> Option<Micros> {
    let end = written.after(GIVEN_UP);
    // The last try is made when the time is over, and not an hour earlier.
    (now < end).then(|| now.after(rest(tries).max(least)).min(end))
}

/// Twice as long each time, and up to a quarter more, so that what failed together does not come
/// back together; an hour at most.
fn rest(tries: u32) -> Duration {
    let grown = FIRST * 2_u32.pow(tries.min(10));
    let more = u32::from_be_bytes(random::bytes());
    (grown + grown / 4 * (more >> 16) / (1 << 16)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_from_five_seconds_to_an_hour_and_differ() {
        for (tries, least) in [(0, 5), (1, 10), (5, 160), (9, 2_560), (10, 3_600), (999, 3_600)] {
            let rests: Vec<_> = (0..100).map(|_| rest(tries)).collect();
            let least = Duration::from_secs(least);
            let most = (least + least / 4).min(LONGEST);
            assert!(rests.iter().all(|rest| (least..=most).contains(rest)), "{tries}: {rests:?}");
            assert_eq!(rests.iter().any(|rest| *rest != rests[0]), least < LONGEST, "{tries}");
        }
    }

    #[test]
    fn the_last_try_is_made_when_three_days_are_over() {
        let at = |seconds: u64| Micros(0).after(Duration::from_secs(seconds));
        let days = 3 * 24 * 3600;
        let none = Duration::ZERO;
        assert_eq!(next(at(days - 1), at(0), 99, none), Some(at(days)));
        assert_eq!(next(at(days), at(0), 99, none), None);
        assert_eq!(next(at(0), at(0), 0, LONGEST), Some(at(3600)));
    }
}
