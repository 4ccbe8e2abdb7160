//! What is written of operators' sessions. They are few: each deed is a transaction of its own.

use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row, Value};
use uuid::Uuid;

use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::mariadb::fault::Fault;
use crate::mariadb::router::{HOME, Shard, WriteSet};
use crate::mariadb::rows::{bound, cell, digest, id};
use crate::mariadb::tx::Tx;
use crate::operators::{Ended, MOST_SESSIONS, OperatorSession};

/// What is to be done.
pub(super) enum Deed {
    Enter(Digest, OperatorSession),
    Seen(Digest, Micros),
    Proven(Digest, Micros),
    End(Uuid, Ended),
    Sweep { now: Micros, idle: Micros, limit: usize },
}

/// Answers how many rows were found.
pub(super) struct Write;

impl WriteSet for Write {
    const NAME: &'static str = "operators.sessions";
    type Item = Deed;
    type Answer = usize;
    type Key = ();

    fn shard(_: &Deed) -> Shard {
        HOME
    }

    fn key(_: &Deed) {}

    async fn write(deeds: &[&Deed], tx: &mut Tx) -> Result<Vec<Result<usize>>, Fault> {
        let mut answers = Vec::with_capacity(deeds.len());
        for deed in deeds {
            answers.push(Ok(done(deed, tx).await?));
        }
        Ok(answers)
    }
}

async fn done(deed: &Deed, tx: &mut Tx) -> Result<usize, Fault> {
    match deed {
        Deed::Enter(token, session) => enter(token, session, tx).await,
        Deed::Seen(token, at) => {
            let update =
                "UPDATE operator_session SET seen_at = GREATEST(seen_at, ?) WHERE token = ?";
            run(tx, update, vec![at.0.into(), digest(token)]).await
        }
        Deed::Proven(token, at) => proven(token, *at, tx).await,
        Deed::End(operator, ended) => {
            let delete = "DELETE FROM operator_session WHERE operator = ?";
            match ended {
                Ended::All => run(tx, delete, vec![id(*operator)]).await,
                Ended::One(one) => {
                    run(tx, &format!("{delete} AND id = ?"), vec![id(*operator), id(*one)]).await
                }
                Ended::Others(one) => {
                    run(tx, &format!("{delete} AND id <> ?"), vec![id(*operator), id(*one)]).await
                }
            }
        }
        Deed::Sweep { now, idle, limit } => {
            let delete = "DELETE FROM operator_session WHERE ends_at < ? OR seen_at < ? LIMIT ?";
            run(tx, delete, vec![now.0.into(), idle.0.into(), bound(*limit).into()]).await
        }
    }
}

async fn run(tx: &mut Tx, statement: &str, values: Vec<Value>) -> Result<usize, Fault> {
    tx.exec_drop(statement, Params::Positional(values)).await?;
    Ok(usize::try_from(tx.affected_rows()).unwrap_or(usize::MAX))
}

/// A row that has the moment already is not counted as changed, so it is looked for first.
async fn proven(token: &Digest, at: Micros, tx: &mut Tx) -> Result<usize, Fault> {
    let select = "SELECT 1 FROM operator_session WHERE token = ? FOR UPDATE";
    let found: Option<Row> = tx.exec_first(select, (digest(token),)).await?;
    let update = "UPDATE operator_session SET proven_at = GREATEST(proven_at, ?) WHERE token = ?";
    run(tx, update, vec![at.0.into(), digest(token)]).await?;
    Ok(usize::from(found.is_some()))
}

async fn enter(token: &Digest, session: &OperatorSession, tx: &mut Tx) -> Result<usize, Fault> {
    let insert = "INSERT INTO operator_session (token, id, operator, address, agent, created_at, \
        seen_at, proven_at, ends_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
        ON DUPLICATE KEY UPDATE token = token";
    let values = vec![
        digest(token),
        id(session.id),
        id(session.operator),
        session.address.as_str().into(),
        session.agent.as_str().into(),
        session.created_at.0.into(),
        session.seen_at.0.into(),
        session.proven_at.0.into(),
        session.ends_at.0.into(),
    ];
    let written = run(tx, insert, values).await?;
    let select = "SELECT token FROM operator_session WHERE operator = ? \
        ORDER BY seen_at DESC, id DESC LIMIT 1000 OFFSET ?";
    let most = bound(MOST_SESSIONS);
    let rows: Vec<Row> = tx.exec(select, (id(session.operator), most)).await?;
    for mut row in rows {
        let token: Vec<u8> = cell(&mut row, 0, "operator_session.token")?;
        tx.exec_drop("DELETE FROM operator_session WHERE token = ?", (token,)).await?;
    }
    Ok(written)
}
