//! From a virtual shard to the server that keeps it: what stands between the duties and the
//! databases.
//!
//! Items of one deed are put together by server, each server's in one transaction. A batch that
//! fails before its commit is abandoned and its items run again one by one, so that one that
//! cannot succeed never fails its neighbours. A server that keeps other shards than was thought
//! refuses; then the map is read again and the items are tried once more where they belong.

mod groups;
pub(super) mod map;

use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use mysql_async::Conn;
use tokio::sync::Mutex;

use super::fault::{Fault, Meaning, words};
use super::pool::{Server, give_up};
use super::tx::{DEADLINE, End, TRIES, Tx, Work, run_tx};
use crate::error::{Result, StorageError};
use groups::{Group, groups};
pub(super) use map::{Expected, HOME, Shard, ShardMap};

/// How many items of an abandoned batch run again at once.
const AGAIN_AT_ONCE: usize = 8;

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
    /// nothing. No two items have the same key.
    fn write(
        items: &[&Self::Item],
        tx: &mut Tx,
    ) -> impl Future<Output = Result<Vec<Result<Self::Answer>>, Fault>> + Send;
}

struct Together<'a, W: WriteSet>(&'a [&'a W::Item]);

impl<W: WriteSet> Work for Together<'_, W> {
    const NAME: &'static str = W::NAME;
    type Answer = Vec<Result<W::Answer>>;

    async fn run(&self, tx: &mut Tx) -> Result<Self::Answer, Fault> {
        W::write(self.0, tx).await
    }
}

/// The servers, and which shards each keeps.
pub(super) struct Router {
    pub(super) primaries: Vec<Server>,
    pub(super) map: ArcSwap<ShardMap>,
    /// Held while the map is read again, so that it is read once for all who need it.
    reading: Mutex<()>,
}

/// An item that met a server which does not keep its shard.
enum Placed<T> {
    Done(Result<T>),
    Elsewhere,
}

impl Router {
    pub(super) fn new(primaries: Vec<Server>, map: ShardMap) -> Self {
        Self { primaries, map: ArcSwap::from_pointee(map), reading: Mutex::new(()) }
    }

    /// Reads from the primaries.
    pub(super) async fn read<R: ReadSet>(&self, items: &[R::Item]) -> Vec<Result<R::Answer>> {
        let map = self.map.load_full();
        let all: Vec<usize> = (0..items.len()).collect();
        let groups = groups(&map, &all, |at| R::shard(&items[at]));
        let read = groups.into_iter().map(async |Group { primary, places }| {
            let of: Vec<&R::Item> = places.iter().map(|at| &items[*at]).collect();
            let answers = self.read_on::<R>(&self.primaries[primary], &of).await;
            places.into_iter().zip(answers).collect::<Vec<_>>()
        });
        in_order(items.len(), join_all(read).await.into_iter().flatten())
    }

    /// Reads one thing from its primary.
    pub(super) async fn read_one<R: ReadSet>(&self, item: R::Item) -> Result<R::Answer> {
        one(self.read::<R>(&[item]).await)
    }

    /// Reads a list from every primary.
    pub(super) async fn read_each<R: ReadEach>(&self, each: &R) -> Result<Vec<R::Row>> {
        let mut all = Vec::new();
        for server in &self.primaries {
            let mut connection = server.reading().await?;
            match tokio::time::timeout(DEADLINE, each.read(&mut connection)).await {
                Ok(Ok(some)) => all.extend(some),
                Ok(Err(Fault::Own(error))) => return Err(error),
                Ok(Err(Fault::StaleMap)) => return Err(StorageError::Moved),
                Ok(Err(Fault::Sql(error))) => return Err(server.unavailable(&words(&error))),
                Err(_) => {
                    give_up(connection);
                    return Err(server.unavailable("a read took too long"));
                }
            }
        }
        Ok(all)
    }

    async fn read_on<R: ReadSet>(
        &self,
        server: &Server,
        items: &[&R::Item],
    ) -> Vec<Result<R::Answer>> {
        let all = |error: StorageError| items.iter().map(|_| Err(error.clone())).collect();
        let mut last = server.unavailable("not asked");
        // A held connection may have died unseen; a read may be asked again as it pleases.
        for _ in 0..TRIES {
            let mut connection = match server.reading().await {
                Ok(connection) => connection,
                Err(error) => return all(error),
            };
            match tokio::time::timeout(DEADLINE, R::read(items, &mut connection)).await {
                Ok(Ok(answers)) => return answers,
                Ok(Err(Fault::Own(error))) => return all(error),
                Ok(Err(Fault::StaleMap)) => return all(StorageError::Moved),
                Ok(Err(Fault::Sql(error))) => {
                    last = server.unavailable(&words(&error));
                    match Meaning::of(&error) {
                        Meaning::Lost => give_up(connection),
                        Meaning::Conflict(_) => {}
                        Meaning::Final => return all(last),
                    }
                }
                Err(_) => {
                    give_up(connection);
                    return all(server.unavailable("a read took too long"));
                }
            }
        }
        all(last)
    }

