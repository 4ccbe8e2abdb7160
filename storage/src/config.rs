//! The storage layer's own settings.

mod images;
mod mariadb;
mod mongodb;
mod redis;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use images::ImagesSettings;
pub use mariadb::{MAIN, MariaDbSettings, Plan, Primary, Replica, ServerSettings, ServerUrl};
pub use mongodb::MongoDbSettings;
pub use redis::RedisSettings;

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
    /// How many game-log records may wait in memory to be safe; the next is dropped and counted.
    /// As many again of those that are never dropped may wait. 1 to 1,000,000.
    pub gamelog_limit: usize,
    /// How many bytes of game-log records the spool holds while a server for the log is away.
    /// The default holds an hour at a node's own limit of 200 logins a second: each login comes
    /// with a session opened and closed and at times one record more, four of about 300 bytes,
    /// which makes 864 million bytes. 16 MiB to 1 TiB.
    pub spool_bytes: u64,
    /// For how many milliseconds what was read of a member may be answered again, at most; 0 for
    /// not at all. What was written since is not, unless Redis was away just then. At most 30,000.
    pub cache_ms: u64,
    /// How many members are remembered in memory, where that is the cache; about a kilobyte each.
    /// At most 10,000,000.
    pub cache_members: usize,
    /// The MariaDB servers of the truth; the embedded database when none is named.
    pub mariadb: MariaDbSettings,
    /// The MongoDB of the game log; the embedded one when none is named.
    pub mongodb: MongoDbSettings,
    /// The Redis that the nodes share; none when none is named.
    pub redis: RedisSettings,
    /// Where operators' images are.
    pub images: ImagesSettings,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            queue_limit: 4096,
            workers: 256,
            readers: 2,
            gamelog_limit: 65_536,
            spool_bytes: 1024 * 1024 * 1024,
            cache_ms: 30_000,
            cache_members: 1_000,
            mariadb: MariaDbSettings::default(),
            mongodb: MongoDbSettings::default(),
            redis: RedisSettings::default(),
            images: ImagesSettings::default(),
        }
    }
}

impl StorageSettings {
    /// How long anything is remembered; `None` when nothing is.
    pub(crate) fn cache_life(&self) -> Option<Duration> {
        let life = Duration::from_millis(self.cache_ms).min(crate::cache::LONGEST);
        (!life.is_zero()).then_some(life)
    }
}
