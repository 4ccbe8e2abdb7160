//! What a member has, and how it came.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::{AppId, MemberId};
use protocol::purchases::Grant;
use uuid::Uuid;

use crate::clock::Micros;
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::router::{ReadSet, Shard};
use crate::mariadb::rows::{bound, cell, id, text, uuid, word};
use crate::wallet::{Before, Cause, Line, Transfer};

/// Balances, in the order of the items.
pub(super) struct Wallet;

impl ReadSet for Wallet {
    type Item = (AppId, MemberId);
    type Answer = Vec<Grant>;

    fn shard((_, member): &Self::Item) -> Shard {
        shard(*member)
    }

    async fn read(
        items: &[&Self::Item],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Vec<Grant>>>, Fault> {
        let mut answers = Vec::with_capacity(items.len());
        for (app, member) in items {
            let select =
                "SELECT item, balance FROM wallet WHERE member = ? AND app = ? ORDER BY item";
            let rows: Vec<Row> = connection.exec(select, (member.number(), app.as_str())).await?;
            let balance = |mut row| {
                let item = text(&mut row, 0, "wallet.item")?;
                Ok(Grant { item, amount: cell(&mut row, 1, "wallet.balance")? })
            };
            answers.push(rows.into_iter().map(balance).collect());
        }
        Ok(answers)
    }
}

/// What of a member's transfers is wanted.
pub(super) struct Past {
    pub(super) app: AppId,
    pub(super) member: MemberId,
    pub(super) before: Option<Before>,
    pub(super) limit: usize,
}

/// Transfers, the newest first.
pub(super) struct History;

impl ReadSet for History {
    type Item = Past;
    type Answer = Vec<Transfer>;

    fn shard(past: &Past) -> Shard {
        shard(past.member)
    }

    async fn read(
        items: &[&Past],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Vec<Transfer>>>, Fault> {
        let mut answers = Vec::with_capacity(items.len());
        for past in items {
            answers.push(transfers(read(connection, past).await?));
        }
        Ok(answers)
    }
}

/// The member's own lines of its transfers, each transfer's together. The first line of each is
/// always the member's.
async fn read(connection: &mut Conn, past: &Past) -> Result<Vec<Row>, Fault> {
    let number = past.member.number();
    let before = past.before.unwrap_or(Before::ALL);
    let values: Vec<Value> = vec![
        number.into(),
        before.at.0.into(),
        before.at.0.into(),
        id(before.behind()),
        number.into(),
        past.app.as_str().into(),
        bound(past.limit).into(),
        number.into(),
    ];
    let select = "SELECT ledger.transfer, ledger.item, ledger.delta, ledger.cause, ledger.note, \
            ledger.at \
        FROM (SELECT transfer, at FROM ledger WHERE member = ? AND at <= ? \
            AND (at < ? OR transfer < ?) AND line = 0 \
            AND EXISTS (SELECT 1 FROM member_session WHERE member = ? AND app = ?) \
            ORDER BY at DESC, transfer DESC LIMIT ?) newest \
        JOIN ledger ON ledger.member = ? AND ledger.transfer = newest.transfer \
        WHERE ledger.account = 'member' \
        ORDER BY newest.at DESC, newest.transfer DESC, ledger.line";
    Ok(connection.exec(select, Params::Positional(values)).await?)
}

fn transfers(rows: Vec<Row>) -> Result<Vec<Transfer>> {
    let mut transfers: Vec<Transfer> = Vec::new();
    for mut row in rows {
        let id: Uuid = uuid(&mut row, 0, "ledger.transfer")?;
        let item = text(&mut row, 1, "ledger.item")?;
        let line = Line { item, delta: cell(&mut row, 2, "ledger.delta")? };
        match transfers.last_mut().filter(|transfer| transfer.id == id) {
            Some(transfer) => transfer.lines.push(line),
            None => transfers.push(Transfer {
                id,
                cause: word(&mut row, 3, "ledger.cause", Cause::parse)?,
                lines: vec![line],
                note: cell(&mut row, 4, "ledger.note")?,
                at: Micros(cell(&mut row, 5, "ledger.at")?),
            }),
        }
    }
    Ok(transfers)
}
