//! Documents in SQLite.

use async_trait::async_trait;
use protocol::ids::AppId;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::rows::{self, get, signed};
use super::{Embedded, audit};
use crate::audit::{Actor, Made};
use crate::clock::Micros;
use crate::documents::{Change, Changed, Document, DocumentsDuty, Kind, Upon, Whose, Write};
use crate::error::Result;

#[async_trait]
impl DocumentsDuty for Embedded {
    async fn change(&self, change: Change, upon: Option<Upon>) -> Result<Changed> {
        self.truth.write(move |connection| apply(connection, &change, upon)).await
    }

    async fn document(&self, kind: Kind, id: Uuid) -> Result<Option<Document>> {
        self.truth.read(move |connection| find(connection, kind, id)).await
    }

    async fn named(
        &self,
        kind: Kind,
        app: Option<AppId>,
        handle: String,
    ) -> Result<Option<Document>> {
        self.truth.read(move |connection| named(connection, kind, app.as_ref(), &handle)).await
    }

    async fn since(&self, revision: i64, limit: usize) -> Result<Vec<Document>> {
        let select = format!(
            "SELECT {DOCUMENT} FROM document WHERE revision > ?1 ORDER BY revision LIMIT ?2"
        );
        let read = move |connection: &Connection| {
            rows::all(connection, &select, params![revision, signed(limit)], document)
        };
        self.truth.read(read).await
    }

    async fn documents(
        &self,
        kind: Kind,
        whose: Whose,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Document>> {
        self.truth.read(move |connection| list(connection, kind, &whose, after, limit)).await
    }

    async fn head(&self) -> Result<i64> {
        self.truth.read(head).await
    }
}

const DOCUMENT: &str =
    "kind, id, app, handle, version, revision, body, sealed, removed, changed_at, changed_by";

fn document(row: &Row<'_>) -> Result<Document> {
    Ok(Document {
        kind: rows::word(row, "kind", Kind::parse)?,
        id: get(row, "id")?,
        app: owner(row)?,
        handle: get(row, "handle")?,
        version: get(row, "version")?,
        revision: get(row, "revision")?,
        body: get(row, "body")?,
        sealed: get(row, "sealed")?,
        removed: get(row, "removed")?,
        changed_at: Micros(get(row, "changed_at")?),
        changed_by: rows::word(row, "changed_by", Actor::parse)?,
    })
}

/// Whose a row is; an empty word is the publisher's.
pub(super) fn owner(row: &Row<'_>) -> Result<Option<AppId>> {
    let app: String = get(row, "app")?;
    if app.is_empty() { Ok(None) } else { rows::app(row).map(Some) }
}

/// How an owner is kept.
pub(super) fn word(app: Option<&AppId>) -> &str {
    app.map_or("", |app| app.as_str())
}

pub(super) fn find(connection: &Connection, kind: Kind, id: Uuid) -> Result<Option<Document>> {
    let select = format!("SELECT {DOCUMENT} FROM document WHERE kind = ?1 AND id = ?2");
    rows::one(connection, &select, params![kind.word(), id], document)
}

fn named(
    connection: &Connection,
    kind: Kind,
    app: Option<&AppId>,
    handle: &str,
) -> Result<Option<Document>> {
    let select = format!(
        "SELECT {DOCUMENT} FROM document
         WHERE kind = ?1 AND app = ?2 AND handle = ?3 AND removed = 0 AND handle IS NOT NULL"
    );
    rows::one(connection, &select, params![kind.word(), word(app), handle], document)
}

fn list(
    connection: &Connection,
    kind: Kind,
    whose: &Whose,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Document>> {
    let select = format!(
        "SELECT {DOCUMENT} FROM document
         WHERE kind = ?1 AND (?2 IS NULL OR app = ?2) AND id > ?3 AND removed = 0
         ORDER BY id LIMIT ?4"
    );
    let app = match whose {
        Whose::Everybodys => None,
        Whose::Publishers => Some(""),
        Whose::Games(app) => Some(app.as_str()),
    };
    let values = params![kind.word(), app, after.unwrap_or(Uuid::nil()), signed(limit)];
    rows::all(connection, &select, values, document)
}

fn head(connection: &Connection) -> Result<i64> {
    let select = "SELECT coalesce(max(revision), 0) AS head FROM document";
    rows::one(connection, select, [], |row| get(row, "head")).map(Option::unwrap_or_default)
}

/// One writer writes, so nothing has to be locked.
fn apply(connection: &Connection, change: &Change, upon: Option<Upon>) -> Result<Changed> {
    if let Some(sent) = &change.key
        && let Some(made) = audit::made_by(connection, change.by, &sent.key)?
    {
        return repeated(connection, made, sent.request);
    }
    let before = find(connection, change.kind, change.id)?;
    if let Some(refused) = change.refused(before.as_ref()) {
        return Ok(refused);
    }
    if let Some(upon) = upon
        && let Some(refused) = upon.refused(find(connection, change.kind, upon.id)?)
    {
        return Ok(refused);
    }
    if let (Write::Put { .. }, Some(handle)) = (&change.write, &change.handle) {
        let other = named(connection, change.kind, change.app.as_ref(), handle)?;
        if let Some(other) = other.filter(|other| other.id != change.id) {
            return Ok(Changed::Exists(other));
        }
    }
    let after = change.made(before.as_ref(), head(connection)?.saturating_add(1));
    put(connection, &after)?;
    audit::add(connection, &Made::of(change, before.as_ref(), &after))?;
    Ok(Changed::Written(after))
}

fn repeated(connection: &Connection, made: Made, request: [u8; 32]) -> Result<Changed> {
    if made.request != Some(request) {
        return Ok(Changed::KeyReused);
    }
    let stands = match (made.act.kind, made.act.of) {
        (Some(kind), Some(id)) => find(connection, kind, id)?,
        (Some(_) | None, _) => None,
    };
    Ok(made.document(stands).map_or(Changed::KeyReused, Changed::Repeated))
}

fn put(connection: &Connection, it: &Document) -> Result<()> {
    rows::run(
        connection,
        "INSERT INTO document (kind, id, app, handle, version, revision, body, sealed, removed,
             changed_at, changed_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (kind, id) DO UPDATE SET handle = excluded.handle,
             version = excluded.version, revision = excluded.revision, body = excluded.body,
             sealed = excluded.sealed, removed = excluded.removed,
             changed_at = excluded.changed_at, changed_by = excluded.changed_by",
        params![
            it.kind.word(),
            it.id,
            word(it.app.as_ref()),
            it.handle,
            it.version,
            it.revision,
            it.body,
            it.sealed,
            it.removed,
            it.changed_at.0,
            it.changed_by.to_string(),
        ],
    )?;
    Ok(())
}
