//! Redis in front of the truth, 6.0 or newer: fast, shared by the nodes, and never needed.
//!
//! # The line
//! A node has one connection, the *line*, on which everybody's commands go side by side. Each
//! answer is waited for within a deadline and no longer. A line that breaks, or on which
//! [`FAILURES`] answers in a row did not come, is given up, and Redis is *away*: whoever asks is
//! told so at once. Meanwhile one task alone tries a new line, after rests that grow and are
//! jittered; it counts once it answered a ping within the deadline. So a server that hangs is
//! away too, and so is a connection whose other end is gone without a word.
//!
//! What Redis refuses in words is no reason to give the line up: one that takes no writes while
//! it is full still forgets.
//!
//! # What is kept there
//! Nothing that matters. [`cache`] says what its keys are.

pub mod cache;
pub(crate) mod presence;
pub(crate) mod rates;
pub(crate) mod replies;
pub(crate) mod revocations;
mod script;
mod server;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Pipeline, RedisError, RedisResult, TlsCertificates, Value,
};
use tokio::time::timeout;

use crate::config::RedisSettings;
use crate::error::{Result, StorageError};
use crate::finding::Finding;

/// What it is called where servers have names.
pub const NAME: &str = "Redis";
/// After so many answers in a row that did not come in time, the line is given up.
pub(crate) const FAILURES: u32 = 5;
/// How long a connection may take to be made, TLS and all.
const REACH: Duration = Duration::from_secs(1);
/// The rest after the first line that could not be had; it doubles with each, up to [`REST_MOST`].
const REST: Duration = Duration::from_millis(100);
const REST_MOST: Duration = Duration::from_secs(5);
/// How many commands may be handed to the line before the next has to wait, within its deadline.
const QUEUE: usize = 1024;

/// The way to a Redis. Clones share the line.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    client: Client,
    deadline: Duration,
    /// `None` while Redis is away.
    line: ArcSwapOption<Line>,
    /// Why it is away.
    why: Mutex<String>,
}

struct Line {
    connection: MultiplexedConnection,
    /// How many answers in a row did not come.
    failures: AtomicU32,
}

/// Redis did not answer, or is known not to. What was asked for may have been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Away;

impl Redis {
    /// The server that the settings name, not asked anything yet.
    ///
    /// # Errors
    /// [`StorageError::Setup`] when the settings make no sense, or the authority's file cannot
    /// be read.
    pub fn new(settings: &RedisSettings) -> Result<Self> {
        let setup =
            |key: &str, what: &str| StorageError::Setup(format!("storage.redis.{key}: {what}"));
        settings.check().map_err(|(key, what)| setup(&key, &what))?;
        let url = settings.url.as_ref().ok_or_else(|| setup("url", "names no Redis"))?.expose();
        let client = match &settings.ca_file {
            None => Client::open(url),
            Some(file) => {
                let authority = std::fs::read(file)
                    .map_err(|error| setup("ca_file", &format!("cannot be read: {error}")))?;
                let tls = TlsCertificates { client_tls: None, root_cert: Some(authority) };
                Client::build_with_tls(url, tls)
            }
        };
        // The library's own words may quote the address.
        let client = client.map_err(|_| setup("url", "cannot be used"))?;
        let (deadline, line) = (settings.deadline(), ArcSwapOption::empty());
        let why = Mutex::new("was not asked yet".to_owned());
        Ok(Self(Arc::new(Inner { client, deadline, line, why })))
    }

    /// Connects. A server that is away is no reason not to start: it is tried on and on.
    /// To be called in a runtime.
    ///
    /// # Errors
    /// As [`Redis::new`].
    pub async fn open(settings: &RedisSettings) -> Result<Self> {
        let redis = Self::new(settings)?;
        metrics::gauge!("daemun_redis_up").set(0.0);
        match redis.0.connect().await {
            Ok(connection) => redis.0.came(connection),
            Err(why) => {
                tracing::error!("{NAME} is away: {why}: everything is read from the database");
                redis.0.is_away(why);
                tokio::spawn(keep_trying(Arc::downgrade(&redis.0)));
            }
        }
        Ok(redis)
    }

