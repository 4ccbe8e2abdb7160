//! How often notices and banners were shown, clicked and put away: counted in memory, kept now and
//! then as a whole.

use std::collections::HashMap;

use parking_lot::Mutex;
use storage::clock::Micros;
use storage::content::{Counts, MAX_TALLIES, Tally, day};
use uuid::Uuid;

/// What this run of the program counted.
pub(super) struct Tallies {
    run: Uuid,
    counts: Mutex<HashMap<(Uuid, i32), Counted>>,
}

#[derive(Clone, Copy, Default)]
struct Counted {
    counts: Counts,
    /// What of it is known to be kept.
    kept: Counts,
}

/// What happened to a notice or banner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    Shown,
    Clicked,
    Dismissed,
}

impl Tallies {
    pub(super) fn new(run: Uuid) -> Self {
        Self { run, counts: Mutex::default() }
    }

    pub(super) fn count(&self, content: Uuid, happened: Happened, now: Micros) {
        let mut counts = self.counts.lock();
        let counts = &mut counts.entry((content, day(now))).or_default().counts;
        let (word, count) = match happened {
            Happened::Shown => ("shown", &mut counts.shown),
            Happened::Clicked => ("clicked", &mut counts.clicked),
            Happened::Dismissed => ("dismissed", &mut counts.dismissed),
        };
        *count = count.saturating_add(1);
        metrics::counter!("daemun_content_happened_total", "what" => word).increment(1);
    }

    /// What is not known to be kept: as much as is taken at once.
    pub(super) fn unkept(&self) -> Vec<Tally> {
        let counts = self.counts.lock();
        let unkept = counts.iter().filter(|(_, it)| it.counts != it.kept);
        let tally = |(&(content, day), it): (&(Uuid, i32), &Counted)| Tally {
            content,
            day,
            run: self.run,
            counts: it.counts,
        };
        unkept.take(MAX_TALLIES).map(tally).collect()
    }

    /// These are kept. What is of a day that is over is forgotten with that.
    pub(super) fn keep(&self, tallies: &[Tally], now: Micros) {
        let today = day(now);
        let mut counts = self.counts.lock();
        for tally in tallies {
            if let Some(counted) = counts.get_mut(&(tally.content, tally.day)) {
                counted.kept = tally.counts;
            }
        }
        counts.retain(|(_, day), it| *day >= today || it.counts != it.kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600 * 1_000_000;

    #[test]
    fn what_is_kept_is_not_kept_again_and_a_day_that_is_over_is_forgotten() {
        let (tallies, one) = (Tallies::new(Uuid::from_u128(9)), Uuid::from_u128(1));
        let now = Micros(5 * DAY + 1);
        tallies.count(one, Happened::Shown, now);
        tallies.count(one, Happened::Shown, now);
        tallies.count(one, Happened::Clicked, now);
        let first = tallies.unkept();
        let counts = Counts { shown: 2, clicked: 1, dismissed: 0 };
        assert_eq!(first, [Tally { content: one, day: 5, run: Uuid::from_u128(9), counts }]);
        // One more while it is being kept.
        tallies.count(one, Happened::Dismissed, now);
        tallies.keep(&first, now);
        let second = tallies.unkept();
        assert_eq!(second[0].counts, Counts { dismissed: 1, ..counts });
        tallies.keep(&second, now);
        assert_eq!(tallies.unkept(), []);
        // It goes on where it was, all day long.
        tallies.count(one, Happened::Shown, now);
        assert_eq!(tallies.unkept()[0].counts.shown, 3);
        let last = tallies.unkept();
        tallies.keep(&last, Micros(6 * DAY));
        assert!(tallies.counts.lock().is_empty());
    }

    #[test]
    fn more_than_is_kept_at_once_is_kept_in_parts() {
        let tallies = Tallies::new(Uuid::from_u128(9));
        for number in 0..=MAX_TALLIES {
            let content = Uuid::from_u128(u128::try_from(number).unwrap());
            tallies.count(content, Happened::Shown, Micros(0));
        }
        let first = tallies.unkept();
        assert_eq!(first.len(), MAX_TALLIES);
        tallies.keep(&first, Micros(0));
        assert_eq!(tallies.unkept().len(), 1);
    }
}
