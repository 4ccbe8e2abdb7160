//! Logins in SQLite.

mod refresh;

use std::time::Duration;

use async_trait::async_trait;
use protocol::client::{Platform, StoreName};
use protocol::ids::{AppId, LoginId, MemberId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::engine::unavailable;
use super::{Embedded, members};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::members::Member;
use crate::sessions::{
    Device, End, EndedBy, Login, NewLogin, RefreshOutcome, RefreshWrite, Said, SessionsDuty,
    Standing,
};

#[async_trait]
impl SessionsDuty for Embedded {
    async fn standing(
        &self,
        app: AppId,
        member: MemberId,
        login: LoginId,
    ) -> Result<Option<Standing>> {
        self.truth.read(move |connection| standing(connection, &app, member, login)).await
    }

    async fn logins(
        &self,
        app: AppId,
        member: MemberId,
        now: Micros,
        limit: usize,
    ) -> Result<(Vec<Login>, i64)> {
        self.truth
            .read(move |connection| {
                Ok((live(connection, &app, member, now, limit)?, epoch(connection, member)?))
            })
            .await
    }

    async fn refresh(&self, write: RefreshWrite) -> Result<RefreshOutcome> {
        self.truth.write(move |connection| refresh::refresh(connection, &write)).await
    }

    async fn end(
        &self,
        app: AppId,
        member: MemberId,
        which: End,
        by: EndedBy,
        now: Micros,
    ) -> Result<Vec<LoginId>> {
        self.truth.write(move |connection| end(connection, &app, member, which, by, now)).await
    }

    async fn sweep(&self, now: Micros, limit: usize) -> Result<usize> {
        self.truth.write(move |connection| sweep(connection, now, limit)).await
    }
}

/// Writes a login and gives it the member's session: the epoch rises by one. Returns the
/// epoch, and the login whose place it took if that one had not ended.
pub(super) fn take(
    connection: &Connection,
    member: &Member,
    login: &NewLogin,
) -> Result<(i64, Option<LoginId>)> {
    let replaced: Option<Uuid> = connection
        .prepare_cached(
            "SELECT login.login FROM member_session JOIN login USING (login)
             WHERE member_session.member = ?1 AND login.ended_by IS NULL
                 AND login.expires_at > ?2",
        )
        .and_then(|mut select| {
            select.query_row(params![member.id.number(), login.now.0], |row| row.get(0)).optional()
        })
        .map_err(unavailable)?;
    let epoch: i64 = connection
        .prepare_cached(
            "INSERT INTO member_session (member, app, epoch, login) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (member) DO UPDATE SET epoch = epoch + 1, login = excluded.login
             RETURNING epoch",
        )
        .and_then(|mut upsert| {
            upsert.query_row(params![member.id.number(), member.app.as_str(), login.id.0], |row| {
                row.get(0)
            })
        })
        .map_err(unavailable)?;
    connection
        .prepare_cached(
            "INSERT INTO login (login, app, member, provider, epoch, platform, store, device,
                 version, created_at, refreshed_at, expires_at, tag, token, country, lang,
                 device_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?14, ?15,
                 ?16)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                login.id.0,
                member.app.as_str(),
                member.id.number(),
                login.provider,
                epoch,
                login.device.platform.word(),
                login.device.store.map(StoreName::word),
                login.device.name,
                login.device.version,
                login.now.0,
                login.expires_at.0,
                login.tag,
                login.token,
                login.device.said.country,
                login.device.said.lang,
                login.device.said.device_id,
            ])
        })
        .map_err(unavailable)?;
    Ok((epoch, replaced.map(LoginId)))
}

const LOGIN: &str = "login, provider, epoch, platform, store, device, version, created_at, \
                     refreshed_at, expires_at, ended_by, country, lang, device_id";

fn login(row: &Row<'_>) -> rusqlite::Result<Result<Login>> {
    let id = LoginId(row.get(0)?);
    let (platform, store, ended): (String, Option<String>, Option<String>) =
        (row.get(3)?, row.get(4)?, row.get(10)?);
    let corrupt = |column: &str| StorageError::Corrupt(format!("login.{column} of {id}"));
    let words = || {
        let platform = Platform::parse(&platform).ok_or_else(|| corrupt("platform"))?;
        let store = store
            .map(|word| StoreName::parse(&word).ok_or_else(|| corrupt("store")))
            .transpose()?;
        let ended = ended
            .map(|word| EndedBy::parse(&word).ok_or_else(|| corrupt("ended_by")))
            .transpose()?;
        Ok((platform, store, ended))
    };
    let (platform, store, ended) = match words() {
        Ok(words) => words,
        Err(error) => return Ok(Err(error)),
    };
    Ok(Ok(Login {
        id,
        provider: row.get(1)?,
        epoch: row.get(2)?,
        device: Device {
            platform,
            store,
            name: row.get(5)?,
            version: row.get(6)?,
            said: Box::new(Said {
                country: row.get(11)?,
                lang: row.get(12)?,
                device_id: row.get(13)?,
            }),
        },
        created_at: Micros(row.get(7)?),
        refreshed_at: Micros(row.get(8)?),
        expires_at: Micros(row.get(9)?),
        ended,
    }))
}

