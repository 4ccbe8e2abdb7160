//! Operators' sessions in MariaDB, on the home primary.

mod write;

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use uuid::Uuid;

use super::MariaDb;
use super::fault::Fault;
use super::router::{HOME, ReadSet, Shard};
use super::rows::{cell, digest, id, uuid};
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::operators::{Ended, OperatorSession, OperatorsDuty};
use write::{Deed, Write};

const COLUMNS: &str =
    "id, operator, address, agent, created_at, seen_at, proven_at, ends_at FROM operator_session";

#[async_trait]
impl OperatorsDuty for MariaDb {
    async fn enter(&self, token: Digest, session: OperatorSession) -> Result<()> {
        self.router.write_one::<Write>(Deed::Enter(token, session)).await.map(|_| ())
    }

    async fn operator_session(&self, token: Digest) -> Result<Option<OperatorSession>> {
        let found = self.router.read_one::<Read>(Asked::Token(token)).await?;
        Ok(found.into_iter().next())
    }

    async fn operator_seen(&self, token: Digest, at: Micros) -> Result<()> {
        self.router.write_one::<Write>(Deed::Seen(token, at)).await.map(|_| ())
    }

    async fn operator_proven(&self, token: Digest, at: Micros) -> Result<bool> {
        self.router.write_one::<Write>(Deed::Proven(token, at)).await.map(|found| found > 0)
    }

    async fn operator_sessions(&self, operator: Uuid) -> Result<Vec<OperatorSession>> {
        self.router.read_one::<Read>(Asked::Operator(operator)).await
    }

    async fn end_operator_sessions(&self, operator: Uuid, ended: Ended) -> Result<usize> {
        self.router.write_one::<Write>(Deed::End(operator, ended)).await
    }

    async fn sweep_operators(&self, now: Micros, idle: Micros, limit: usize) -> Result<usize> {
        self.router.write_one::<Write>(Deed::Sweep { now, idle, limit }).await
    }
}

/// Which sessions are asked for.
enum Asked {
    Token(Digest),
    Operator(Uuid),
}

struct Read;

impl ReadSet for Read {
    type Item = Asked;
    type Answer = Vec<OperatorSession>;

    fn shard(_: &Asked) -> Shard {
        HOME
    }

    async fn read(
        items: &[&Asked],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let mut answers = Vec::with_capacity(items.len());
        for asked in items {
            let (which, value) = match asked {
                Asked::Token(token) => ("token = ?", digest(token)),
                Asked::Operator(operator) => {
                    ("operator = ? ORDER BY created_at DESC, id DESC", id(*operator))
                }
            };
            let select = format!("SELECT {COLUMNS} WHERE {which}");
            let rows: Vec<Row> = connection.exec(select, (value,)).await?;
            answers.push(rows.into_iter().map(session).collect());
        }
        Ok(answers)
    }
}

fn session(mut row: Row) -> Result<OperatorSession> {
    let row = &mut row;
    Ok(OperatorSession {
        id: uuid(row, 0, "operator_session.id")?,
        operator: uuid(row, 1, "operator_session.operator")?,
        address: cell(row, 2, "operator_session.address")?,
        agent: cell(row, 3, "operator_session.agent")?,
        created_at: Micros(cell(row, 4, "operator_session.created_at")?),
        seen_at: Micros(cell(row, 5, "operator_session.seen_at")?),
        proven_at: Micros(cell(row, 6, "operator_session.proven_at")?),
        ends_at: Micros(cell(row, 7, "operator_session.ends_at")?),
    })
}
