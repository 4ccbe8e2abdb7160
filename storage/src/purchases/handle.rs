//! The typed handle for purchases.

use std::sync::Arc;

use protocol::ids::{AppId, MemberId};
use uuid::Uuid;

use super::asked::{
    Closing, ConsumeWrite, Consumed, Heard, HistoryRead, Look, Received, ReleaseWrite, Settled,
    Settling,
};
use super::claim::{Claim, Said, Source};
use super::evidence::Evidence;
use super::left::{Finished, Finishing};
use super::owned::Purchase;
use super::refunds::RefundCount;
use super::{PurchaseKey, named_by};
use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::open::Truth;

/// The typed handle for purchases.
///
/// Where there is a `then`, it sees what came of the call before its caller does, also if that was
/// told that the outcome is unknown: so nothing that was done goes unsaid.
#[derive(Clone)]
pub struct Purchases(pub(crate) Records);

/// How each of these fails: see [`StorageError`](crate::error::StorageError). Each may be asked
/// again after `OutcomeUnknown`: the second time does nothing, and says the same.
impl Purchases {
    /// As [`PurchasesDuty::account_token`](super::PurchasesDuty::account_token).
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

    /// As [`PurchasesDuty::account`](super::PurchasesDuty::account).
    ///
    /// # Errors
    /// As said above.
    pub async fn account(&self, app: AppId, token: Uuid) -> Result<Option<MemberId>> {
        let Some(member) = named_by(&token) else { return Ok(None) };
        self.0
            .call(Key::Member(member), move |it| async move { it.account(app, token).await })
            .await
    }

    /// As [`PurchasesDuty::receive`](super::PurchasesDuty::receive).
    ///
    /// # Errors
    /// As said above.
    pub async fn receive(
        &self,
        evidence: Evidence,
        now: Micros,
        until: Micros,
    ) -> Result<Received> {
        self.receive_then(evidence, now, until, |_| ()).await
    }

    /// As [`Purchases::receive`].
    ///
    /// # Errors
    /// As said above.
    pub async fn receive_then(
        &self,
        evidence: Evidence,
        now: Micros,
        until: Micros,
        then: impl FnOnce(&Received) + Send + 'static,
    ) -> Result<Received> {
        let key = match evidence.source {
            Source::Posted(member) => Key::Member(member),
            Source::Told => Key::Claim(evidence.digest()),
        };
        let work = move |it: Arc<dyn Truth>| async move { it.receive(evidence, now, until).await };
        self.0.call_then(key, work, then).await
    }

