//! What a backend does for purchases, and the typed handle.

use async_trait::async_trait;
use futures_util::future::join_all;
use protocol::ids::{AppId, LoginId, MemberId};
use uuid::Uuid;

use super::claim::{Claim, Hold, Said, Source};
use super::evidence::{Evidence, EvidenceEnd, Shown};
use super::left::{Finished, Finishing};
use super::owned::Purchase;
use super::refunds::RefundCount;
use super::{PurchaseKey, named_by};
use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;

/// Evidence as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Under which it is kept.
    pub digest: Digest,
    /// What was shown. Its `body` is empty once it was answered.
    pub evidence: Evidence,
    /// Whether it was there before.
    pub again: bool,
    /// How it stands.
    pub shown: Shown,
    /// The claim that it led to, when it is done and led to one.
    pub claim: Option<Digest>,
    /// Why it was refused or parked, or why the last try came to nothing.
    pub why: Option<String>,
    /// How often the store was asked in vain.
    pub tries: u32,
    /// When it was first received.
    pub at: Micros,
}

/// How word of a purchase was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It has an owner, who is the poster if somebody posted.
    Owned {
        /// The purchase among its owner's rows.
        purchase: Box<Purchase>,
        /// Whether it was known before.
        known: bool,
        /// Why it is held, if it is.
        hold: Option<Hold>,
        /// The highest number in the owner's inbox if this wrote to it.
        pushed: Option<u64>,
    },
    /// It is another member's than the poster's. What was said of it is taken in all the same.
    Others {
        /// Whose it is, and the highest number in that inbox if this wrote to it.
        owner: MemberId,
        /// As above.
        pushed: Option<u64>,
    },
    /// It is nobody's yet.
    Nobodys {
        /// Why it is held, if it is.
        hold: Option<Hold>,
    },
}

/// A purchase to be taken by the game or its client.
#[derive(Clone, Debug)]
pub struct ConsumeWrite {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// The login that asks, which must hold the session; `None` for the game's own server.
    pub login: Option<LoginId>,
    /// The purchase.
    pub purchase: Uuid,
    /// Whether the store is to be told that it is used up.
    pub settle: bool,
    /// Whether the game is told by its webhook.
    pub webhook: bool,
    /// The present time.
    pub now: Micros,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consumed {
    /// It is consumed.
    Done {
        /// The purchase.
        purchase: Purchase,
        /// Whether it was before.
        again: bool,
    },
    /// It is not granted, so there is nothing to take.
    NotGranted(Purchase),
    /// The member has no such purchase.
    Unknown,
}

/// A look at a member's purchases.
#[derive(Clone, Debug)]
pub struct HistoryRead {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// Only what is granted and not consumed, the oldest first. Otherwise all, the newest first.
    pub unconsumed: bool,
    /// What is wanted lies behind this one, in that order. Ids rise with time.
    pub after: Option<Uuid>,
    /// How many at most.
    pub limit: usize,
}

/// What a store is to be told of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// That it was granted.
    Acknowledge,
    /// That it is used up.
    Consume,
}

/// A purchase of which a store is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settling {
    /// The purchase.
    pub purchase: Purchase,
    /// What it is to be told.
    pub what: Settle,
    /// How often that was tried in vain.
    pub tries: u32,
}

/// What came of telling a store.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The member.
    pub member: MemberId,
    /// The purchase.
    pub purchase: Uuid,
    /// What it was told. If there is something else to tell by now, that stays.
    pub what: Settle,
    /// `None`: the store knows. Otherwise when to try again.
    pub again: Option<Micros>,
    /// The store will not be told: why, in a word. It is not tried again.
    pub given_up: Option<String>,
}

/// A claim whose store is to be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Under which the claim is kept.
    pub claim: Digest,
    /// The claim.
    pub of: Claim,
}

/// How the evidence under a digest is closed.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Under which it is kept.
    pub digest: Digest,
    /// Who showed it.
    pub source: Source,
    /// How it ended.
    pub end: EvidenceEnd,
    /// The present time.
    pub now: Micros,
}

