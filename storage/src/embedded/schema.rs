//! The schema, versioned: migrations run forward when the database is opened.

use std::path::Path;
use std::time::Duration;

use refinery::{Report, Runner};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Result, StorageError};

pub(super) mod truth {
    //! What `daemun.db` is made of.
    refinery::embed_migrations!("src/embedded/migrations/truth");
}

pub(super) mod log {
    //! What `gamelog.db` is made of.
    refinery::embed_migrations!("src/embedded/migrations/gamelog");
}

/// How long a statement waits for another process's lock before it fails.
const BUSY: Duration = Duration::from_secs(5);

/// Opens a connection with the settings that every connection here has.
pub(super) fn connect(path: &Path) -> Result<Connection> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        keep_statements(&connection)?;
        Ok(connection)
    };
    open().map_err(|error| cannot_open(path, &error))
}

/// Opens a connection that only reads.
pub(super) fn connect_reading(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        keep_statements(&connection)?;
        Ok(connection)
    };
    open().map_err(|error| cannot_open(path, &error))
}

/// Has every statement prepared once. Left alone, SQLite prepares one anew whenever it is bound
/// to another value that could suggest another plan, which costs more than a read by key.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> StorageError {
    StorageError::Setup(format!("cannot open the database {}: {error}", path.display()))
}

/// Brings a database to this program's schema. A database that knows a later migration,
/// or another one of the same number, is refused untouched.
pub(super) fn migrate(path: &Path, runner: &Runner) -> Result<Report> {
    let mut connection = connect(path)?;
    // `Runner` is configured by value and is not `Clone`: the embedded one is made anew.
    Runner::new(runner.get_migrations())
        .set_abort_missing(true)
        .set_abort_divergent(true)
        .run(&mut connection)
        .map_err(|error| {
            StorageError::Setup(format!(
                "the database {} has a schema this program does not know: {error}",
                path.display()
            ))
        })
}