    /// Has commands done in their order, and returns what each of them came to: a value, or what
    /// Redis refused it with.
    ///
    /// # Errors
    /// [`Away`]: any part of it may have been done.
    pub(crate) async fn ask(
        &self,
        commands: &mut Pipeline,
    ) -> Result<Vec<RedisResult<Value>>, Away> {
        let line = self.0.line.load_full().ok_or(Away)?;
        let mut connection = line.connection.clone();
        let asked = commands.ignore_errors().query_async(&mut connection);
        match timeout(self.0.deadline, asked).await {
            Ok(Ok(answers)) => {
                line.failures.store(0, Ordering::Relaxed);
                Ok(answers)
            }
            Ok(Err(error)) => {
                self.0.lost(&line, words(&error));
                Err(Away)
            }
            Err(_) => {
                let failures = line.failures.fetch_add(1, Ordering::Relaxed) + 1;
                if failures >= FAILURES {
                    self.0.lost(&line, self.0.late());
                }
                Err(Away)
            }
        }
    }

    /// What is not well with it, in words.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let away = self.0.line.load().is_none();
        away.then(|| {
            let why = self.0.why.lock().unwrap_or_else(PoisonError::into_inner);
            format!("{NAME} is away: {why}: everything is read from the database")
        })
    }

    /// What the server is, in a line, and what is not as it should be with it. It is asked on a
    /// connection of its own.
    pub async fn check(&self) -> (Option<String>, Vec<Finding>) {
        match server::check(&self.0).await {
            Ok((line, findings)) => (Some(line), findings),
            Err(error) => (None, vec![server::finding(true, error)]),
        }
    }
}

impl Inner {
    /// A new connection that answered a ping within the deadline.
    async fn connect(&self) -> Result<MultiplexedConnection, String> {
        let mut connection = self.reach().await?;
        let ping = redis::cmd("PING");
        match timeout(self.deadline, ping.query_async::<Value>(&mut connection)).await {
            Ok(Ok(_)) => Ok(connection),
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err(self.late()),
        }
    }

    async fn reach(&self) -> Result<MultiplexedConnection, String> {
        // Every wait is bounded here, where it is known what for.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        let connects = self.client.get_multiplexed_async_connection_with_config(&config);
        match timeout(REACH, connects).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err(format!("no connection within {} ms", REACH.as_millis())),
        }
    }

    fn late(&self) -> String {
        format!("no answer within {} ms", self.deadline.as_millis())
    }

    fn came(&self, connection: MultiplexedConnection) {
        metrics::gauge!("daemun_redis_up").set(1.0);
        self.line.store(Some(Arc::new(Line { connection, failures: AtomicU32::new(0) })));
    }

    fn is_away(&self, why: String) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Gives a line up, unless somebody did before, and has a new one sought.
    fn lost(self: &Arc<Self>, line: &Arc<Line>, why: String) {
        let before = self.line.compare_and_swap(line, None);
        if !before.as_ref().is_some_and(|before| Arc::ptr_eq(before, line)) {
            return;
        }
        tracing::warn!("{NAME} is away: {why}: everything is read from the database");
        metrics::gauge!("daemun_redis_up").set(0.0);
        metrics::counter!("daemun_redis_lost_total").increment(1);
        self.is_away(why);
        tokio::spawn(keep_trying(Arc::downgrade(self)));
    }
}

/// Tries to get a line until there is one, or nobody wants it any more.
async fn keep_trying(inner: Weak<Inner>) {
    let mut rest = REST;
    loop {
        tokio::time::sleep(rest.mul_f64(0.5 + fastrand::f64())).await;
        let Some(inner) = inner.upgrade() else { return };
        match inner.connect().await {
            Ok(connection) => {
                tracing::info!("{NAME} is back");
                return inner.came(connection);
            }
            Err(why) => inner.is_away(why),
        }
        rest = (2 * rest).min(REST_MOST);
    }
}

/// What went wrong, without what an address may hold.
fn words(error: &RedisError) -> String {
    match error.code() {
        // What the system says of a connection names no account.
        None if error.is_io_error() => error.to_string(),
        Some(code) => format!("{code} {}", error.detail().unwrap_or_default()).trim().to_owned(),
        None => error.category().to_owned(),
    }
}
