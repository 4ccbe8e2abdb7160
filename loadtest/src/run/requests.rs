//! What becomes of the requests on open sessions, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// What became of the requests of open sessions, counted.
#[derive(Default)]
pub(super) struct Requests {
    asked: AtomicU64,
    answered: AtomicU64,
    shed: AtomicU64,
    lost: AtomicU64,
}

/// What became of the requests of open sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RequestCounts {
    /// How many were due.
    pub asked: u64,
    /// How many got an answer, be it right or wrong.
    pub answered: u64,
    /// How many were told that the server has too much to do.
    pub shed: u64,
    /// How many were given up with their player.
    pub lost: u64,
    /// How many have no answer yet.
    pub unanswered: u64,
}

impl Requests {
    /// One is due.
    pub(super) fn asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// One got an answer.
    pub(super) fn answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// One was told that the server has too much to do.
    pub(super) fn shed(&self) {
        self.shed.fetch_add(1, Ordering::Relaxed);
    }

    /// So many will never be answered.
    pub(super) fn lost(&self, many: usize) {
        self.lost.fetch_add(many as u64, Ordering::Relaxed);
    }

    /// All so far.
    pub(super) fn counts(&self) -> RequestCounts {
        let [answered, shed, lost, asked] = [&self.answered, &self.shed, &self.lost, &self.asked]
            .map(|it| it.load(Ordering::Relaxed));
        let unanswered = asked.saturating_sub(answered + shed + lost);
        RequestCounts { asked, answered, shed, lost, unanswered }
    }
}
