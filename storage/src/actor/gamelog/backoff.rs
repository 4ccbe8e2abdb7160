//! How long the sink is left alone after it failed.

use std::time::Duration;

use crate::error::StorageError;

/// The first pause.
pub(super) const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
pub(super) const MOST: Duration = Duration::from_secs(30);

/// Why the sink did not answer with verdicts.
#[derive(Debug)]
pub(super) enum Failure {
    /// It said so.
    Error(StorageError),
    /// It panicked.
    Panicked,
    /// Of some records alone, for a reason that seems to be theirs.
    OfRecords(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panicked => f.write_str("the backend panicked"),
            Self::OfRecords(reason) => f.write_str(reason),
        }
    }
}

/// Counts failures in a row.
#[derive(Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    pub(super) fn reset(&mut self) {
        self.0 = 0;
    }

    /// The pause after one more failure: half of it is chance, so that nodes do not come back
    /// together.
    pub(super) fn after(&mut self, failure: &Failure) -> Duration {
        let grown = FIRST.saturating_mul(1 << self.0.min(16)).min(MOST);
        self.0 = self.0.saturating_add(1);
        let pause = match failure {
            // It is there, and has too much to do for a moment.
            Failure::Error(StorageError::Overloaded | StorageError::Locked) => FIRST,
            // Somebody has to put something right first.
            Failure::Error(StorageError::Setup(_) | StorageError::Corrupt(_)) => MOST,
            // The last three are not said of a log; whoever says them is wrong for a while.
            Failure::Error(
                StorageError::Unavailable(_)
                | StorageError::OutcomeUnknown
                | StorageError::Moved
                | StorageError::Replaced
                | StorageError::TooLong { .. },
            )
            | Failure::Panicked
            | Failure::OfRecords(_) => grown,
        };
        pause / 2 + (pause / 2).mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(backoff: &mut Backoff, failure: &Failure, whole: Duration) {
        let pause = backoff.after(failure);
        assert!((whole / 2..=whole).contains(&pause), "{pause:?} of {whole:?}");
    }

    #[test]
    fn pauses_grow_up_to_a_bound_and_begin_anew() {
        let (mut backoff, gone) = (Backoff::default(), Failure::Panicked);
        for doubled in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
            pause(&mut backoff, &gone, FIRST * doubled);
        }
        (0..40).for_each(|_| pause(&mut backoff, &gone, MOST));
        backoff.reset();
        pause(&mut backoff, &gone, FIRST);
    }

    #[test]
    fn a_pause_is_as_long_as_its_cause_takes() {
        let mut backoff = Backoff::default();
        for _ in 0..20 {
            pause(&mut backoff, &Failure::Error(StorageError::Overloaded), FIRST);
            pause(&mut backoff, &Failure::Error(StorageError::Setup(String::new())), MOST);
        }
    }
}
