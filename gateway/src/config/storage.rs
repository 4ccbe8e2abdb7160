//! The settings of the storage layer, as the file writes them.

use storage::config::StorageSettings;

use super::{
    bounds::{at_least, at_most},
    problem::Problem,
    schema::{Notes, Schema},
};

/// Workers and readers are made at the start, each with memory of its own, so a mistyped number
/// must not take the machine down.
const MOST_AT_ONCE: usize = 1024;

/// What waits is held in memory.
const MOST_WAITING: usize = 1_000_000;

const NOTES: &[(&str, &str)] = &[
    (
        "queue_limit",
        "Calls that may wait or run at a time before the next is told that the server is overloaded; from 1 to 1000000.",
    ),
    ("workers", "Calls that run at a time, no two of them about one member; from 1 to 1024."),
    ("readers", "Threads that read from the embedded database; from 1 to 1024."),
    (
        "gamelog_limit",
        "Records of the game log that may wait to be written before the next is dropped and counted; from 1 to 1000000.",
    ),
];

impl Schema for StorageSettings {
    fn sample() -> Self {
        Self::default()
    }

    fn notes() -> Notes {
        Notes::new(NOTES)
    }

    fn validate(&self) -> Vec<Problem> {
        let problems = [
            at_least("queue_limit", self.queue_limit, 1),
            at_most("queue_limit", self.queue_limit, MOST_WAITING),
            at_least("workers", self.workers, 1),
            at_most("workers", self.workers, MOST_AT_ONCE),
            at_least("readers", self.readers, 1),
            at_most("readers", self.readers, MOST_AT_ONCE),
            at_least("gamelog_limit", self.gamelog_limit, 1),
            at_most("gamelog_limit", self.gamelog_limit, MOST_WAITING),
        ];
        problems.into_iter().flatten().collect()
    }
}
