//! The truth in MariaDB: one server, or several that share the members by virtual shards.
//!
//! Every deed is written for many items at once ([`router`]); one alone is a list of one. What
//! belongs to no member is on the home primary; a member's rows are on the primary of the
//! member's shard; what must be unique over all of them (an identity, a nonce) is claimed on the
//! primary of its own digest's shard, in a transaction of its own, before the member's.

mod ca;
mod pool;
mod fault;
mod tx;
mod rows;
mod router;
mod migrate;
mod settings;
mod shape;
mod replicas;

mod apps;
mod audit;
mod content;
mod documents;
mod identity;
mod members;
mod operators;
mod outbox;
mod purchases;
mod push;
mod sessions;
mod turns;
mod wallet;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::{MariaDbSettings, Plan};
use crate::error::{Result, StorageError};
use crate::finding::Finding;
use crate::open::Truth;
use ca::Ca;
use pool::{Server, Terms};
use replicas::{Replica, Replicas};
use router::Router;

pub use migrate::SchemaStatus;
pub use router::word::PAUSE;

/// The MariaDB backend.
#[derive(Clone)]
pub struct MariaDb {
    router: Arc<Router>,
}

/// The servers of the settings, not asked anything yet.
pub struct Servers {
    primaries: Vec<Server>,
    replicas: Vec<Replica>,
    plan: Plan,
}

/// One range of virtual shards, as its server says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRange {
    /// In words: `home`, `shard 7`, `shards 0 to 511`.
    pub shards: String,
    /// The server that keeps it.
    pub server: String,
    /// The version of that.
    pub version: i64,
}

impl Servers {
    /// The servers that the settings name.
    ///
    /// # Errors
    /// [`StorageError::Setup`] with all that makes no sense.
    pub fn new(settings: &MariaDbSettings) -> Result<Self> {
        let plan = settings.plan().map_err(|wrong| {
            let all: Vec<_> =
                wrong.iter().map(|(key, what)| format!("storage.mariadb.{key}: {what}")).collect();
            StorageError::Setup(all.join("; "))
        })?;
        let ca = settings.ca_file.as_deref().map(Ca::read).transpose()?;
        let connect = |name: &str, url, copy| {
            let connections = settings.connections;
            Server::new(name, url, &Terms { connections, ca: ca.as_ref(), copy })
        };
        let primaries = plan.primaries.iter().map(|it| connect(&it.name, &it.url, false));
        let replicas = plan.replicas.iter().map(|it| {
            let server = connect(&it.name, &it.url, true)?;
            Ok(Replica::new(server, it.of))
        });
        Ok(Self {
            primaries: primaries.collect::<Result<_>>()?,
            replicas: replicas.collect::<Result<_>>()?,
            plan,
        })
    }

    fn all(&self) -> impl Iterator<Item = (&Server, bool)> {
        let replicas = self.replicas.iter().map(|replica| (&replica.server, true));
        self.primaries.iter().map(|server| (server, false)).chain(replicas)
    }

    /// What every server that answers is, a line each.
    pub async fn lines(&self, clock: &dyn Clock) -> Vec<String> {
        let mut lines = Vec::new();
        for (server, replica) in self.all() {
            // Of one that does not answer the check says so.
            lines.extend(settings::line(server, replica, clock).await.ok());
        }
        lines
    }

