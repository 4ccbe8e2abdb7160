//! What members have, on their shards: entries of the ledger and the balances beside them,
//! written together under the member's lock.

mod audit;
mod entries;
mod kept;
mod read;
mod transfer;

pub(super) use entries::{Entries, Entry};
pub(super) use kept::Balances;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use protocol::purchases::Grant;

use super::MariaDb;
use super::tx::Locks;
use crate::error::Result;
use crate::wallet::{Audited, Before, Transfer, TransferWrite, Transferred, WalletDuty};

#[async_trait]
impl WalletDuty for MariaDb {
    async fn balances(&self, app: AppId, member: MemberId) -> Result<Vec<Grant>> {
        self.router.read_one::<read::Wallet>((app, member)).await
    }

    async fn transfer(&self, write: TransferWrite) -> Result<Transferred> {
        self.router.write_one::<transfer::Transfers>(write).await
    }

    async fn transfer_all(&self, writes: Vec<TransferWrite>) -> Vec<Result<Transferred>> {
        self.router.write::<transfer::Transfers>(&writes, Locks::Skip).await
    }

    async fn transfers(
        &self,
        app: AppId,
        member: MemberId,
        before: Option<Before>,
        limit: usize,
    ) -> Result<Vec<Transfer>> {
        self.router.read_one::<read::History>(read::Past { app, member, before, limit }).await
    }

    async fn audit(&self, server: usize, after: Option<MemberId>, limit: usize) -> Result<Audited> {
        audit::audit(&self.router, server, after, limit).await
    }

    fn servers(&self) -> usize {
        self.router.primaries.len()
    }
}
