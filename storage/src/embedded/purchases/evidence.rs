//! What was shown.

use protocol::client::StoreName;
use rusqlite::{Connection, Row, params};

use crate::clock::Micros;
use crate::embedded::rows::{self, get};
use crate::error::Result;
use crate::identity::Digest;
use crate::purchases::{Closing, Evidence, EvidenceEnd, Received, Shown, Source};

const EVIDENCE: &str = "evidence, app, store, member, mark, body, reservation, shown, claim, why, \
                        tries, created_at";

/// One that was there before.
fn received(row: &Row<'_>) -> Result<Received> {
    let evidence = Evidence {
        app: rows::app(row)?,
        store: rows::word(row, "store", StoreName::parse)?,
        source: rows::member(row, "member")?.map_or(Source::Told, Source::Posted),
        mark: get(row, "mark")?,
        body: get(row, "body")?,
        reservation: get(row, "reservation")?,
    };
    Ok(Received {
        digest: get(row, "evidence")?,
        evidence,
        again: true,
        shown: rows::word(row, "shown", Shown::parse)?,
        claim: get(row, "claim")?,
        why: get(row, "why")?,
        tries: rows::count(row, "tries")?,
        at: Micros(get(row, "created_at")?),
    })
}

pub(super) fn find(connection: &Connection, digest: &Digest) -> Result<Option<Received>> {
    let select = format!("SELECT {EVIDENCE} FROM evidence WHERE evidence = ?1");
    rows::one(connection, &select, [digest], received)
}

pub(super) fn parked(connection: &Connection, limit: usize) -> Result<Vec<Received>> {
    let select = format!(
        "SELECT {EVIDENCE} FROM evidence WHERE shown = 'parked' ORDER BY changed_at LIMIT ?1"
    );
    rows::all(connection, &select, [rows::signed(limit)], received)
}

pub(super) fn receive(
    connection: &Connection,
    evidence: Evidence,
    now: Micros,
    until: Micros,
) -> Result<Received> {
    let digest = evidence.digest();
    match find(connection, &digest)? {
        None => {
            insert(connection, &digest, &evidence, now, until)?;
            Ok(Received {
                digest,
                evidence,
                again: false,
                shown: Shown::Waiting,
                claim: None,
                why: None,
                tries: 0,
                at: now,
            })
        }
        Some(found) => match found.shown {
            Shown::Done | Shown::Refused => Ok(found),
            Shown::Waiting | Shown::Parked => {
                rows::run(
                    connection,
                    "UPDATE evidence SET body = ?2, reservation = ?3, shown = ?4, due_at = ?5,
                         changed_at = ?6 WHERE evidence = ?1",
                    params![
                        digest,
                        evidence.body,
                        evidence.reservation,
                        Shown::Waiting.word(),
                        until.0,
                        now.0
                    ],
                )?;
                Ok(Received { evidence, shown: Shown::Waiting, ..found })
            }
        },
    }
}

fn insert(
    connection: &Connection,
    digest: &Digest,
    evidence: &Evidence,
    now: Micros,
    until: Micros,
) -> Result<()> {
    let member = match evidence.source {
        Source::Posted(member) => Some(member.number()),
        Source::Told => None,
    };
    rows::run(
        connection,
        "INSERT INTO evidence (evidence, app, store, member, mark, body, reservation, shown, tries,
             due_at, created_at, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, ?10)",
        params![
            digest,
            evidence.app.as_str(),
            evidence.store.word(),
            member,
            evidence.mark,
            evidence.body,
            evidence.reservation,
            Shown::Waiting.word(),
            until.0,
            now.0,
        ],
    )?;
    Ok(())
}

pub(super) fn lease(
    connection: &Connection,
    now: Micros,
    until: Micros,
    limit: usize,
) -> Result<Vec<Received>> {
    let select = format!(
        "SELECT {EVIDENCE} FROM evidence WHERE due_at IS NOT NULL AND due_at <= ?1
         ORDER BY due_at LIMIT ?2"
    );
    let due = rows::all(connection, &select, params![now.0, rows::signed(limit)], received)?;
    for received in &due {
        let update = "UPDATE evidence SET due_at = ?2 WHERE evidence = ?1";
        rows::run(connection, update, params![received.digest, until.0])?;
    }
    Ok(due)
}

/// What is answered stays so: a word that comes late opens nothing again.
pub(super) fn close(connection: &Connection, closing: &Closing) -> Result<()> {
    let Closing { digest, source: _, end, now } = closing;
    match end {
        EvidenceEnd::Done(claim) => done(connection, digest, claim, *now),
        EvidenceEnd::Nothing => answered(connection, digest, Shown::Done, None, *now),
        EvidenceEnd::Refused(why) => answered(connection, digest, Shown::Refused, Some(why), *now),
        EvidenceEnd::Parked(why) => rows::run(
            connection,
            "UPDATE evidence SET shown = 'parked', why = ?2, due_at = NULL, changed_at = ?3
             WHERE evidence = ?1 AND shown = 'waiting'",
            params![digest, why, now.0],
        )
        .map(|_| ()),
        EvidenceEnd::Again => rows::run(
            connection,
            "UPDATE evidence SET shown = 'waiting', tries = 0, due_at = ?2, changed_at = ?2
             WHERE evidence = ?1 AND shown = 'parked'",
            params![digest, now.0],
        )
        .map(|_| ()),
        EvidenceEnd::Later(at, why) => rows::run(
            connection,
            "UPDATE evidence SET tries = tries + 1, why = ?2, due_at = ?3, changed_at = ?4
             WHERE evidence = ?1 AND shown = 'waiting'",
            params![digest, why, at.0, now.0],
        )
        .map(|_| ()),
    }
}

/// It led to a claim, whatever was thought of it before.
pub(super) fn done(
    connection: &Connection,
    digest: &Digest,
    claim: &Digest,
    now: Micros,
) -> Result<()> {
    rows::run(
        connection,
        "UPDATE evidence SET shown = 'done', claim = ?2, mark = '', body = '', why = NULL,
             due_at = NULL, changed_at = ?3 WHERE evidence = ?1 AND claim IS NULL",
        params![digest, claim, now.0],
    )?;
    Ok(())
}

fn answered(
    connection: &Connection,
    digest: &Digest,
    shown: Shown,
    why: Option<&str>,
    now: Micros,
) -> Result<()> {
    rows::run(
        connection,
        "UPDATE evidence SET shown = ?2, mark = '', body = '', why = ?3, due_at = NULL,
             changed_at = ?4 WHERE evidence = ?1 AND shown IN ('waiting', 'parked')",
        params![digest, shown.word(), why, now.0],
    )?;
    Ok(())
}

pub(super) fn forget(connection: &Connection, before: Micros, limit: usize) -> Result<usize> {
    rows::run(
        connection,
        "DELETE FROM evidence WHERE evidence IN (
             SELECT evidence FROM evidence
             WHERE shown IN ('done', 'refused') AND changed_at < ?1 LIMIT ?2)",
        params![before.0, rows::signed(limit)],
    )
}
