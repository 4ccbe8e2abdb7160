//! The game log in SQLite, in a database of its own.

use std::sync::Arc;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use rusqlite::{Connection, ErrorCode, ToSql, params};

use super::EmbeddedLog;
use super::engine::unavailable;
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::gamelog::{GamelogDuty, KeptRecord, Of, Since, Verdict};

#[async_trait]
impl GamelogDuty for EmbeddedLog {
    fn is_local(&self) -> bool {
        true
    }

    async fn append(&self, records: Arc<[KeptRecord]>) -> Result<Vec<Verdict>> {
        self.log.write(move |connection| append(connection, &records)).await
    }

    async fn list(
        &self,
        app: AppId,
        of: Of,
        since: Since,
        limit: usize,
    ) -> Result<Vec<KeptRecord>> {
        self.log.read(move |connection| list(connection, &app, &of, since, limit)).await
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

/// Each by an index of its own.
const OF_MEMBER: &str = "SELECT record, at, member, kind, fields FROM record
    WHERE member = ?1 AND app = ?2 AND (at, record) > (?3, ?4) ORDER BY at, record LIMIT ?5";
const OF_KIND: &str = "SELECT record, at, member, kind, fields FROM record
    WHERE kind = ?1 AND app = ?2 AND (at, record) > (?3, ?4) ORDER BY at, record LIMIT ?5";

fn list(
    connection: &Connection,
    app: &AppId,
    of: &Of,
    since: Since,
    limit: usize,
) -> Result<Vec<KeptRecord>> {
    let (select, whose): (_, Box<dyn ToSql>) = match of {
        Of::Member(member) => (OF_MEMBER, Box::new(member.number())),
        Of::Kind(kind) => (OF_KIND, Box::new(kind.clone())),
    };
    let mut select = connection.prepare_cached(select).map_err(unavailable)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // Nothing at all is less than every id.
    let after = since.after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
    let rows = select
        .query_map(params![whose, app.as_str(), since.at.0, after, limit], |row| {
            let fields: String = row.get(4)?;
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?, row.get(3)?, fields))
        })
        .map_err(unavailable)?;
    rows.map(|row| {
        let (id, at, member, kind, fields) = row.map_err(unavailable)?;
        let broken = |what: &str| StorageError::Corrupt(format!("record.{what} of {id}"));
        let member = member.map(MemberId::from_number).transpose();
        let member = member.map_err(|_| broken("member"))?;
        let fields = serde_json::from_str(&fields).map_err(|_| broken("fields"))?;
        Ok(KeptRecord { id, at: Micros(at), app: app.clone(), member, kind, fields })
    })
    .collect()
}
