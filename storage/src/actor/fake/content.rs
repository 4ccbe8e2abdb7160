//! What no test asks for.

use async_trait::async_trait;
use protocol::ids::MemberId;
use uuid::Uuid;

use super::{Fake, absent};
use crate::clock::Micros;
use crate::content::{ContentDuty, Counts, MarkWrite, Regard, Tally};
use crate::error::Result;

#[async_trait]
impl ContentDuty for Fake {
    async fn mark(&self, _: MarkWrite) -> Result<()> {
        absent()
    }

    async fn regards(&self, _: MemberId, _: Vec<Uuid>) -> Result<Vec<Regard>> {
        absent()
    }

    async fn tally(&self, _: Vec<Tally>) -> Result<()> {
        absent()
    }

    async fn tallied(&self, _: Uuid, _: i32, _: usize) -> Result<Vec<(i32, Counts)>> {
        absent()
    }

    async fn forget_content(&self, _: Micros, _: usize) -> Result<usize> {
        absent()
    }
}
