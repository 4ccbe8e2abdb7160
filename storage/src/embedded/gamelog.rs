//! The game log in SQLite, in a database of its own.

use std::sync::Arc;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use rusqlite::{Connection, ErrorCode, params};

use super::EmbeddedLog;
use super::engine::unavailable;
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::gamelog::{GamelogDuty, KeptRecord, Since, Verdict};

#[async_trait]
impl GamelogDuty for EmbeddedLog {
    fn is_local(&self) -> bool {
        true
    }

    async fn append(&self, records: Arc<[KeptRecord]>) -> Result<Vec<Verdict>> {
        self.log.write(move |connection| append(connection, &records)).await
    }

    async fn of_member(
        &self,
        app: AppId,
        member: MemberId,
        since: Since,
        limit: usize,
    ) -> Result<Vec<KeptRecord>> {
        self.log.read(move |connection| of_member(connection, &app, member, since, limit)).await
    }
}

fn append(connection: &Connection, records: &[KeptRecord]) -> Result<Vec<Verdict>> {
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO record (record, at, app, member, kind, fields)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (record) DO NOTHING",
        )
        .map_err(unavailable)?;
    let mut keep = |record: &KeptRecord| {
        let kept = insert.execute(params![
            record.id,
            record.at.0,
            record.app.as_str(),
            record.member.map(MemberId::number),
            record.kind,
            record.fields.to_string()
        ]);
        kept.map_or_else(verdict, |_| Ok(Verdict::Kept))
    };
    records.iter().map(&mut keep).collect()
}

/// An error that is about the row alone undoes its statement alone, and comes again with it.
fn verdict(error: rusqlite::Error) -> Result<Verdict> {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => {
            Ok(Verdict::Refused(error.to_string()))
        }
        _ => Err(unavailable(error)),
    }
}

fn of_member(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    since: Since,
    limit: usize,
) -> Result<Vec<KeptRecord>> {
    let mut select = connection
        .prepare_cached(
            "SELECT record, at, kind, fields FROM record
             WHERE member = ?1 AND app = ?2 AND (at, record) > (?3, ?4)
             ORDER BY at, record LIMIT ?5",
        )
        .map_err(unavailable)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // Nothing at all is less than every id.
    let after = since.after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
    let rows = select
        .query_map(params![member.number(), app.as_str(), since.at.0, after, limit], |row| {
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
