//! What an operator asks of the databases from outside: their schema, their settings, their
//! shards. Nothing here needs the storage actors, or a server that runs.

mod disk;

use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::config::StorageSettings;
use crate::embedded;
use crate::error::Result;
use crate::finding::Finding;
use crate::mariadb::{SchemaStatus, Servers, ShardRange};
use crate::mongodb::MongoDb;
use crate::redis::Redis;

/// What an operator may ask.
pub struct Tender<'a> {
    data: &'a Path,
    /// The servers, when the truth is on any.
    servers: Option<Servers>,
    /// The game log's server, when it is on one.
    log: Option<MongoDb>,
    /// The most that the spool may hold, in bytes.
    spool_bytes: u64,
    /// Where the images are.
    images: PathBuf,
    /// What stands in front of the truth, when there is one.
    redis: Option<Redis>,
}

impl<'a> Tender<'a> {
    /// For the databases that the settings name; `data` is where the embedded ones are.
    ///
    /// # Errors
    /// [`StorageError::Setup`](crate::error::StorageError::Setup) when the settings make no
    /// sense.
    pub async fn new(data: &'a Path, settings: &StorageSettings) -> Result<Self> {
        let named = settings.mariadb.is_named();
        let servers = named.then(|| Servers::new(&settings.mariadb)).transpose()?;
        let log = match settings.mongodb.is_named() {
            true => Some(MongoDb::new(&settings.mongodb).await?),
            false => None,
        };
        let named = settings.redis.is_named();
        let redis = named.then(|| Redis::new(&settings.redis)).transpose()?;
        let (spool_bytes, images) = (settings.spool_bytes, settings.images.folder(data));
        Ok(Self { data, servers, log, spool_bytes, images, redis })
    }

    /// Where the schema of each database stands.
    ///
    /// # Errors
    /// When one does not answer, or has a schema that this program does not know.
    pub async fn schema(&self) -> Result<Vec<SchemaStatus>> {
        let mut all = match &self.servers {
            Some(servers) => servers.schema().await?,
            None => vec![embedded::truth_status(self.data)?],
        };
        all.push(match &self.log {
            Some(log) => log.schema().await?,
            None => embedded::log_status(self.data)?,
        });
        Ok(all)
    }

    /// Brings every database to this program's schema. Returns what ran on which.
    ///
    /// # Errors
    /// As [`Tender::schema`]; and when a migration fails, or the data folder is in use.
    pub async fn migrate(&self) -> Result<Vec<(String, Vec<String>)>> {
        let mut ran = match &self.servers {
            Some(servers) => servers.migrate().await?,
            None => Vec::new(),
        };
        ran.extend(embedded::migrate(self.data, self.servers.is_none(), self.log.is_none())?);
        if let Some(log) = &self.log {
            ran.push((log.schema().await?.server, log.migrate().await?));
        }
        Ok(ran)
    }

    /// What each of the truth's servers is, in a line, and what is not as it should be with
    /// them; nothing, when the truth is embedded.
    pub async fn check(&self, clock: &dyn Clock) -> (Vec<String>, Vec<Finding>) {
        match &self.servers {
            Some(servers) => (servers.lines(clock).await, of_mariadb(servers.check(clock).await)),
            None => (Vec::new(), Vec::new()),
        }
    }

    /// What room the disks of the data and of the images have, a line each, and whether that is
    /// too little or cannot be used.
    #[must_use]
    pub fn check_disk(&self) -> (Vec<String>, Vec<Finding>) {
        let spool = self.log.as_ref().map(|_| self.spool_bytes);
        let (line, mut findings) = disk::check(self.data, spool);
        let (of_images, more) = disk::check_images(self.data, &self.images);
        findings.extend(disk::writable(self.data));
        findings.extend(more);
        (line.into_iter().chain(of_images).collect(), findings)
    }

    /// Whether each entry is a database of its own and each replica the copy of its primary;
    /// nothing, when the truth is embedded.
    pub async fn shape(&self) -> Vec<Finding> {
        match &self.servers {
            Some(servers) => of_mariadb(servers.shape().await),
            None => Vec::new(),
        }
    }

    /// What the game log's server is, in a line, and what is not as it should be with it;
    /// nothing, when the game log is embedded.
    pub async fn check_log(&self, clock: &dyn Clock) -> (Option<String>, Vec<Finding>) {
        match &self.log {
            Some(log) => log.check(clock).await,
            None => (None, Vec::new()),
        }
    }

    /// What the Redis is, in a line, and what is not as it should be with it; nothing, when none
    /// is named.
    pub async fn check_redis(&self) -> (Option<String>, Vec<Finding>) {
        match &self.redis {
            Some(redis) => redis.check().await,
            None => (None, Vec::new()),
        }
    }

    /// Which server keeps which shards; `None` when the truth is embedded.
    ///
    /// # Errors
    /// When a server does not answer, or the shards are not each kept once.
    pub async fn shards(&self) -> Result<Option<Vec<ShardRange>>> {
        match &self.servers {
            Some(servers) => servers.shards().await.map(Some),
            None => Ok(None),
        }
    }
}

/// With what kind of server it is in each name.
fn of_mariadb(mut findings: Vec<Finding>) -> Vec<Finding> {
    for finding in &mut findings {
        finding.server = format!("MariaDB `{}`", finding.server);
    }
    findings
}
