//! Pushes that are posted once under a name.

use rusqlite::{Connection, params};

use super::append;
use crate::clock::Micros;
use crate::embedded::members;
use crate::embedded::rows::{self, corrupt, get};
use crate::error::Result;
use crate::identity::Digest;
use crate::push::{PostOnce, PostedOnce};

pub(super) fn post(connection: &Connection, write: PostOnce) -> Result<PostedOnce> {
    let PostOnce { app, member, id, digest, push, known_until, now } = write;
    if !members::is_there(connection, &app, member)? {
        return Ok(PostedOnce::Unknown);
    }
    let select = "SELECT digest, seq FROM posted WHERE member = ?1 AND post = ?2
                  AND expires_at >= ?3";
    let found: Option<(Digest, u64)> =
        rows::one(connection, select, params![member.number(), id, now.0], |row| {
            Ok((get(row, "digest")?, rows::count(row, "seq")?))
        })?;
    match found {
        Some((known, seq)) if known == digest => Ok(PostedOnce::Posted { seq, again: true }),
        Some(_) => Ok(PostedOnce::Differs),
        None => {
            let kept = append(connection, &app, member, vec![push], now)?;
            let seq = kept.and_then(|kept| kept.first().map(|push| push.seq));
            let seq = seq.ok_or_else(|| corrupt("member_session"))?;
            rows::run(
                connection,
                "INSERT OR REPLACE INTO posted (member, post, digest, seq, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![member.number(), id, digest, super::signed(seq), known_until.0],
            )?;
            Ok(PostedOnce::Posted { seq, again: false })
        }
    }
}

pub(super) fn forget(connection: &Connection, now: Micros, limit: usize) -> Result<usize> {
    rows::run(
        connection,
        "DELETE FROM posted WHERE (member, post) IN (
             SELECT member, post FROM posted WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
        params![now.0, rows::signed(limit)],
    )
}
