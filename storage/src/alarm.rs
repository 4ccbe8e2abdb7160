//! Saying in the log that something goes on, without filling the log with it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long an alarm is quiet after it rang.
const QUIET: Duration = Duration::from_secs(10);

/// Rings at most once in [`QUIET`], and counts what came between.
pub(crate) struct Alarm(Mutex<(usize, Option<Instant>)>);

impl Alarm {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new((0, None)))
    }

    /// Counts `more`; when it is time to say so, returns how many came since it was last said.
    pub(crate) fn ring(&self, more: usize) -> Option<usize> {
        self.ring_at(more, Instant::now())
    }

    fn ring_at(&self, more: usize, now: Instant) -> Option<usize> {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.0 += more;
        let quiet = state.1.is_some_and(|rang| now.saturating_duration_since(rang) < QUIET);
        if quiet || state.0 == 0 {
            return None;
        }
        state.1 = Some(now);
        Some(std::mem::take(&mut state.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rings_at_once_then_once_in_a_while_with_all_that_came() {
        let (alarm, begin) = (Alarm::new(), Instant::now());
        assert_eq!(alarm.ring_at(0, begin), None);
        assert_eq!(alarm.ring_at(3, begin), Some(3));
        assert_eq!(alarm.ring_at(1, begin + QUIET / 2), None);
        assert_eq!(alarm.ring_at(1, begin + QUIET), Some(2));
        assert_eq!(alarm.ring_at(0, begin + 3 * QUIET), None);
    }
}
