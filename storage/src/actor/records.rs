//! The records factory: every call on the truth passes here.
//!
//! A ractor [`Factory`] keeps the calls of one key [in order](in_order) and runs those of
//! different keys side by side, so that they can go to the backend [together](super::batches). Its bound is at the entrance: a call takes a permit before it is sent, and one
//! that gets none is told `Overloaded` at once. A worker that panics is replaced; its
//! caller is told that the outcome is unknown.

mod in_order;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use protocol::ids::{LoginId, MemberId};
use ractor::factory::{
    Factory, FactoryArguments, FactoryMessage, FactoryRef, Job, JobOptions, Worker, WorkerBuilder,
    WorkerId, queues,
};
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::batches::Batches;
use super::cache::Fronted;
use crate::cache::CacheDuty;
use crate::config::StorageSettings;
use crate::error::{Result, StorageError};
use crate::identity::{Digest, IdentityKey};
use crate::open::Truth;
use in_order::InOrder;

/// How long a call is waited for. The work itself goes on.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// What calls are kept in order by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Rows that belong to no member, and whatever goes over all of them.
    Home,
    /// Rows of one domain that belong to no member and are on the home shard alone: they wait for
    /// nothing that hangs on another one.
    Domain(&'static str),
    /// A member's rows.
    Member(MemberId),
    /// A login's row, while its member is not known yet.
    Login(LoginId),
    /// An identity, while its member is not known yet.
    Identity(Arc<IdentityKey>),
    /// A claim on a purchase, or what a store showed of itself.
    Claim(Digest),
}

impl Key {
    pub(crate) fn identity(key: &IdentityKey) -> Self {
        Self::Identity(Arc::new(key.clone()))
    }
}

type Work = Box<dyn FnOnce(Arc<dyn Truth>) -> BoxFuture<'static, ()> + Send>;

/// One call: what to do, and its place in the queue, given back when it is done.
struct Call {
    work: Work,
    _place: OwnedSemaphorePermit,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Call")
    }
}

/// The way into the factory. It outlives the factory's restarts.
#[derive(Clone)]
pub struct Records(Arc<Inner>);

struct Inner {
    /// What another node's way leads to.
    #[cfg(any(test, feature = "conformance"))]
    truth: Arc<dyn Truth>,
    cache: Option<Arc<dyn CacheDuty>>,
    /// What the workers call.
    front: Arc<dyn Truth>,
    settings: StorageSettings,
    places: Arc<Semaphore>,
    taken: AtomicU64,
    factory: ArcSwapOption<ActorRef<FactoryMessage<Key, Call>>>,
}

impl Records {
    /// A way to `truth`, with `cache` in front of it if there is one; calls are `Unavailable`
    /// until [`Records::start`].
    #[must_use]
    pub fn new(
        truth: Arc<dyn Truth>,
        cache: Option<Arc<dyn CacheDuty>>,
        settings: StorageSettings,
    ) -> Self {
        let places = Arc::new(Semaphore::new(settings.queue_limit));
        let front = fronted(Arc::new(Batches::new(truth.clone())), cache.clone());
        let (taken, factory) = (AtomicU64::new(0), ArcSwapOption::empty());
        Self(Arc::new(Inner {
            #[cfg(any(test, feature = "conformance"))]
            truth,
            cache,
            front,
            settings,
            places,
            taken,
            factory,
        }))
    }

    /// Starts the factory, linked to `supervisor` when there is one.
    ///
    /// # Errors
    /// When ractor cannot start it.
    pub async fn start(&self, supervisor: Option<ActorCell>) -> Result<ActorCell, SpawnErr> {
        let backend = self.0.front.clone();
        let arguments = FactoryArguments::builder()
            .worker_builder(Box::new(Workers(backend)) as Box<dyn WorkerBuilder<_, _>>)
            .num_initial_workers(self.0.settings.workers)
            .router(InOrder::default())
            .queue(queues::DefaultQueue::default())
            .build();
        let factory = Factory::<
            Key,
            Call,
            Arc<dyn Truth>,
            RecordsWorker,
            InOrder,
            queues::DefaultQueue<Key, Call>,
        >::default();
        let (actor, _) = match supervisor {
            Some(supervisor) => Actor::spawn_linked(None, factory, arguments, supervisor).await?,
            None => Actor::spawn(None, factory, arguments).await?,
        };
        self.0.factory.store(Some(Arc::new(actor.clone())));
        Ok(actor.get_cell())
    }

