//! The games in SQLite.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Embedded;
use super::engine::unavailable;
use crate::apps::{App, AppsDuty, Seed};
use crate::error::{Result, StorageError};

#[async_trait]
impl AppsDuty for Embedded {
    async fn list(&self) -> Result<Vec<App>> {
        self.truth.read(list).await
    }

    async fn seed(&self, seed: Seed) -> Result<bool> {
        self.truth.write(move |connection| sow(connection, &seed)).await
    }
}

fn list(connection: &Connection) -> Result<Vec<App>> {
    let mut select = connection
        .prepare_cached("SELECT app, settings, version FROM app ORDER BY app")
        .map_err(unavailable)?;
    let rows = select.query_map([], row).map_err(unavailable)?;
    rows.map(|app| app.map_err(unavailable)?).collect()
}

fn row(row: &Row<'_>) -> rusqlite::Result<Result<App>> {
    let id: String = row.get(0)?;
    let (settings, version) = (row.get(1)?, row.get(2)?);
    Ok(id
        .parse()
        .map(|id| App { id, settings, version })
        .map_err(|error| StorageError::Corrupt(format!("app.app: {error}"))))
}

fn sow(connection: &Connection, seed: &Seed) -> Result<bool> {
    let sown: Option<Vec<u8>> = connection
        .prepare_cached("SELECT seed FROM app WHERE app = ?1")
        .and_then(|mut select| select.query_row([seed.id.as_str()], |row| row.get(0)).optional())
        .map_err(unavailable)?;
    if sown.as_ref() == Some(&seed.digest) {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "INSERT INTO app (app, settings, seed, version, changed_at) VALUES (?1, ?2, ?3, 1, ?4)
             ON CONFLICT (app) DO UPDATE SET settings = excluded.settings, seed = excluded.seed,
                 version = version + 1, changed_at = excluded.changed_at",
        )
        .and_then(|mut upsert| {
            upsert.execute(params![seed.id.as_str(), seed.settings, seed.digest, seed.now.0])
        })
        .map_err(unavailable)?;
    Ok(true)
}