/// A held purchase to be granted all the same.
#[derive(Clone, Debug)]
pub struct ReleaseWrite {
    /// Under which the claim is kept.
    pub claim: Digest,
    /// Whose it becomes if it is nobody's.
    pub owner: Option<MemberId>,
    /// The present time.
    pub now: Micros,
}

/// What a backend does for purchases.
///
/// Of what is leased the backend moves the moment at which it is due to `until`, so that one
/// process at a time has it, and another takes it if that one dies.
#[async_trait]
pub trait PurchasesDuty: Send + Sync {
    /// The account token of a member: the one it has, or `candidate` from now on. `None` when
    /// there is no such member in that game. No two members ever have the same.
    async fn account_token(
        &self,
        app: AppId,
        member: MemberId,
        candidate: Uuid,
    ) -> Result<Option<Uuid>>;
    /// Whose account token this is, in that game.
    async fn account(&self, app: AppId, token: Uuid) -> Result<Option<MemberId>>;

    /// Keeps evidence, waiting and leased until `until`; if it is there already, says how it
    /// stands. Evidence that led to a purchase, or was refused, is said to be so and nothing
    /// changes; what waits or was parked waits from now on, with what is shown now.
    async fn receive(&self, evidence: Evidence, now: Micros, until: Micros) -> Result<Received>;
    /// Keeps evidence of different members, each as [`PurchasesDuty::receive`], in their order.
    async fn receive_all(&self, all: Vec<(Evidence, Micros, Micros)>) -> Vec<Result<Received>> {
        join_all(all.into_iter().map(|(it, now, until)| self.receive(it, now, until))).await
    }
    /// Leases evidence that waits and is due, the longest due first, at most `limit` from each
    /// server.
    async fn waiting(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Received>>;
    /// Evidence that is parked, the longest first, at most `limit` from each server.
    async fn parked(&self, limit: usize) -> Result<Vec<Received>>;
    /// Evidence as it stands, whoever showed it.
    async fn shown(&self, evidence: Digest) -> Result<Option<Received>>;
    /// Says how evidence ended. What is done or refused keeps nothing of what was shown, and stays
    /// so: a word that comes late changes nothing.
    async fn close(&self, closing: Closing) -> Result<()>;

    /// Takes in what a store said: decides on the claim as [`super::claim::hear`], lets its
    /// owner's rows follow as [`super::owned::follow`], and closes the evidence that it answers.
    /// The owner's part is one transaction: purchase, ledger, wallet, inbox and outbox.
    async fn hear(&self, said: Said) -> Result<Heard>;
    /// Takes in what was said of different purchases, each as [`PurchasesDuty::hear`], in their
    /// order. What becomes of one never depends on the others.
    async fn hear_all(&self, all: Vec<Said>) -> Vec<Result<Heard>> {
        join_all(all.into_iter().map(|said| self.hear(said))).await
    }
    /// Lets the owners' rows follow claims that were left pending, those that were never tried
    /// first. One that cannot be finished now rests until [`Finishing::again`], so that no number
    /// of such holds up the others. Returns what is finished.
    async fn finish(&self, which: Finishing) -> Result<Vec<Finished>>;
    /// Grants a held purchase, as [`super::claim::release`]; `None` if there is none such, or no
    /// such owner in its game.
    async fn release(&self, write: ReleaseWrite) -> Result<Option<Heard>>;
    /// A claim, as it stands.
    async fn claim(&self, claim: Digest) -> Result<Option<Claim>>;
    /// Claims that are paid and held, the oldest first, at most `limit` from each server.
    async fn held(&self, limit: usize) -> Result<Vec<Look>>;
    /// Leases claims whose store is to be asked again, at most `limit` from each server.
    async fn to_look_at(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Look>>;

    /// A purchase of a member.
    async fn purchase(&self, app: AppId, member: MemberId, id: Uuid) -> Result<Option<Purchase>>;
    /// What was given back of a member's purchases.
    async fn refunds(&self, app: AppId, member: MemberId) -> Result<RefundCount>;
    /// A part of a member's purchases.
    async fn history(&self, read: HistoryRead) -> Result<Vec<Purchase>>;
    /// Marks a purchase as taken, once.
    /// [`Replaced`](crate::error::StorageError::Replaced) to a login that does not hold the
    /// session.
    async fn consume(&self, write: ConsumeWrite) -> Result<Consumed>;

    /// Leases purchases of which their store is to be told, the longest due first, at most
    /// `limit` from each server.
    async fn to_settle(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Settling>>;
    /// Says what came of telling a store.
    async fn settled(&self, settled: Settled) -> Result<()>;
    /// Forgets evidence that was done or refused before `before`, at most `limit` on each
    /// server. Returns how many went.
    async fn forget_evidence(&self, before: Micros, limit: usize) -> Result<usize>;
}

/// The typed handle for purchases.
#[derive(Clone)]
pub struct Purchases(pub(crate) Records);

/// How each of these fails: see [`StorageError`](crate::error::StorageError). Each may be asked
/// again after `OutcomeUnknown`: the second time does nothing, and says the same.
impl Purchases {
    /// As [`PurchasesDuty::account_token`].
    ///
    /// # Errors
    /// As said above.
    pub async fn account_token(
        &self,
        app: AppId,
        member: MemberId,
        candidate: Uuid,
    ) -> Result<Option<Uuid>> {
        let key = Key::Member(member);
        self.0
            .call(key, move |it| async move { it.account_token(app, member, candidate).await })
            .await
    }

    /// As [`PurchasesDuty::account`].
    ///
    /// # Errors
    /// As said above.
    pub async fn account(&self, app: AppId, token: Uuid) -> Result<Option<MemberId>> {
        let Some(member) = named_by(&token) else { return Ok(None) };
        self.0
            .call(Key::Member(member), move |it| async move { it.account(app, token).await })
            .await
    }

    /// As [`PurchasesDuty::receive`].
    ///
    /// # Errors
    /// As said above.
    pub async fn receive(
        &self,
        evidence: Evidence,
        now: Micros,
        until: Micros,
    ) -> Result<Received> {
        let key = match evidence.source {
            Source::Posted(member) => Key::Member(member),
            Source::Told => Key::Claim(evidence.digest()),
        };
        self.0.call(key, move |it| async move { it.receive(evidence, now, until).await }).await
    }

    /// As [`PurchasesDuty::waiting`].
    ///
    /// # Errors
    /// As said above.
    pub async fn waiting(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Received>> {
        self.0.call(Key::Home, move |it| async move { it.waiting(now, until, limit).await }).await
    }

    /// As [`PurchasesDuty::parked`].
    ///
    /// # Errors
    /// As said above.
    pub async fn parked(&self, limit: usize) -> Result<Vec<Received>> {
        self.0.call(Key::Home, move |it| async move { it.parked(limit).await }).await
    }

    /// As [`PurchasesDuty::shown`].
    ///
    /// # Errors
    /// As said above.
    pub async fn shown(&self, evidence: Digest) -> Result<Option<Received>> {
        self.0.call(Key::Home, move |it| async move { it.shown(evidence).await }).await
    }

    /// As [`PurchasesDuty::close`].
    ///
    /// # Errors
    /// As said above.
    pub async fn close(&self, closing: Closing) -> Result<()> {
        let key = match closing.source {
            Source::Posted(member) => Key::Member(member),
            Source::Told => Key::Claim(closing.digest),
        };
        self.0.call(key, move |it| async move { it.close(closing).await }).await
    }

    /// As [`PurchasesDuty::hear`].
    ///
    /// # Errors
    /// As said above.
    pub async fn hear(&self, said: Said) -> Result<Heard> {
        let key = Key::Claim(said.key.digest());
        self.0.call(key, move |it| async move { it.hear(said).await }).await
    }

    /// As [`PurchasesDuty::finish`].
    ///
    /// # Errors
    /// As said above.
    pub async fn finish(&self, which: Finishing) -> Result<Vec<Finished>> {
        self.0.call(Key::Home, move |it| async move { it.finish(which).await }).await
    }

    /// As [`PurchasesDuty::release`].
    ///
    /// # Errors
    /// As said above.
    pub async fn release(&self, write: ReleaseWrite) -> Result<Option<Heard>> {
        let key = Key::Claim(write.claim);
        self.0.call(key, move |it| async move { it.release(write).await }).await
    }

    /// The claim on a purchase, as [`PurchasesDuty::claim`].
    ///
    /// # Errors
    /// As said above.
    pub async fn claim_on(&self, key: &PurchaseKey) -> Result<Option<Claim>> {
        self.claim(key.digest()).await
    }

    /// As [`PurchasesDuty::claim`].
    ///
    /// # Errors
    /// As said above.
    pub async fn claim(&self, claim: Digest) -> Result<Option<Claim>> {
        self.0.call(Key::Claim(claim), move |it| async move { it.claim(claim).await }).await
    }

    /// As [`PurchasesDuty::held`].
    ///
    /// # Errors
    /// As said above.
    pub async fn held(&self, limit: usize) -> Result<Vec<Look>> {
        self.0.call(Key::Home, move |it| async move { it.held(limit).await }).await
    }

    /// As [`PurchasesDuty::to_look_at`].
    ///
    /// # Errors
    /// As said above.
    pub async fn to_look_at(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Look>> {
        self.0
            .call(Key::Home, move |it| async move { it.to_look_at(now, until, limit).await })
            .await
    }

    /// As [`PurchasesDuty::purchase`].
    ///
    /// # Errors
    /// As said above.
    pub async fn get(&self, app: AppId, member: MemberId, id: Uuid) -> Result<Option<Purchase>> {
        let key = Key::Member(member);
        self.0.call(key, move |it| async move { it.purchase(app, member, id).await }).await
    }

    /// As [`PurchasesDuty::refunds`].
    ///
    /// # Errors
    /// As said above.
    pub async fn refunds(&self, app: AppId, member: MemberId) -> Result<RefundCount> {
        let key = Key::Member(member);
        self.0.call(key, move |it| async move { it.refunds(app, member).await }).await
    }

    /// As [`PurchasesDuty::history`].
    ///
    /// # Errors
    /// As said above.
    pub async fn history(&self, read: HistoryRead) -> Result<Vec<Purchase>> {
        let key = Key::Member(read.member);
        self.0.call(key, move |it| async move { it.history(read).await }).await
    }

    /// As [`PurchasesDuty::consume`].
    ///
    /// # Errors
    /// As said above.
    pub async fn consume(&self, write: ConsumeWrite) -> Result<Consumed> {
        let key = Key::Member(write.member);
        self.0.call(key, move |it| async move { it.consume(write).await }).await
    }

    /// As [`PurchasesDuty::to_settle`].
    ///
    /// # Errors
    /// As said above.
    pub async fn to_settle(
        &self,
        now: Micros,
        until: Micros,
        limit: usize,
    ) -> Result<Vec<Settling>> {
        self.0.call(Key::Home, move |it| async move { it.to_settle(now, until, limit).await }).await
    }

    /// As [`PurchasesDuty::settled`].
    ///
    /// # Errors
    /// As said above.
    pub async fn settled(&self, settled: Settled) -> Result<()> {
        let key = Key::Member(settled.member);
        self.0.call(key, move |it| async move { it.settled(settled).await }).await
    }

    /// As [`PurchasesDuty::forget_evidence`].
    ///
    /// # Errors
    /// As said above.
    pub async fn forget_evidence(&self, before: Micros, limit: usize) -> Result<usize> {
        self.0
            .call(Key::Home, move |it| async move { it.forget_evidence(before, limit).await })
            .await
    }
}
