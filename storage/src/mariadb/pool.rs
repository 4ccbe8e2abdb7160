//! One server: held connections to read with, held connections to write with.
//!
//! A connection that reads commits by itself. One that writes has `autocommit = 0`: whatever
//! is said on it is part of a transaction, so that no statement survives a rollback because it
//! came after one.

use std::time::Duration;

use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use tokio::time::timeout;

use super::ca::Ca;
use super::fault::words;
use super::router::word::Word;
use crate::config::ServerUrl;
use crate::error::{Result, StorageError};

/// How long a connection may take to be had: from the pool, or over the network.
pub(super) const CONNECT: Duration = Duration::from_secs(3);
/// How long a connection that is given up may take to say good-bye.
const LEAVE: Duration = Duration::from_secs(1);
/// How many prepared statements a connection holds: each in a handful of sizes.
const STATEMENTS: usize = 256;

/// What every connection is told first. The server gives up a statement before we give up on
/// the server, so that nothing goes on there that nobody waits for.
const SESSION: &str = "SET SESSION tx_isolation = 'READ-COMMITTED', innodb_lock_wait_timeout = 1, \
    max_statement_time = 4, time_zone = '+00:00', \
    sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'";

/// How long a transaction may stand still, in seconds: longer than we let any take. The server
/// ends one whose process hangs or was cut off, and so gives back the locks that it holds.
const IDLE_S: u32 = 5;

/// What holds for every connection to a server.
pub(super) struct Terms<'a> {
    /// How many to read with, and as many to write with.
    pub(super) connections: usize,
    /// Whose certificate it must show.
    pub(super) ca: Option<&'a Ca>,
    /// Whether it is a replica.
    pub(super) copy: bool,
}

/// A server, by the name that the settings give it.
pub(super) struct Server {
    pub(super) name: String,
    /// Which shards it said it keeps.
    pub(super) word: Word,
    opts: Opts,
    reads: Pool,
    writes: Pool,
}

impl Server {
    /// Makes ready to connect; nothing is sent yet.
    pub(super) fn new(name: &str, url: &ServerUrl, terms: &Terms<'_>) -> Result<Self> {
        let opts = options(name, url, terms.ca)?;
        let connections = terms.connections;
        let pool = |session: String| {
            let connections = connections.max(1);
            // What exceeds the lower bound is closed when it is given back.
            let constraints = PoolConstraints::new(connections, connections).unwrap_or_default();
            let pool = PoolOpts::new().with_constraints(constraints).with_reset_connection(false);
            let opts = OptsBuilder::from_opts(opts.clone())
                .pool_opts(pool)
                .stmt_cache_size(STATEMENTS)
                .client_found_rows(true)
                .prefer_socket(false)
                .tcp_nodelay(true)
                .setup(vec![session]);
            Pool::new(opts)
        };
        Ok(Self {
            name: name.to_owned(),
            word: Word::default(),
            reads: pool(if terms.copy {
                // A replica is never written, whatever its own settings say.
                format!("{SESSION}, tx_read_only = ON")
            } else {
                SESSION.to_owned()
            }),
            writes: pool(format!("{SESSION}, autocommit = 0, idle_transaction_timeout = {IDLE_S}")),
            opts,
        })
    }

    /// A connection to read with.
    pub(super) async fn reading(&self) -> Result<Conn> {
        self.connection(&self.reads).await
    }

    /// A connection to write with.
    pub(super) async fn writing(&self) -> Result<Conn> {
        self.connection(&self.writes).await
    }

    /// A connection without a limit on its statements, to hold while migrations run.
    pub(super) async fn migrating(&self) -> Result<Conn> {
        match timeout(CONNECT, Conn::new(self.opts.clone())).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.unavailable(&words(&error))),
            Err(_) => Err(self.unavailable(&format!("no connection in {} s", CONNECT.as_secs()))),
        }
    }

    /// Connections without a limit on their statements, for migrations to run on.
    pub(super) fn migrations(&self) -> Pool {
        Pool::new(self.opts.clone())
    }

    async fn connection(&self, pool: &Pool) -> Result<Conn> {
        match timeout(CONNECT, pool.get_conn()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.unavailable(&words(&error))),
            Err(_) => Err(self.unavailable(&format!("no connection in {} s", CONNECT.as_secs()))),
        }
    }

    /// Nothing was done, and why.
    pub(super) fn unavailable(&self, why: &str) -> StorageError {
        StorageError::Unavailable(format!("MariaDB `{}`: {why}", self.name))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The connections say good-bye where there is still somebody to let them.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (reads, writes) = (self.reads.clone(), self.writes.clone());
            runtime.spawn(async move {
                let _ = timeout(
                    LEAVE,
                    futures_util::future::join(reads.disconnect(), writes.disconnect()),
                )
                .await;
            });
        }
    }
}

fn options(name: &str, url: &ServerUrl, ca: Option<&Ca>) -> Result<Opts> {
    let setup = |what: &str| StorageError::Setup(format!("MariaDB `{name}`: the address {what}"));
    let opts = Opts::from_url(url.expose())
        .map_err(|_| setup("is not like mysql://user:password@host:3306/database"))?;
    match opts.db_name() {
        Some(database) if !database.is_empty() => Ok(match ca {
            Some(ca) => ca.trusted_by(opts),
            None => opts,
        }),
        Some(_) | None => Err(setup("names no database")),
    }
}

/// Closes a connection of which it is not known what is still on its way.
pub(super) fn give_up(connection: Conn) {
    // Where a runtime ends nobody is left to use it.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    runtime.spawn(async move {
        // The server rolls back what was open when it sees the end.
        let _ = timeout(LEAVE, connection.disconnect()).await;
    });
}
