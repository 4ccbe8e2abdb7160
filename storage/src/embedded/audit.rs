//! Who did what, in SQLite.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use super::Embedded;
use super::documents::{owner, word};
use super::rows::{self, get, signed};
use crate::audit::{Act, Actor, ActsRead, AuditDuty, Made};
use crate::clock::Micros;
use crate::documents::Kind;
use crate::error::Result;

#[async_trait]
impl AuditDuty for Embedded {
    async fn append(&self, act: Act) -> Result<bool> {
        self.truth.write(move |connection| add(connection, &Made::alone(act))).await
    }

    async fn acts(&self, read: ActsRead) -> Result<Vec<Act>> {
        self.truth.read(move |connection| page(connection, &read)).await
    }
}

const ACT: &str = "act, at, actor, what, kind, document, app, before, after, sealed_changed, \
                   sent_key, request, handle, version, revision";

fn made(row: &Row<'_>) -> Result<Made> {
    Ok(Made {
        act: act(row)?,
        request: get(row, "request")?,
        handle: get(row, "handle")?,
        version: get(row, "version")?,
        revision: get(row, "revision")?,
    })
}

fn act(row: &Row<'_>) -> Result<Act> {
    Ok(Act {
        id: get(row, "act")?,
        at: Micros(get(row, "at")?),
        by: rows::word(row, "actor", Actor::parse)?,
        what: get(row, "what")?,
        kind: rows::maybe(row, "kind", Kind::parse)?,
        of: get(row, "document")?,
        app: owner(row)?,
        before: get(row, "before")?,
        after: get(row, "after")?,
        sealed_changed: get(row, "sealed_changed")?,
        key: get(row, "sent_key")?,
    })
}

/// What an actor did under a key.
pub(super) fn made_by(connection: &Connection, by: Actor, key: &str) -> Result<Option<Made>> {
    let select = format!("SELECT {ACT} FROM act WHERE actor = ?1 AND sent_key = ?2");
    rows::one(connection, &select, params![by.to_string(), key], made)
}

/// Adds an act; says whether it is new.
pub(super) fn add(connection: &Connection, made: &Made) -> Result<bool> {
    let act = &made.act;
    let insert = format!(
        "INSERT INTO act ({ACT})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT DO NOTHING"
    );
    let added = rows::run(
        connection,
        &insert,
        params![
            act.id,
            act.at.0,
            act.by.to_string(),
            act.what,
            act.kind.map(Kind::word),
            act.of,
            word(act.app.as_ref()),
            act.before,
            act.after,
            act.sealed_changed,
            act.key,
            made.request,
            made.handle,
            made.version,
            made.revision,
        ],
    )?;
    Ok(added == 1)
}

/// The statement of a page. Acts on one document are found by it (a `+` keeps an index out of it),
/// else those of an actor by him, those in a game by it, and all by their time.
pub(super) fn select(read: &ActsRead) -> String {
    let (by_actor, by_app) = ("actor = ?4", "app = ?3");
    let document = "(?1 IS NULL OR +kind = ?1) AND (?2 IS NULL OR +document = ?2)";
    let (actor, app) = ("(?4 IS NULL OR +actor = ?4)", "(?3 IS NULL OR +app = ?3)");
    let (document, actor, app) = match (read.kind.and(read.of), read.by, &read.app) {
        (Some(_), _, _) => ("kind = ?1 AND document = ?2 AND document IS NOT NULL", actor, app),
        (None, Some(_), _) => (document, by_actor, app),
        (None, None, Some(_)) => (document, actor, by_app),
        (None, None, None) => (document, actor, app),
    };
    format!(
        "SELECT {ACT} FROM act WHERE {document} AND {app} AND {actor}
             AND at >= ?5 AND at < ?6 AND (at, act) < (?7, ?8)
         ORDER BY at DESC, act DESC LIMIT ?9"
    )
}

fn page(connection: &Connection, read: &ActsRead) -> Result<Vec<Act>> {
    let (at, id) = read.after.map_or((i64::MAX, None), |(at, id)| (at.0, Some(id)));
    let values = params![
        read.kind.map(Kind::word),
        read.of,
        read.app.as_ref().map(|app| app.as_str()),
        read.by.map(|by| by.to_string()),
        read.from.map_or(i64::MIN, |at| at.0),
        read.to.map_or(i64::MAX, |at| at.0),
        at,
        id.unwrap_or(uuid::Uuid::max()),
        signed(read.limit),
    ];
    rows::all(connection, &select(read), values, act)
}
