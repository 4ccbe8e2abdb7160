//! The books of one server are added up, a part of them at a time, each as it was at one moment.
//!
//! The server adds; what is read here is what does not add up, and the part's purchases, of which
//! only we know what is in force. A part ends behind the member with the `limit`-th row of any of
//! the three tables, so it is not much larger than it was asked to be.

mod sums;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use protocol::ids::MemberId;
use tokio::time::timeout;

use crate::error::{Result, StorageError};
use crate::mariadb::fault::{Fault, words};
use crate::mariadb::pool::{Server, give_up};
use crate::mariadb::router::{Kept, Router};
use crate::mariadb::rows::{bound, cell};
use crate::mariadb::tx::DEADLINE;
use crate::wallet::Audited;

/// Members of one range of shards, by their numbers: the first and the last of the part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    first: i64,
    last: i64,
    /// Whether the server keeps more behind it.
    more: bool,
}

/// Adds up a part of a server's books.
pub(super) async fn audit(
    router: &Router,
    server: usize,
    after: Option<MemberId>,
    limit: usize,
) -> Result<Audited> {
    let Some(server) = router.primaries.get(server) else {
        return Err(StorageError::Setup(format!("there is no server {server} to audit")));
    };
    let mut connection = server.reading().await?;
    let audited = timeout(DEADLINE, at_one_moment(&mut connection, after, limit)).await;
    let failed = match audited {
        Ok(Ok(audited)) => return Ok(audited),
        Ok(Err(fault)) => said(server, fault),
        Err(_) => server.unavailable("an audit took too long; ask for less at once"),
    };
    // Its transaction is still open.
    give_up(connection);
    Err(failed)
}

fn said(server: &Server, fault: Fault) -> StorageError {
    match fault {
        Fault::Own(error) => error,
        Fault::StaleMap => StorageError::Moved,
        Fault::Sql(error) => server.unavailable(&words(&error)),
    }
}

async fn at_one_moment(
    connection: &mut Conn,
    after: Option<MemberId>,
    limit: usize,
) -> Result<Audited, Fault> {
    connection.query_drop("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    connection.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
    let kept = Kept::look(connection).await?;
    let audited = match part(connection, &kept, after, limit).await? {
        None => Audited::default(),
        Some(part) => {
            let next = MemberId::from_number(part.last).ok().filter(|_| part.more);
            Audited { next, ..sums::add_up(connection, part).await? }
        }
    };
    connection.query_drop("COMMIT").await?;
    Ok(audited)
}

/// The members that come next; `None` when the server keeps none behind `after`.
async fn part(
    connection: &mut Conn,
    kept: &Kept,
    after: Option<MemberId>,
    limit: usize,
) -> Result<Option<Part>, Fault> {
    let after = after.map_or(0, MemberId::number);
    let mut ranges = kept.numbers().filter(|(_, last)| *last > after);
    let Some((first, end)) = ranges.next() else { return Ok(None) };
    let first = first.max(after.saturating_add(1));
    let mut last = end;
    for table in ["ledger", "wallet", "purchase"] {
        // Of each of the three no more than that, and the rest of the last member's.
        let select = format!(
            "SELECT member FROM {table} WHERE member BETWEEN ? AND ? ORDER BY member LIMIT 1 OFFSET ?"
        );
        let behind = bound(limit.max(1) - 1);
        let row: Option<Row> = connection.exec_first(select, (first, last, behind)).await?;
        if let Some(mut row) = row {
            last = cell(&mut row, 0, table)?;
        }
    }
    Ok(Some(Part { first, last, more: last < end || ranges.next().is_some() }))
}
