//! Reading: the rows first, then whether the server still keeps their shards.
//!
//! In this order it needs no lock. Whoever moves a shard away says so before a row changes
//! elsewhere, and a range's version only rises; so a server that keeps the shard, at the version
//! of our map, after the rows were read kept it when they were. What it said less than a second
//! ago [counts](super::word), so that most reads ask for nothing but their rows.

use futures_util::future::join_all;
use mysql_async::Conn;

use super::answers::{Answers, Placed};
use super::groups::{Group, groups};
use super::{Expected, ReadEach, ReadSet, Router, ShardMap, one};
use crate::error::{Result, StorageError};
use crate::mariadb::fault::{Fault, Meaning, words};
use crate::mariadb::pool::{Server, give_up};
use crate::mariadb::tx::{DEADLINE, TRIES};

impl Router {
    /// Reads from the primaries.
    pub(in crate::mariadb) async fn read<R: ReadSet>(
        &self,
        items: &[R::Item],
    ) -> Vec<Result<R::Answer>> {
        let mut answers = Answers::new(items.len());
        loop {
            let map = self.map.load_full();
            answers.take(self.read_by::<R>(&map, items, answers.rest()).await);
            if !self.goes_on(&answers, &map).await {
                return answers.all();
            }
        }
    }

    /// Reads one thing from its primary.
    pub(in crate::mariadb) async fn read_one<R: ReadSet>(
        &self,
        item: R::Item,
    ) -> Result<R::Answer> {
        one(self.read::<R>(&[item]).await)
    }

    async fn read_by<R: ReadSet>(
        &self,
        map: &ShardMap,
        items: &[R::Item],
        places: &[usize],
    ) -> Vec<(usize, Placed<R::Answer>)> {
        let groups = groups(map, places, |at| R::shard(&items[at]));
        let read = groups.into_iter().map(async |Group { primary, places }| {
            let of: Vec<&R::Item> = places.iter().map(|at| &items[*at]).collect();
            let answers = read_on::<R>(&self.primaries[primary], map, &of).await;
            places.into_iter().zip(answers).collect::<Vec<_>>()
        });
        join_all(read).await.into_iter().flatten().collect()
    }

    /// Reads a list from every primary: what those say that answer, and whether all did.
    pub(in crate::mariadb) async fn read_each<R: ReadEach>(
        &self,
        each: &R,
    ) -> (Vec<R::Row>, Result<()>) {
        let (mut all, mut whole) = (Vec::new(), Ok(()));
        for server in &self.primaries {
            match read_part(server, each).await {
                Ok(some) => all.extend(some),
                Err(error) => whole = whole.and(Err(error)),
            }
        }
        (all, whole)
    }
}

async fn read_part<R: ReadEach>(server: &Server, each: &R) -> Result<Vec<R::Row>> {
    let mut connection = server.reading().await?;
    match tokio::time::timeout(DEADLINE, each.read(&mut connection)).await {
        Ok(Ok(some)) => Ok(some),
        Ok(Err(Fault::Own(error))) => Err(error),
        Ok(Err(Fault::StaleMap)) => Err(StorageError::Moved),
        Ok(Err(Fault::Sql(error))) => Err(server.unavailable(&words(&error))),
        Err(_) => {
            give_up(connection);
            Err(server.unavailable("a read took too long"))
        }
    }
}

async fn read_on<R: ReadSet>(
    server: &Server,
    map: &ShardMap,
    items: &[&R::Item],
) -> Vec<Placed<R::Answer>> {
    let all = |error: StorageError| {
        items.iter().map(|_| Placed::Done(Err(error.clone()))).collect::<Vec<_>>()
    };
    let expected = Expected::of(map, items.iter().map(|item| R::shard(item)));
    let mut last = server.unavailable("not asked");
    // A held connection may have died unseen; a read may be asked again as it pleases.
    for _ in 0..TRIES {
        let mut connection = match server.reading().await {
            Ok(connection) => connection,
            Err(error) => return all(error),
        };
        let read = confirmed::<R>(items, server, &expected, &mut connection);
        match tokio::time::timeout(DEADLINE, read).await {
            Ok(Ok(answers)) => return answers.into_iter().map(Placed::Done).collect(),
            Ok(Err(Fault::Own(error))) => return all(error),
            Ok(Err(Fault::StaleMap)) => return items.iter().map(|_| Placed::Elsewhere).collect(),
            Ok(Err(Fault::Sql(error))) => {
                last = server.unavailable(&words(&error));
                match Meaning::of(&error) {
                    Meaning::Lost => give_up(connection),
                    Meaning::Conflict(_) => {}
                    Meaning::Interrupted | Meaning::Final => return all(last),
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

/// What is read, if it was read where it belongs.
async fn confirmed<R: ReadSet>(
    items: &[&R::Item],
    server: &Server,
    expected: &Expected,
    connection: &mut Conn,
) -> Result<Vec<Result<R::Answer>>, Fault> {
    let answers = R::read(items, connection).await?;
    expected.confirm(server, connection).await?;
    Ok(answers)
}