    /// Writes, each item where it belongs.
    pub(super) async fn write<W: WriteSet>(&self, items: &[W::Item]) -> Vec<Result<W::Answer>> {
        let mut answers: Vec<Option<Result<W::Answer>>> = items.iter().map(|_| None).collect();
        let mut rest: Vec<usize> = (0..items.len()).collect();
        for round in 0..2 {
            let map = self.map.load_full();
            let mut elsewhere = Vec::new();
            for (at, placed) in self.write_by::<W>(&map, items, &rest).await {
                match placed {
                    Placed::Done(answer) => answers[at] = Some(answer),
                    Placed::Elsewhere => elsewhere.push(at),
                }
            }
            if elsewhere.is_empty() {
                break;
            }
            metrics::counter!("daemun_shard_map_stale_total").increment(1);
            if round == 0
                && let Err(error) = self.reload(&map).await
            {
                tracing::warn!(%error, "the shard map is old and cannot be read again");
                break;
            }
            rest = elsewhere;
        }
        answers.into_iter().map(|answer| answer.unwrap_or(Err(StorageError::Moved))).collect()
    }

    /// Writes one thing where it belongs.
    pub(super) async fn write_one<W: WriteSet>(&self, item: W::Item) -> Result<W::Answer> {
        one(self.write::<W>(&[item]).await)
    }

    async fn write_by<W: WriteSet>(
        &self,
        map: &ShardMap,
        items: &[W::Item],
        places: &[usize],
    ) -> Vec<(usize, Placed<W::Answer>)> {
        let groups = groups(map, places, |at| W::shard(&items[at]));
        let mut written = Vec::with_capacity(places.len());
        let mut missing: Vec<usize> = places.to_vec();
        let writes = groups.into_iter().map(async |Group { primary, places }| {
            let mut done = Vec::new();
            for round in groups::rounds(&places, |at| W::key(&items[at])) {
                done.extend(self.write_on::<W>(map, primary, items, &round).await);
            }
            done
        });
        for (at, placed) in join_all(writes).await.into_iter().flatten() {
            missing.retain(|missing| *missing != at);
            written.push((at, placed));
        }
        // Whose shard nobody keeps in this map.
        written.extend(missing.into_iter().map(|at| (at, Placed::Elsewhere)));
        written
    }

    async fn write_on<W: WriteSet>(
        &self,
        map: &ShardMap,
        primary: usize,
        items: &[W::Item],
        places: &[usize],
    ) -> Vec<(usize, Placed<W::Answer>)> {
        let server = &self.primaries[primary];
        let of: Vec<&W::Item> = places.iter().map(|at| &items[*at]).collect();
        let expected = Expected::of(map, of.iter().map(|item| W::shard(item)));
        let tries = if of.len() == 1 { TRIES } else { 1 };
        metrics::histogram!("daemun_tx_items", "tx" => W::NAME).record(of.len() as f64);
        let end = run_tx(server, &expected, &Together::<W>(&of), tries).await;
        let all = |placed: fn() -> Placed<W::Answer>| {
            places.iter().map(|at| (*at, placed())).collect::<Vec<_>>()
        };
        let failed = |error: &StorageError| {
            places.iter().map(|at| (*at, Placed::Done(Err(error.clone())))).collect()
        };
        match end {
            Ok(answers) => {
                places.iter().copied().zip(answers.into_iter().map(Placed::Done)).collect()
            }
            Err(End::StaleMap) => all(|| Placed::Elsewhere),
            Err(End::Unknown) => failed(&StorageError::OutcomeUnknown),
            Err(End::Unreachable(error)) => failed(&error),
            Err(End::Abandoned(error)) if of.len() == 1 => failed(&error),
            Err(End::Abandoned(error)) => {
                tracing::debug!(tx = W::NAME, items = of.len(), %error, "a batch is abandoned; its items run one by one");
                metrics::counter!("daemun_tx_batches_abandoned_total", "tx" => W::NAME)
                    .increment(1);
                let singles = places.iter().copied();
                let singles: Vec<_> =
                    singles.map(|at| self.write_single::<W>(map, server, items, at)).collect();
                stream::iter(singles).buffered(AGAIN_AT_ONCE).collect().await
            }
        }
    }

    async fn write_single<W: WriteSet>(
        &self,
        map: &ShardMap,
        server: &Server,
        items: &[W::Item],
        at: usize,
    ) -> (usize, Placed<W::Answer>) {
        let item = [&items[at]];
        let expected = Expected::of(map, [W::shard(item[0])]);
        let placed = match run_tx(server, &expected, &Together::<W>(&item), TRIES).await {
            Ok(answers) => Placed::Done(one(answers)),
            Err(End::StaleMap) => Placed::Elsewhere,
            Err(End::Unknown) => Placed::Done(Err(StorageError::OutcomeUnknown)),
            Err(End::Unreachable(error) | End::Abandoned(error)) => Placed::Done(Err(error)),
        };
        (at, placed)
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

fn in_order<T>(count: usize, answers: impl Iterator<Item = (usize, Result<T>)>) -> Vec<Result<T>> {
    let mut all: Vec<Option<Result<T>>> = (0..count).map(|_| None).collect();
    for (at, answer) in answers {
        all[at] = Some(answer);
    }
    all.into_iter().map(|answer| answer.unwrap_or(Err(StorageError::Moved))).collect()
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
pub(super) async fn sweep<W: Work<Answer = usize>>(
    router: &Router,
    limit: usize,
    work: impl Fn(usize) -> W,
) -> Result<usize> {
    let mut done = 0;
    for server in &router.primaries {
        if done >= limit {
            break;
        }
        let some = work(limit - done);
        done += match run_tx(server, &Expected::nothing(), &some, TRIES).await {
            Ok(some) => some,
            Err(End::Abandoned(error) | End::Unreachable(error)) => return Err(error),
            Err(End::StaleMap) => return Err(StorageError::Moved),
            Err(End::Unknown) => return Err(StorageError::OutcomeUnknown),
        };
    }
    Ok(done)
}
