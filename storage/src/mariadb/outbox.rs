//! What games' servers are to be told, on the shards of those whom it is about.

mod kept;
mod lease;
mod put;
mod sent;

pub(super) use put::Notices;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};

use super::MariaDb;
use super::router::{self, sweep};
use crate::clock::Micros;
use crate::error::Result;
use crate::outbox::{Due, Leasing, Notice, NoticesRead, OutboxDuty, Outcome};

#[async_trait]
impl OutboxDuty for MariaDb {
    async fn lease(&self, asked: Leasing) -> Result<Vec<Due>> {
        let leased = router::lease(&self.router, &lease::Members(asked)).await?;
        lease::notices(&self.router, leased, asked).await
    }

    async fn sent(&self, outcome: Outcome) -> Result<bool> {
        self.router.write_one::<sent::Outcomes>(outcome).await
    }

    async fn notices(&self, read: NoticesRead) -> Result<Vec<Notice>> {
        kept::notices(&self.router, read).await
    }

    async fn replay(&self, app: AppId, member: MemberId, seq: u64, now: Micros) -> Result<bool> {
        self.router.write_one::<sent::Replays>(sent::Replay { app, member, seq, now }).await
    }

    async fn forget_notices(&self, before: Micros, limit: usize) -> Result<usize> {
        sweep(&self.router, limit, |limit| kept::Old { before, limit }).await
    }
}