    /// Asks every server about itself: what is not as it should be, or that it does not answer.
    pub async fn check(&self, clock: &dyn Clock) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (server, replica) in self.all() {
            match settings::check(server, replica, clock).await {
                Ok(found) => findings.extend(found),
                // What is wrong with a replica that is away is said with its place.
                Err(_) if replica => {}
                Err(error) => findings.push(Finding {
                    server: server.name.clone(),
                    refused: true,
                    what: error.to_string(),
                }),
            }
        }
        findings.extend(self.shape().await);
        findings
    }

    /// Asks whether each entry is a database of its own, and each replica the copy of its
    /// primary; and says how far it lags.
    pub async fn shape(&self) -> Vec<Finding> {
        let mut findings = shape::entries(self).await;
        if findings.is_empty() {
            findings = shape::replicas(self).await;
        }
        findings
    }

    /// Where the schema of each primary stands.
    ///
    /// # Errors
    /// When one does not answer, or has a schema that this program does not know.
    pub async fn schema(&self) -> Result<Vec<SchemaStatus>> {
        let mut all = Vec::new();
        for server in &self.primaries {
            all.push(migrate::status(server).await?);
        }
        Ok(all)
    }

    /// Brings each primary to this program's schema, and writes the first map of the shards.
    /// Returns what ran on which.
    ///
    /// # Errors
    /// When one does not answer, has a schema that this program does not know, or a migration
    /// fails.
    pub async fn migrate(&self) -> Result<Vec<(String, Vec<String>)>> {
        // A schema that is not known anywhere stops all of it before anything is changed.
        self.schema().await?;
        let mut ran = Vec::new();
        for server in &self.primaries {
            ran.push((server.name.clone(), migrate::up(server).await?));
        }
        migrate::seed_map(&self.primaries, &self.plan).await?;
        Ok(ran)
    }

    /// Which primary keeps which shards, as they say themselves.
    ///
    /// # Errors
    /// When one does not answer, or the shards are not each kept once.
    pub async fn shards(&self) -> Result<Vec<ShardRange>> {
        let map = router::map::read_whole(&self.primaries).await?;
        let range = |range: &router::map::Range| ShardRange {
            shards: router::map::named(range.first, range.last),
            server: self.primaries[range.primary].name.clone(),
            version: range.version,
        };
        Ok(map.ranges().iter().map(range).collect())
    }
}

impl Truth for MariaDb {
    fn server_of(&self, shard: u16) -> usize {
        // A shard that is being moved waits with the first server's.
        let map = self.router.map.load();
        map.place(shard.cast_signed()).map_or(0, |range| range.primary)
    }
}

impl MariaDb {
    /// Connects, checks the servers and their schema, and reads the map of the shards.
    ///
    /// # Errors
    /// [`StorageError::Setup`] when a server is not fit, which the message explains;
    /// [`StorageError::Unavailable`] when one does not answer.
    pub async fn open(settings: &MariaDbSettings, clock: &dyn Clock) -> Result<Self> {
        let servers = Servers::new(settings)?;
        for (server, replica) in servers.all() {
            match settings::check(server, replica, clock).await {
                Ok(findings) => heed(findings)?,
                // Nobody needs a replica; that it is away is said when it is looked at.
                Err(_) if replica => {}
                Err(error) => return Err(error),
            }
        }
        heed(shape::entries(&servers).await)?;
        if settings.migrate_at_start {
            for (server, ran) in servers.migrate().await? {
                for migration in ran {
                    tracing::info!(server, migration, "migration {migration} ran on `{server}`");
                }
            }
        }
        for SchemaStatus { server, pending, .. } in servers.schema().await? {
            if !pending.is_empty() {
                return Err(StorageError::Setup(format!(
                    "MariaDB `{server}` has {} migrations to run: run `daemun migrate up`",
                    pending.len()
                )));
            }
        }
        let map = router::map::read_whole(&servers.primaries).await?;
        heed(shape::replicas(&servers).await)?;
        let most = Duration::from_millis(settings.replica_lag_ms);
        let replicas = Replicas::new(servers.replicas, servers.primaries.len(), most);
        let router = Arc::new(Router::new(servers.primaries, replicas, map));
        if !router.replicas.all.is_empty() {
            router.replicas.look(&router.primaries, Instant::now()).await;
            replicas::keep_looking(&router);
        }
        Ok(Self { router })
    }
}

/// Warns of what is found.
///
/// # Errors
/// [`StorageError::Setup`] for what a program must not start with.
fn heed(findings: Vec<Finding>) -> Result<()> {
    for Finding { server, what, refused } in findings {
        if refused {
            return Err(StorageError::Setup(format!("MariaDB `{server}` {what}")));
        }
        tracing::warn!(server, "MariaDB `{server}` {what}");
    }
    Ok(())
}
