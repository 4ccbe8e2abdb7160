//! What no test asks for.

use std::time::Duration;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use protocol::purchases::Grant;
use uuid::Uuid;

use super::{Fake, absent};
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::outbox::{Due, Leasing, Notice, NoticesRead, OutboxDuty, Outcome};
use crate::purchases::{
    Claim, Closing, ConsumeWrite, Consumed, Evidence, Finishing, Heard, HistoryRead, Look,
    Purchase, PurchasesDuty, Received, RefundCount, ReleaseWrite, Said, Settled, Settling, Worked,
};
use crate::turns::TurnsDuty;
use crate::wallet::{Audited, Before, Transfer, TransferWrite, Transferred, WalletDuty};

#[async_trait]
impl PurchasesDuty for Fake {
    async fn account_token(&self, _: AppId, _: MemberId, _: Uuid) -> Result<Option<Uuid>> {
        absent()
    }

    async fn account(&self, _: AppId, _: Uuid) -> Result<Option<MemberId>> {
        absent()
    }

    async fn receive(&self, _: Evidence, _: Micros, _: Micros) -> Result<Received> {
        absent()
    }

    async fn waiting(&self, _: Micros, _: Micros, _: usize) -> Result<Vec<Received>> {
        absent()
    }

    async fn parked(&self, _: usize) -> Result<Vec<Received>> {
        absent()
    }

    async fn shown(&self, _: Digest) -> Result<Option<Received>> {
        absent()
    }

    async fn close(&self, _: Closing) -> Result<()> {
        absent()
    }

    async fn hear(&self, _: Said) -> Result<Heard> {
        absent()
    }

    async fn finish(&self, _: Finishing) -> Result<Worked> {
        let unsure = self.unsure.lock().unwrap().clone();
        Ok(Worked { finished: Vec::new(), unsure })
    }

    async fn release(&self, _: ReleaseWrite) -> Result<Option<Heard>> {
        absent()
    }

    async fn claim(&self, _: Digest) -> Result<Option<Claim>> {
        absent()
    }

    async fn held(&self, _: usize) -> Result<Vec<Look>> {
        absent()
    }

    async fn to_look_at(&self, _: Micros, _: Micros, _: usize) -> Result<Vec<Look>> {
        absent()
    }

    async fn purchase(&self, _: AppId, _: MemberId, _: Uuid) -> Result<Option<Purchase>> {
        absent()
    }

    async fn refunds(&self, _: AppId, _: MemberId) -> Result<RefundCount> {
        absent()
    }

    async fn history(&self, _: HistoryRead) -> Result<Vec<Purchase>> {
        absent()
    }

    async fn consume(&self, _: ConsumeWrite) -> Result<Consumed> {
        absent()
    }

    async fn to_settle(&self, _: Micros, _: Micros, _: usize) -> Result<Vec<Settling>> {
        absent()
    }

    async fn settled(&self, _: Settled) -> Result<()> {
        absent()
    }

    async fn forget_evidence(&self, _: Micros, _: usize) -> Result<usize> {
        absent()
    }
}

#[async_trait]
impl WalletDuty for Fake {
    async fn balances(&self, _: AppId, _: MemberId) -> Result<Vec<Grant>> {
        absent()
    }

    async fn transfer(&self, _: TransferWrite) -> Result<Transferred> {
        absent()
    }

    async fn transfers(
        &self,
        _: AppId,
        _: MemberId,
        _: Option<Before>,
        _: usize,
    ) -> Result<Vec<Transfer>> {
        absent()
    }

    async fn audit(&self, _: usize, _: Option<MemberId>, _: usize) -> Result<Audited> {
        absent()
    }

    fn servers(&self) -> usize {
        1
    }
}

#[async_trait]
impl OutboxDuty for Fake {
    async fn lease(&self, _: Leasing) -> Result<Vec<Due>> {
        absent()
    }

    async fn sent(&self, _: Outcome) -> Result<bool> {
        absent()
    }

    async fn notices(&self, _: NoticesRead) -> Result<Vec<Notice>> {
        absent()
    }

    async fn replay(&self, _: AppId, _: MemberId, _: u64, _: Micros) -> Result<bool> {
        absent()
    }

    async fn forget_notices(&self, _: Micros, _: usize) -> Result<usize> {
        absent()
    }
}

#[async_trait]
impl TurnsDuty for Fake {
    async fn take_turn(&self, _: String, _: Micros, _: Duration) -> Result<bool> {
        absent()
    }
}
