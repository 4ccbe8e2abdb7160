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
        private_folder(data).map_err(|error| {
            StorageError::Setup(format!("cannot make the data folder {}: {error}", data.display()))
        })?;
        let lock = lock::Lock::take(data)?;
        let truth = data.join("daemun.db");
        let log = data.join("gamelog.db");
        private_file(&truth)?;
        private_file(&log)?;
        schema::migrate(&truth, &schema::truth::migrations::runner())?;
        schema::migrate(&log, &schema::log::migrations::runner())?;
        Ok(Self {
            truth: Engine::open(&truth, settings.readers)?,
            log: Engine::open(&log, 1)?,
            _lock: lock,
        })
    }
}

/// Makes a folder that its owner alone can look into. One that is there stays as its owner
/// has it: the databases in it are closed to others by themselves.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes a file that its owner alone can read, unless it is there. SQLite gives the files
/// beside a database the database's own mode.
fn private_file(path: &Path) -> Result<()> {
    let mut options = std::fs::File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ()).map_err(|error| {
        StorageError::Setup(format!("cannot open the database {}: {error}", path.display()))
    })
}
