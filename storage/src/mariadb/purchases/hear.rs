//! How word of a purchase walks: the claim on its digest's shard, the owner's rows on the owner's,
//! the claim marked, each of many at once and each a transaction of its own.

use std::sync::Arc;

use protocol::ids::MemberId;

use super::claims::{self, Frees, Hears, Left, Word};
use super::evidence::Closes;
use super::follow::{Follow, Followed, Follows};
use super::owned::{self, absent};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::identity::Digest;
use crate::mariadb::members;
use crate::mariadb::router::{Router, lease};
use crate::mariadb::tx::Locks;
use crate::purchases::claim::Decided;
use crate::purchases::{
    Claim, Closing, EvidenceEnd, Finished, Finishing, Heard, Look, ReleaseWrite, Said, Source,
    Worked,
};

/// Word on its way.
pub(super) struct Walk {
    claim: Digest,
    /// The claim as it was decided.
    of: Claim,
    /// Whether it was known before.
    known: bool,
    others: bool,
    evidence: Option<(Digest, Source)>,
    now: Micros,
    followed: Option<Result<Followed>>,
}

impl Walk {
    fn new(word: Word, decided: Decided) -> Self {
        let Word { claim, said } = word;
        Self {
            claim,
            known: decided.was_known_to(&said),
            of: decided.claim,
            others: decided.others,
            evidence: said.evidence.map(|evidence| (evidence, said.source)),
            now: said.now,
            followed: None,
        }
    }

    /// A claim that is there.
    fn there(claim: Digest, of: Claim, now: Micros) -> Self {
        Self { claim, of, known: true, others: false, evidence: None, now, followed: None }
    }

    /// Whether the evidence is closed with the owner's rows: it is among them.
    fn shown_by_owner(&self) -> bool {
        let poster = match self.evidence {
            Some((_, Source::Posted(poster))) => Some(poster),
            Some((_, Source::Told)) | None => None,
        };
        self.of.pending && poster.is_some() && poster == self.of.owner
    }

    fn follow(&self) -> Option<Follow> {
        let owner = self.of.owner.filter(|_| self.of.pending)?;
        let evidence = self.evidence.filter(|_| self.shown_by_owner());
        let evidence = evidence.map(|(evidence, _)| evidence);
        Some(Follow { owner, claim: self.of.clone(), evidence, now: self.now })
    }

    /// What closes evidence that is not among the owner's rows.
    fn closing(&self) -> Option<Closing> {
        let (digest, source) = self.evidence.filter(|_| !self.shown_by_owner())?;
        let came_to_nothing = matches!(self.followed, Some(Err(_)));
        let end = EvidenceEnd::Done(self.claim);
        (!came_to_nothing).then_some(Closing { digest, source, end, now: self.now })
    }

    /// What is said of it.
    fn heard(self) -> Result<Heard> {
        let Some(owner) = self.of.owner else {
            return Ok(Heard::Nobodys { hold: self.of.hold });
        };
        let followed = self.followed.transpose()?;
        if self.others {
            let (hold, pushed) = (self.of.hold, followed.as_ref().and_then(|it| it.pushed));
            let followed = followed.map(|it| Box::new(it.purchase));
            return Ok(Heard::Others { owner, followed, hold, pushed });
        }
        let absent = || absent(owner, self.of.id);
        let Followed { purchase, pushed } = followed.ok_or_else(absent)?;
        let (known, hold) = (self.known, self.of.hold);
        Ok(Heard::Owned { purchase: Box::new(purchase), known, hold, pushed })
    }
}

/// After which step a process is killed.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mariadb) enum Step {
    /// Nothing but the claim is written.
    Decided,
    /// The owner's rows have followed; the claim does not say so yet.
    Followed,
}

/// Takes in what was said, each with an answer of its own, in their order.
pub(super) async fn hear(router: &Arc<Router>, all: Vec<Said>, locks: Locks) -> Vec<Result<Heard>> {
    let mut walks = decide(router, all, locks).await;
    go_on(router, going(&mut walks), locks).await;
    claims::followed_later(router, marks(&walks));
    walks.into_iter().map(|walk| walk.and_then(Walk::heard)).collect()
}

/// What was said, by a process that is killed after a step.
#[cfg(test)]
pub(in crate::mariadb) async fn hear_until(router: &Arc<Router>, said: Said, last: Step) {
    let mut walks = decide(router, vec![said], Locks::Wait).await;
    if last != Step::Decided {
        go_on(router, going(&mut walks), Locks::Wait).await;
    }
}

async fn decide(router: &Router, all: Vec<Said>, locks: Locks) -> Vec<Result<Walk>> {
    let words: Vec<Word> = all.into_iter().map(Word::new).collect();
    let decided = router.write::<Hears>(&words, locks).await;
    let walk = |(word, decided): (Word, Result<Decided>)| decided.map(|it| Walk::new(word, it));
    words.into_iter().zip(decided).map(walk).collect()
}

fn going(walks: &mut [Result<Walk>]) -> Vec<&mut Walk> {
    walks.iter_mut().filter_map(|walk| walk.as_mut().ok()).collect()
}

