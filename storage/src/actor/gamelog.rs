//! The game log's batcher: takes records at any speed, writes them in batches.
//!
//! A batch closes when it is full or old. One batch is written at a time; what comes
//! meanwhile waits, up to a bound counted at the entrance. Beyond that records are
//! dropped and counted: nobody ever waits for the log.

mod batcher;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use ractor::{Actor, ActorCell, ActorRef, SpawnErr};
use tokio::sync::oneshot;

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::config::StorageSettings;
use crate::error::{Result, StorageError};
use crate::gamelog::{GamelogDuty, KeptRecord, LogRecord};
use protocol::ids::{AppId, MemberId};

pub use batcher::drain;
use batcher::{Batcher, Msg};

/// The typed handle for the game log.
#[derive(Clone)]
pub struct Gamelog {
    inner: Arc<Inner>,
    records: Records,
}

struct Inner {
    backend: Arc<dyn GamelogDuty>,
    limit: usize,
    waiting: AtomicUsize,
    batcher: ArcSwapOption<ActorRef<Msg>>,
}

impl Gamelog {
    /// A way to `backend`; records are dropped until [`Gamelog::start`].
    #[must_use]
    pub fn new(
        backend: Arc<dyn GamelogDuty>,
        records: Records,
        settings: &StorageSettings,
    ) -> Self {
        let inner = Inner {
            backend,
            limit: settings.gamelog_limit,
            waiting: AtomicUsize::new(0),
            batcher: ArcSwapOption::empty(),
        };
        Self { inner: Arc::new(inner), records }
    }

    /// Starts the batcher, linked to `supervisor` when there is one.
    ///
    /// # Errors
    /// When ractor cannot start it.
    pub async fn start(&self, supervisor: Option<ActorCell>) -> Result<ActorCell, SpawnErr> {
        let inner = self.inner.clone();
        let (actor, _) = match supervisor {
            Some(supervisor) => Actor::spawn_linked(None, Batcher, inner, supervisor).await?,
            None => Actor::spawn(None, Batcher, inner).await?,
        };
        self.inner.batcher.store(Some(Arc::new(actor.clone())));
        Ok(actor.get_cell())
    }

    /// The backend behind, for an exam that puts more nodes in front of it.
    #[cfg(any(test, feature = "conformance"))]
    pub(crate) fn log(&self) -> Arc<dyn GamelogDuty> {
        self.inner.backend.clone()
    }

    /// Hands a record over. Never waits; what finds no room is dropped and counted.
    pub fn record(&self, record: LogRecord) {
        let room = self.inner.waiting.fetch_add(1, Ordering::AcqRel) < self.inner.limit;
        let place = Place(self.inner.clone());
        let sent = room
            && self
                .inner
                .batcher
                .load()
                .as_ref()
                .is_some_and(|batcher| batcher.cast(Msg::Record(Box::new(record), place)).is_ok());
        if !sent {
            metrics::counter!("daemun_gamelog_dropped_total").increment(1);
        }
    }

    /// Returns when all that was handed over before is kept.
    ///
    /// # Errors
    /// `Unavailable` when the batcher is not running.
    pub async fn flush(&self) -> Result<()> {
        let stopped = || StorageError::Unavailable("the game log's batcher is not running".into());
        let (reply_to, reply) = oneshot::channel();
        let batcher = self.inner.batcher.load_full().ok_or_else(stopped)?;
        batcher.cast(Msg::Flush(reply_to)).map_err(|_| stopped())?;
        reply.await.map_err(|_| stopped())
    }

    /// As [`GamelogDuty::of_member`].
    ///
    /// # Errors
    /// See [`StorageError`].
    pub async fn of_member(
        &self,
        app: AppId,
        member: MemberId,
        since: Micros,
        limit: usize,
    ) -> Result<Vec<KeptRecord>> {
        let log = self.inner.backend.clone();
        self.records
            .call(Key::Home, move |_| async move { log.of_member(app, member, since, limit).await })
            .await
    }
}

/// A waiting record's place, given back when the record is kept or lost.
#[derive(Debug)]
struct Place(Arc<Inner>);

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gamelog")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
