//! Purchases among their owners' rows.

use std::collections::HashMap;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::{AppId, MemberId};
use uuid::Uuid;

use super::bought;
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::router::{ReadSet, Shard};
use crate::mariadb::rows::{bound, cell, digest, id, member, moment, select_by, uuid, word};
use crate::purchases::claim::Stand;
use crate::purchases::refunds::MOST_COUNTED;
use crate::purchases::{HistoryRead, Purchase, RefundCount};

const TABLE: &str = "purchase";
/// The columns that [`read`] reads.
pub(in crate::mariadb) const COLUMNS: &str = "member, purchase, app, store, environment, store_key, facts, \
    product, grants, stand, refunded_bp, version, consumed_at, created_at, changed_at";
/// How many they are.
pub(super) const WIDTH: usize = 15;

/// The values of [`COLUMNS`].
pub(super) fn values(purchase: &Purchase) -> Vec<Value> {
    let Purchase { key, facts, product, grants, .. } = purchase;
    let mut row = vec![purchase.member.number().into(), id(purchase.id)];
    row.extend(bought::values(key, facts, product.as_ref(), grants));
    row.extend([
        purchase.stand.word().into(),
        purchase.refunded_bp.into(),
        purchase.version.into(),
        purchase.consumed_at.map(|at| at.0).into(),
        purchase.created_at.0.into(),
        purchase.changed_at.0.into(),
    ]);
    row
}

/// The digest of its claim, which stands in its row too.
pub(super) fn claim(purchase: &Purchase) -> Value {
    digest(&purchase.key.digest())
}

pub(in crate::mariadb) fn read(row: &mut Row) -> Result<Purchase> {
    let bought = bought::read(row, 2, TABLE)?;
    Ok(Purchase {
        key: bought.key,
        id: uuid(row, 1, "purchase.purchase")?,
        member: member(row, 0, "purchase.member")?,
        facts: bought.facts,
        product: bought.product,
        grants: bought.grants,
        stand: word(row, 9, "purchase.stand", Stand::parse)?,
        refunded_bp: cell(row, 10, "purchase.refunded_bp")?,
        version: cell(row, 11, "purchase.version")?,
        consumed_at: moment(row, 12, "purchase.consumed_at")?,
        created_at: Micros(cell(row, 13, "purchase.created_at")?),
        changed_at: Micros(cell(row, 14, "purchase.changed_at")?),
    })
}

/// A purchase of a member.
pub(super) type Of = (MemberId, Uuid);

/// Purchases that were found, each readable or not.
pub(super) struct Found(HashMap<Of, Result<Purchase>>);

impl Found {
    pub(super) fn of(&self, of: Of) -> Result<Option<Purchase>> {
        self.0.get(&of).cloned().transpose()
    }

    /// A purchase in this game.
    fn in_game(&self, app: &AppId, of: Of) -> Result<Option<Purchase>> {
        Ok(self.of(of)?.filter(|purchase| purchase.key.app == *app))
    }
}

/// Finds purchases, in the order of their keys.
pub(super) async fn find(
    connection: &mut Conn,
    purchases: impl Iterator<Item = Of>,
    after: &str,
) -> Result<Found, Fault> {
    let mut keys: Vec<Of> = purchases.collect();
    keys.sort_unstable();
    keys.dedup();
    let keys =
        keys.into_iter().map(|(member, purchase)| vec![member.number().into(), id(purchase)]);
    let select = format!("SELECT {COLUMNS} FROM {TABLE} WHERE (member, purchase)");
    let mut found = HashMap::new();
    for mut row in select_by(connection, &select, keys.collect(), after).await? {
        let of = key(&row)?;
        found.insert(of, read(&mut row));
    }
    Ok(Found(found))
}

/// Takes purchases whose members' locks are held.
pub(super) async fn take(
    connection: &mut Conn,
    purchases: impl Iterator<Item = Of>,
) -> Result<Found, Fault> {
    find(connection, purchases, "ORDER BY member, purchase FOR UPDATE").await
}

/// Which purchase a row is of.
pub(super) fn key(row: &Row) -> Result<Of> {
    let mut key = row.clone();
    Ok((member(&mut key, 0, "purchase.member")?, uuid(&mut key, 1, "purchase.purchase")?))
}

/// Finds a purchase of a member.
pub(super) struct Find;

impl ReadSet for Find {
    type Item = (AppId, MemberId, Uuid);
    type Answer = Option<Purchase>;

    fn shard((_, member, _): &Self::Item) -> Shard {
        shard(*member)
    }

    async fn read(
        items: &[&Self::Item],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let keys = items.iter().map(|(_, member, purchase)| (*member, *purchase));
        let found = find(connection, keys, "").await?;
        let of = |(app, member, purchase): &&Self::Item| found.in_game(app, (*member, *purchase));
        Ok(items.iter().map(of).collect())
    }
}

/// Counts what was given back of a member's purchases.
pub(super) struct Refunds;

impl ReadSet for Refunds {
    type Item = (AppId, MemberId);
    type Answer = RefundCount;

    fn shard((_, member): &Self::Item) -> Shard {
        shard(*member)
    }

    async fn read(
        items: &[&Self::Item],
        connection: &mut Conn,
    ) -> Result<Vec<Result<RefundCount>>, Fault> {
        let select = format!(
            "SELECT {COLUMNS} FROM {TABLE} WHERE member = ? AND app = ? \
             AND environment = 'production' AND (stand = 'refunded' OR refunded_bp > 0) \
             ORDER BY purchase DESC LIMIT ?"
        );
        let mut answers = Vec::with_capacity(items.len());
        for (app, member) in items {
            let values = (member.number(), app.as_str(), bound(MOST_COUNTED));
            let rows: Vec<Row> = connection.exec(&select, values).await?;
            let purchases: Result<Vec<Purchase>> =
                rows.into_iter().map(|mut row| read(&mut row)).collect();
            answers.push(purchases.map(RefundCount::of));
        }
        Ok(answers)
    }
}

/// Reads a part of a member's purchases.
pub(super) struct History;

impl ReadSet for History {
    type Item = HistoryRead;
    type Answer = Vec<Purchase>;

    fn shard(read: &HistoryRead) -> Shard {
        shard(read.member)
    }

    async fn read(
        reads: &[&HistoryRead],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Vec<Purchase>>>, Fault> {
        let mut answers = Vec::with_capacity(reads.len());
        for ask in reads {
            let rows = history(connection, ask).await?;
            answers.push(rows.into_iter().map(|mut row| read(&mut row)).collect());
        }
        Ok(answers)
    }
}

async fn history(connection: &mut Conn, read: &HistoryRead) -> Result<Vec<Row>, Fault> {
    let mut values: Vec<Value> = vec![read.member.number().into(), read.app.as_str().into()];
    let (which, behind, order) = if read.unconsumed {
        ("AND stand = 'granted' AND consumed_at IS NULL", "AND purchase > ?", "ASC")
    } else {
        ("", "AND purchase < ?", "DESC")
    };
    let behind = read.after.map_or("", |after| {
        values.push(id(after));
        behind
    });
    values.push(bound(read.limit).into());
    let select = format!(
        "SELECT {COLUMNS} FROM {TABLE} WHERE member = ? AND app = ? {which} {behind} \
         ORDER BY purchase {order} LIMIT ?"
    );
    Ok(connection.exec(select, Params::Positional(values)).await?)
}

/// Says that a claim names a purchase that is not among its owner's rows.
pub(super) fn absent(member: MemberId, purchase: Uuid) -> StorageError {
    StorageError::Corrupt(format!("a claim names the absent purchase {purchase} of {member}"))
}
