//! The schema, versioned: migrations run forward when the database is opened.

use std::path::Path;
use std::time::Duration;

use refinery::{Report, Runner};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Result, StorageError};
use crate::mariadb::SchemaStatus;

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
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> StorageError {
    StorageError::Setup(format!("cannot open the database {}: {error}", path.display()))
}

/// Says where a database stands, and changes nothing.
pub(super) fn status(path: &Path, runner: &Runner) -> Result<SchemaStatus> {
    let failed = |what: String| StorageError::Setup(format!("{}: {what}", path.display()));
    let known = runner.get_migrations();
    let applied = if path.exists() {
        applied(path).map_err(|error| failed(error.to_string()))?
    } else {
        Vec::new()
    };
    let last = applied.iter().max().copied().unwrap_or(0);
    if known.iter().all(|own| own.version() < last) {
        return Err(failed(format!("migration {last} is of a later program")));
    }
    let mut pending: Vec<_> =
        known.iter().filter(|own| !applied.contains(&own.version())).collect();
    pending.sort_by_key(|own| own.version());
    Ok(SchemaStatus {
        server: path.display().to_string(),
        version: last,
        pending: pending.iter().map(|own| format!("{} {}", own.version(), own.name())).collect(),
    })
}

fn applied(path: &Path) -> rusqlite::Result<Vec<i32>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    let there = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    if connection.query_row(there, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare("SELECT version FROM refinery_schema_history")?;
    select.query_map([], |row| row.get(0))?.collect()
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
