//! What a backend does for purchases.

use async_trait::async_trait;
use futures_util::future::join_all;
use protocol::ids::{AppId, MemberId};
use uuid::Uuid;

use super::asked::{
    Closing, ConsumeWrite, Consumed, Heard, HistoryRead, Look, Received, ReleaseWrite, Settled,
    Settling,
};
use super::claim::{Claim, Said};
use super::evidence::Evidence;
use super::left::{Finishing, Worked};
use super::owned::Purchase;
use super::refunds::RefundCount;
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;

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
    /// of such holds up the others.
    async fn finish(&self, which: Finishing) -> Result<Worked>;
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
