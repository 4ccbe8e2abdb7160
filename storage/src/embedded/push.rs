//! Inboxes in SQLite.

mod once;

use async_trait::async_trait;
use protocol::ids::{AppId, LoginId, MemberId};
use rusqlite::{Connection, OptionalExtension, params};

use super::Embedded;
use super::engine::unavailable;
use super::sessions::fence;
use crate::clock::Micros;
use crate::error::Result;
use crate::push::{Inbox, KeptPush, NewPush, PostOnce, PostedOnce, PushDuty};

#[async_trait]
impl PushDuty for Embedded {
    async fn post(
        &self,
        app: AppId,
        member: MemberId,
        pushes: Vec<NewPush>,
        now: Micros,
    ) -> Result<Option<Vec<KeptPush>>> {
        self.truth.write(move |connection| append(connection, &app, member, pushes, now)).await
    }

    async fn post_once(&self, write: PostOnce) -> Result<PostedOnce> {
        self.truth.write(move |connection| once::post(connection, write)).await
    }

    async fn inbox(
        &self,
        app: AppId,
        member: MemberId,
        after: u64,
        now: Micros,
        limit: usize,
    ) -> Result<Inbox> {
        self.truth.read(move |connection| inbox(connection, &app, member, after, now, limit)).await
    }

    async fn ack(&self, app: AppId, member: MemberId, login: LoginId, up_to: u64) -> Result<u64> {
        self.truth.write(move |connection| ack(connection, &app, member, login, up_to)).await
    }

    async fn expire(&self, now: Micros, limit: usize) -> Result<usize> {
        self.truth
            .write(move |connection| {
                Ok(expire(connection, now, limit)? + once::forget(connection, now, limit)?)
            })
            .await
    }
}

/// SQLite's integers are signed; a number beyond them is beyond every inbox.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Puts pushes into a member's inbox, as [`PushDuty::post`].
pub(super) fn append(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    pushes: Vec<NewPush>,
    now: Micros,
) -> Result<Option<Vec<KeptPush>>> {
    let count = i64::try_from(pushes.len()).unwrap_or(i64::MAX);
    let last: Option<i64> = connection
        .prepare_cached(
            "UPDATE member_session SET inbox_seq = inbox_seq + ?3
             WHERE member = ?1 AND app = ?2 RETURNING inbox_seq",
        )
        .and_then(|mut update| {
            update
                .query_row(params![member.number(), app.as_str(), count], |row| row.get(0))
                .optional()
        })
        .map_err(unavailable)?;
    let Some(last) = last else { return Ok(None) };
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO inbox (member, seq, word, body, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .map_err(unavailable)?;
    let mut kept = Vec::with_capacity(pushes.len());
    for (seq, push) in (last - count + 1..).zip(pushes) {
        insert
            .execute(params![member.number(), seq, push.word, push.body, now.0, push.expires_at.0])
            .map_err(unavailable)?;
        kept.push(KeptPush { seq: unsigned(seq), word: push.word, body: push.body, at: now });
    }
    Ok(Some(kept))
}

/// Pushes of this word are of no use from now on.
pub(super) fn outdate(
    connection: &Connection,
    member: MemberId,
    word: &str,
    now: Micros,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE inbox SET expires_at = ?3
             WHERE member = ?1 AND word = ?2 AND expires_at > ?3",
        )
        .and_then(|mut update| update.execute(params![member.number(), word, now.0]))
        .map(|_| ())
        .map_err(unavailable)
}

fn inbox(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    after: u64,
    now: Micros,
    limit: usize,
) -> Result<Inbox> {
    let counted: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT inbox_seq, inbox_acked FROM member_session WHERE member = ?1 AND app = ?2",
        )
        .and_then(|mut select| {
            select
                .query_row(params![member.number(), app.as_str()], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
        })
        .map_err(unavailable)?;
    let Some((seq, acked)) = counted else { return Ok(Inbox::default()) };
    let mut select = connection
        .prepare_cached(
            "SELECT seq, word, body, created_at FROM inbox
             WHERE member = ?1 AND seq > ?2 AND expires_at > ?3 ORDER BY seq LIMIT ?4",
        )
        .map_err(unavailable)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let from = signed(after).max(acked);
    let rows = select
        .query_map(params![member.number(), from, now.0, limit], |row| {
            Ok(KeptPush {
                seq: unsigned(row.get(0)?),
                word: row.get(1)?,
                body: row.get(2)?,
                at: Micros(row.get(3)?),
            })
        })
        .map_err(unavailable)?;
    let pushes = rows.map(|row| row.map_err(unavailable)).collect::<Result<_>>()?;
    Ok(Inbox { pushes, seq: unsigned(seq), acked: unsigned(acked) })
}

fn ack(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    login: LoginId,
    up_to: u64,
) -> Result<u64> {
    let acked: Option<i64> = connection
        .prepare_cached(
            "UPDATE member_session SET inbox_acked = max(inbox_acked, min(inbox_seq, ?3))
             WHERE member = ?1 AND app = ?2 AND login = ?4 RETURNING inbox_acked",
        )
        .and_then(|mut update| {
            let values = params![member.number(), app.as_str(), signed(up_to), login.0];
            update.query_row(values, |row| row.get(0)).optional()
        })
        .map_err(unavailable)?;
    let Some(acked) = acked else {
        return fence(connection, app, member, login).map(|()| 0);
    };
    connection
        .prepare_cached("DELETE FROM inbox WHERE member = ?1 AND seq <= ?2")
        .and_then(|mut delete| delete.execute(params![member.number(), acked]))
        .map_err(unavailable)?;
    Ok(unsigned(acked))
}

fn expire(connection: &Connection, now: Micros, limit: usize) -> Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM inbox WHERE (member, seq) IN (
                 SELECT member, seq FROM inbox WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
        )
        .and_then(|mut delete| {
            delete.execute(params![now.0, i64::try_from(limit).unwrap_or(i64::MAX)])
        })
        .map_err(unavailable)
}
