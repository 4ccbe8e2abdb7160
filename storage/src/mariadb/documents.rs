//! Documents, on the home primary.
//!
//! A change locks the row of the last revision first and everything else after it, so changes
//! take turns, and what is read afterwards is what the one before left.

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::AppId;
use uuid::Uuid;

use super::fault::{Fault, is_repeated};
use super::router::{HOME, ReadSet, Shard, WriteSet};
use super::rows::{app, bound, cell, flag, id, peek, upsert_returning, uuid, word};
use super::tx::Tx;
use super::{MariaDb, audit};
use crate::audit::{Actor, Made};
use crate::clock::Micros;
use crate::documents::{Change, Changed, Document, DocumentsDuty, Kind, Upon, Whose, Write};
use crate::error::{Result, StorageError};
use crate::identity::Digest;

#[async_trait]
impl DocumentsDuty for MariaDb {
    async fn change(&self, change: Change, upon: Option<Upon>) -> Result<Changed> {
        self.router.write_one::<Apply>((change, upon)).await
    }

    async fn document(&self, kind: Kind, id: Uuid) -> Result<Option<Document>> {
        Ok(self.router.read_one::<Select>(Select::one(kind, id)).await?.pop())
    }

    async fn named(
        &self,
        kind: Kind,
        app: Option<AppId>,
        handle: String,
    ) -> Result<Option<Document>> {
        Ok(self.router.read_one::<Select>(Select::named(kind, app.as_ref(), &handle)).await?.pop())
    }

    async fn since(&self, revision: i64, limit: usize) -> Result<Vec<Document>> {
        let values = vec![revision.into(), bound(limit).into()];
        let select = Select { wanted: "revision > ? ORDER BY revision LIMIT ?", values };
        self.router.read_one::<Select>(select).await
    }

    async fn documents(
        &self,
        kind: Kind,
        whose: Whose,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Document>> {
        self.router.read_one::<Select>(Select::list(kind, &whose, after, limit)).await
    }

    async fn head(&self) -> Result<i64> {
        self.router.read_one::<Head>(()).await
    }
}

const COLUMNS: &str =
    "kind, id, app, handle, version, revision, body, sealed, removed, changed_at, changed_by";

fn document(mut row: Row) -> Result<Document> {
    let row = &mut row;
    Ok(Document {
        kind: word(row, 0, "document.kind", Kind::parse)?,
        id: uuid(row, 1, "document.id")?,
        app: owner(row, 2, "document.app")?,
        handle: cell(row, 3, "document.handle")?,
        version: cell(row, 4, "document.version")?,
        revision: cell(row, 5, "document.revision")?,
        body: cell(row, 6, "document.body")?,
        sealed: cell(row, 7, "document.sealed")?,
        removed: flag(row, 8, "document.removed")?,
        changed_at: Micros(cell(row, 9, "document.changed_at")?),
        changed_by: word(row, 10, "document.changed_by", Actor::parse)?,
    })
}

/// Whose a row is; an empty word is the publisher's.
pub(super) fn owner(row: &mut Row, at: usize, what: &str) -> Result<Option<AppId>> {
    let owner: String = peek(row, at, what)?;
    if owner.is_empty() { Ok(None) } else { app(row, at, what).map(Some) }
}

/// How an owner is kept.
pub(super) fn owner_word(app: Option<&AppId>) -> Value {
    app.map_or("", |app| app.as_str()).into()
}

/// Reads documents by a condition.
struct Select {
    wanted: &'static str,
    values: Vec<Value>,
}

impl Select {
    fn one(kind: Kind, document: Uuid) -> Self {
        Self { wanted: "kind = ? AND id = ?", values: vec![kind.word().into(), id(document)] }
    }

    fn named(kind: Kind, app: Option<&AppId>, handle: &str) -> Self {
        Self {
            wanted: "kind = ? AND app = ? AND standing = ?",
            values: vec![kind.word().into(), owner_word(app), handle.into()],
        }
    }

    fn list(kind: Kind, whose: &Whose, after: Option<Uuid>, limit: usize) -> Self {
        let (kind, after) = (kind.word().into(), id(after.unwrap_or(Uuid::nil())));
        let app = match whose {
            Whose::Everybodys => None,
            Whose::Publishers => Some(owner_word(None)),
            Whose::Games(app) => Some(owner_word(Some(app))),
        };
        let limit = bound(limit).into();
        match app {
            None => Self {
                wanted: "kind = ? AND id > ? AND removed = 0 ORDER BY id LIMIT ?",
                values: vec![kind, after, limit],
            },
            Some(app) => Self {
                wanted: "kind = ? AND id > ? AND app = ? AND removed = 0 ORDER BY id LIMIT ?",
                values: vec![kind, after, app, limit],
            },
        }
    }

    async fn run(self, connection: &mut Conn) -> Result<Vec<Document>, Fault> {
        let Self { wanted, values } = self;
        let select = format!("SELECT {COLUMNS} FROM document WHERE {wanted}");
        let rows: Vec<Row> = connection.exec(select, Params::Positional(values)).await?;
        Ok(rows.into_iter().map(document).collect::<Result<_>>()?)
    }
}

impl ReadSet for Select {
    type Item = Self;
    type Answer = Vec<Document>;

    fn shard(_: &Self) -> Shard {
        HOME
    }

