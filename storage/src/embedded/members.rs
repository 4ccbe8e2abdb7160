//! The members in SQLite.

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use protocol::members::MemberState;
use rusqlite::{Connection, OptionalExtension, params};

use super::Embedded;
use super::engine::unavailable;
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::members::{Member, MembersDuty};

#[async_trait]
impl MembersDuty for Embedded {
    async fn member(&self, app: AppId, member: MemberId) -> Result<Option<Member>> {
        self.truth.read(move |connection| find(connection, &app, member)).await
    }
}

/// A member of this game.
pub(super) fn find(connection: &Connection, app: &AppId, id: MemberId) -> Result<Option<Member>> {
    let row: Option<(String, i64)> = connection
        .prepare_cached("SELECT state, created_at FROM member WHERE member = ?1 AND app = ?2")
        .and_then(|mut select| {
            select
                .query_row(params![id.number(), app.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(unavailable)?;
    row.map(|(state, created_at)| {
        let state = MemberState::parse(&state)
            .ok_or_else(|| StorageError::Corrupt(format!("member.state of {id}")))?;
        Ok(Member { app: app.clone(), id, state, created_at: Micros(created_at) })
    })
    .transpose()
}

/// Makes a member. `false` when the id is another's.
pub(super) fn make(connection: &Connection, member: &Member) -> Result<bool> {
    connection
        .prepare_cached(
            "INSERT INTO member (member, app, state, created_at, version) VALUES (?1, ?2, ?3, ?4, 1)
             ON CONFLICT (member) DO NOTHING",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                member.id.number(),
                member.app.as_str(),
                member.state.word(),
                member.created_at.0
            ])
        })
        .map(|made| made == 1)
        .map_err(unavailable)
}
