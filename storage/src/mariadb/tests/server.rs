//! Databases of a test's own on a real server.

use std::sync::Arc;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use tempfile::TempDir;

use crate::clock::SystemClock;
use crate::config::{MariaDbSettings, ServerSettings, ServerUrl, StorageSettings};
use crate::mariadb::{MariaDb, Servers};
use crate::open::Storage;
use crate::servers::MariaDb as MariaServer;

/// A database that no other test has; it goes with its server.
pub(super) struct Database {
    pub(super) url: String,
}

impl Database {
    pub(super) fn new() -> Self {
        Self { url: MariaServer::shared().unwrap().database("storage").unwrap() }
    }

    /// A database of that server.
    pub(super) fn of(server: &MariaServer) -> Self {
        Self { url: server.database("storage").unwrap() }
    }

    /// A connection of the test's own.
    pub(super) async fn connect(&self) -> Conn {
        Conn::new(Opts::from_url(&self.url).unwrap()).await.unwrap()
    }

    /// Runs a statement.
    pub(super) async fn run(&self, statement: &str) {
        let mut connection = self.connect().await;
        connection.query_drop(statement).await.unwrap();
        connection.disconnect().await.unwrap();
    }
}

/// Databases, and the settings that name them.
pub(super) struct Scene {
    pub(super) databases: Vec<Database>,
    pub(super) settings: MariaDbSettings,
}

/// What a storage stands on.
pub(super) struct Kept {
    pub(super) scene: Scene,
    _folder: TempDir,
}

impl Scene {
    fn settings() -> MariaDbSettings {
        MariaDbSettings { connections: 8, migrate_at_start: true, ..MariaDbSettings::default() }
    }

    /// One database with every shard.
    pub(super) fn one() -> Self {
        Self::on(Database::new().url)
    }

    /// That database, with every shard.
    pub(super) fn on(url: String) -> Self {
        let database = Database { url };
        let url = Some(ServerUrl::new(&database.url));
        Self { databases: vec![database], settings: MariaDbSettings { url, ..Self::settings() } }
    }

    /// Two databases with half of the shards each; what belongs to no member is on the second.
    pub(super) fn two() -> Self {
        Self::across([(); 2].map(|()| Database::new().url))
    }

    /// The same in these databases.
    pub(super) fn across(urls: [String; 2]) -> Self {
        let databases: Vec<Database> = urls.into_iter().map(|url| Database { url }).collect();
        let server = |database: &Database, shards: &str| ServerSettings {
            url: ServerUrl::new(&database.url),
            shards: Some(shards.to_owned()),
            replica_of: None,
        };
        // Guests' and people's ids alike fall on either.
        let servers = [
            ("a".to_owned(), server(&databases[0], "0-511")),
            ("b".to_owned(), server(&databases[1], "512-1023")),
        ];
        let settings = MariaDbSettings {
            servers: servers.into(),
            home: Some("b".to_owned()),
            ..Self::settings()
        };
        Self { databases, settings }
    }

    /// The same databases once more.
    pub(super) fn two_of(scene: &Self) -> Self {
        Self::across([0, 1].map(|at: usize| scene.databases[at].url.clone()))
    }

    /// With another server beside these.
    pub(super) fn with(mut self, name: &str, url: &str, replica_of: Option<&str>) -> Self {
        let (url, replica_of) = (ServerUrl::new(url), replica_of.map(str::to_owned));
        let server = ServerSettings { url, shards: None, replica_of };
        self.settings.servers.insert(name.to_owned(), server);
        self
    }

    pub(super) fn servers(&self) -> Servers {
        Servers::new(&self.settings).unwrap()
    }

    /// The backend, migrated. It trusts no word, so that a test that moves a shard need not wait.
    pub(super) async fn backend(&self) -> MariaDb {
        let backend = self.trusting().await;
        backend.router.primaries.iter().for_each(|server| server.word.doubt());
        backend
    }

    /// The backend as it is in production.
    pub(super) async fn trusting(&self) -> MariaDb {
        MariaDb::open(&self.settings, &SystemClock).await.unwrap()
    }

    /// A storage with the truth here and the log in a folder.
    pub(super) async fn storage(self) -> (Storage, Kept) {
        let folder = tempfile::tempdir().unwrap();
        let log = crate::embedded::open_log(folder.path()).unwrap();
        let truth = self.backend().await;
        let storage = Storage::over(Arc::new(truth), Arc::new(log), &StorageSettings::default());
        (storage, Kept { scene: self, _folder: folder })
    }

    /// Another process with a map of its own, started; its log goes with it.
    pub(super) async fn node(&self) -> Storage {
        over(self.backend().await).await
    }
}

impl MariaDb {
    /// How often a server refused what this process took for granted.
    pub(super) fn refusals(&self) -> usize {
        self.router.refused.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// A started storage over a backend, whose log nobody reads.
pub(super) async fn over(truth: MariaDb) -> Storage {
    let folder = tempfile::tempdir().unwrap();
    let log = crate::embedded::open_log(folder.path()).unwrap();
    let storage = Storage::over(Arc::new(truth), Arc::new(log), &StorageSettings::default());
    storage.start_alone().await.unwrap();
    storage
}
