//! The members in SQLite.

mod bans;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use protocol::members::MemberState;
use rusqlite::{Connection, OptionalExtension, params};

use super::engine::unavailable;
use super::{Embedded, rows};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::freshness::Aged;
use crate::identity::IdentityDuty;
use crate::members::{BanWrite, Member, MembersDuty, Overview, OverviewRead};
use crate::push::{Inbox, PushDuty};
use crate::sessions::SessionsDuty;

#[async_trait]
impl MembersDuty for Embedded {
    async fn member(&self, app: AppId, member: MemberId) -> Result<Option<Member>> {
        self.truth.read(move |connection| find(connection, &app, member)).await
    }

    async fn overview(&self, read: OverviewRead) -> Result<Aged<Option<Overview>>> {
        let OverviewRead { app, member, now, logins, freshness: _ } = read;
        let Some(found) = self.member(app.clone(), member).await? else {
            return Ok(Aged::present(None));
        };
        let identities = self.identities(app.clone(), member).await?;
        let (logins, epoch) = self.logins(app.clone(), member, now, logins).await?;
        let Inbox { seq: inbox, acked, .. } = self.inbox(app, member, 0, now, 0).await?;
        let seen = Overview { member: found, identities, logins, epoch, inbox, acked };
        Ok(Aged::present(Some(seen)))
    }

    async fn ban(&self, write: BanWrite) -> Result<Option<u64>> {
        self.truth.write(move |connection| bans::ban(connection, write)).await
    }

    async fn unban(
        &self,
        app: AppId,
        member: MemberId,
        word: String,
        now: Micros,
    ) -> Result<Option<Member>> {
        self.truth.write(move |connection| bans::unban(connection, &app, member, &word, now)).await
    }
}

/// A member of this game.
pub(super) fn find(connection: &Connection, app: &AppId, id: MemberId) -> Result<Option<Member>> {
    let row = connection
        .prepare_cached(
            "SELECT member.state, member.created_at,
                 ban.ban, ban.reason, ban.until, ban.created_at, ban.created_by
             FROM member LEFT JOIN ban ON ban.ban = member.ban
             WHERE member.member = ?1 AND member.app = ?2",
        )
        .and_then(|mut select| {
            select
                .query_row(params![id.number(), app.as_str()], |row| {
                    let (state, created_at): (String, i64) = (row.get(0)?, row.get(1)?);
                    Ok((state, created_at, bans::Row::read(row, 2)?))
                })
                .optional()
        })
        .map_err(unavailable)?;
    row.map(|(state, created_at, ban)| {
        let state = MemberState::parse(&state)
            .ok_or_else(|| StorageError::Corrupt(format!("member.state of {id}")))?;
        let ban = ban.map(bans::Row::ban).transpose()?;
        Ok(Member { app: app.clone(), id, state, created_at: Micros(created_at), ban })
    })
    .transpose()
}

/// Whether there is such a member in this game.
pub(super) fn is_there(connection: &Connection, app: &AppId, id: MemberId) -> Result<bool> {
    let select = "SELECT 1 FROM member WHERE member = ?1 AND app = ?2";
    rows::there(connection, select, params![id.number(), app.as_str()])
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
