//! The sessions' own settings.

use serde::{Deserialize, Serialize};

/// How sessions live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionsSettings {
    /// After how much quiet a session actor goes to sleep, in milliseconds. At least 1.
    pub quiet_ms: u64,
    /// For how long a session actor believes what it read of its login and how far the inbox
    /// reaches, in milliseconds. What other nodes do is seen after that at the latest. At most
    /// 30000.
    pub standing_ms: u64,
    /// For how long the answers of a session are kept after it was last used, in
    /// milliseconds, for requests that are sent again. At least 1.
    pub grace_ms: u64,
    /// How many bytes such answers may take on this node.
    pub replies_bytes: usize,
    /// How many logins `session.list` shows. At least 1.
    pub list_limit: usize,
}

impl Default for SessionsSettings {
    fn default() -> Self {
        Self {
            quiet_ms: 10_000,
            standing_ms: 30_000,
            grace_ms: 120_000,
            replies_bytes: 64 << 20,
            list_limit: 50,
        }
    }
}
