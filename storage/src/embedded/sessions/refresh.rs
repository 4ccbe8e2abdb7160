//! The exchange of refresh tokens in SQLite.

use protocol::ids::{AppId, LoginId, MemberId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{end, epoch, standing, take};
use crate::clock::Micros;
use crate::embedded::engine::unavailable;
use crate::embedded::members;
use crate::error::{Result, StorageError};
use crate::members::Member;
use crate::sessions::exchange::{Chain, Verdict};
use crate::sessions::{End, EndedBy, NewLogin, RefreshOutcome, RefreshWrite, TakeOver};

fn find(connection: &Connection, app: &AppId, id: LoginId) -> Result<Option<Chain>> {
    connection
        .prepare_cached(
            "SELECT login, member, epoch, refreshed_at, expires_at, ended_by, tag, token,
                 previous, sealed
             FROM login WHERE login = ?1 AND app = ?2",
        )
        .and_then(|mut select| select.query_row(params![id.0, app.as_str()], read).optional())
        .map_err(unavailable)?
        .transpose()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Chain>> {
    let id = LoginId(row.get(0)?);
    let (member, ended): (i64, Option<String>) = (row.get(1)?, row.get(5)?);
    let corrupt = |column: &str| StorageError::Corrupt(format!("login.{column} of {id}"));
    let ended =
        ended.map(|word| EndedBy::parse(&word).ok_or_else(|| corrupt("ended_by"))).transpose();
    let (member, ended) = match (MemberId::from_number(member), ended) {
        (Ok(member), Ok(ended)) => (member, ended),
        (Err(_), _) => return Ok(Err(corrupt("member"))),
        (_, Err(error)) => return Ok(Err(error)),
    };
    Ok(Ok(Chain {
        member,
        epoch: row.get(2)?,
        refreshed_at: Micros(row.get(3)?),
        expires_at: Micros(row.get(4)?),
        ended,
        tag: row.get(6)?,
        token: row.get(7)?,
        previous: row.get(8)?,
        sealed: row.get(9)?,
    }))
}

/// Exchanges a refresh token.
pub(super) fn refresh(connection: &Connection, write: &RefreshWrite) -> Result<RefreshOutcome> {
    let Some(chain) = find(connection, &write.app, write.login)? else {
        return Ok(RefreshOutcome::Unknown);
    };
    let found = members::find(connection, &write.app, chain.member)?;
    let ban = found.as_ref().and_then(|member| member.banned(write.now)).cloned();
    let whose = || {
        found.clone().ok_or_else(|| {
            StorageError::Corrupt(format!("login {} names an absent member", write.login))
        })
    };
    Ok(match chain.judge(epoch(connection, chain.member)?, ban, write) {
        Verdict::Banned(ban) => RefreshOutcome::Banned(ban),
        Verdict::Unknown => RefreshOutcome::Unknown,
        Verdict::Ended(by) => RefreshOutcome::Ended(by),
        Verdict::Repeat { sealed, expires_at } => {
            RefreshOutcome::Repeated { member: whose()?, sealed, expires_at }
        }
        Verdict::Reused => {
            let which = End::One(write.login);
            end(connection, &write.app, chain.member, which, EndedBy::Reuse, write.now)?;
            RefreshOutcome::Reused { member: chain.member }
        }
        Verdict::Expired => RefreshOutcome::Expired,
        Verdict::Replaced => RefreshOutcome::Replaced,
        Verdict::TakeOver(offer) => take_over(connection, write, offer, &whose()?)?,
        Verdict::Rotate => {
            let member = whose()?;
            rotate(connection, write)?;
            RefreshOutcome::Rotated { member }
        }
    })
}

/// Gives the session back to a login that was replaced, as a new login: the old one's
/// tokens stop here.
fn take_over(
    connection: &Connection,
    write: &RefreshWrite,
    offer: &TakeOver,
    member: &Member,
) -> Result<RefreshOutcome> {
    let old = standing(connection, &write.app, member.id, write.login)?
        .ok_or_else(|| StorageError::Corrupt(format!("login {} went away", write.login)))?
        .login;
    let login = NewLogin {
        id: offer.id,
        provider: old.provider,
        device: old.device,
        tag: offer.tag,
        token: offer.token,
        expires_at: write.expires_at,
        now: write.now,
    };
    let which = End::One(write.login);
    end(connection, &write.app, member.id, which, EndedBy::TakeOver, write.now)?;
    // The answer may be lost: the token that took over can ask for it again for a while.
    connection
        .prepare_cached(
            "UPDATE login SET token = ?2, sealed = ?3, refreshed_at = ?4, expires_at = ?5
             WHERE login = ?1",
        )
        .and_then(|mut update| {
            update.execute(params![
                write.login.0,
                write.token,
                offer.sealed,
                write.now.0,
                write.expires_at.0
            ])
        })
        .map_err(unavailable)?;
    let (epoch, replaced) = take(connection, member, &login)?;
    Ok(RefreshOutcome::TakenOver { member: member.clone(), epoch, replaced })
}

/// Puts the offered token behind the one that was shown; a successor of that one which
/// was never used is forgotten.
fn rotate(connection: &Connection, write: &RefreshWrite) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE login SET previous = ?2, token = ?3, sealed = ?4, refreshed_at = ?5,
                 expires_at = ?6 WHERE login = ?1",
        )
        .and_then(|mut update| {
            update.execute(params![
                write.login.0,
                write.token,
                write.next,
                write.next_sealed,
                write.now.0,
                write.expires_at.0
            ])
        })
        .map(|_| ())
        .map_err(unavailable)
}