/// Lets the owners' rows follow, or finds what has followed; then closes the evidence.
async fn go_on(router: &Router, mut walks: Vec<&mut Walk>, locks: Locks) {
    let follows: Vec<Option<Follow>> = walks.iter().map(|walk| walk.follow()).collect();
    let (mut theirs, mut pending) = (Vec::new(), Vec::new());
    for (walk, follow) in walks.iter_mut().zip(follows) {
        if let Some(follow) = follow {
            pending.push(follow);
            theirs.push(&mut **walk);
        }
    }
    let followed = router.write::<Follows>(&pending, locks).await;
    for (walk, followed) in theirs.into_iter().zip(followed) {
        walk.followed = Some(followed.map_err(begun));
    }
    find(router, &mut walks).await;
    close(router, &walks, locks).await;
}

/// What is said of owners' rows that did not follow: the claim is there, and they will.
fn begun(error: StorageError) -> StorageError {
    match error {
        StorageError::Unavailable(_) | StorageError::Moved | StorageError::Overloaded => {
            tracing::warn!(%error, "a purchase is claimed and waits for its owner's rows");
            StorageError::OutcomeUnknown
        }
        // It is left out of this batch and comes again with a later one.
        StorageError::Locked
        | StorageError::OutcomeUnknown
        | StorageError::Replaced
        | StorageError::Corrupt(_)
        | StorageError::Setup(_)
        | StorageError::TooLong { .. } => error,
    }
}

/// What has followed before is only looked at.
async fn find(router: &Router, walks: &mut [&mut Walk]) {
    let mut followed: Vec<(&mut Walk, MemberId)> = walks
        .iter_mut()
        .filter(|walk| walk.followed.is_none() && !walk.others)
        .filter_map(|walk| walk.of.owner.map(|owner| (&mut **walk, owner)))
        .collect();
    let asked: Vec<_> = followed
        .iter()
        .map(|(walk, owner)| (walk.of.key.app.clone(), *owner, walk.of.id))
        .collect();
    let found = router.read::<owned::Find>(&asked).await;
    for ((walk, owner), found) in followed.iter_mut().zip(found) {
        let there = found.and_then(|found| found.ok_or_else(|| absent(*owner, walk.of.id)));
        let there = there.map(|purchase| Followed { purchase, pushed: None });
        walk.followed = Some(there);
    }
}

async fn close(router: &Router, walks: &[&mut Walk], locks: Locks) {
    let closings: Vec<Closing> = walks.iter().filter_map(|walk| walk.closing()).collect();
    for closed in router.write::<Closes>(&closings, locks).await {
        if let Err(error) = closed {
            // Its store is asked once more, and says the same.
            tracing::warn!(%error, "evidence could not be closed");
        }
    }
}

/// The claims whose owners' rows have followed, at which versions.
fn marks(walks: &[Result<Walk>]) -> Vec<(Digest, i64)> {
    let walks = walks.iter().filter_map(|walk| walk.as_ref().ok());
    let followed = walks.filter(|walk| walk.of.pending && matches!(walk.followed, Some(Ok(_))));
    followed.map(|walk| (walk.claim, walk.of.version)).collect()
}

/// Grants what is held.
pub(super) async fn release(router: &Arc<Router>, write: ReleaseWrite) -> Result<Option<Heard>> {
    let (claim, now) = (write.claim, write.now);
    if !owner_is_there(router, &write).await? {
        return Ok(None);
    }
    let Some(freed) = router.write_one::<Frees>(write).await? else { return Ok(None) };
    let mut walks = [Ok(Walk::there(claim, freed, now))];
    go_on(router, going(&mut walks), Locks::Wait).await;
    claims::followed_later(router, marks(&walks));
    let [walk] = walks;
    walk.and_then(Walk::heard).map(Some)
}

/// Whether it can become that member's: a claim is somebody's for good.
async fn owner_is_there(router: &Router, write: &ReleaseWrite) -> Result<bool> {
    let Some(owner) = write.owner else { return Ok(true) };
    let Some(claim) = router.read_one::<claims::Find>(write.claim).await? else { return Ok(false) };
    if claim.owner.is_some() {
        return Ok(true);
    }
    Ok(router.read_one::<members::Find>((claim.key.app, owner)).await?.is_some())
}

/// Lets the owners' rows follow claims that were left pending.
pub(super) async fn finish(router: &Arc<Router>, which: Finishing) -> Result<Worked> {
    let left = lease(router, &Left(which)).await?;
    let there = |Look { claim, of }| Ok(Walk::there(claim, of, which.now));
    let mut walks: Vec<Result<Walk>> = left.into_iter().map(there).collect();
    let mut worked = Worked::default();
    for some in walks.chunks_mut(super::TOGETHER) {
        go_on(router, going(some), Locks::Skip).await;
        let done = marks(some);
        metrics::counter!("daemun_purchases_finished_total").increment(done.len() as u64);
        claims::followed(router, done).await;
        some.iter_mut().flatten().for_each(|walk| finished(walk, &mut worked));
    }
    Ok(worked)
}

/// One that cannot be finished holds up no other.
fn finished(walk: &mut Walk, worked: &mut Worked) {
    match walk.followed.take() {
        Some(Ok(Followed { purchase, pushed })) => {
            worked.finished.push(Finished { purchase, hold: walk.of.hold, pushed });
        }
        // Somebody is at it.
        None | Some(Err(StorageError::Locked)) => {}
        Some(Err(error)) => {
            tracing::error!(%error, "the rows of a purchase's owner cannot follow its claim");
            worked.unsure.extend(walk.of.owner);
        }
    }
}
