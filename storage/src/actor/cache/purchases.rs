//! What is written of purchases and wallets is written to inboxes, too, so it forgets.

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use protocol::purchases::Grant;
use uuid::Uuid;

use super::{Fronted, may_be_done};
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::purchases::{
    Claim, Closing, ConsumeWrite, Consumed, Evidence, Finishing, Heard, HistoryRead, Look, Named,
    Purchase, PurchasesDuty, Received, RefundCount, ReleaseWrite, Said, Settled, Settling, Source,
    Worked,
};
use crate::wallet::{Audited, Before, Transfer, TransferWrite, Transferred, WalletDuty};

#[async_trait]
impl PurchasesDuty for Fronted {
    async fn account_token(
        &self,
        app: AppId,
        member: MemberId,
        candidate: Uuid,
    ) -> Result<Option<Uuid>> {
        self.behind.account_token(app, member, candidate).await
    }

    async fn account(&self, app: AppId, token: Uuid) -> Result<Option<MemberId>> {
        self.behind.account(app, token).await
    }

    async fn receive(&self, evidence: Evidence, now: Micros, until: Micros) -> Result<Received> {
        self.behind.receive(evidence, now, until).await
    }

    async fn receive_all(&self, all: Vec<(Evidence, Micros, Micros)>) -> Vec<Result<Received>> {
        self.behind.receive_all(all).await
    }

    async fn waiting(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Received>> {
        self.behind.waiting(now, until, limit).await
    }

    async fn parked(&self, limit: usize) -> Result<Vec<Received>> {
        self.behind.parked(limit).await
    }

    async fn shown(&self, evidence: Digest) -> Result<Option<Received>> {
        self.behind.shown(evidence).await
    }

    async fn close(&self, closing: Closing) -> Result<()> {
        self.behind.close(closing).await
    }

    async fn hear(&self, said: Said) -> Result<Heard> {
        let named = named(&said);
        let written = self.behind.hear(said).await;
        let heard = written.as_ref().ok().and_then(whose);
        let members = named.into_iter().chain(heard).collect();
        self.wrote_to(members, written).await
    }

    async fn hear_all(&self, all: Vec<Said>) -> Vec<Result<Heard>> {
        let named: Vec<Vec<MemberId>> = all.iter().map(named).collect();
        let written = self.behind.hear_all(all).await;
        let mut answers = Vec::with_capacity(written.len());
        for (mut members, written) in named.into_iter().zip(written) {
            members.extend(written.as_ref().ok().and_then(whose));
            answers.push(self.wrote_to(members, written).await);
        }
        answers
    }

    async fn finish(&self, which: Finishing) -> Result<Worked> {
        let worked = self.behind.finish(which).await;
        let of = |worked: &Worked| {
            let finished = worked.finished.iter().map(|it| it.purchase.member);
            finished.chain(worked.unsure.iter().copied()).collect()
        };
        let members = worked.as_ref().map(of).unwrap_or_default();
        self.wrote_to(members, worked).await
    }

    async fn release(&self, write: ReleaseWrite) -> Result<Option<Heard>> {
        let named = write.owner;
        let written = self.behind.release(write).await;
        let heard = written.as_ref().ok().and_then(Option::as_ref).and_then(whose);
        self.wrote_to(named.into_iter().chain(heard).collect(), written).await
    }

    async fn claim(&self, claim: Digest) -> Result<Option<Claim>> {
        self.behind.claim(claim).await
    }

    async fn held(&self, limit: usize) -> Result<Vec<Look>> {
        self.behind.held(limit).await
    }

    async fn to_look_at(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Look>> {
        self.behind.to_look_at(now, until, limit).await
    }

    async fn purchase(&self, app: AppId, member: MemberId, id: Uuid) -> Result<Option<Purchase>> {
        self.behind.purchase(app, member, id).await
    }

    async fn refunds(&self, app: AppId, member: MemberId) -> Result<RefundCount> {
        self.behind.refunds(app, member).await
    }

    async fn history(&self, read: HistoryRead) -> Result<Vec<Purchase>> {
        self.behind.history(read).await
    }

    async fn consume(&self, write: ConsumeWrite) -> Result<Consumed> {
        let member = write.member;
        self.wrote(Some(member), self.behind.consume(write).await).await
    }

    async fn to_settle(&self, now: Micros, until: Micros, limit: usize) -> Result<Vec<Settling>> {
        self.behind.to_settle(now, until, limit).await
    }

    async fn settled(&self, settled: Settled) -> Result<()> {
        self.behind.settled(settled).await
    }

    async fn forget_evidence(&self, before: Micros, limit: usize) -> Result<usize> {
        self.behind.forget_evidence(before, limit).await
    }
}

#[async_trait]
impl WalletDuty for Fronted {
    async fn balances(&self, app: AppId, member: MemberId) -> Result<Vec<Grant>> {
        self.behind.balances(app, member).await
    }

    async fn transfer(&self, write: TransferWrite) -> Result<Transferred> {
        let member = write.member;
        self.wrote(Some(member), self.behind.transfer(write).await).await
    }

    async fn transfer_all(&self, writes: Vec<TransferWrite>) -> Vec<Result<Transferred>> {
        let members = writes.iter().map(|write| Some(write.member)).collect();
        self.wrote_all(members, self.behind.transfer_all(writes).await).await
    }

    async fn transfers(
        &self,
        app: AppId,
        member: MemberId,
        before: Option<Before>,
        limit: usize,
    ) -> Result<Vec<Transfer>> {
        self.behind.transfers(app, member, before, limit).await
    }

    async fn audit(&self, server: usize, after: Option<MemberId>, limit: usize) -> Result<Audited> {
        self.behind.audit(server, after, limit).await
    }

    fn servers(&self) -> usize {
        self.behind.servers()
    }
}

/// Whose inbox may be written to because of what was said, as far as that is known before.
fn named(said: &Said) -> Vec<MemberId> {
    let posted = match said.source {
        Source::Posted(member) => Some(member),
        Source::Told => None,
    };
    let named = match said.named {
        Named::Member(member) => Some(member),
        Named::Nobody | Named::Unknown => None,
    };
    posted.into_iter().chain(named).collect()
}

/// Whose inbox was written to.
fn whose(heard: &Heard) -> Option<MemberId> {
    match heard {
        Heard::Owned { purchase, .. } => Some(purchase.member),
        Heard::Others { owner, .. } => Some(*owner),
        Heard::Nobodys { .. } => None,
    }
}

impl Fronted {
    /// Forgets these members if anything may have been written of them.
    async fn wrote_to<T>(&self, mut members: Vec<MemberId>, written: Result<T>) -> Result<T> {
        members.sort_unstable();
        members.dedup();
        if !members.is_empty() && may_be_done(&written) {
            self.cache.forget(members).await;
        }
        written
    }
}
