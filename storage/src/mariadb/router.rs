//! From a virtual shard to the server that keeps it: what stands between the duties and the
//! databases.
//!
//! Items of one deed are put together by server. A server that keeps other shards than was
//! thought refuses a [write](writes), and what was [read](reads) from it does not count; then the
//! map is read again and the items are tried once more where they belong.

mod answers;
mod groups;
mod kept;
pub(super) mod map;
mod reads;
pub(super) mod word;
mod writes;

use std::sync::Arc;

use arc_swap::ArcSwap;
use mysql_async::Conn;
use tokio::sync::Mutex;

use super::fault::Fault;
use super::pool::Server;
use super::replicas::Replicas;
use super::tx::{DEADLINE, Locks, TRIES, Tx, Work, run_tx};
use crate::error::{Result, StorageError};
use answers::Answers;
pub(super) use kept::{Kept, lease, partly};
pub(super) use map::{Expected, HOME, Shard, ShardMap};

/// A deed that is read for many at once.
pub(super) trait ReadSet {
    /// What is asked for.
    type Item: Send + Sync;
    /// What is found.
    type Answer: Send;

    /// Where it is kept.
    fn shard(item: &Self::Item) -> Shard;

    /// Answers each, in their order.
    fn read(
        items: &[&Self::Item],
        connection: &mut Conn,
    ) -> impl Future<Output = Result<Vec<Result<Self::Answer>>, Fault>> + Send;
}

/// A list that every primary has a part of.
pub(super) trait ReadEach: Sync {
    /// What it is a list of.
    type Row: Send;

    /// Reads one primary's part.
    fn read(
        &self,
        connection: &mut Conn,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Fault>> + Send;
}

/// A deed that is written for many at once, each with a verdict of its own.
pub(super) trait WriteSet: Sync {
    /// Its name in metrics and logs.
    const NAME: &'static str;
    /// What is to be done.
    type Item: Send + Sync;
    /// How it ended.
    type Answer: Send;
    /// What two items must not have in common to be written together.
    type Key: Eq + std::hash::Hash;

    /// Where it is written.
    fn shard(item: &Self::Item) -> Shard;
    /// Whose rows it writes.
    fn key(item: &Self::Item) -> Self::Key;

    /// Does all of it, or says what is in the way; a verdict that is an error has written
    /// nothing: [`StorageError::Locked`] where [`Locks::Skip`] leaves an item out. No two items
    /// have the same key.
    fn write(
        items: &[&Self::Item],
        tx: &mut Tx,
    ) -> impl Future<Output = Result<Vec<Result<Self::Answer>>, Fault>> + Send;
}

/// The servers, and which shards each keeps.
pub(super) struct Router {
    pub(super) primaries: Vec<Server>,
    pub(super) replicas: Replicas,
    pub(super) map: ArcSwap<ShardMap>,
    /// Held while the map is read again, so that it is read once for all who need it.
    reading: Mutex<()>,
    /// How often a server said that the map is old.
    #[cfg(test)]
    pub(super) refused: std::sync::atomic::AtomicUsize,
}

impl Router {
    pub(super) fn new(primaries: Vec<Server>, replicas: Replicas, map: ShardMap) -> Self {
        Self {
            primaries,
            replicas,
            map: ArcSwap::from_pointee(map),
            reading: Mutex::new(()),
            #[cfg(test)]
            refused: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    /// Whether what met the wrong server may be tried again, by a map that was read anew.
    async fn goes_on<T>(&self, answers: &Answers<T>, map: &Arc<ShardMap>) -> bool {
        if !answers.wants_more() {
            return false;
        }
        metrics::counter!("daemun_shard_map_stale_total").increment(1);
        #[cfg(test)]
        self.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if answers.is_last_round() {
            return false;
        }
        match self.reload(map).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the shard map is old and cannot be read again");
                false
            }
        }
    }

    /// Reads the map again, unless somebody did since `old` was loaded.
    pub(super) async fn reload(&self, old: &Arc<ShardMap>) -> Result<()> {
        let _reading = self.reading.lock().await;
        if !Arc::ptr_eq(&self.map.load_full(), old) {
            return Ok(());
        }
        let map = map::read(&self.primaries).await?;
        tracing::info!(version = map.version(), "the shard map is read again");
        self.map.store(Arc::new(map));
        Ok(())
    }
}

/// The answer to the only item.
pub(super) fn one<T>(answers: Vec<Result<T>>) -> Result<T> {
    answers
        .into_iter()
        .next()
        .unwrap_or_else(|| Err(StorageError::Corrupt("a deed for one was not answered".to_owned())))
}

/// Has every primary do some of what is bounded over all of them: `work` is given how much is
/// left. Returns how much was done.
///
/// # Errors
/// That of the first that failed, after all others did theirs.
pub(super) async fn sweep<W: Work<Answer = usize>>(
    router: &Router,
    limit: usize,
    work: impl Fn(usize) -> W,
) -> Result<usize> {
    let mut done = Ok(0);
    let mut left = limit;
    for server in &router.primaries {
        if left == 0 {
            break;
        }
        match run_tx(server, &Expected::nothing(), &work(left), TRIES, Locks::Wait).await {
            Ok(some) => {
                left = left.saturating_sub(some);
                done = done.map(|done: usize| done + some);
            }
            Err(end) => done = done.and(Err(end.said())),
        }
    }
    done
}
