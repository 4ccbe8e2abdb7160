//! The game log in MongoDB, 5.0 or newer.
//!
//! # The collection `record`
//! A document for each record:
//!
//! - `_id`: the record's own id, made at the source, as a UUID: what is written twice is there
//!   once.
//! - `at`: when it happened, as a 64-bit number of microseconds since 1970.
//! - `app`: in which game. `member`: to whom, as a 64-bit number; absent when it is not known.
//! - `kind` and `fields`: what happened, as [`Event`](crate::gamelog::Event) says. A number
//!   beyond 64 bits with sign is a decimal.
//! - `expires`: from when on MongoDB may remove it; absent in what is never dropped.
//!
//! # The collection `schema`
//! One document, `gamelog`, with the `version` that `daemun migrate up` reached.
//!
//! # What is kept
//! A record is kept when a majority of the servers has it in its journal. The driver repeats
//! nothing: the batcher does, and every wait here has an end that is written here.

mod document;
mod fault;
mod gamelog;
mod schema;
mod server;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mongodb::bson::{Document, RawDocumentBuf};
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use mongodb::{Client, Collection, Database};
use tokio::time::timeout;

use crate::clock::Clock;
use crate::config::MongoDbSettings;
use crate::error::{Result, StorageError};
use crate::finding::Finding;
use crate::mariadb::SchemaStatus;

/// How long a server is sought, and a connection tried.
const REACH: Duration = Duration::from_secs(5);
/// How long a batch or a question may take, finding a server and all. Less than the batcher's
/// own patience, so that the cause is told.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long a majority may take to have what was written.
const MAJORITY: Duration = Duration::from_secs(10);
/// The most connections: the batcher has one batch on its way, operators ask the rest.
const CONNECTIONS: u32 = 8;
/// What it is called where servers have names.
pub const NAME: &str = "MongoDB";
/// Where the records are.
const RECORDS: &str = "record";

/// The MongoDB backend of the game log.
#[derive(Debug)]
pub struct MongoDb {
    database: Database,
    settings: MongoDbSettings,
    /// Whether the schema was found to be ours. It is asked once it can be.
    known: AtomicBool,
}

impl MongoDb {
    /// The server that the settings name, not asked anything yet. To be called in a runtime:
    /// the driver looks after its connections there.
    ///
    /// # Errors
    /// [`StorageError::Setup`] when the address makes no sense.
    pub async fn new(settings: &MongoDbSettings) -> Result<Self> {
        settings
            .check()
            .map_err(|(key, what)| StorageError::Setup(format!("storage.mongodb.{key}: {what}")))?;
        let senseless = || StorageError::Setup("storage.mongodb.url cannot be used".to_owned());
        let url = settings.url.as_ref().ok_or_else(senseless)?;
        let mut options = ClientOptions::parse(url.expose()).await.map_err(|_| senseless())?;
        options.app_name.get_or_insert_with(|| "daemun".to_owned());
        options.connect_timeout = Some(REACH);
        options.server_selection_timeout = Some(REACH);
        options.max_pool_size = Some(CONNECTIONS);
        options.retry_writes = Some(false);
        options.retry_reads = Some(false);
        let client = Client::with_options(options)
            .map_err(|error| StorageError::Setup(format!("{NAME}: {}", fault::words(&error))))?;
        let database = client.default_database().ok_or_else(senseless)?;
        Ok(Self { database, settings: settings.clone(), known: AtomicBool::new(false) })
    }

    /// Connects, and checks the server and its schema. One that does not answer is no reason
    /// not to start: the spool takes what is logged, and the schema is checked before the first
    /// record goes there.
    ///
    /// # Errors
    /// [`StorageError::Setup`] when the address makes no sense, or the server answers and is
    /// not fit.
    pub async fn open(settings: &MongoDbSettings, clock: &dyn Clock) -> Result<Self> {
        let log = Self::new(settings).await?;
        match log.look(clock).await {
            Ok(()) => {}
            Err(error @ StorageError::Setup(_)) => return Err(error),
            Err(error) => tracing::error!(
                %error,
                "the game log's server does not answer: records wait in the spool"
            ),
        }
        Ok(log)
    }

    async fn look(&self, clock: &dyn Clock) -> Result<()> {
        for Finding { what, refused, .. } in server::check(self, clock).await?.1 {
            if refused {
                return Err(StorageError::Setup(format!("{NAME} {what}")));
            }
            tracing::warn!("{NAME}: {what}");
        }
        self.fit().await
    }

    /// Returns when the schema is known to be ours.
    async fn fit(&self) -> Result<()> {
        if self.known.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.settings.migrate_at_start {
            for migration in schema::up(self).await? {
                tracing::info!(migration, "migration {migration} ran on {NAME}");
            }
        }
        let pending = schema::status(self).await?.pending.len();
        if pending > 0 {
            let what = format!("{NAME} has {pending} migrations to run: run `daemun migrate up`");
            return Err(StorageError::Setup(what));
        }
        self.known.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// What the server is, in a line, and what is not as it should be with it.
    pub async fn check(&self, clock: &dyn Clock) -> (Option<String>, Vec<Finding>) {
        match server::check(self, clock).await {
            Ok((line, findings)) => (Some(line), findings),
            Err(error) => (None, vec![server::finding(true, error.to_string())]),
        }
    }

    /// Where its schema stands.
    ///
    /// # Errors
    /// When it does not answer, or has a schema that this program does not know.
    pub async fn schema(&self) -> Result<SchemaStatus> {
        schema::status(self).await
    }

    /// Brings it to this program's schema. Returns what ran.
    ///
    /// # Errors
    /// As [`MongoDb::schema`]; and when a migration fails, which says why.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        schema::up(self).await
    }

    /// The records as bytes, to write them.
    fn raw(&self) -> Collection<RawDocumentBuf> {
        self.database.collection(RECORDS)
    }

    fn records(&self) -> Collection<Document> {
        self.database.collection(RECORDS)
    }
}

/// When something counts as written.
fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(MAJORITY).build()
}

/// Does what the driver is asked to within [`DEADLINE`].
async fn within<T>(work: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T> {
    answered(work).await?.map_err(|error| fault::said(&error))
}

/// As [`within`], for whoever reads the error himself.
async fn answered<T>(
    work: impl IntoFuture<Output = mongodb::error::Result<T>>,
) -> Result<mongodb::error::Result<T>> {
    let late = format!("{NAME} did not answer within {} s", DEADLINE.as_secs());
    timeout(DEADLINE, work.into_future()).await.map_err(|_| StorageError::Unavailable(late))
}
