//! How much the node does at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for so many at once. Nobody waits for it.
pub(super) struct Budget {
    limit: usize,
    free: Arc<Semaphore>,
}

/// A share of a budget, given back when dropped.
pub(crate) type Share = OwnedSemaphorePermit;

impl Budget {
    pub(super) fn new(limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { limit, free: Arc::new(Semaphore::new(limit)) }
    }

    /// A share, if there is one left.
    pub(super) fn take(&self) -> Option<Share> {
        self.free.clone().try_acquire_owned().ok()
    }

    /// How many shares are taken.
    pub(super) fn taken(&self) -> usize {
        self.limit - self.free.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_share_is_given_and_no_more() {
        let budget = Budget::new(2);
        let first = budget.take().unwrap();
        let _second = budget.take().unwrap();
        assert!(budget.take().is_none() && budget.taken() == 2);
        drop(first);
        assert_eq!(budget.taken(), 1);
        assert!(budget.take().is_some());
    }
}
