//! The decision about a claim, under its lock: what is there, or what is new and is put there
//! decided, so that nobody ever sees a claim on which nothing is decided.

use super::{COLUMNS, TABLE, UPDATE, row, shard};
use crate::error::{Result, StorageError};
use crate::identity::Digest;
use crate::mariadb::fault::Fault;
use crate::mariadb::purchases::taken::{Found, read_all, take};
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::{upsert, upsert_returning};
use crate::mariadb::tx::Tx;
use crate::purchases::claim::{Claim, Decided, hear, release};
use crate::purchases::{ReleaseWrite, Said};

/// What was said of a purchase, and under which digest that has its claim.
pub(in crate::mariadb::purchases) struct Word {
    pub(in crate::mariadb::purchases) claim: Digest,
    pub(in crate::mariadb::purchases) said: Said,
}

impl Word {
    pub(in crate::mariadb::purchases) fn new(said: Said) -> Self {
        Self { claim: said.key.digest(), said }
    }
}

/// Takes in what was said.
pub(in crate::mariadb::purchases) struct Hears;

impl WriteSet for Hears {
    const NAME: &'static str = "purchases.hear";
    type Item = Word;
    type Answer = Decided;
    type Key = Digest;

    fn shard(word: &Word) -> Shard {
        shard(&word.claim)
    }

    fn key(word: &Word) -> Digest {
        word.claim
    }

    async fn write(words: &[&Word], tx: &mut Tx) -> Result<Vec<Result<Decided>>, Fault> {
        let taken = take::<Claim>(tx, words.iter().map(|word| word.claim)).await?;
        let found = words.iter().map(|word| taken.of(&word.claim));
        let mut decided: Vec<Result<Decided>> = words
            .iter()
            .zip(found)
            .map(|(word, found)| found.map(|found| hear(found, &word.said)))
            .collect();
        let mut stands = insert(tx, words, &decided).await?;
        for (word, decided) in words.iter().zip(&mut decided) {
            let Some(there) = stands.remove(&word.claim) else { continue };
            *decided = there.map(|there| meet(there, decided, word));
        }
        let changed = words.iter().zip(&decided).filter_map(|(word, decided)| {
            let decided = decided.as_ref().ok()?;
            (decided.known && decided.changed).then_some((word.claim, &decided.claim))
        });
        update(tx, changed.collect()).await?;
        Ok(decided)
    }
}

/// Puts claims that are new where they belong; says what stands there. It is somebody else's if
/// that one came in between.
async fn insert(
    tx: &mut Tx,
    words: &[&Word],
    decided: &[Result<Decided>],
) -> Result<Found<Claim>, Fault> {
    let new = words.iter().zip(decided).filter_map(|(word, decided)| {
        let decided = decided.as_ref().ok()?;
        (!decided.known).then_some((word.claim, &decided.claim))
    });
    let rows = rows(new.collect());
    let into = format!("{TABLE} ({COLUMNS})");
    // An update that changes nothing takes the row for itself.
    let there = upsert_returning(tx, &into, rows, "claim = VALUES(claim)", COLUMNS).await?;
    Ok(read_all(there)?)
}

/// The decision of one that is new: it stands, unless another claim does.
fn meet(there: Claim, decided: &Result<Decided>, word: &Word) -> Decided {
    match decided {
        Ok(own) if own.claim.id == there.id && own.claim.version == there.version => own.clone(),
        Ok(_) | Err(_) => hear(Some(there), &word.said),
    }
}

async fn update(tx: &mut Tx, changed: Vec<(Digest, &Claim)>) -> Result<(), Fault> {
    upsert(tx, &format!("{TABLE} ({COLUMNS})"), rows(changed), UPDATE).await
}

/// In the order of the keys.
fn rows(mut claims: Vec<(Digest, &Claim)>) -> Vec<Vec<mysql_async::Value>> {
    claims.sort_unstable_by_key(|(key, _)| *key);
    claims.iter().map(|(key, claim)| row(key, claim)).collect()
}

/// Grants what is held.
pub(in crate::mariadb::purchases) struct Frees;

impl WriteSet for Frees {
    const NAME: &'static str = "purchases.release";
    type Item = ReleaseWrite;
    type Answer = Option<Claim>;
    type Key = Digest;

    fn shard(write: &ReleaseWrite) -> Shard {
        shard(&write.claim)
    }

    fn key(write: &ReleaseWrite) -> Digest {
        write.claim
    }

    async fn write(
        writes: &[&ReleaseWrite],
        tx: &mut Tx,
    ) -> Result<Vec<Result<Option<Claim>>>, Fault> {
        let taken = take::<Claim>(tx, writes.iter().map(|write| write.claim)).await?;
        let free = |write: &&ReleaseWrite| {
            let claim = taken.of(&write.claim)?;
            Ok::<_, StorageError>(claim.and_then(|claim| release(&claim, write.owner, write.now)))
        };
        let freed: Vec<Result<Option<Claim>>> = writes.iter().map(free).collect();
        let changed = writes.iter().zip(&freed).filter_map(|(write, freed)| {
            let claim = freed.as_ref().ok()?.as_ref()?;
            Some((write.claim, claim))
        });
        update(tx, changed.collect()).await?;
        Ok(freed)
    }
}
