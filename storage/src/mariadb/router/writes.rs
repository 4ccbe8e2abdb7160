//! Writing: each server's items in one transaction, in which the server says first whether it
//! keeps their shards.
//!
//! A batch that fails before its commit is abandoned and its items run again one by one, so that
//! one that cannot succeed never fails its neighbours.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;

use super::answers::{Answers, Placed};
use super::groups::{self, Group, groups};
use super::{Expected, Router, ShardMap, WriteSet, one};
use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::pool::Server;
use crate::mariadb::tx::{End, Locks, TRIES, Tx, Work, run_tx};

/// How many items of an abandoned batch run again at once.
const AGAIN_AT_ONCE: usize = 8;

struct Together<'a, W: WriteSet>(&'a [&'a W::Item]);

impl<W: WriteSet> Work for Together<'_, W> {
    const NAME: &'static str = W::NAME;
    type Answer = Vec<Result<W::Answer>>;

    async fn run(&self, tx: &mut Tx) -> Result<Self::Answer, Fault> {
        W::write(self.0, tx).await
    }
}

impl Router {
    /// Writes, each item where it belongs. One whose rows another transaction has locked waits
    /// for that or does not, as `locks` says.
    pub(in crate::mariadb) async fn write<W: WriteSet>(
        &self,
        items: &[W::Item],
        locks: Locks,
    ) -> Vec<Result<W::Answer>> {
        let mut answers = Answers::new(items.len());
        loop {
            let map = self.map.load_full();
            answers.take(self.write_by::<W>(&map, items, answers.rest(), locks).await);
            if !self.goes_on(&answers, &map).await {
                return answers.all();
            }
        }
    }

    /// Writes one thing where it belongs, after whoever has its rows locked.
    pub(in crate::mariadb) async fn write_one<W: WriteSet>(
        &self,
        item: W::Item,
    ) -> Result<W::Answer> {
        one(self.write::<W>(&[item], Locks::Wait).await)
    }

    async fn write_by<W: WriteSet>(
        &self,
        map: &ShardMap,
        items: &[W::Item],
        places: &[usize],
        locks: Locks,
    ) -> Vec<(usize, Placed<W::Answer>)> {
        let groups = groups(map, places, |at| W::shard(&items[at]));
        let writes = groups.into_iter().map(async |Group { primary, places }| {
            let mut done = Vec::new();
            for round in groups::rounds(&places, |at| W::key(&items[at])) {
                done.extend(self.write_on::<W>(map, primary, items, &round, locks).await);
            }
            done
        });
        join_all(writes).await.into_iter().flatten().collect()
    }

    async fn write_on<W: WriteSet>(
        &self,
        map: &ShardMap,
        primary: usize,
        items: &[W::Item],
        places: &[usize],
        locks: Locks,
    ) -> Vec<(usize, Placed<W::Answer>)> {
        let server = &self.primaries[primary];
        let of: Vec<&W::Item> = places.iter().map(|at| &items[*at]).collect();
        let expected = Expected::of(map, of.iter().map(|item| W::shard(item)));
        let tries = if of.len() == 1 { TRIES } else { 1 };
        metrics::histogram!("daemun_tx_items", "tx" => W::NAME).record(of.len() as f64);
        let end = run_tx(server, &expected, &Together::<W>(&of), tries, locks).await;
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
            Err(End::Locked) if of.len() == 1 => failed(&StorageError::Locked),
            Err(End::Abandoned(_) | End::Locked) => {
                tracing::debug!(
                    tx = W::NAME,
                    items = of.len(),
                    "a batch is abandoned; its items run one by one"
                );
                metrics::counter!("daemun_tx_batches_abandoned_total", "tx" => W::NAME)
                    .increment(1);
                let singles = places.iter().copied();
                let singles: Vec<_> = singles
                    .map(|at| write_single::<W>(map, server, &items[at], locks, at))
                    .collect();
                stream::iter(singles).buffered(AGAIN_AT_ONCE).collect().await
            }
        }
    }
}

async fn write_single<W: WriteSet>(
    map: &ShardMap,
    server: &Server,
    item: &W::Item,
    locks: Locks,
    at: usize,
) -> (usize, Placed<W::Answer>) {
    let item = [item];
    let expected = Expected::of(map, [W::shard(item[0])]);
    let placed = match run_tx(server, &expected, &Together::<W>(&item), TRIES, locks).await {
        Ok(answers) => Placed::Done(one(answers)),
        Err(End::StaleMap) => Placed::Elsewhere,
        Err(end) => Placed::Done(Err(end.said())),
    };
    (at, placed)
}
