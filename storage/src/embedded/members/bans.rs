//! Bans in SQLite.

use protocol::ids::{AppId, MemberId};
use protocol::text::Text;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::find;
use crate::clock::Micros;
use crate::embedded::engine::unavailable;
use crate::embedded::push;
use crate::error::{Result, StorageError};
use crate::members::{Ban, BanWrite, By, Member};

/// A row of the table.
pub(super) struct Row {
    id: Uuid,
    reason: String,
    until: Option<i64>,
    at: i64,
    by: String,
}

impl Row {
    /// Reads the columns from `at` on; `None` when the row joined none.
    pub(super) fn read(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<Self>> {
        let Some(id) = row.get(at)? else { return Ok(None) };
        Ok(Some(Self {
            id,
            reason: row.get(at + 1)?,
            until: row.get(at + 2)?,
            at: row.get(at + 3)?,
            by: row.get(at + 4)?,
        }))
    }

    pub(super) fn ban(self) -> Result<Ban> {
        let Self { id, reason, until, at, by } = self;
        let corrupt = |column: &str| StorageError::Corrupt(format!("ban.{column} of {id}"));
        Ok(Ban {
            id,
            reason: Text::new(&reason).map_err(|_| corrupt("reason"))?,
            until: until.map(Micros),
            at: Micros(at),
            by: By::parse(&by).ok_or_else(|| corrupt("created_by"))?,
        })
    }
}

/// The member's lock row comes first, with the inbox's number.
pub(super) fn ban(connection: &Connection, write: BanWrite) -> Result<Option<u64>> {
    let BanWrite { app, member, ban, push } = write;
    let Some(kept) = push::append(connection, &app, member, vec![push], ban.at)? else {
        return Ok(None);
    };
    connection
        .prepare_cached(
            "INSERT INTO ban (ban, app, member, reason, until, created_at, created_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                ban.id,
                app.as_str(),
                member.number(),
                &*ban.reason,
                ban.until.map(|until| until.0),
                ban.at.0,
                ban.by.word()
            ])
        })
        .map_err(unavailable)?;
    point(connection, member, Some(ban.id))?;
    Ok(Some(kept.last().map_or(0, |push| push.seq)))
}

pub(super) fn unban(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    word: &str,
    now: Micros,
) -> Result<Option<Member>> {
    let Some(found) = find(connection, app, member)? else { return Ok(None) };
    if found.ban.is_some() {
        push::outdate(connection, member, word, now)?;
        point(connection, member, None)?;
    }
    Ok(Some(found))
}

/// Says which ban of the member counts.
fn point(connection: &Connection, member: MemberId, ban: Option<Uuid>) -> Result<()> {
    connection
        .prepare_cached("UPDATE member SET ban = ?2, version = version + 1 WHERE member = ?1")
        .and_then(|mut update| update.execute(params![member.number(), ban]))
        .map(|_| ())
        .map_err(unavailable)
}
