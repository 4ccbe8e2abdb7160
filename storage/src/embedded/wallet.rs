//! Wallets in SQLite.

mod audit;

use std::collections::BTreeMap;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use protocol::purchases::Grant;
use protocol::text::Text;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::rows::{self, get};
use super::sessions::fence;
use super::{Embedded, members, push};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::wallet::{
    Audited, Before, Cause, Line, MEMBER, MOST, Transfer, TransferWrite, Transferred, WalletDuty,
};

#[async_trait]
impl WalletDuty for Embedded {
    async fn balances(&self, app: AppId, member: MemberId) -> Result<Vec<Grant>> {
        self.truth.read(move |connection| balances(connection, &app, member)).await
    }

    async fn transfer(&self, write: TransferWrite) -> Result<Transferred> {
        self.truth.write(move |connection| transfer(connection, &write)).await
    }

    async fn transfers(
        &self,
        app: AppId,
        member: MemberId,
        before: Option<Before>,
        limit: usize,
    ) -> Result<Vec<Transfer>> {
        self.truth.read(move |connection| transfers(connection, &app, member, before, limit)).await
    }

    async fn audit(&self, _: usize, after: Option<MemberId>, limit: usize) -> Result<Audited> {
        self.truth.read(move |connection| audit::audit(connection, after, limit)).await
    }

    fn servers(&self) -> usize {
        1
    }
}

/// A transfer to be written.
pub(super) struct Entry<'a> {
    pub(super) member: MemberId,
    pub(super) transfer: Uuid,
    pub(super) cause: Cause,
    pub(super) lines: &'a [Line],
    pub(super) purchase: Option<Uuid>,
    pub(super) note: Option<&'a str>,
    pub(super) at: Micros,
}

/// Writes a transfer, whatever it leaves, and returns what the member then has of each moved
/// item, in the lines' order.
pub(super) fn book(connection: &Connection, app: &AppId, entry: &Entry<'_>) -> Result<Vec<Grant>> {
    let mut kept = kept(connection, entry.member, entry.lines)?;
    let mut after = Vec::with_capacity(entry.lines.len());
    for (number, line) in (0_i64..).step_by(2).zip(entry.lines) {
        let balance = kept.entry(&line.item).or_default();
        let (Some(amount), Some(back)) =
            (balance.checked_add(line.delta), line.delta.checked_neg())
        else {
            return Err(StorageError::Corrupt(format!(
                "{} would have more of an item than can be kept",
                entry.member
            )));
        };
        *balance = amount;
        note(connection, entry, number, (MEMBER, line.delta, Some(amount)), &line.item)?;
        note(connection, entry, number + 1, (entry.cause.account(), back, None), &line.item)?;
        after.push(Grant { item: line.item.clone(), amount });
    }
    for (item, balance) in kept {
        rows::run(
            connection,
            "INSERT INTO wallet (member, item, app, balance) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (member, item) DO UPDATE SET balance = excluded.balance",
            params![entry.member.number(), &**item, app.as_str(), balance],
        )?;
    }
    Ok(after)
}

/// What a member has of what is to be moved; of what it never had, nothing.
fn kept<'a>(
    connection: &Connection,
    member: MemberId,
    lines: &'a [Line],
) -> Result<BTreeMap<&'a Text<64>, i64>> {
    let balance = |line: &'a Line| {
        let select = "SELECT balance FROM wallet WHERE member = ?1 AND item = ?2";
        let values = params![member.number(), &*line.item];
        let found = rows::one(connection, select, values, |row| get(row, "balance"))?;
        Ok((&line.item, found.unwrap_or(0)))
    };
    lines.iter().map(balance).collect()
}

/// Writes one half of a line.
fn note(
    connection: &Connection,
    entry: &Entry<'_>,
    number: i64,
    (account, delta, balance): (&str, i64, Option<i64>),
    item: &str,
) -> Result<()> {
    rows::run(
        connection,
        "INSERT INTO ledger (member, transfer, line, account, item, delta, balance, cause,
             purchase, note, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            entry.member.number(),
            entry.transfer,
            number,
            account,
            item,
            delta,
            balance,
            entry.cause.word(),
            entry.purchase,
            entry.note,
            entry.at.0,
        ],
    )?;
    Ok(())
}

fn balances(connection: &Connection, app: &AppId, member: MemberId) -> Result<Vec<Grant>> {
    let select = "SELECT item, balance FROM wallet WHERE member = ?1 AND app = ?2 ORDER BY item";
    let values = params![member.number(), app.as_str()];
    rows::all(connection, select, values, |row| {
        Ok(Grant { item: item(row)?, amount: get(row, "balance")? })
    })
}

