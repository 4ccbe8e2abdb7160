//! Purchases and wallets: what comes most waits together, the rest goes straight on.

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use protocol::purchases::Grant;
use uuid::Uuid;

use super::Batches;
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::purchases::{
    Claim, Closing, ConsumeWrite, Consumed, Evidence, Finishing, Heard, HistoryRead, Look,
    Purchase, PurchasesDuty, Received, RefundCount, ReleaseWrite, Said, Settled, Settling, Worked,
};
use crate::wallet::{Audited, Before, Transfer, TransferWrite, Transferred, WalletDuty};

#[async_trait]
impl PurchasesDuty for Batches {
    async fn account_token(
        &self,
        app: AppId,
        member: MemberId,
        candidate: Uuid,
    ) -> Result<Option<Uuid>> {
        self.truth.account_token(app, member, candidate).await
    }

    async fn account(&self, app: AppId, token: Uuid) -> Result<Option<MemberId>> {
        self.truth.account(app, token).await
    }

    async fn receive(&self, evidence: Evidence, now: Micros, until: Micros) -> Result<Received> {
        self.evidence.ask((evidence, now, until)).await
    }

    async fn receive_all(&self, all: Vec<(Evidence, Micros, Micros)>) -> Vec<Result<Received>> {
        self.truth.receive_all(all).await
    }

    async fn waiting(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Received>> {
        self.truth.waiting(now, until, limit).await
    }

    async fn parked(&self, limit: usize) -> Result<Vec<Received>> {
        self.truth.parked(limit).await
    }

    async fn shown(&self, evidence: Digest) -> Result<Option<Received>> {
        self.truth.shown(evidence).await
    }

    async fn close(&self, closing: Closing) -> Result<()> {
        self.truth.close(closing).await
    }

    async fn hear(&self, said: Said) -> Result<Heard> {
        self.said.ask(said).await
    }

    async fn hear_all(&self, all: Vec<Said>) -> Vec<Result<Heard>> {
        self.truth.hear_all(all).await
    }

    async fn finish(&self, which: Finishing) -> Result<Worked> {
        self.truth.finish(which).await
    }

    async fn release(&self, write: ReleaseWrite) -> Result<Option<Heard>> {
        self.truth.release(write).await
    }

    async fn claim(&self, claim: Digest) -> Result<Option<Claim>> {
        self.truth.claim(claim).await
    }

    async fn held(&self, limit: usize) -> Result<Vec<Look>> {
        self.truth.held(limit).await
    }

    async fn to_look_at(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Look>> {
        self.truth.to_look_at(now, until, limit).await
    }

    async fn purchase(&self, app: AppId, member: MemberId, id: Uuid) -> Result<Option<Purchase>> {
        self.truth.purchase(app, member, id).await
    }

    async fn refunds(&self, app: AppId, member: MemberId) -> Result<RefundCount> {
        self.truth.refunds(app, member).await
    }

    async fn history(&self, read: HistoryRead) -> Result<Vec<Purchase>> {
        self.truth.history(read).await
    }

    async fn consume(&self, write: ConsumeWrite) -> Result<Consumed> {
        self.truth.consume(write).await
    }

    async fn to_settle(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Settling>> {
        self.truth.to_settle(now, until, limit).await
    }

    async fn settled(&self, settled: Settled) -> Result<()> {
        self.truth.settled(settled).await
    }

    async fn forget_evidence(&self, before: Micros, limit: usize) -> Result<usize> {
        self.truth.forget_evidence(before, limit).await
    }
}

#[async_trait]
impl WalletDuty for Batches {
    async fn balances(&self, app: AppId, member: MemberId) -> Result<Vec<Grant>> {
        self.truth.balances(app, member).await
    }

    async fn transfer(&self, write: TransferWrite) -> Result<Transferred> {
        self.transfers.ask(write).await
    }

    async fn transfer_all(&self, writes: Vec<TransferWrite>) -> Vec<Result<Transferred>> {
        self.truth.transfer_all(writes).await
    }

    async fn transfers(
        &self,
        app: AppId,
        member: MemberId,
        before: Option<Before>,
        limit: usize,
    ) -> Result<Vec<Transfer>> {
        self.truth.transfers(app, member, before, limit).await
    }

    async fn audit(&self, server: usize, after: Option<MemberId>, limit: usize) -> Result<Audited> {
        self.truth.audit(server, after, limit).await
    }

    fn servers(&self) -> usize {
        self.truth.servers()
    }
}
