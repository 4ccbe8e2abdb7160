//! Purchases in MariaDB: claimed on the shard of their key's digest, kept on their owner's.
//!
//! Word of purchases walks ([`hear`]) in steps, each of many at once and each a transaction of
//! its own:
//! 1. [`claims`]: each purchase's claim is put there, or changed, decided.
//! 2. [`follow`]: the rows of those who own them follow, under the members' locks.
//! 3. The claims are marked as followed. Nobody waits for that: a claim that stays pending is
//!    followed again by whoever meets it, which does nothing the second time.

mod bought;
mod claims;
mod consume;
mod evidence;
mod follow;
pub(super) mod hear;
pub(super) mod owned;
mod settle;
mod taken;
mod tokens;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use uuid::Uuid;

use super::MariaDb;
use super::router::{lease, one, sweep};
use super::tx::Locks;
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::purchases::{
    Claim, Closing, ConsumeWrite, Consumed, Evidence, Finishing, Heard, HistoryRead, Look,
    Purchase, PurchasesDuty, Received, RefundCount, ReleaseWrite, Said, Settled, Settling, Worked,
    named_by,
};

/// How many are written together when a list of them is worked off.
const TOGETHER: usize = 256;

#[async_trait]
impl PurchasesDuty for MariaDb {
    async fn account_token(
        &self,
        app: AppId,
        member: MemberId,
        candidate: Uuid,
    ) -> Result<Option<Uuid>> {
        match self.router.read_one::<tokens::Find>((app.clone(), member)).await? {
            Some(token) => Ok(Some(token)),
            None => self.router.write_one::<tokens::Give>((app, member, candidate)).await,
        }
    }

    async fn account(&self, app: AppId, token: Uuid) -> Result<Option<MemberId>> {
        let Some(member) = named_by(&token) else { return Ok(None) };
        let own = self.router.read_one::<tokens::Find>((app, member)).await?;
        Ok((own == Some(token)).then_some(member))
    }

    async fn receive(&self, evidence: Evidence, now: Micros, until: Micros) -> Result<Received> {
        self.router.write_one::<evidence::Shows>(evidence::Show::new((evidence, now, until))).await
    }

    async fn receive_all(&self, all: Vec<(Evidence, Micros, Micros)>) -> Vec<Result<Received>> {
        let shows: Vec<_> = all.into_iter().map(evidence::Show::new).collect();
        self.router.write::<evidence::Shows>(&shows, Locks::Skip).await
    }

    async fn waiting(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Received>> {
        lease(&self.router, &evidence::Waiting { now, until, limit }).await
    }

    async fn parked(&self, limit: usize) -> Result<Vec<Received>> {
        evidence::parked(&self.router, limit).await
    }

    async fn shown(&self, evidence: Digest) -> Result<Option<Received>> {
        evidence::shown(&self.router, evidence).await
    }

    async fn close(&self, closing: Closing) -> Result<()> {
        self.router.write_one::<evidence::Closes>(closing).await
    }

    async fn hear(&self, said: Said) -> Result<Heard> {
        one(hear::hear(&self.router, vec![said], Locks::Wait).await)
    }

    async fn hear_all(&self, all: Vec<Said>) -> Vec<Result<Heard>> {
        hear::hear(&self.router, all, Locks::Skip).await
    }

    async fn finish(&self, which: Finishing) -> Result<Worked> {
        hear::finish(&self.router, which).await
    }

    async fn release(&self, write: ReleaseWrite) -> Result<Option<Heard>> {
        hear::release(&self.router, write).await
    }

    async fn claim(&self, claim: Digest) -> Result<Option<Claim>> {
        self.router.read_one::<claims::Find>(claim).await
    }

    async fn held(&self, limit: usize) -> Result<Vec<Look>> {
        let (mut held, whole) = self.router.read_each(&claims::Held { limit }).await;
        held.sort_by_key(|look| look.of.created_at);
        whole.map(|()| held)
    }

    async fn to_look_at(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Look>> {
        lease(&self.router, &claims::Looks { now, until, limit }).await
    }

    async fn purchase(&self, app: AppId, member: MemberId, id: Uuid) -> Result<Option<Purchase>> {
        self.router.read_one::<owned::Find>((app, member, id)).await
    }

    async fn refunds(&self, app: AppId, member: MemberId) -> Result<RefundCount> {
        self.router.read_one::<owned::Refunds>((app, member)).await
    }

    async fn history(&self, read: HistoryRead) -> Result<Vec<Purchase>> {
        self.router.read_one::<owned::History>(read).await
    }

    async fn consume(&self, write: ConsumeWrite) -> Result<Consumed> {
        self.router.write_one::<consume::Consumes>(write).await
    }

    async fn to_settle(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Settling>> {
        lease(&self.router, &settle::Due { now, until, limit }).await
    }

    async fn settled(&self, settled: Settled) -> Result<()> {
        self.router.write_one::<settle::Told>(settled).await
    }

    async fn forget_evidence(&self, before: Micros, limit: usize) -> Result<usize> {
        sweep(&self.router, limit, |limit| evidence::Old { before, limit }).await
    }
}
