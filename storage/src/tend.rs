//! What an operator asks of the databases from outside: their schema, their settings, their
//! shards. Nothing here needs the storage actors, or a server that runs.

use std::path::Path;

use crate::clock::Clock;
use crate::config::StorageSettings;
use crate::embedded;
use crate::error::Result;
use crate::mariadb::{Finding, SchemaStatus, Servers, ShardRange};

/// What an operator may ask.
pub struct Tender<'a> {
    data: &'a Path,
    /// The servers, when the truth is on any.
    servers: Option<Servers>,
}

impl<'a> Tender<'a> {
    /// For the databases that the settings name; `data` is where the embedded ones are.
    ///
    /// # Errors
    /// [`StorageError::Setup`](crate::error::StorageError::Setup) when the settings make no
    /// sense.
    pub fn new(data: &'a Path, settings: &StorageSettings) -> Result<Self> {
        let named = settings.mariadb.is_named();
        let servers = named.then(|| Servers::new(&settings.mariadb)).transpose()?;
        Ok(Self { data, servers })
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
        all.push(embedded::log_status(self.data)?);
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
        ran.extend(embedded::migrate(self.data, self.servers.is_none())?);
        Ok(ran)
    }

    /// What is not as it should be with the servers; nothing, when the truth is embedded.
    pub async fn check(&self, clock: &dyn Clock) -> Vec<Finding> {
        match &self.servers {
            Some(servers) => servers.check(clock).await,
            None => Vec::new(),
        }
    }

    /// Whether each entry is a database of its own and each replica the copy of its primary;
    /// nothing, when the truth is embedded.
    pub async fn shape(&self) -> Vec<Finding> {
        match &self.servers {
            Some(servers) => servers.shape().await,
            None => Vec::new(),
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