    /// The backend behind, asked without a queue.
    #[cfg(any(test, feature = "conformance"))]
    pub(crate) fn truth(&self) -> Arc<dyn Truth> {
        fronted(self.0.truth.clone(), self.0.cache.clone())
    }

    /// Another node's way to the same backend and cache.
    #[cfg(any(test, feature = "conformance"))]
    pub(crate) fn another(&self, settings: StorageSettings) -> Self {
        Self::new(self.0.truth.clone(), self.0.cache.clone(), settings)
    }

    /// What is not well with the cache, in words.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.0.cache.as_ref().and_then(|cache| cache.trouble())
    }

    /// The factory that runs now, if one does; for whoever watches it.
    #[must_use]
    pub fn actor(&self) -> Option<ActorCell> {
        self.0.factory.load().as_ref().map(|factory| factory.get_cell())
    }

    /// How many calls it has taken since it was made.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// How many calls wait or are being done.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.0.settings.queue_limit - self.0.places.available_permits()
    }

    /// Does `work` against the backend, after all earlier calls of the same key.
    ///
    /// # Errors
    /// What `work` returns; `Overloaded` when the queue is full; `Unavailable` when no
    /// factory runs; `OutcomeUnknown` when its worker died on the way, or the answer did
    /// not come within [`DEADLINE`].
    pub async fn call<T, F, W>(&self, key: Key, work: W) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
        W: FnOnce(Arc<dyn Truth>) -> F + Send + 'static,
    {
        let Ok(place) = self.0.places.clone().try_acquire_owned() else {
            metrics::counter!("daemun_storage_shed_total").increment(1);
            return Err(StorageError::Overloaded);
        };
        self.0.taken.fetch_add(1, Ordering::Relaxed);
        let (reply_to, reply) = oneshot::channel();
        let call = Call {
            work: Box::new(move |backend| {
                Box::pin(async move {
                    // A caller who left is no reason to stop: the work is done all the same.
                    let _ = reply_to.send(work(backend).await);
                })
            }),
            _place: place,
        };
        let stopped = || StorageError::Unavailable("the records factory is not running".into());
        let factory = self.0.factory.load_full().ok_or_else(stopped)?;
        let job = Job { key, msg: call, options: JobOptions::default(), accepted: None };
        factory.cast(FactoryMessage::Dispatch(job)).map_err(|_| stopped())?;
        match tokio::time::timeout(DEADLINE, reply).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(StorageError::OutcomeUnknown),
        }
    }

    /// As [`Records::call`]. `then` sees what came of it, and not only if that comes in time: who was
    /// told that the outcome is unknown does not come back to see to what follows from it.
    ///
    /// # Errors
    /// As [`Records::call`].
    pub async fn call_then<T, F, W>(
        &self,
        key: Key,
        work: W,
        then: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
        W: FnOnce(Arc<dyn Truth>) -> F + Send + 'static,
    {
        let seen = |backend| async move {
            let answer = work(backend).await;
            if let Ok(answer) = &answer {
                then(answer);
            }
            answer
        };
        self.call(key, seen).await
    }
}

fn fronted(truth: Arc<dyn Truth>, cache: Option<Arc<dyn CacheDuty>>) -> Arc<dyn Truth> {
    match cache {
        Some(cache) => Arc::new(Fronted::new(truth, cache)),
        None => truth,
    }
}

/// Has a factory finish what it took and stop; for whoever supervises it.
pub fn drain(factory: &ActorCell) {
    // A factory that is gone already has nothing to finish.
    let _ = factory.send_message::<FactoryMessage<Key, Call>>(FactoryMessage::DrainRequests);
}

struct Workers(Arc<dyn Truth>);

impl WorkerBuilder<RecordsWorker, Arc<dyn Truth>> for Workers {
    fn build(&mut self, _: WorkerId) -> (RecordsWorker, Arc<dyn Truth>) {
        (RecordsWorker, self.0.clone())
    }
}

struct RecordsWorker;

impl Worker for RecordsWorker {
    type Key = Key;
    type Message = Call;
    type Arguments = Arc<dyn Truth>;
    type State = Arc<dyn Truth>;

    async fn pre_start(
        &self,
        _: WorkerId,
        _: &FactoryRef<Key, Call>,
        backend: Arc<dyn Truth>,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(backend)
    }

    async fn handle(
        &self,
        _: WorkerId,
        _: &FactoryRef<Key, Call>,
        Job { key, msg, .. }: Job<Key, Call>,
        backend: &mut Self::State,
    ) -> Result<Key, ActorProcessingErr> {
        let Call { work, _place } = msg;
        work(backend.clone()).await;
        Ok(key)
    }
}
