//! A database of a test's own on a real server, and records to put there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::{Client, Collection, Database};
use uuid::Uuid;

use crate::clock::{Clock, Micros, SystemClock};
use crate::config::{MongoDbSettings, ServerUrl, StorageSettings};
use crate::embedded;
use crate::gamelog::{Event, GamelogDuty, KeptRecord, LogRecord, Verdict};
use crate::members::By;
use crate::mongodb::{MongoDb, RECORDS, document};
use crate::open::Storage;
use crate::servers::{MongoDatabases, MongoDb as Server};
use crate::sessions::EndedBy;

/// A database, and the settings that name it.
pub(super) struct Scene {
    pub(super) settings: MongoDbSettings,
}

impl Scene {
    /// On the server that the tests of this process share.
    pub(super) fn shared() -> Self {
        Self::on(Server::shared().unwrap())
    }

    pub(super) fn on(server: &MongoDatabases) -> Self {
        Self::at(&server.database("gamelog"))
    }

    pub(super) fn at(url: &str) -> Self {
        let (url, migrate_at_start) = (Some(ServerUrl::new(url)), true);
        Self { settings: MongoDbSettings { url, migrate_at_start, ..MongoDbSettings::default() } }
    }

    pub(super) fn url(&self) -> &str {
        self.settings.url.as_ref().unwrap().expose()
    }

    /// The backend, migrated when the server is there.
    pub(super) async fn backend(&self) -> MongoDb {
        MongoDb::open(&self.settings, &SystemClock).await.unwrap()
    }

    /// A storage whose game log is here, with its spool in `folder`; not started.
    pub(super) async fn storage(&self, folder: &Path) -> Storage {
        let settings = StorageSettings { gamelog_limit: 100_000, ..StorageSettings::default() };
        let truth = embedded::open_truth(folder, &settings).unwrap();
        let log = Arc::new(self.backend().await);
        Storage::in_folder(folder, Arc::new(truth), log, &settings).unwrap()
    }

    /// The test's own way to the server.
    pub(super) async fn database(&self) -> Database {
        Client::with_uri_str(self.url()).await.unwrap().default_database().unwrap()
    }

    pub(super) async fn collection(&self) -> Collection<Document> {
        self.database().await.collection(RECORDS)
    }

    /// The ids that are there, and how many documents.
    pub(super) async fn ids(&self) -> (BTreeSet<Uuid>, usize) {
        let records = self.collection().await;
        let all = records.find(doc! {}).projection(doc! {"_id": 1}).await.unwrap();
        let all: Vec<Document> = all.try_collect().await.unwrap();
        (all.iter().map(|it| document::id_in(it).unwrap()).collect(), all.len())
    }
}

/// A record that happened now.
pub(super) fn plain() -> LogRecord {
    record(Event::LoggedOut { logins: Vec::new(), by: EndedBy::Logout })
}

/// One that is never dropped.
pub(super) fn ban() -> LogRecord {
    record(Event::MemberBanned { ban: Uuid::now_v7(), until: None, by: By::Command })
}

fn record(event: Event) -> LogRecord {
    let (app, at) = ("demo".parse().unwrap(), SystemClock.now());
    LogRecord { id: Uuid::now_v7(), at, app, member: None, event }
}

/// That many, every fifth of them never dropped.
pub(super) fn mixed(count: usize) -> Vec<LogRecord> {
    (0..count).map(|place| if place % 5 == 0 { ban() } else { plain() }).collect()
}

pub(super) fn kept(fields: serde_json::Value) -> KeptRecord {
    let kept = plain().kept();
    KeptRecord { fields, ..kept }
}

pub(super) async fn append(log: &MongoDb, records: &[KeptRecord]) -> Vec<Verdict> {
    log.append(records.into()).await.unwrap()
}

/// What must come; the limit is passed only when it does not.
pub(super) async fn come<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(240), future).await.expect("this did not come")
}

/// A moment long ago.
pub(super) const LONG_AGO: Micros = Micros(1_000_000);
