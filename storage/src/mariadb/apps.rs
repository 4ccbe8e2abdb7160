//! The games in MariaDB, on the home primary.

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use super::MariaDb;
use super::fault::Fault;
use super::router::{HOME, ReadSet, Shard, WriteSet};
use super::rows::cell;
use super::tx::Tx;
use crate::apps::{App, AppsDuty, Seed};
use crate::error::{Result, StorageError};
use protocol::ids::AppId;

#[async_trait]
impl AppsDuty for MariaDb {
    async fn list(&self) -> Result<Vec<App>> {
        self.router.read_one::<List>(()).await
    }

    async fn seed(&self, seed: Seed) -> Result<bool> {
        self.router.write_one::<Sow>(seed).await
    }
}

struct List;

impl ReadSet for List {
    type Item = ();
    type Answer = Vec<App>;

    fn shard((): &()) -> Shard {
        HOME
    }

    async fn read(
        items: &[&()],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let select = "SELECT app, settings, version FROM app ORDER BY app";
        let rows: Vec<Row> = connection.exec(select, ()).await?;
        let apps: Result<Vec<App>> = rows.into_iter().map(app).collect();
        Ok(items.iter().map(|()| apps.clone()).collect())
    }
}

fn app(mut row: Row) -> Result<App> {
    let id: String = cell(&mut row, 0, "app.app")?;
    Ok(App {
        id: id.parse().map_err(|error| StorageError::Corrupt(format!("app.app: {error}")))?,
        settings: cell(&mut row, 1, "app.settings")?,
        version: cell(&mut row, 2, "app.version")?,
    })
}

struct Sow;

impl WriteSet for Sow {
    const NAME: &'static str = "apps.seed";
    type Item = Seed;
    type Answer = bool;
    type Key = AppId;

    fn shard(_: &Seed) -> Shard {
        HOME
    }

    fn key(seed: &Seed) -> AppId {
        seed.id.clone()
    }

    async fn write(seeds: &[&Seed], tx: &mut Tx) -> Result<Vec<Result<bool>>, Fault> {
        let mut written = Vec::with_capacity(seeds.len());
        for seed in seeds {
            written.push(Ok(sow(seed, tx).await?));
        }
        Ok(written)
    }
}

async fn sow(seed: &Seed, tx: &mut Tx) -> Result<bool, Fault> {
    let select = "SELECT seed FROM app WHERE app = ? FOR UPDATE";
    let sown: Option<Vec<u8>> = tx.exec_first(select, (seed.id.as_str(),)).await?;
    if sown.as_ref() == Some(&seed.digest) {
        return Ok(false);
    }
    let values: Vec<Value> = vec![
        seed.id.as_str().into(),
        seed.settings.as_str().into(),
        seed.digest.as_slice().into(),
        seed.now.0.into(),
    ];
    tx.exec_drop(
        "INSERT INTO app (app, settings, seed, version, changed_at) VALUES (?, ?, ?, 1, ?) \
         ON DUPLICATE KEY UPDATE settings = VALUES(settings), seed = VALUES(seed), \
             version = version + 1, changed_at = VALUES(changed_at)",
        values,
    )
    .await?;
    Ok(true)
}
