//! The game log's batcher: takes records at any speed, makes them safe in batches, and
//! brings them to the sink.
//!
//! A batch closes when it is full or old. Before a sink that may be gone it goes into the
//! [spool](crate::spool), and from there to the sink; into a sink on this machine's own disk it
//! goes straight, for the spool would do the same work twice. So does what the spool cannot take.
//! One batch is made safe at a time; what comes meanwhile waits in memory, up to a bound counted
//! at the entrance. Beyond that records are dropped and counted: nobody ever waits for the log.
//!
//! What is never dropped has as many places again in memory, and a part of the spool for itself.
//! When both are full, because the sink was gone for longer than the spool is made for, the last
//! resort is the same: the record is lost, counted, and an error says so.

mod batch;
mod lanes;
mod backoff;
mod troubles;
mod batcher;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use ractor::{Actor, ActorCell, ActorRef, SpawnErr};
use tokio::sync::oneshot;

use crate::actor::records::{Key, Records};
use crate::config::StorageSettings;
use crate::error::{Result, StorageError};
use crate::gamelog::{GamelogDuty, Keep, KeptRecord, LogRecord, Of, Since};
use crate::spool::Spool;
use protocol::ids::{AppId, MemberId};

pub use batcher::drain;
use batcher::{Batcher, Msg};
use troubles::Troubles;

/// The typed handle for the game log.
#[derive(Clone)]
pub struct Gamelog {
    inner: Arc<Inner>,
    records: Records,
}

struct Inner {
    backend: Arc<dyn GamelogDuty>,
    limit: usize,
    spool: Option<Arc<Spool>>,
    waiting: AtomicUsize,
    troubles: Troubles,
    batcher: ArcSwapOption<ActorRef<Msg>>,
}

impl Gamelog {
    /// A way to `backend`, straight when there is no spool; records are dropped until
    /// [`Gamelog::start`].
    #[must_use]
    pub fn new(
        backend: Arc<dyn GamelogDuty>,
        spool: Option<Spool>,
        records: Records,
        settings: &StorageSettings,
    ) -> Self {
        let inner = Inner {
            backend,
            limit: settings.gamelog_limit,
            spool: spool.map(Arc::new),
            waiting: AtomicUsize::new(0),
            troubles: Troubles::default(),
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
        let (keep, kind) = (record.event.keep(), record.event.kind());
        let limit = match keep {
            Keep::WhenThereIsRoom => self.inner.limit,
            Keep::Always => self.inner.limit.saturating_mul(2),
        };
        let room = self.inner.waiting.fetch_add(1, Ordering::AcqRel) < limit;
        let place = Place(self.inner.clone());
        let sent = room
            && self
                .inner
                .batcher
                .load()
                .as_ref()
                .is_some_and(|batcher| batcher.cast(Msg::Record(Box::new(record), place)).is_ok());
        if !sent {
            self.inner.troubles.lost(kind, keep);
        }
    }

    /// Returns when all that was handed over before survives a crash, in the spool or in the
    /// sink; or is dropped and counted.
    ///
    /// # Errors
    /// `Unavailable` when the batcher is not running.
    pub async fn flush(&self) -> Result<()> {
        self.ask(Msg::Flush).await
    }

    /// Returns when the sink has all that was handed over before, or has refused it. While the
    /// sink is gone that may take for ever: the caller bounds it.
    ///
    /// # Errors
    /// `Unavailable` when the batcher is not running.
    pub async fn delivered(&self) -> Result<()> {
        self.ask(Msg::Delivered).await
    }

    async fn ask(&self, msg: impl FnOnce(oneshot::Sender<()>) -> Msg) -> Result<()> {
        let stopped = || StorageError::Unavailable("the game log's batcher is not running".into());
        let (reply_to, reply) = oneshot::channel();
        let batcher = self.inner.batcher.load_full().ok_or_else(stopped)?;
        batcher.cast(msg(reply_to)).map_err(|_| stopped())?;
        reply.await.map_err(|_| stopped())
    }

    /// What is wrong with the game log now, a sentence each; for whoever looks after the server.
    #[must_use]
    pub fn troubles(&self) -> Vec<&'static str> {
        self.inner.troubles.now()
    }

    /// What happened to a member, as [`GamelogDuty::list`] has it.
    ///
    /// # Errors
    /// See [`StorageError`].
    pub async fn of_member(
        &self,
        app: AppId,
        member: MemberId,
        since: impl Into<Since>,
        limit: usize,
    ) -> Result<Vec<KeptRecord>> {
        self.list(app, Of::Member(member), since, limit).await
    }

    /// As [`GamelogDuty::list`].
    ///
    /// # Errors
    /// See [`StorageError`].
    pub async fn list(
        &self,
        app: AppId,
        of: Of,
        since: impl Into<Since>,
        limit: usize,
    ) -> Result<Vec<KeptRecord>> {
        let (log, since) = (self.inner.backend.clone(), since.into());
        self.records
            .call(Key::Home, move |_| async move { log.list(app, of, since, limit).await })
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