fn epoch(connection: &Connection, member: MemberId) -> Result<i64> {
    counters(connection, member).map(|(epoch, ..)| epoch)
}

/// The member's session epoch, and the highest numbers of its inbox: written, acknowledged.
fn counters(connection: &Connection, member: MemberId) -> Result<(i64, u64, u64)> {
    let row: Option<(i64, i64, i64)> = connection
        .prepare_cached(
            "SELECT epoch, inbox_seq, inbox_acked FROM member_session WHERE member = ?1",
        )
        .and_then(|mut select| {
            select
                .query_row([member.number()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()
        })
        .map_err(unavailable)?;
    let (epoch, inbox, acked) = row.unwrap_or_default();
    Ok((epoch, u64::try_from(inbox).unwrap_or(0), u64::try_from(acked).unwrap_or(0)))
}

/// Refuses a login that does not hold the session of the member, if it is one of this game.
pub(super) fn fence(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    login: LoginId,
) -> Result<()> {
    let holder: Option<Uuid> = connection
        .prepare_cached("SELECT login FROM member_session WHERE member = ?1 AND app = ?2")
        .and_then(|mut select| {
            select.query_row(params![member.number(), app.as_str()], |row| row.get(0)).optional()
        })
        .map_err(unavailable)?;
    match holder {
        Some(holder) if holder != login.0 => Err(StorageError::Replaced),
        Some(_) | None => Ok(()),
    }
}

fn standing(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    id: LoginId,
) -> Result<Option<Standing>> {
    let found = connection
        .prepare_cached(&format!(
            "SELECT {LOGIN} FROM login WHERE login = ?1 AND member = ?2 AND app = ?3"
        ))
        .and_then(|mut select| {
            select.query_row(params![id.0, member.number(), app.as_str()], login).optional()
        })
        .map_err(unavailable)?
        .transpose()?;
    let member = members::find(connection, app, member)?;
    match (found, member) {
        (Some(login), Some(member)) => {
            let (epoch, inbox, acked) = counters(connection, member.id)?;
            Ok(Some(Standing { member, login, epoch, inbox, acked, age: Duration::ZERO }))
        }
        (None, _) | (_, None) => Ok(None),
    }
}

fn live(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    now: Micros,
    limit: usize,
) -> Result<Vec<Login>> {
    let mut select = connection
        .prepare_cached(&format!(
            "SELECT {LOGIN} FROM login
             WHERE member = ?1 AND app = ?2 AND ended_by IS NULL AND expires_at > ?3
             ORDER BY created_at DESC, login DESC LIMIT ?4"
        ))
        .map_err(unavailable)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select
        .query_map(params![member.number(), app.as_str(), now.0, limit], login)
        .map_err(unavailable)?;
    rows.map(|row| row.map_err(unavailable)?).collect()
}

fn end(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    which: End,
    by: EndedBy,
    now: Micros,
) -> Result<Vec<LoginId>> {
    let one = match which {
        End::One(login) => Some(login.0),
        End::All(login) => {
            fence(connection, app, member, login)?;
            None
        }
    };
    let mut update = connection
        .prepare_cached(
            "UPDATE login SET ended_by = ?3, ended_at = ?4, sealed = NULL
             WHERE member = ?1 AND app = ?2 AND ended_by IS NULL AND (?5 IS NULL OR login = ?5)
             RETURNING login",
        )
        .map_err(unavailable)?;
    let rows = update
        .query_map(params![member.number(), app.as_str(), by.word(), now.0, one], |row| row.get(0))
        .map_err(unavailable)?;
    rows.map(|row| row.map(LoginId).map_err(unavailable)).collect()
}

fn sweep(connection: &Connection, now: Micros, limit: usize) -> Result<usize> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // The login that holds the epoch stays: `member_session` names it.
    let logins = connection
        .prepare_cached(
            "DELETE FROM login WHERE login IN (
                 SELECT login FROM login WHERE expires_at < ?1
                     AND NOT EXISTS (SELECT 1 FROM member_session
                         WHERE member_session.member = login.member
                             AND member_session.login = login.login)
                 ORDER BY expires_at LIMIT ?2)",
        )
        .and_then(|mut delete| delete.execute(params![now.0, limit]))
        .map_err(unavailable)?;
    let nonces = connection
        .prepare_cached(
            "DELETE FROM used_nonce WHERE (app, nonce) IN (
                 SELECT app, nonce FROM used_nonce WHERE expires_at < ?1 LIMIT ?2)",
        )
        .and_then(|mut delete| delete.execute(params![now.0, limit]))
        .map_err(unavailable)?;
    Ok(logins + nonces)
}