    /// As [`PurchasesDuty::waiting`](super::PurchasesDuty::waiting).
    ///
    /// # Errors
    /// As said above.
    pub async fn waiting(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Received>> {
        self.0.call(Key::Home, move |it| async move { it.waiting(now, until, limit).await }).await
    }

    /// As [`PurchasesDuty::parked`](super::PurchasesDuty::parked).
    ///
    /// # Errors
    /// As said above.
    pub async fn parked(&self, limit: usize) -> Result<Vec<Received>> {
        self.0.call(Key::Home, move |it| async move { it.parked(limit).await }).await
    }

    /// As [`PurchasesDuty::shown`](super::PurchasesDuty::shown).
    ///
    /// # Errors
    /// As said above.
    pub async fn shown(&self, evidence: Digest) -> Result<Option<Received>> {
        self.0.call(Key::Home, move |it| async move { it.shown(evidence).await }).await
    }

    /// As [`PurchasesDuty::close`](super::PurchasesDuty::close).
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

    /// As [`PurchasesDuty::hear`](super::PurchasesDuty::hear).
    ///
    /// # Errors
    /// As said above.
    pub async fn hear(&self, said: Said) -> Result<Heard> {
        self.hear_then(said, |_| ()).await
    }

    /// As [`Purchases::hear`].
    ///
    /// # Errors
    /// As said above.
    pub async fn hear_then(
        &self,
        said: Said,
        then: impl FnOnce(&Heard) + Send + 'static,
    ) -> Result<Heard> {
        let key = Key::Claim(said.key.digest());
        let work = move |it: Arc<dyn Truth>| async move { it.hear(said).await };
        self.0.call_then(key, work, then).await
    }

    /// As [`PurchasesDuty::finish`](super::PurchasesDuty::finish).
    ///
    /// # Errors
    /// As said above.
    pub async fn finish(&self, which: Finishing) -> Result<Vec<Finished>> {
        self.finish_then(which, |_| ()).await
    }

    /// As [`Purchases::finish`].
    ///
    /// # Errors
    /// As said above.
    pub async fn finish_then(
        &self,
        which: Finishing,
        then: impl FnOnce(&Vec<Finished>) + Send + 'static,
    ) -> Result<Vec<Finished>> {
        let work = move |it: Arc<dyn Truth>| async move { Ok(it.finish(which).await?.finished) };
        self.0.call_then(Key::Home, work, then).await
    }

    /// As [`PurchasesDuty::release`](super::PurchasesDuty::release).
    ///
    /// # Errors
    /// As said above.
    pub async fn release(&self, write: ReleaseWrite) -> Result<Option<Heard>> {
        self.release_then(write, |_| ()).await
    }

    /// As [`Purchases::release`].
    ///
    /// # Errors
    /// As said above.
    pub async fn release_then(
        &self,
        write: ReleaseWrite,
        then: impl FnOnce(&Option<Heard>) + Send + 'static,
    ) -> Result<Option<Heard>> {
        let key = Key::Claim(write.claim);
        let work = move |it: Arc<dyn Truth>| async move { it.release(write).await };
        self.0.call_then(key, work, then).await
    }

    /// The claim on a purchase, as [`PurchasesDuty::claim`](super::PurchasesDuty::claim).
    ///
    /// # Errors
    /// As said above.
    pub async fn claim_on(&self, key: &PurchaseKey) -> Result<Option<Claim>> {
        self.claim(key.digest()).await
    }

    /// As [`PurchasesDuty::claim`](super::PurchasesDuty::claim).
    ///
    /// # Errors
    /// As said above.
    pub async fn claim(&self, claim: Digest) -> Result<Option<Claim>> {
        self.0.call(Key::Claim(claim), move |it| async move { it.claim(claim).await }).await
    }

    /// As [`PurchasesDuty::held`](super::PurchasesDuty::held).
    ///
    /// # Errors
    /// As said above.
    pub async fn held(&self, limit: usize) -> Result<Vec<Look>> {
        self.0.call(Key::Home, move |it| async move { it.held(limit).await }).await
    }

    /// As [`PurchasesDuty::to_look_at`](super::PurchasesDuty::to_look_at).
    ///
    /// # Errors
    /// As said above.
    pub async fn to_look_at(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Look>> {
        self.0
            .call(Key::Home, move |it| async move { it.to_look_at(now, until, limit).await })
            .await
    }

    /// As [`PurchasesDuty::purchase`](super::PurchasesDuty::purchase).
    ///
    /// # Errors
    /// As said above.
    pub async fn get(&self, app: AppId, member: MemberId, id: Uuid) -> Result<Option<Purchase>> {
        let key = Key::Member(member);
        self.0.call(key, move |it| async move { it.purchase(app, member, id).await }).await
    }

    /// As [`PurchasesDuty::refunds`](super::PurchasesDuty::refunds).
    ///
    /// # Errors
    /// As said above.
    pub async fn refunds(&self, app: AppId, member: MemberId) -> Result<RefundCount> {
        let key = Key::Member(member);
        self.0.call(key, move |it| async move { it.refunds(app, member).await }).await
    }

    /// As [`PurchasesDuty::history`](super::PurchasesDuty::history).
    ///
    /// # Errors
    /// As said above.
    pub async fn history(&self, read: HistoryRead) -> Result<Vec<Purchase>> {
        let key = Key::Member(read.member);
        self.0.call(key, move |it| async move { it.history(read).await }).await
    }

    /// As [`PurchasesDuty::consume`](super::PurchasesDuty::consume).
    ///
    /// # Errors
    /// As said above.
    pub async fn consume(&self, write: ConsumeWrite) -> Result<Consumed> {
        self.consume_then(write, |_| ()).await
    }

    /// As [`Purchases::consume`].
    ///
    /// # Errors
    /// As said above.
    pub async fn consume_then(
        &self,
        write: ConsumeWrite,
        then: impl FnOnce(&Consumed) + Send + 'static,
    ) -> Result<Consumed> {
        let key = Key::Member(write.member);
        let work = move |it: Arc<dyn Truth>| async move { it.consume(write).await };
        self.0.call_then(key, work, then).await
    }

    /// As [`PurchasesDuty::to_settle`](super::PurchasesDuty::to_settle).
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

    /// As [`PurchasesDuty::settled`](super::PurchasesDuty::settled).
    ///
    /// # Errors
    /// As said above.
    pub async fn settled(&self, settled: Settled) -> Result<()> {
        let key = Key::Member(settled.member);
        self.0.call(key, move |it| async move { it.settled(settled).await }).await
    }

    /// As [`PurchasesDuty::forget_evidence`](super::PurchasesDuty::forget_evidence).
    ///
    /// # Errors
    /// As said above.
    pub async fn forget_evidence(&self, before: Micros, limit: usize) -> Result<usize> {
        self.0
            .call(Key::Home, move |it| async move { it.forget_evidence(before, limit).await })
            .await
    }
}
