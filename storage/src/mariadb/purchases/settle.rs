//! What stores are to be told of purchases.

use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row, Value};
use protocol::ids::MemberId;
use uuid::Uuid;

use super::owned;
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::router::{Kept, Shard, WriteSet};
use crate::mariadb::rows::{bound, cell, exec_by, id, peek, readable, why, word as one_of};
use crate::mariadb::sessions::lock::lock;
use crate::mariadb::tx::{Tx, Work};
use crate::purchases::{Settle, Settled, Settling};

/// As it is kept.
pub(super) fn word(settle: Settle) -> &'static str {
    match settle {
        Settle::Acknowledge => "acknowledge",
        Settle::Consume => "consume",
    }
}

fn parse(kept: &str) -> Option<Settle> {
    [Settle::Acknowledge, Settle::Consume].into_iter().find(|settle| word(*settle) == kept)
}

/// Leases purchases of which a store is to be told.
pub(super) struct Due {
    pub(super) now: Micros,
    pub(super) until: Micros,
    pub(super) limit: usize,
}

impl Work for Due {
    const NAME: &'static str = "purchases.to_settle";
    type Answer = Vec<Settling>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Settling>, Fault> {
        let kept = Kept::hold(tx).await?.members("member");
        let select = format!(
            "SELECT {}, settle, settle_tries FROM purchase FORCE INDEX (purchase_settle) \
             WHERE settle_at <= ? AND {kept} ORDER BY settle_at LIMIT ? FOR UPDATE SKIP LOCKED",
            owned::COLUMNS
        );
        let rows: Vec<Row> = tx.exec(select, (self.now.0, bound(self.limit))).await?;
        let key = |row: &Row| Ok(vec![peek(row, 0, "purchase")?, peek(row, 1, "purchase")?]);
        let keys: Result<Vec<Vec<Value>>> = rows.iter().map(key).collect();
        let update = "UPDATE purchase SET settle_at = ? WHERE (member, purchase)";
        exec_by(tx, update, vec![self.until.0.into()], keys?, "").await?;
        Ok(readable(rows, |mut row| {
            let what = one_of(&mut row, owned::WIDTH, "purchase.settle", parse)?;
            let tries = cell(&mut row, owned::WIDTH + 1, "purchase.settle_tries")?;
            Ok(Settling { purchase: owned::read(&mut row)?, what, tries })
        }))
    }
}

/// Says what came of it.
pub(super) struct Told;

impl WriteSet for Told {
    const NAME: &'static str = "purchases.settled";
    type Item = Settled;
    type Answer = ();
    type Key = (MemberId, Uuid);

    fn shard(settled: &Settled) -> Shard {
        shard(settled.member)
    }

    fn key(settled: &Settled) -> Self::Key {
        (settled.member, settled.purchase)
    }

    async fn write(all: &[&Settled], tx: &mut Tx) -> Result<Vec<Result<()>>, Fault> {
        let taken = lock(tx, all.iter().map(|settled| settled.member)).await?;
        let mut answers = Vec::with_capacity(all.len());
        for settled in all {
            if taken.is_others(settled.member) {
                answers.push(Err(StorageError::Locked));
                continue;
            }
            answers.push(Ok(told(tx, settled).await?));
        }
        Ok(answers)
    }
}

/// Only while there is nothing else to tell by now.
async fn told(tx: &mut Tx, settled: &Settled) -> Result<(), Fault> {
    let (update, mut values): (_, Vec<Value>) = match (&settled.given_up, settled.again) {
        (Some(reason), _) => ("settle_at = NULL, settle_why = ?", vec![why(reason).into()]),
        (None, Some(at)) => {
            ("settle_at = ?, settle_tries = settle_tries + 1, settle_why = NULL", vec![at.0.into()])
        }
        (None, None) => ("settle_at = NULL, settle_why = NULL", Vec::new()),
    };
    values.extend([settled.member.number().into(), id(settled.purchase)]);
    values.push(word(settled.what).into());
    // What is known there, or was given up, is not due again because of a late word.
    let update = format!(
        "UPDATE purchase SET {update} WHERE member = ? AND purchase = ? AND settle = ? \
         AND settle_at IS NOT NULL"
    );
    Ok(tx.exec_drop(update, Params::Positional(values)).await?)
}
