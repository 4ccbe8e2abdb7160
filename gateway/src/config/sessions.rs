//! The settings of sessions, as the file writes them.

use actors::sessions::SessionsSettings;

use super::{
    bounds::{at_least, at_most},
    problem::Problem,
    schema::{Notes, Schema},
};

/// For longer a logout on another node must not go unseen.
const LONGEST_STANDING_MS: u64 = 30_000;

const NOTES: &[(&str, &str)] = &[
    (
        "quiet_ms",
        "Milliseconds without a request after which a session's actor goes to sleep; at least 1.",
    ),
    (
        "standing_ms",
        "Milliseconds for which a session believes what it read of its login and inbox; at most 30000, and 0 reads it for every request.",
    ),
    (
        "grace_ms",
        "Milliseconds for which a session's answers are kept after it was last used, for requests that are sent again; at least 1.",
    ),
    ("replies_bytes", "Bytes that such answers may take in all; 0 keeps none."),
    ("list_limit", "Logins that session.list shows; at least 1."),
];

impl Schema for SessionsSettings {
    fn sample() -> Self {
        Self::default()
    }

    fn notes() -> Notes {
        Notes::new(NOTES)
    }

    fn validate(&self) -> Vec<Problem> {
        let problems = [
            at_least("quiet_ms", self.quiet_ms, 1),
            at_most("standing_ms", self.standing_ms, LONGEST_STANDING_MS),
            at_least("grace_ms", self.grace_ms, 1),
            at_least("list_limit", self.list_limit, 1),
        ];
        problems.into_iter().flatten().collect()
    }
}
