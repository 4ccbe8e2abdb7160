//! The exchange of refresh tokens in SQLite.

use protocol::ids::{AppId, LoginId, MemberId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{end, epoch, standing, take};
use crate::clock::Micros;
use crate::embedded::engine::unavailable;
use crate::embedded::members;
use crate::error::{Result, StorageError};
use crate::identity::Digest;
use crate::members::Member;
use crate::sessions::{End, EndedBy, NewLogin, RefreshOutcome, RefreshWrite};

/// The columns that decide on an exchange.
struct Chain {
    member: MemberId,
    epoch: i64,
    refreshed_at: Micros,
    expires_at: Micros,
    ended: Option<EndedBy>,
    tag: Digest,
    token: Digest,
    previous: Option<Digest>,
    sealed: Option<Vec<u8>>,
}

impl Chain {
    fn find(connection: &Connection, app: &AppId, id: LoginId) -> Result<Option<Self>> {
        connection
            .prepare_cached(
                "SELECT login, member, epoch, refreshed_at, expires_at, ended_by, tag, token,
                     previous, sealed
                 FROM login WHERE login = ?1 AND app = ?2",
            )
            .and_then(|mut select| {
                select.query_row(params![id.0, app.as_str()], Self::read).optional()
            })
            .map_err(unavailable)?
            .transpose()
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Result<Self>> {
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
        Ok(Ok(Self {
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
}

impl Chain {
    /// The new login's first token, sealed, if this very token took the session back
    /// moments ago.
    fn taken_over_by(&self, write: &RefreshWrite) -> Option<Vec<u8>> {
        let again = self.ended == Some(EndedBy::TakeOver)
            && write.take_over.is_some()
            && self.token == write.token
            && self.refreshed_at > write.repeat_since;
        self.sealed.clone().filter(|_| again)
    }
}

fn member(connection: &Connection, write: &RefreshWrite, id: MemberId) -> Result<Member> {
    members::find(connection, &write.app, id)?.ok_or_else(|| {
        StorageError::Corrupt(format!("login {} names an absent member", write.login))
    })
}

/// Exchanges a refresh token.
pub(super) fn refresh(connection: &Connection, write: &RefreshWrite) -> Result<RefreshOutcome> {
    let Some(chain) = Chain::find(connection, &write.app, write.login)? else {
        return Ok(RefreshOutcome::Unknown);
    };
    if chain.tag != write.tag {
        return Ok(RefreshOutcome::Unknown);
    }
    if let Some(by) = chain.ended {
        return match chain.taken_over_by(write) {
            Some(sealed) => {
                let member = member(connection, write, chain.member)?;
                if let Some(ban) = member.banned(write.now) {
                    return Ok(RefreshOutcome::Banned(ban.clone()));
                }
                Ok(RefreshOutcome::Repeated { member, sealed, expires_at: chain.expires_at })
            }
            None => Ok(RefreshOutcome::Ended(by)),
        };
    }
    let present = chain.token == write.token;
    let previous = chain.previous == Some(write.token);
    if !present && !previous {
        // The tag is a secret of this chain: the token was given once and has been used.
        let which = End::One(write.login);
        end(connection, &write.app, chain.member, which, EndedBy::Reuse, write.now)?;
        return Ok(RefreshOutcome::Reused { member: chain.member });
    }
    if chain.expires_at <= write.now {
        return Ok(RefreshOutcome::Expired);
    }
    let member = member(connection, write, chain.member)?;
    if let Some(ban) = member.banned(write.now) {
        return Ok(RefreshOutcome::Banned(ban.clone()));
    }
    if chain.epoch != epoch(connection, chain.member)? {
        return take_over(connection, write, &member);
    }
    match chain.sealed {
        Some(sealed) if previous && chain.refreshed_at > write.repeat_since => {
            let expires_at = chain.expires_at;
            return Ok(RefreshOutcome::Repeated { member, sealed, expires_at });
        }
        Some(_) | None => rotate(connection, write)?,
    }
    Ok(RefreshOutcome::Rotated { member })
}

/// Gives the session back to a login that was replaced, as a new login: the old one's
/// tokens stop here.
fn take_over(
    connection: &Connection,
    write: &RefreshWrite,
    member: &Member,
) -> Result<RefreshOutcome> {
    let Some(offer) = &write.take_over else {
        return Ok(RefreshOutcome::Replaced);
    };
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
