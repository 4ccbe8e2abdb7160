//! Notices to the games' servers in SQLite.

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::Embedded;
use super::rows::{self, corrupt, get};
use crate::clock::Micros;
use crate::error::Result;
use crate::outbox::{Due, Leasing, Notice, NoticesRead, OutboxDuty, Outcome, Sent};

#[async_trait]
impl OutboxDuty for Embedded {
    async fn lease(&self, asked: Leasing) -> Result<Vec<Due>> {
        self.truth.write(move |connection| lease(connection, &asked)).await
    }

    async fn sent(&self, outcome: Outcome) -> Result<bool> {
        self.truth.write(move |connection| sent(connection, &outcome)).await
    }

    async fn notices(&self, read: NoticesRead) -> Result<Vec<Notice>> {
        self.truth.read(move |connection| notices(connection, &read)).await
    }

    async fn replay(&self, app: AppId, member: MemberId, seq: u64, now: Micros) -> Result<bool> {
        self.truth.write(move |connection| replay(connection, &app, member, seq, now)).await
    }

    async fn forget_notices(&self, before: Micros, limit: usize) -> Result<usize> {
        self.truth.write(move |connection| forget(connection, before, limit)).await
    }
}

const NOTICE: &str = "app, member, seq, notice, word, body, sent, tries, why, created_at";

fn notice(row: &Row<'_>) -> Result<Notice> {
    Ok(Notice {
        app: rows::app(row)?,
        member: member(row)?,
        seq: rows::count(row, "seq")?,
        id: get(row, "notice")?,
        word: get(row, "word")?,
        body: get(row, "body")?,
        sent: rows::word(row, "sent", Sent::parse)?,
        tries: rows::count(row, "tries")?,
        why: get(row, "why")?,
        at: Micros(get(row, "created_at")?),
    })
}

fn member(row: &Row<'_>) -> Result<MemberId> {
    rows::member(row, "member")?.ok_or_else(|| corrupt("member"))
}

fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// Adds a notice behind what waits.
pub(super) fn add(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    id: Uuid,
    word: &str,
    body: &str,
    now: Micros,
) -> Result<()> {
    let seq = next(connection, app, member, now)?;
    rows::run(
        connection,
        "INSERT INTO outbox (member, seq, app, notice, word, body, sent, tries, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'waiting', 0, ?7)",
        params![member.number(), seq, app.as_str(), id, word, body, now.0],
    )?;
    Ok(())
}

/// The member's next number. Something waits from now on; who has a lease keeps it.
fn next(connection: &Connection, app: &AppId, member: MemberId, now: Micros) -> Result<i64> {
    let seq = rows::one(
        connection,
        "INSERT INTO outbox_member (member, app, seq, due_at) VALUES (?1, ?2, 1, ?3)
         ON CONFLICT (member) DO UPDATE SET seq = seq + 1, due_at = coalesce(due_at, ?3)
         RETURNING seq",
        params![member.number(), app.as_str(), now.0],
        |row| get(row, "seq"),
    )?;
    seq.ok_or_else(|| corrupt("outbox_member.seq"))
}

fn lease(connection: &Connection, asked: &Leasing) -> Result<Vec<Due>> {
    let Leasing { now, until, members, each } = *asked;
    let due = rows::all(
        connection,
        "SELECT member, app FROM outbox_member WHERE due_at IS NOT NULL AND due_at <= ?1
         ORDER BY due_at LIMIT ?2",
        params![now.0, rows::signed(members)],
        |row| Ok((member(row)?, rows::app(row)?)),
    )?;
    let select = format!(
        "SELECT {NOTICE} FROM outbox INDEXED BY outbox_waiting
         WHERE member = ?1 AND sent = 'waiting' ORDER BY seq LIMIT ?2"
    );
    let mut leased = Vec::with_capacity(due.len());
    for (member, app) in due {
        due_at(connection, member, Some(until))?;
        let values = params![member.number(), rows::signed(each)];
        let notices = rows::all(connection, &select, values, notice)?;
        leased.push(Due { app, member, until, notices });
    }
    Ok(leased)
}

