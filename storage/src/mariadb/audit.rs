//! Who did what, on the home primary.

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use uuid::Uuid;

use super::MariaDb;
use super::documents::{owner, owner_word};
use super::fault::{Fault, is_repeated};
use super::router::{HOME, ReadSet, Shard, WriteSet};
use super::rows::{bound, cell, flag, id, optional_bytes, optional_word, uuid, word};
use super::tx::Tx;
use crate::audit::{Act, Actor, ActsRead, AuditDuty, Made};
use crate::clock::Micros;
use crate::documents::Kind;
use crate::error::Result;

#[async_trait]
impl AuditDuty for MariaDb {
    async fn append(&self, act: Act) -> Result<bool> {
        self.router.write_one::<Append>(act).await
    }

    async fn acts(&self, read: ActsRead) -> Result<Vec<Act>> {
        self.router.read_one::<Page>(read).await
    }
}

const COLUMNS: &str = "act, at, actor, what, kind, document, app, `before`, `after`, \
                       sealed_changed, sent_key, request, handle, version, revision";

fn made(mut row: Row) -> Result<Made> {
    let row = &mut row;
    Ok(Made {
        act: act(row)?,
        request: optional_bytes(row, 11, "act.request")?,
        handle: cell(row, 12, "act.handle")?,
        version: cell(row, 13, "act.version")?,
        revision: cell(row, 14, "act.revision")?,
    })
}

fn act(row: &mut Row) -> Result<Act> {
    Ok(Act {
        id: uuid(row, 0, "act.act")?,
        at: Micros(cell(row, 1, "act.at")?),
        by: word(row, 2, "act.actor", Actor::parse)?,
        what: cell(row, 3, "act.what")?,
        kind: optional_word(row, 4, "act.kind", Kind::parse)?,
        of: optional_bytes(row, 5, "act.document")?.map(Uuid::from_bytes),
        app: owner(row, 6, "act.app")?,
        before: cell(row, 7, "act.before")?,
        after: cell(row, 8, "act.after")?,
        sealed_changed: flag(row, 9, "act.sealed_changed")?,
        key: cell(row, 10, "act.sent_key")?,
    })
}

/// What an actor did under a key.
pub(super) async fn made_by(by: Actor, key: &str, tx: &mut Tx) -> Result<Option<Made>, Fault> {
    let select = format!("SELECT {COLUMNS} FROM act WHERE actor = ? AND sent_key = ?");
    let row: Option<Row> = tx.exec_first(select, (by.to_string(), key)).await?;
    Ok(row.map(made).transpose()?)
}

/// Adds an act. One whose id or key is there already is an error.
pub(super) async fn add(made: &Made, tx: &mut Tx) -> Result<(), Fault> {
    let act = &made.act;
    let values: Vec<Value> = vec![
        id(act.id),
        act.at.0.into(),
        act.by.to_string().into(),
        act.what.as_str().into(),
        act.kind.map(Kind::word).into(),
        act.of.map_or(Value::NULL, id),
        owner_word(act.app.as_ref()),
        act.before.as_deref().into(),
        act.after.as_deref().into(),
        act.sealed_changed.into(),
        act.key.as_deref().into(),
        made.request.as_ref().map(<[u8; 32]>::as_slice).into(),
        made.handle.as_deref().into(),
        made.version.into(),
        made.revision.into(),
    ];
    let insert =
        format!("INSERT INTO act ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    Ok(tx.exec_drop(insert, Params::Positional(values)).await?)
}

struct Append;

impl WriteSet for Append {
    const NAME: &'static str = "audit.append";
    type Item = Act;
    type Answer = bool;
    type Key = Uuid;

    fn shard(_: &Act) -> Shard {
        HOME
    }

    fn key(act: &Act) -> Uuid {
        act.id
    }

    async fn write(acts: &[&Act], tx: &mut Tx) -> Result<Vec<Result<bool>>, Fault> {
        let mut added = Vec::with_capacity(acts.len());
        for act in acts {
            // `INSERT IGNORE` would take what does not fit, and cut it.
            added.push(match add(&Made::alone((*act).clone()), tx).await {
                Ok(()) => Ok(true),
                Err(Fault::Sql(error)) if is_repeated(&error) => Ok(false),
                Err(fault) => return Err(fault),
            });
        }
        Ok(added)
    }
}

struct Page;

impl ReadSet for Page {
    type Item = ActsRead;
    type Answer = Vec<Act>;

    fn shard(_: &ActsRead) -> Shard {
        HOME
    }

    async fn read(
        reads: &[&ActsRead],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Vec<Act>>>, Fault> {
        let mut answers = Vec::with_capacity(reads.len());
        for read in reads {
            let (select, values) = select(read);
            let rows: Vec<Row> = connection.exec(select, Params::Positional(values)).await?;
            answers.push(rows.into_iter().map(|mut row| act(&mut row)).collect());
        }
        Ok(answers)
    }
}

/// The statement of a page, and its values. By itself MariaDB sorts the whole table for the first
/// page of all.
pub(super) fn select(read: &ActsRead) -> (String, Vec<Value>) {
    let (mut wanted, mut values) = (vec!["TRUE"], Vec::new());
    let mut and = |condition, value: Option<Value>| {
        if let Some(value) = value {
            wanted.push(condition);
            values.push(value);
        }
    };
    and("kind = ?", read.kind.map(|kind| kind.word().into()));
    and("document = ?", read.of.map(id));
    and("app = ?", read.app.as_ref().map(|app| owner_word(Some(app))));
    and("actor = ?", read.by.map(|by| by.to_string().into()));
    and("at >= ?", read.from.map(|at| at.0.into()));
    and("at < ?", read.to.map(|at| at.0.into()));
    if let Some((at, act)) = read.after {
        wanted.push("(at < ? OR (at = ? AND act < ?))");
        values.extend([at.0.into(), at.0.into(), id(act)]);
    }
    values.push(bound(read.limit).into());
    let wanted = wanted.join(" AND ");
    let index = match (read.kind.and(read.of), read.by, &read.app) {
        (Some(_), _, _) => "act_document",
        (None, Some(_), _) => "act_actor",
        (None, None, Some(_)) => "act_app",
        (None, None, None) => "act_time",
    };
    let select = format!(
        "SELECT {COLUMNS} FROM act FORCE INDEX ({index}) WHERE {wanted} \
         ORDER BY at DESC, act DESC LIMIT ?"
    );
    (select, values)
}
