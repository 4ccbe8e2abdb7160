//! What members did with notices and banners: many of them see what was just published.

use async_trait::async_trait;
use protocol::ids::MemberId;
use uuid::Uuid;

use super::Batches;
use crate::clock::Micros;
use crate::content::{ContentDuty, Counts, MarkWrite, Regard, Tally};
use crate::error::Result;

#[async_trait]
impl ContentDuty for Batches {
    async fn mark(&self, write: MarkWrite) -> Result<()> {
        self.marks.ask(write).await
    }

    async fn mark_all(&self, writes: Vec<MarkWrite>) -> Vec<Result<()>> {
        self.truth.mark_all(writes).await
    }

    async fn regards(&self, member: MemberId, contents: Vec<Uuid>) -> Result<Vec<Regard>> {
        self.truth.regards(member, contents).await
    }

    async fn tally(&self, tallies: Vec<Tally>) -> Result<()> {
        self.truth.tally(tallies).await
    }

    async fn tallied(&self, content: Uuid, from: i32, limit: usize) -> Result<Vec<(i32, Counts)>> {
        self.truth.tallied(content, from, limit).await
    }

    async fn forget_content(&self, before: Micros, limit: usize) -> Result<usize> {
        self.truth.forget_content(before, limit).await
    }
}
