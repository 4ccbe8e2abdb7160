//! The schema, versioned, and the first map of the shards.
//!
//! MariaDB commits each DDL statement by itself, so a migration is one statement, and two
//! processes that migrate at once take turns by a lock that the server holds for them.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use refinery::Runner;
use tokio::time::timeout;

use super::fault::words;
use super::pool::Server;
use super::router::map::{self, OPEN, Range};
use super::router::{HOME, Shard};
use super::rows::cell;
use crate::config::Plan;
use crate::error::{Result, StorageError};

mod embedded {
    //! What a database is made of.
    refinery::embed_migrations!("src/mariadb/migrations");
}

/// How long migrations may take: on a large table one may be slow.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long another process that migrates is waited for, in seconds.
const TURN_S: u32 = 60;
/// Where it is kept what ran.
const HISTORY: &str = "refinery_schema_history";
/// No such table.
const NO_TABLE: u16 = 1146;

/// Where a database stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaStatus {
    /// The server's name.
    pub server: String,
    /// The last migration that ran; 0 if none did.
    pub version: i32,
    /// What is still to run, in order.
    pub pending: Vec<String>,
}

fn runner() -> Runner {
    embedded::migrations::runner().set_abort_missing(true).set_abort_divergent(true)
}

/// Says where a database stands, and changes nothing.
///
/// # Errors
/// [`StorageError::Setup`] when it has a schema that this program does not know.
pub(super) async fn status(server: &Server) -> Result<SchemaStatus> {
    let applied = match timeout(super::tx::DEADLINE, applied(server)).await {
        Ok(applied) => applied?,
        Err(_) => return Err(server.unavailable("its schema was not said in time")),
    };
    let runner = runner();
    let known = runner.get_migrations();
    let unknown = |what: String| {
        StorageError::Setup(format!(
            "MariaDB `{}` has a schema this program does not know: {what}",
            server.name
        ))
    };
    for (version, name, checksum) in &applied {
        let Some(own) = known.iter().find(|own| own.version() == *version) else {
            return Err(unknown(format!("migration {version} ({name}) is of a later program")));
        };
        if own.name() != name || own.checksum().to_string() != *checksum {
            return Err(unknown(format!("migration {version} ({name}) is another than ours")));
        }
    }
    let ran = |version: i32| applied.iter().any(|(applied, ..)| *applied == version);
    let mut pending: Vec<_> = known.iter().filter(|own| !ran(own.version())).collect();
    pending.sort_by_key(|own| own.version());
    Ok(SchemaStatus {
        server: server.name.clone(),
        version: applied.iter().map(|(version, ..)| *version).max().unwrap_or(0),
        pending: pending.iter().map(|own| format!("{} {}", own.version(), own.name())).collect(),
    })
}

async fn applied(server: &Server) -> Result<Vec<(i32, String, String)>> {
    let mut connection = server.reading().await?;
    let select = format!("SELECT version, name, checksum FROM {HISTORY} ORDER BY version");
    let rows: Vec<mysql_async::Row> = match connection.query(select).await {
        Ok(rows) => rows,
        Err(Error::Server(error)) if error.code == NO_TABLE => return Ok(Vec::new()),
        Err(error) => return Err(server.unavailable(&words(&error))),
    };
    let read = |mut row| {
        Ok((
            cell(&mut row, 0, "migration.version")?,
            cell(&mut row, 1, "migration.name")?,
            cell(&mut row, 2, "migration.checksum")?,
        ))
    };
    rows.into_iter().map(read).collect()
}

/// Brings a database to this program's schema. Returns what ran.
///
/// # Errors
/// As [`status`]; and when a migration fails, which names it.
pub(super) async fn up(server: &Server) -> Result<Vec<String>> {
    status(server).await?;
    let failed = |what: String| StorageError::Setup(format!("MariaDB `{}`: {what}", server.name));
    let mut turn = server.migrating().await?;
    let name = take_turn(server, &mut turn).await?;
    // What another process did meanwhile is done. Each statement has a connection of its own:
    // the one that holds the turn must not be among those that are given back.
    let mut pool = server.migrations();
    let ran = timeout(PATIENCE, runner().run_async(&mut pool)).await;
    let _ = timeout(super::tx::DEADLINE, pool.disconnect()).await;
    let _ = timeout(super::tx::DEADLINE, turn.exec_drop("DO RELEASE_LOCK(?)", (name,))).await;
    let _ = timeout(super::tx::DEADLINE, turn.disconnect()).await;
    let report = ran
        .map_err(|_| failed(format!("the migrations took over {} s", PATIENCE.as_secs())))?
        .map_err(|error| failed(format!("a migration failed: {error}")))?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

/// Waits until no other process migrates this database.
async fn take_turn(server: &Server, connection: &mut Conn) -> Result<String> {
    let wait = Duration::from_secs(u64::from(TURN_S) + 5);
    let taken = timeout(wait, async {
        let database: Option<String> = connection.query_first("SELECT DATABASE()").await?;
        // The lock is the server's, not the database's. Its name has 64 characters at most.
        let name = format!("daemun.{}", database.unwrap_or_default());
        let name: String = name.chars().take(64).collect();
        let got: Option<Option<i64>> =
            connection.exec_first("SELECT GET_LOCK(?, ?)", (&name, TURN_S)).await?;
        Ok::<_, Error>((got.flatten() == Some(1)).then_some(name))
    });
    match taken.await {
        Ok(Ok(Some(name))) => Ok(name),
        Ok(Err(error)) => Err(server.unavailable(&words(&error))),
        Ok(Ok(None)) | Err(_) => Err(server.unavailable("another process is migrating it")),
    }
}

/// Writes the first map where there is none: a primary that keeps nothing yet is given what the
/// settings say it begins with, unless somebody else keeps that.
pub(super) async fn seed_map(primaries: &[Server], plan: &Plan) -> Result<()> {
    let mut kept: Vec<Range> = Vec::new();
    for (place, server) in primaries.iter().enumerate() {
        kept.extend(map::kept(server, place).await?);
    }
    for (place, server) in primaries.iter().enumerate() {
        if kept.iter().any(|range| range.primary == place) {
            continue;
        }
        let mut begins: Vec<(Shard, Shard)> = plan.primaries[place]
            .shards
            .iter()
            .map(|(first, last)| (first.cast_signed(), last.cast_signed()))
            .collect();
        if place == plan.home {
            begins.push((HOME, HOME));
        }
        let free = |first: Shard, last: Shard| {
            !kept.iter().any(|range| range.first <= last && first <= range.last)
        };
        begins.retain(|(first, last)| free(*first, *last));
        seed(server, &begins).await?;
    }
    Ok(())
}

async fn seed(server: &Server, begins: &[(Shard, Shard)]) -> Result<()> {
    let mut connection = server.reading().await?;
    // The same rows by whoever comes: that another process was first is no failure.
    let insert = "INSERT IGNORE INTO shard_range (first_shard, last_shard, version, state) \
                  VALUES (?, ?, 1, ?)";
    for (first, last) in begins {
        let written =
            timeout(super::tx::DEADLINE, connection.exec_drop(insert, (first, last, OPEN))).await;
        written
            .map_err(|_| server.unavailable("the shard map was not written in time"))?
            .map_err(|error| server.unavailable(&words(&error)))?;
    }
    Ok(())
}
