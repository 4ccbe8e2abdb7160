//! What members did with notices and banners is not remembered: it is asked for once an hour.

use async_trait::async_trait;
use protocol::ids::MemberId;
use uuid::Uuid;

use super::Fronted;
use crate::clock::Micros;
use crate::content::{ContentDuty, Counts, MarkWrite, Regard, Tally};
use crate::error::Result;

#[async_trait]
impl ContentDuty for Fronted {
    async fn mark(&self, write: MarkWrite) -> Result<()> {
        self.behind.mark(write).await
    }

    async fn mark_all(&self, writes: Vec<MarkWrite>) -> Vec<Result<()>> {
        self.behind.mark_all(writes).await
    }

    async fn regards(&self, member: MemberId, contents: Vec<Uuid>) -> Result<Vec<Regard>> {
        self.behind.regards(member, contents).await
    }

    async fn tally(&self, tallies: Vec<Tally>) -> Result<()> {
        self.behind.tally(tallies).await
    }

    async fn tallied(&self, content: Uuid, from: i32, limit: usize) -> Result<Vec<(i32, Counts)>> {
        self.behind.tallied(content, from, limit).await
    }

    async fn forget_content(&self, before: Micros, limit: usize) -> Result<usize> {
        self.behind.forget_content(before, limit).await
    }
}
