//! Whether the servers are what the settings call them: each entry a database of its own, each
//! replica the copy of its primary.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row};
use tokio::time::timeout;

use super::Servers;
use super::fault::{Fault, words};
use super::pool::Server;
use super::replicas::{
    AHEAD, APPLIED, FOLLOWS_NOBODY, NO_LOG, Position, Replica, WRITTEN, position,
};
use super::router::map::{self, Range};
use super::rows::cell;
use super::tx::DEADLINE;
use crate::error::{Result, StorageError};
use crate::finding::Finding;

/// No such table: the schema has not come so far.
const NO_TABLE: u16 = 1146;

fn finding(server: &Server, refused: bool, what: String) -> Finding {
    Finding { server: server.name.clone(), refused, what }
}

/// Names entries that are the same database under two names. A server that does not answer is
/// not said here.
pub(super) async fn entries(servers: &Servers) -> Vec<Finding> {
    let mut found = Vec::new();
    let all: Vec<&Server> = servers.all().map(|(server, _)| server).collect();
    for (at, server) in all.iter().enumerate() {
        // A lock that one connection holds is seen by every other of the same server, by whatever
        // name it is reached.
        let Ok(holder) = hold(server).await else { continue };
        for other in &all[at + 1..] {
            if let Ok(true) = sees(other, &holder).await {
                let what = format!("is the same database as `{}`: name it once", server.name);
                found.push(finding(other, true, what));
            }
        }
        let _ = timeout(Duration::from_secs(1), holder.connection.disconnect()).await;
    }
    found
}

struct Holder {
    connection: Conn,
    lock: String,
    database: String,
}

async fn hold(server: &Server) -> Result<Holder> {
    let mut connection = server.migrating().await?;
    let lock = format!("daemun.{}", uuid::Uuid::now_v7().simple());
    let asked = timeout(DEADLINE, async {
        let database: Option<String> = connection.query_first("SELECT DATABASE()").await?;
        connection.exec_drop("DO GET_LOCK(?, 0)", (&lock,)).await?;
        Ok::<_, Error>(database.unwrap_or_default())
    });
    let database = answered(server, asked.await)?;
    Ok(Holder { connection, lock, database })
}

async fn sees(server: &Server, holder: &Holder) -> Result<bool> {
    let mut connection = server.reading().await?;
    let select = "SELECT IS_USED_LOCK(?), DATABASE()";
    let asked = timeout(DEADLINE, connection.exec_first(select, (&holder.lock,))).await;
    let row: Option<Row> = answered(server, asked)?;
    let Some(mut row) = row else { return Ok(false) };
    let (used, database): (Option<i64>, Option<String>) =
        (cell(&mut row, 0, "a lock")?, cell(&mut row, 1, "a database's name")?);
    Ok(used.is_some() && database.unwrap_or_default() == holder.database)
}

fn answered<T>(
    server: &Server,
    asked: Result<Result<T, Error>, tokio::time::error::Elapsed>,
) -> Result<T> {
    asked
        .map_err(|_| server.unavailable("it did not answer in time"))?
        .map_err(|error| server.unavailable(&words(&error)))
}

/// Says of each replica what speaks against its being the copy of its primary, and how far it
/// lags. One that does not answer is said to be away: nobody needs it.
pub(super) async fn replicas(servers: &Servers) -> Vec<Finding> {
    let mut found = Vec::new();
    if servers.replicas.is_empty() {
        return found;
    }
    let mut kept = Vec::new();
    for (place, server) in servers.primaries.iter().enumerate() {
        kept.push(map::kept(server, place).await.ok());
    }
    for replica in &servers.replicas {
        if let Some((refused, what)) = judge(servers, replica, &kept).await {
            found.push(finding(&replica.server, refused, what));
        }
    }
    found
}

async fn judge(
    servers: &Servers,
    replica: &Replica,
    kept: &[Option<Vec<Range>>],
) -> Option<(bool, String)> {
    let primary = &servers.primaries[replica.of];
    // In this order: who follows is not ahead.
    let came = position(&replica.server, APPLIED).await;
    let written = position(primary, WRITTEN).await;
    let (came, written) = match (came, written) {
        (Err(error), _) => return Some((false, format!("is not read: {error}"))),
        (Ok(None), _) => return Some((true, FOLLOWS_NOBODY.to_owned())),
        (Ok(Some(_)), Ok(None)) => return Some((false, format!("is not read: {NO_LOG}"))),
        // The primary says for itself that it is away.
        (Ok(Some(_)), Err(_)) => return None,
        (Ok(Some(came)), Ok(Some(written))) => (came, written),
    };
    if came.is_ahead_of(&written) {
        return Some((true, format!("is not the copy of `{}`: {AHEAD}", primary.name)));
    }
    let shown = match shown(&replica.server, replica.of).await {
        Ok(shown) => shown,
        Err(what) => return Some((false, format!("is not read: {what}"))),
    };
    another(servers, replica, &shown, kept).or_else(|| lagging(primary, &came, &written))
}

/// The ranges that a replica shows. Without the table it has not come so far.
async fn shown(server: &Server, place: usize) -> Result<Vec<Range>, String> {
    let mut connection = server.reading().await.map_err(|error| error.to_string())?;
    let asked = timeout(DEADLINE, map::ranges_of(&mut connection, place)).await;
    match asked {
        Ok(Ok(ranges)) => Ok(ranges),
        Ok(Err(Fault::Sql(Error::Server(error)))) if error.code == NO_TABLE => {
            Err("it has no shard map yet: it does not follow, or has not come so far".to_owned())
        }
        Ok(Err(Fault::Sql(error))) => Err(words(&error)),
        Ok(Err(Fault::Own(error))) => Err(error.to_string()),
        Ok(Err(Fault::StaleMap)) => Err(StorageError::Moved.to_string()),
        Err(_) => Err("it did not answer in time".to_owned()),
    }
}

/// The primary whose shards a replica shows, when that is another than it is said to be.
fn another(
    servers: &Servers,
    replica: &Replica,
    shown: &[Range],
    kept: &[Option<Vec<Range>>],
) -> Option<(bool, String)> {
    let same = |ranges: &[Range]| {
        let of = |range: &Range| (range.first, range.last, range.version);
        let (mut a, mut b): (Vec<_>, Vec<_>) =
            (ranges.iter().map(of).collect(), shown.iter().map(of).collect());
        a.sort_unstable();
        b.sort_unstable();
        a == b && !a.is_empty()
    };
    let own = kept[replica.of].as_deref()?;
    if same(own) {
        return None;
    }
    let other = kept.iter().position(|kept| kept.as_deref().is_some_and(same))?;
    let (other, own) = (&servers.primaries[other].name, &servers.primaries[replica.of].name);
    Some((true, format!("is the copy of `{other}`, not of `{own}`: set its replica_of")))
}

fn lagging(primary: &Server, came: &Position, written: &Position) -> Option<(bool, String)> {
    let missing = came.missing(written);
    let what = format!("lags {missing} transactions behind `{}`", primary.name);
    (missing > 0).then_some((false, what))
}
