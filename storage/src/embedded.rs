//! The default backend: two SQLite databases in one folder, no server.
//!
//! `daemun.db` holds the truth, `gamelog.db` the game log; `lock` keeps a second process
//! out. Both databases are in WAL mode with `synchronous = FULL`, so what was answered
//! is on the disk.

mod engine;
mod lock;
mod schema;

mod apps;
mod gamelog;
mod identity;
mod members;
mod push;
mod sessions;

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::config::StorageSettings;
use crate::error::{Result, StorageError};
use engine::Engine;

/// The embedded backend.
pub struct Embedded {
    truth: Engine,
    log: Engine,
    _lock: lock::Lock,
}

impl Embedded {
    /// Opens, makes or migrates the databases in `data`.
    ///
    /// # Errors
    /// [`StorageError::Setup`] when the folder cannot be used, which the message explains.
    pub fn open(data: &Path, settings: &StorageSettings) -> Result<Self> {
        std::fs::create_dir_all(data).map_err(|error| {
            StorageError::Setup(format!("cannot make the data folder {}: {error}", data.display()))
        })?;
        let lock = lock::Lock::take(data)?;
        let truth = data.join("daemun.db");
        let log = data.join("gamelog.db");
        schema::migrate(&truth, &schema::truth::migrations::runner())?;
        schema::migrate(&log, &schema::log::migrations::runner())?;
        Ok(Self {
            truth: Engine::open(&truth, settings.readers)?,
            log: Engine::open(&log, 1)?,
            _lock: lock,
        })
    }
}