    async fn read(
        items: &[&Self],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            let select = Self { wanted: item.wanted, values: item.values.clone() };
            answers.push(Ok(select.run(connection).await?));
        }
        Ok(answers)
    }
}

struct Head;

impl ReadSet for Head {
    type Item = ();
    type Answer = i64;

    fn shard((): &()) -> Shard {
        HOME
    }

    async fn read(items: &[&()], connection: &mut Conn) -> Result<Vec<Result<i64>>, Fault> {
        let select = "SELECT revision FROM document_head WHERE head = 1";
        let head: Option<i64> = connection.exec_first(select, ()).await?;
        Ok(items.iter().map(|()| Ok(head.unwrap_or(0))).collect())
    }
}

struct Apply;

impl WriteSet for Apply {
    const NAME: &'static str = "documents.change";
    type Item = (Change, Option<Upon>);
    type Answer = Changed;
    // Each in a transaction of its own.
    type Key = ();

    fn shard(_: &Self::Item) -> Shard {
        HOME
    }

    fn key(_: &Self::Item) {}

    async fn write(changes: &[&Self::Item], tx: &mut Tx) -> Result<Vec<Result<Changed>>, Fault> {
        let mut changed = Vec::with_capacity(changes.len());
        for (change, upon) in changes {
            changed.push(Ok(apply(change, *upon, tx).await?));
        }
        Ok(changed)
    }
}

async fn apply(change: &Change, upon: Option<Upon>, tx: &mut Tx) -> Result<Changed, Fault> {
    let head = lock_head(tx).await?;
    if let Some(sent) = &change.key
        && let Some(made) = audit::made_by(change.by, &sent.key, tx).await?
    {
        return repeated(made, sent.request, tx).await;
    }
    let before = Select::one(change.kind, change.id).run(tx).await?.pop();
    if let Some(refused) = change.refused(before.as_ref()) {
        return Ok(refused);
    }
    if let Some(upon) = upon {
        let stands = Select::one(change.kind, upon.id).run(tx).await?.pop();
        if let Some(refused) = upon.refused(stands) {
            return Ok(refused);
        }
    }
    if let (Write::Put { .. }, Some(handle)) = (&change.write, &change.handle) {
        let select = Select::named(change.kind, change.app.as_ref(), handle);
        let other = select.run(tx).await?.pop().filter(|other| other.id != change.id);
        if let Some(other) = other {
            return Ok(Changed::Exists(other));
        }
    }
    let after = change.made(before.as_ref(), head.saturating_add(1));
    tx.exec_drop("UPDATE document_head SET revision = ? WHERE head = 1", (after.revision,)).await?;
    put(before.as_ref(), &after, tx).await?;
    audit::add(&Made::of(change, before.as_ref(), &after), tx).await?;
    Ok(Changed::Written(after))
}

/// The revision of the last change, which nobody else goes on from before this ends.
async fn lock_head(tx: &mut Tx) -> Result<i64, Fault> {
    let row = vec![1.into(), 0.into()];
    let stays = "head = VALUES(head)";
    let into = "document_head (head, revision)";
    let rows = upsert_returning(tx, into, vec![row], stays, "revision").await?;
    let mut row = rows.into_iter().next().ok_or_else(no_head)?;
    Ok(cell(&mut row, 0, "document_head.revision")?)
}

fn no_head() -> StorageError {
    StorageError::Corrupt("document_head".to_owned())
}

async fn repeated(made: Made, request: Digest, tx: &mut Tx) -> Result<Changed, Fault> {
    if made.request != Some(request) {
        return Ok(Changed::KeyReused);
    }
    let stands = match (made.act.kind, made.act.of) {
        (Some(kind), Some(id)) => Select::one(kind, id).run(tx).await?.pop(),
        (Some(_) | None, _) => None,
    };
    Ok(made.document(stands).map_or(Changed::KeyReused, Changed::Repeated))
}

/// Writes a document where it stands, or where nothing does: never over another one, of which the
/// revision or the handle would be its own.
async fn put(before: Option<&Document>, it: &Document, tx: &mut Tx) -> Result<(), Fault> {
    let mut values: Vec<Value> = vec![
        it.handle.as_deref().into(),
        it.version.into(),
        it.revision.into(),
        it.body.as_str().into(),
        it.sealed.as_deref().into(),
        it.removed.into(),
        it.changed_at.0.into(),
        it.changed_by.to_string().into(),
        it.kind.word().into(),
        id(it.id),
    ];
    let (put, last) = match before {
        Some(before) => (
            "UPDATE document SET handle = ?, version = ?, revision = ?, body = ?, sealed = ?, \
                 removed = ?, changed_at = ?, changed_by = ? \
             WHERE kind = ? AND id = ? AND version = ?",
            before.version.into(),
        ),
        None => (
            "INSERT INTO document (handle, version, revision, body, sealed, removed, changed_at, \
                 changed_by, kind, id, app) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            owner_word(it.app.as_ref()),
        ),
    };
    values.push(last);
    match tx.exec_drop(put, Params::Positional(values)).await {
        Ok(()) if tx.affected_rows() == 1 => Ok(()),
        Ok(()) => Err(StorageError::Corrupt(format!("document: {} is not there", it.id)).into()),
        Err(error) if is_repeated(&error) => {
            let what = format!("document_head: revision {} is another document's", it.revision);
            Err(StorageError::Corrupt(what).into())
        }
        Err(error) => Err(error.into()),
    }
}