fn item(row: &Row<'_>) -> Result<Text<64>> {
    rows::word(row, "item", rows::text)
}

fn transfer(connection: &Connection, write: &TransferWrite) -> Result<Transferred> {
    let TransferWrite { app, member, id, cause, lines, note, login, now } = write;
    if let Some(login) = login {
        fence(connection, app, *member, *login)?;
    }
    if !members::is_there(connection, app, *member)? {
        return Ok(Transferred::Unknown);
    }
    if let Some(done) = done(connection, write)? {
        return Ok(done);
    }
    if let Some(refused) = refused(connection, *member, lines)? {
        return Ok(refused);
    }
    let entry = Entry {
        member: *member,
        transfer: *id,
        cause: *cause,
        lines,
        purchase: None,
        note: note.as_deref(),
        at: *now,
    };
    let balances = book(connection, app, &entry)?;
    let told = crate::wallet::push(balances.clone(), *now);
    let kept = push::append(connection, app, *member, vec![told], *now)?;
    let pushed = kept.and_then(|kept| kept.last().map(|push| push.seq));
    Ok(Transferred::Done { balances, again: false, pushed })
}

/// What came of it when it was asked for before.
fn done(connection: &Connection, write: &TransferWrite) -> Result<Option<Transferred>> {
    let before = rows::all(
        connection,
        "SELECT item, delta, balance, cause, note FROM ledger
         WHERE member = ?1 AND transfer = ?2 AND account = ?3 ORDER BY line",
        params![write.member.number(), write.id, MEMBER],
        |row| {
            let line = Line { item: item(row)?, delta: get(row, "delta")? };
            let balance: i64 = get(row, "balance")?;
            let note: Option<String> = get(row, "note")?;
            Ok((line, balance, rows::word(row, "cause", Cause::parse)?, note))
        },
    )?;
    if before.is_empty() {
        return Ok(None);
    }
    let same = before.len() == write.lines.len()
        && before.iter().zip(&write.lines).all(|((line, _, cause, note), asked)| {
            line == asked && *cause == write.cause && note.as_deref() == write.note.as_deref()
        });
    if !same {
        return Ok(Some(Transferred::Differs));
    }
    let balance =
        |(line, amount, ..): (Line, i64, Cause, Option<String>)| Grant { item: line.item, amount };
    let balances = before.into_iter().map(balance).collect();
    Ok(Some(Transferred::Done { balances, again: true, pushed: None }))
}

/// Why a game's server may not move that, if it may not.
fn refused(
    connection: &Connection,
    member: MemberId,
    lines: &[Line],
) -> Result<Option<Transferred>> {
    let mut kept = kept(connection, member, lines)?;
    for line in lines {
        let balance = kept.entry(&line.item).or_default();
        let has = Grant { item: line.item.clone(), amount: *balance };
        *balance = match balance.checked_add(line.delta) {
            None if line.delta < 0 => return Ok(Some(Transferred::TooLittle(has))),
            Some(after) if line.delta < 0 && after < 0 => {
                return Ok(Some(Transferred::TooLittle(has)));
            }
            None => return Ok(Some(Transferred::TooMuch(has))),
            Some(after) if line.delta > 0 && after > MOST => {
                return Ok(Some(Transferred::TooMuch(has)));
            }
            Some(after) => after,
        };
    }
    Ok(None)
}

fn transfers(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    before: Option<Before>,
    limit: usize,
) -> Result<Vec<Transfer>> {
    if !members::is_there(connection, app, member)? {
        return Ok(Vec::new());
    }
    let before = before.unwrap_or(Before::ALL);
    let mut found: Vec<Transfer> = Vec::new();
    rows::each(
        connection,
        "SELECT transfer, item, delta, cause, note, at
         FROM ledger JOIN (
             SELECT DISTINCT transfer, at FROM ledger
             WHERE member = ?1 AND at <= ?2 AND (at < ?2 OR transfer < ?5)
             ORDER BY at DESC, transfer DESC LIMIT ?3) USING (transfer, at)
         WHERE member = ?1 AND account = ?4 ORDER BY at DESC, transfer DESC, line",
        params![member.number(), before.at.0, rows::signed(limit), MEMBER, before.behind()],
        |row| {
            let id: Uuid = get(row, "transfer")?;
            let line = Line { item: item(row)?, delta: get(row, "delta")? };
            match found.last_mut().filter(|last| last.id == id) {
                Some(last) => last.lines.push(line),
                None => found.push(Transfer {
                    id,
                    cause: rows::word(row, "cause", Cause::parse)?,
                    lines: vec![line],
                    note: get(row, "note")?,
                    at: Micros(get(row, "at")?),
                }),
            }
            Ok(())
        },
    )?;
    Ok(found)
}