fn due_at(connection: &Connection, member: MemberId, at: Option<Micros>) -> Result<()> {
    let update = "UPDATE outbox_member SET due_at = ?2 WHERE member = ?1";
    rows::run(connection, update, params![member.number(), at.map(|at| at.0)]).map(|_| ())
}

fn sent(connection: &Connection, outcome: &Outcome) -> Result<bool> {
    let Outcome { member, until, done, failed, later, now } = outcome;
    let select = "SELECT 1 FROM outbox_member WHERE member = ?1 AND due_at = ?2";
    if !rows::there(connection, select, params![member.number(), until.0])? {
        return Ok(false);
    }
    for seq in done {
        rows::run(
            connection,
            "UPDATE outbox SET sent = 'done', why = NULL
             WHERE member = ?1 AND seq = ?2 AND sent = 'waiting'",
            params![member.number(), signed(*seq)],
        )?;
    }
    if let Some((seq, why)) = failed {
        in_vain(connection, *member, *seq, Sent::Failed, why)?;
    }
    if let Some((seq, _, why)) = later {
        in_vain(connection, *member, *seq, Sent::Waiting, why)?;
    }
    let select = "SELECT 1 FROM outbox INDEXED BY outbox_waiting
                  WHERE member = ?1 AND sent = 'waiting'";
    let waits = rows::there(connection, select, [member.number()])?;
    let at = later.as_ref().map_or(*now, |(_, at, _)| *at);
    due_at(connection, *member, waits.then_some(at))?;
    Ok(true)
}

fn in_vain(
    connection: &Connection,
    member: MemberId,
    seq: u64,
    sent: Sent,
    why: &str,
) -> Result<()> {
    rows::run(
        connection,
        "UPDATE outbox SET sent = ?3, tries = tries + 1, why = ?4
         WHERE member = ?1 AND seq = ?2 AND sent = 'waiting'",
        params![member.number(), signed(seq), sent.word(), why],
    )?;
    Ok(())
}

fn notices(connection: &Connection, read: &NoticesRead) -> Result<Vec<Notice>> {
    // Of one member they are found by its number alone (a `+` keeps an index out of it), of all by
    // the game and the time.
    let wanted = match read.member {
        Some(_) => "member = ?2 AND +app = ?1 AND +created_at < ?4",
        None => "?2 IS NULL AND app = ?1 AND created_at < ?4",
    };
    let select = format!(
        "SELECT {NOTICE} FROM outbox WHERE {wanted} AND (?3 IS NULL OR sent = ?3)
         ORDER BY created_at DESC, member, seq DESC LIMIT ?5"
    );
    let values = params![
        read.app.as_str(),
        read.member.map(MemberId::number),
        read.sent.map(Sent::word),
        read.before.map_or(i64::MAX, |at| at.0),
        rows::signed(read.limit),
    ];
    rows::all(connection, &select, values, notice)
}

fn replay(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    seq: u64,
    now: Micros,
) -> Result<bool> {
    let select = "SELECT 1 FROM outbox
                  WHERE member = ?1 AND seq = ?2 AND app = ?3 AND sent IN ('done', 'failed')";
    let values = params![member.number(), signed(seq), app.as_str()];
    if !rows::there(connection, select, values)? {
        return Ok(false);
    }
    let behind = next(connection, app, member, now)?;
    rows::run(
        connection,
        "UPDATE outbox SET seq = ?3, sent = 'waiting', tries = 0, why = NULL, created_at = ?4
         WHERE member = ?1 AND seq = ?2",
        params![member.number(), signed(seq), behind, now.0],
    )?;
    Ok(true)
}

fn forget(connection: &Connection, before: Micros, limit: usize) -> Result<usize> {
    rows::run(
        connection,
        "DELETE FROM outbox WHERE (member, seq) IN (
             SELECT member, seq FROM outbox
             WHERE sent IN ('done', 'failed') AND created_at < ?1 LIMIT ?2)",
        params![before.0, rows::signed(limit)],
    )
}
