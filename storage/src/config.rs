//! The storage layer's own settings.

mod mariadb;

use serde::{Deserialize, Serialize};

pub use mariadb::{MAIN, MariaDbSettings, Plan, Primary, Replica, ServerSettings, ServerUrl};

/// How much may wait in front of the backends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageSettings {
    /// How many calls may wait or run at once; the next is told `overloaded`.
    /// 1 to 1,000,000.
    pub queue_limit: usize,
    /// How many calls run at once against the backend, at most one of them a key. 1 to 1,024.
    pub workers: usize,
    /// How many threads read from the embedded database. 1 to 1,024.
    pub readers: usize,
    /// How many game-log records may wait to be written; the next is dropped and counted.
    /// 1 to 1,000,000.
    pub gamelog_limit: usize,
    /// The MariaDB servers of the truth; the embedded database when none is named.
    pub mariadb: MariaDbSettings,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            queue_limit: 4096,
            workers: 256,
            readers: 2,
            gamelog_limit: 65_536,
            mariadb: MariaDbSettings::default(),
        }
    }
}
