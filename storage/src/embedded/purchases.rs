//! Purchases in SQLite.
//!
//! One file keeps the claims and the owners' rows, so both halves of taking in a store's word
//! are one transaction, and no claim is left pending.

mod claims;
mod evidence;
mod hear;
mod owned;
mod settle;
mod tokens;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use uuid::Uuid;

use super::Embedded;
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::purchases::{
    Claim, Closing, ConsumeWrite, Consumed, Evidence, Finishing, Heard, HistoryRead, Look,
    Purchase, PurchasesDuty, Received, RefundCount, ReleaseWrite, Said, Settled, Settling, Worked,
};

pub(super) use owned::of_member;

#[async_trait]
impl PurchasesDuty for Embedded {
    async fn account_token(
        &self,
        app: AppId,
        member: MemberId,
        candidate: Uuid,
    ) -> Result<Option<Uuid>> {
        self.truth
            .write(move |connection| tokens::of_member(connection, &app, member, candidate))
            .await
    }

    async fn account(&self, app: AppId, token: Uuid) -> Result<Option<MemberId>> {
        self.truth.read(move |connection| tokens::whose(connection, &app, token)).await
    }

    async fn receive(&self, evidence: Evidence, now: Micros, until: Micros) -> Result<Received> {
        self.truth
            .write(move |connection| evidence::receive(connection, evidence, now, until))
            .await
    }

    async fn waiting(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Received>> {
        self.truth.write(move |connection| evidence::lease(connection, now, until, limit)).await
    }

    async fn parked(&self, limit: usize) -> Result<Vec<Received>> {
        self.truth.read(move |connection| evidence::parked(connection, limit)).await
    }

    async fn shown(&self, evidence: Digest) -> Result<Option<Received>> {
        self.truth.read(move |connection| evidence::find(connection, &evidence)).await
    }

    async fn close(&self, closing: Closing) -> Result<()> {
        self.truth.write(move |connection| evidence::close(connection, &closing)).await
    }

    async fn hear(&self, said: Said) -> Result<Heard> {
        self.truth.write(move |connection| hear::hear(connection, &said)).await
    }

    /// Each claim by itself, so that one that cannot be followed holds up no other.
    async fn finish(&self, which: Finishing) -> Result<Worked> {
        let left = self.truth.write(move |connection| claims::left(connection, &which)).await?;
        let mut worked = Worked::default();
        for claim in left {
            let now = which.now;
            match self.truth.write(move |connection| hear::finish(connection, &claim, now)).await {
                Ok(finished) => worked.finished.extend(finished),
                Err(error) => tracing::error!(%error, "a claim's owner cannot follow it"),
            }
        }
        Ok(worked)
    }

    async fn release(&self, write: ReleaseWrite) -> Result<Option<Heard>> {
        self.truth.write(move |connection| hear::release(connection, &write)).await
    }

    async fn claim(&self, claim: Digest) -> Result<Option<Claim>> {
        self.truth.read(move |connection| claims::find(connection, &claim)).await
    }

    async fn held(&self, limit: usize) -> Result<Vec<Look>> {
        self.truth.read(move |connection| claims::held(connection, limit)).await
    }

    async fn to_look_at(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Look>> {
        self.truth.write(move |connection| claims::lease(connection, now, until, limit)).await
    }

    async fn purchase(&self, app: AppId, member: MemberId, id: Uuid) -> Result<Option<Purchase>> {
        self.truth.read(move |connection| owned::find(connection, &app, member, id)).await
    }

    async fn refunds(&self, app: AppId, member: MemberId) -> Result<RefundCount> {
        self.truth.read(move |connection| owned::refunds(connection, &app, member)).await
    }

    async fn history(&self, read: HistoryRead) -> Result<Vec<Purchase>> {
        self.truth.read(move |connection| owned::history(connection, &read)).await
    }

    async fn consume(&self, write: ConsumeWrite) -> Result<Consumed> {
        self.truth.write(move |connection| settle::consume(connection, &write)).await
    }

    async fn to_settle(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Settling>> {
        self.truth.write(move |connection| settle::lease(connection, now, until, limit)).await
    }

    async fn settled(&self, settled: Settled) -> Result<()> {
        self.truth.write(move |connection| settle::settled(connection, &settled)).await
    }

    async fn forget_evidence(&self, before: Micros, limit: usize) -> Result<usize> {
        self.truth.write(move |connection| evidence::forget(connection, before, limit)).await
    }
}
