//! The sums of a part: of each transfer, of each balance's entries, of each purchase's.

use std::collections::BTreeMap;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use protocol::ids::MemberId;
use protocol::purchases::Grant;
use uuid::Uuid;

use super::Part;
use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::purchases::owned::{COLUMNS, read};
use crate::mariadb::rows::{cell, member, unsigned, uuid, word};
use crate::purchases::Purchase;
use crate::wallet::{Audited, Discrepancy};

pub(super) async fn add_up(connection: &mut Conn, part: Part) -> Result<Audited, Fault> {
    let mut audited = Audited {
        entries: count(connection, "ledger", part).await?,
        balances: count(connection, "wallet", part).await?,
        purchases: count(connection, "purchase", part).await?,
        ..Audited::default()
    };
    audited.discrepancies.extend(transfers(connection, part).await?);
    audited.discrepancies.extend(balances(connection, part).await?);
    audited.discrepancies.extend(purchases(connection, part).await?);
    Ok(audited)
}

async fn count(connection: &mut Conn, table: &str, part: Part) -> Result<u64, Fault> {
    let select = format!("SELECT COUNT(*) FROM {table} WHERE member BETWEEN ? AND ?");
    let row: Option<Row> = connection.exec_first(select, (part.first, part.last)).await?;
    let count = row.map_or(Ok(0), |mut row| cell(&mut row, 0, table))?;
    Ok(unsigned(count))
}

/// A sum is as large as it is: it comes as text.
fn sum(row: &mut Row, at: usize) -> Result<i128> {
    word(row, at, "a sum of the ledger", |sum| sum.parse().ok())
}

/// Transfers whose lines do not sum up to zero.
async fn transfers(connection: &mut Conn, part: Part) -> Result<Vec<Discrepancy>, Fault> {
    let select = "SELECT member, transfer, item, CAST(SUM(delta) AS CHAR) FROM ledger \
        WHERE member BETWEEN ? AND ? GROUP BY member, transfer, item HAVING SUM(delta) <> 0 \
        ORDER BY member, transfer, item";
    let rows: Vec<Row> = connection.exec(select, (part.first, part.last)).await?;
    let wrong = |mut row| {
        Ok(Discrepancy::Transfer {
            member: member(&mut row, 0, "ledger.member")?,
            id: uuid(&mut row, 1, "ledger.transfer")?,
            item: cell(&mut row, 2, "ledger.item")?,
            sum: sum(&mut row, 3)?,
        })
    };
    Ok(rows.into_iter().map(wrong).collect::<Result<_>>()?)
}

/// Balances that are not the sums of their entries.
async fn balances(connection: &mut Conn, part: Part) -> Result<Vec<Discrepancy>, Fault> {
    let select = "SELECT member, item, MAX(kept), CAST(SUM(delta) AS CHAR) \
        FROM (SELECT member, item, NULL AS kept, delta FROM ledger \
                WHERE account = 'member' AND member BETWEEN ? AND ? \
            UNION ALL SELECT member, item, balance AS kept, 0 FROM wallet \
                WHERE member BETWEEN ? AND ?) each_of \
        GROUP BY member, item HAVING MAX(kept) IS NULL OR MAX(kept) <> SUM(delta) \
        ORDER BY member, item";
    let Part { first, last, .. } = part;
    let rows: Vec<Row> = connection.exec(select, (first, last, first, last)).await?;
    let wrong = |mut row| {
        Ok(Discrepancy::Balance {
            member: member(&mut row, 0, "ledger.member")?,
            item: cell(&mut row, 1, "ledger.item")?,
            kept: cell(&mut row, 2, "wallet.balance")?,
            sum: sum(&mut row, 3)?,
        })
    };
    Ok(rows.into_iter().map(wrong).collect::<Result<_>>()?)
}

/// What is in force, and what the entries sum up to, of each item of each purchase.
type Purchases = BTreeMap<(MemberId, Uuid, String), (i64, i128)>;

/// Purchases of which something else is in force than their entries sum up to.
async fn purchases(connection: &mut Conn, part: Part) -> Result<Vec<Discrepancy>, Fault> {
    let mut all = Purchases::new();
    granted(connection, part, &mut all).await?;
    moved(connection, part, &mut all).await?;
    let wrong = all.into_iter().filter(|(_, (in_force, sum))| i128::from(*in_force) != *sum);
    let found = wrong.map(|((member, id, item), (in_force, sum))| Discrepancy::Purchase {
        member,
        id,
        item,
        in_force,
        sum,
    });
    Ok(found.collect())
}

/// Read one after the other: of each, no more than what is in force stays in memory.
async fn granted(connection: &mut Conn, part: Part, all: &mut Purchases) -> Result<(), Fault> {
    let select = format!(
        "SELECT {COLUMNS} FROM purchase WHERE member BETWEEN ? AND ? AND stand = 'granted'"
    );
    let mut rows = connection.exec_iter(select, (part.first, part.last)).await?;
    while let Some(mut row) = rows.next().await? {
        add_in_force(&read(&mut row)?, all)?;
    }
    Ok(())
}

fn add_in_force(purchase: &Purchase, all: &mut Purchases) -> Result<()> {
    for Grant { item, amount } in purchase.in_force() {
        let of = (purchase.member, purchase.id, item.to_string());
        let (in_force, _) = all.entry(of).or_insert((0, 0));
        *in_force = in_force.checked_add(amount).ok_or_else(|| beyond(purchase.member))?;
    }
    Ok(())
}

fn beyond(member: MemberId) -> StorageError {
    StorageError::Corrupt(format!("what is in force of a purchase of {member} is too large"))
}

async fn moved(connection: &mut Conn, part: Part, all: &mut Purchases) -> Result<(), Fault> {
    let select = "SELECT member, purchase, item, CAST(SUM(delta) AS CHAR) FROM ledger \
        WHERE member BETWEEN ? AND ? AND account = 'member' AND purchase IS NOT NULL \
        GROUP BY member, purchase, item";
    let rows: Vec<Row> = connection.exec(select, (part.first, part.last)).await?;
    for mut row in rows {
        let of = (
            member(&mut row, 0, "ledger.member")?,
            uuid(&mut row, 1, "ledger.purchase")?,
            cell(&mut row, 2, "ledger.item")?,
        );
        all.entry(of).or_insert((0, 0)).1 = sum(&mut row, 3)?;
    }
    Ok(())
}
