//! The game log in SQLite, in a database of its own.

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use rusqlite::{Connection, params};

use super::EmbeddedLog;
use super::engine::unavailable;
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::gamelog::{GamelogDuty, KeptRecord, LogRecord};

#[async_trait]
impl GamelogDuty for EmbeddedLog {
    async fn append(&self, records: Vec<LogRecord>) -> Result<()> {
        self.log.write(move |connection| append(connection, &records)).await
    }

    async fn of_member(
        &self,
        app: AppId,
        member: MemberId,
        since: Micros,
        limit: usize,
    ) -> Result<Vec<KeptRecord>> {
        self.log.read(move |connection| of_member(connection, &app, member, since, limit)).await
    }
}

fn append(connection: &Connection, records: &[LogRecord]) -> Result<()> {
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO record (record, at, app, member, kind, fields)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (record) DO NOTHING",
        )
        .map_err(unavailable)?;
    for record in records {
        insert
            .execute(params![
                record.id,
                record.at.0,
                record.app.as_str(),
                record.member.map(MemberId::number),
                record.event.kind(),
                record.event.fields().to_string()
            ])
            .map_err(unavailable)?;
    }
    Ok(())
}

fn of_member(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    since: Micros,
    limit: usize,
) -> Result<Vec<KeptRecord>> {
    let mut select = connection
        .prepare_cached(
            "SELECT record, at, kind, fields FROM record
             WHERE member = ?1 AND app = ?2 AND at >= ?3 ORDER BY at, record LIMIT ?4",
        )
        .map_err(unavailable)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select
        .query_map(params![member.number(), app.as_str(), since.0, limit], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
        })
        .map_err(unavailable)?;
    rows.map(|row| {
        let (id, at, kind, fields) = row.map_err(unavailable)?;
        let fields = serde_json::from_str(&fields)
            .map_err(|error| StorageError::Corrupt(format!("record.fields of {id}: {error}")))?;
        Ok(KeptRecord { id, at: Micros(at), app: app.clone(), member: Some(member), kind, fields })
    })
    .collect()
}
