//! Operators' sessions in SQLite.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{Embedded, rows};
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::operators::{Ended, MOST_SESSIONS, OperatorSession, OperatorsDuty};

const COLUMNS: &str =
    "id, operator, address, agent, created_at, seen_at, proven_at, ends_at FROM operator_session";

#[async_trait]
impl OperatorsDuty for Embedded {
    async fn enter(&self, token: Digest, session: OperatorSession) -> Result<()> {
        self.truth.write(move |connection| enter(connection, &token, &session)).await
    }

    async fn operator_session(&self, token: Digest) -> Result<Option<OperatorSession>> {
        let select = format!("SELECT {COLUMNS} WHERE token = ?1");
        self.truth.read(move |connection| rows::one(connection, &select, [&token[..]], read)).await
    }

    async fn operator_seen(&self, token: Digest, at: Micros) -> Result<()> {
        let update = "UPDATE operator_session SET seen_at = ?2 WHERE token = ?1 AND seen_at < ?2";
        let write = move |connection: &Connection| {
            rows::run(connection, update, params![&token[..], at.0]).map(|_| ())
        };
        self.truth.write(write).await
    }

    async fn operator_proven(&self, token: Digest, at: Micros) -> Result<bool> {
        let update = "UPDATE operator_session SET proven_at = MAX(proven_at, ?2) WHERE token = ?1";
        let write = move |connection: &Connection| {
            rows::run(connection, update, params![&token[..], at.0]).map(|count| count == 1)
        };
        self.truth.write(write).await
    }

    async fn operator_sessions(&self, operator: Uuid) -> Result<Vec<OperatorSession>> {
        let select =
            format!("SELECT {COLUMNS} WHERE operator = ?1 ORDER BY created_at DESC, id DESC");
        self.truth.read(move |connection| rows::all(connection, &select, [operator], read)).await
    }

    async fn end_operator_sessions(&self, operator: Uuid, ended: Ended) -> Result<usize> {
        let (which, id) = match ended {
            Ended::All => ("", operator),
            Ended::One(id) => (" AND id = ?2", id),
            Ended::Others(id) => (" AND id <> ?2", id),
        };
        // A statement is given no value that it does not name.
        let delete = format!("DELETE FROM operator_session WHERE operator = ?1{which}");
        let write = move |connection: &Connection| match ended {
            Ended::All => rows::run(connection, &delete, [operator]),
            Ended::One(_) | Ended::Others(_) => rows::run(connection, &delete, [operator, id]),
        };
        self.truth.write(write).await
    }

    async fn sweep_operators(&self, now: Micros, idle: Micros, limit: usize) -> Result<usize> {
        let delete = "DELETE FROM operator_session WHERE token IN (SELECT token \
            FROM operator_session WHERE ends_at < ?1 OR seen_at < ?2 LIMIT ?3)";
        let write = move |connection: &Connection| {
            rows::run(connection, delete, params![now.0, idle.0, rows::signed(limit)])
        };
        self.truth.write(write).await
    }
}

fn enter(connection: &Connection, token: &Digest, session: &OperatorSession) -> Result<()> {
    rows::run(
        connection,
        "INSERT INTO operator_session (token, id, operator, address, agent, created_at, seen_at,
             proven_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (token) DO NOTHING",
        params![
            &token[..],
            session.id,
            session.operator,
            session.address,
            session.agent,
            session.created_at.0,
            session.seen_at.0,
            session.proven_at.0,
            session.ends_at.0,
        ],
    )?;
    let delete = "DELETE FROM operator_session WHERE operator = ?1 AND token NOT IN (SELECT token \
        FROM operator_session WHERE operator = ?1 ORDER BY seen_at DESC, id DESC LIMIT ?2)";
    let most = rows::signed(MOST_SESSIONS);
    rows::run(connection, delete, params![session.operator, most]).map(|_| ())
}

fn read(row: &Row<'_>) -> Result<OperatorSession> {
    Ok(OperatorSession {
        id: rows::get(row, "id")?,
        operator: rows::get(row, "operator")?,
        address: rows::get(row, "address")?,
        agent: rows::get(row, "agent")?,
        created_at: Micros(rows::get(row, "created_at")?),
        seen_at: Micros(rows::get(row, "seen_at")?),
        proven_at: Micros(rows::get(row, "proven_at")?),
        ends_at: Micros(rows::get(row, "ends_at")?),
    })
}
