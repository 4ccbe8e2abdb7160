//! Identities in SQLite.

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use protocol::members::MemberState;
use rusqlite::{Connection, OptionalExtension, params};

use super::engine::unavailable;
use super::{Embedded, members, sessions};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::identity::{
    Digest, Identity, IdentityDuty, IdentityKey, LoginOutcome, LoginWrite, Proof,
};
use crate::members::Member;

#[async_trait]
impl IdentityDuty for Embedded {
    async fn login(&self, write: LoginWrite) -> Result<LoginOutcome> {
        self.truth.write(move |connection| login(connection, &write)).await
    }

    async fn identities(&self, app: AppId, member: MemberId) -> Result<Vec<Identity>> {
        self.truth.read(move |connection| of_member(connection, &app, member)).await
    }
}

/// Every question comes before the first write, so that a refusal leaves nothing behind.
/// One writer runs at a time, so no answer changes on the way.
fn login(connection: &Connection, write: &LoginWrite) -> Result<LoginOutcome> {
    let known = find(connection, &write.key)?;
    let allowed = match (&known, &write.proof) {
        (Some((_, secret)), Proof::Secret(shown)) => secret.as_ref() == Some(shown),
        (Some(_), Proof::Vouched) | (None, Proof::Vouched | Proof::NewSecret(_)) => true,
        (Some(_), Proof::NewSecret(_)) | (None, Proof::Secret(_)) => false,
    };
    if !allowed {
        return Ok(LoginOutcome::Refused);
    }
    if let Some((nonce, _)) = &write.nonce
        && nonce_used(connection, &write.key.app, nonce)?
    {
        return Ok(LoginOutcome::NonceUsed);
    }
    let now = write.login.now;
    let (member, new_member) = match known {
        Some((id, _)) => {
            let member = members::find(connection, &write.key.app, id)?.ok_or_else(|| {
                StorageError::Corrupt(format!("an identity names the absent member {id}"))
            })?;
            if let Some(ban) = member.banned(now) {
                return Ok(LoginOutcome::Banned { member: id, ban: ban.clone() });
            }
            touch(connection, &write.key, now)?;
            (member, false)
        }
        None => {
            let member = Member {
                app: write.key.app.clone(),
                id: write.candidate,
                state: MemberState::Active,
                created_at: now,
                ban: None,
            };
            if !members::make(connection, &member)? {
                return Ok(LoginOutcome::IdTaken);
            }
            link(connection, &write.key, &write.proof, member.id, now)?;
            (member, true)
        }
    };
    if let Some((nonce, expires_at)) = &write.nonce {
        use_nonce(connection, &write.key.app, nonce, *expires_at)?;
    }
    let (epoch, replaced) = sessions::take(connection, &member, &write.login)?;
    Ok(LoginOutcome::LoggedIn { member, new_member, epoch, replaced })
}

fn find(connection: &Connection, key: &IdentityKey) -> Result<Option<(MemberId, Option<Digest>)>> {
    let row: Option<(i64, Option<Digest>)> = connection
        .prepare_cached(
            "SELECT member, secret FROM identity WHERE app = ?1 AND provider = ?2 AND subject = ?3",
        )
        .and_then(|mut select| {
            select
                .query_row(params![key.app.as_str(), key.provider, key.subject], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
        })
        .map_err(unavailable)?;
    row.map(|(member, secret)| {
        MemberId::from_number(member)
            .map(|member| (member, secret))
            .map_err(|error| StorageError::Corrupt(format!("identity.member: {error}")))
    })
    .transpose()
}

fn touch(connection: &Connection, key: &IdentityKey, now: Micros) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE identity SET last_login_at = ?4
             WHERE app = ?1 AND provider = ?2 AND subject = ?3",
        )
        .and_then(|mut update| {
            update.execute(params![key.app.as_str(), key.provider, key.subject, now.0])
        })
        .map(|_| ())
        .map_err(unavailable)
}

fn link(
    connection: &Connection,
    key: &IdentityKey,
    proof: &Proof,
    member: MemberId,
    now: Micros,
) -> Result<()> {
    let secret = match proof {
        Proof::NewSecret(secret) => Some(secret.as_slice()),
        Proof::Secret(_) | Proof::Vouched => None,
    };
    connection
        .prepare_cached(
            "INSERT INTO identity
                 (app, provider, subject, member, secret, linked_at, last_login_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                key.app.as_str(),
                key.provider,
                key.subject,
                member.number(),
                secret,
                now.0
            ])
        })
        .map(|_| ())
        .map_err(unavailable)
}

fn nonce_used(connection: &Connection, app: &AppId, nonce: &Digest) -> Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM used_nonce WHERE app = ?1 AND nonce = ?2")
        .and_then(|mut select| select.exists(params![app.as_str(), nonce]))
        .map_err(unavailable)
}

fn use_nonce(connection: &Connection, app: &AppId, nonce: &Digest, until: Micros) -> Result<()> {
    connection
        .prepare_cached("INSERT INTO used_nonce (app, nonce, expires_at) VALUES (?1, ?2, ?3)")
        .and_then(|mut insert| insert.execute(params![app.as_str(), nonce, until.0]))
        .map(|_| ())
        .map_err(unavailable)
}

fn of_member(connection: &Connection, app: &AppId, member: MemberId) -> Result<Vec<Identity>> {
    let mut select = connection
        .prepare_cached(
            "SELECT provider, linked_at, last_login_at FROM identity
             WHERE member = ?1 AND app = ?2 ORDER BY linked_at, provider",
        )
        .map_err(unavailable)?;
    let rows = select
        .query_map(params![member.number(), app.as_str()], |row| {
            Ok(Identity {
                provider: row.get(0)?,
                linked_at: Micros(row.get(1)?),
                last_login_at: Micros(row.get(2)?),
            })
        })
        .map_err(unavailable)?;
    rows.map(|row| row.map_err(unavailable)).collect()
}
