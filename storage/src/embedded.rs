//! The default backend: two SQLite databases in one folder, no server.
//!
//! `daemun.db` holds the truth, `gamelog.db` the game log; `lock` keeps a second process
//! out. Both databases are in WAL mode with `synchronous = FULL`, so what was answered
//! is on the disk.

mod engine;
pub(crate) mod lock;
mod schema;

mod apps;
mod audit;
pub mod cache;
mod content;
mod documents;
mod gamelog;
mod identity;
mod members;
mod operators;
mod outbox;
pub(crate) mod presence;
mod purchases;
mod push;
mod rows;
mod sessions;
mod turns;
mod wallet;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::StorageSettings;
use crate::error::{Result, StorageError};
use crate::mariadb::SchemaStatus;
use crate::open::Truth;
use engine::Engine;

/// The database of the truth.
const TRUTH: &str = "daemun.db";
/// The database of the game log.
const LOG: &str = "gamelog.db";

/// The truth in SQLite.
pub struct Embedded {
    truth: Engine,
    _folder: Arc<Folder>,
}

impl Truth for Embedded {
    /// One file keeps them all.
    fn server_of(&self, _: u16) -> usize {
        0
    }
}

/// The game log in SQLite.
pub struct EmbeddedLog {
    log: Engine,
    _folder: Arc<Folder>,
}

/// The data folder, in use by this process alone for as long as this lives.
struct Folder {
    path: PathBuf,
    _lock: lock::Lock,
}

/// Opens, makes or migrates both databases in `data`.
///
/// # Errors
/// [`StorageError::Setup`] when the folder cannot be used, which the message explains.
pub fn open(data: &Path, settings: &StorageSettings) -> Result<(Embedded, EmbeddedLog)> {
    let folder = Arc::new(Folder::take(data)?);
    let truth = folder.database(TRUTH, &schema::truth::migrations::runner())?;
    let log = open_log_in(folder.clone())?;
    let truth = Engine::open(&truth, settings.readers)?;
    Ok((Embedded { truth, _folder: folder }, log))
}

/// Opens, makes or migrates the truth in `data`, for when the game log is elsewhere.
///
/// # Errors
/// As [`open`].
pub fn open_truth(data: &Path, settings: &StorageSettings) -> Result<Embedded> {
    let folder = Arc::new(Folder::take(data)?);
    let truth = folder.database(TRUTH, &schema::truth::migrations::runner())?;
    Ok(Embedded { truth: Engine::open(&truth, settings.readers)?, _folder: folder })
}

/// Opens, makes or migrates the game log in `data`, for when the truth is elsewhere.
///
/// # Errors
/// As [`open`].
pub fn open_log(data: &Path) -> Result<EmbeddedLog> {
    open_log_in(Arc::new(Folder::take(data)?))
}

fn open_log_in(folder: Arc<Folder>) -> Result<EmbeddedLog> {
    let log = folder.database(LOG, &schema::log::migrations::runner())?;
    Ok(EmbeddedLog { log: Engine::open(&log, 1)?, _folder: folder })
}

/// Where the schema of the truth stands; changes nothing, and needs no lock.
///
/// # Errors
/// [`StorageError::Setup`] when it is not readable, or this program does not know it.
pub(crate) fn truth_status(data: &Path) -> Result<SchemaStatus> {
    schema::status(&data.join(TRUTH), &schema::truth::migrations::runner())
}

/// The same for the game log.
///
/// # Errors
/// As [`truth_status`].
pub(crate) fn log_status(data: &Path) -> Result<SchemaStatus> {
    schema::status(&data.join(LOG), &schema::log::migrations::runner())
}

/// Brings databases in `data` to this program's schema: the truth, the game log, or both.
/// Returns what ran on which.
///
/// # Errors
/// As [`open`].
pub(crate) fn migrate(
    data: &Path,
    with_truth: bool,
    with_log: bool,
) -> Result<Vec<(String, Vec<String>)>> {
    let truth = with_truth.then(|| (TRUTH, schema::truth::migrations::runner()));
    let log = with_log.then(|| (LOG, schema::log::migrations::runner()));
    if truth.is_none() && log.is_none() {
        return Ok(Vec::new());
    }
    let folder = Folder::take(data)?;
    let mut ran = Vec::new();
    for (name, runner) in truth.into_iter().chain(log) {
        let path = folder.path.join(name);
        private_file(&path)?;
        let report = schema::migrate(&path, &runner)?;
        let all = report.applied_migrations().iter().map(ToString::to_string).collect();
        ran.push((name.to_owned(), all));
    }
    Ok(ran)
}

impl Folder {
    fn take(data: &Path) -> Result<Self> {
        private_folder(data).map_err(|error| {
            StorageError::Setup(format!("cannot make the data folder {}: {error}", data.display()))
        })?;
        let lock = lock::Lock::take(data)?;
        Ok(Self { path: data.to_owned(), _lock: lock })
    }

    /// Makes or migrates a database, and says where it is.
    fn database(&self, name: &str, runner: &refinery::Runner) -> Result<PathBuf> {
        let path = self.path.join(name);
        private_file(&path)?;
        schema::migrate(&path, runner)?;
        Ok(path)
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
