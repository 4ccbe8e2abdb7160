//! What operators write goes straight on.

use async_trait::async_trait;
use protocol::ids::AppId;
use uuid::Uuid;

use super::Batches;
use crate::audit::{Act, ActsRead, AuditDuty};
use crate::documents::{Change, Changed, Document, DocumentsDuty, Kind, Whose};
use crate::error::Result;

#[async_trait]
impl DocumentsDuty for Batches {
    async fn change(&self, change: Change) -> Result<Changed> {
        self.truth.change(change).await
    }

    async fn document(&self, kind: Kind, id: Uuid) -> Result<Option<Document>> {
        self.truth.document(kind, id).await
    }

    async fn named(
        &self,
        kind: Kind,
        app: Option<AppId>,
        handle: String,
    ) -> Result<Option<Document>> {
        self.truth.named(kind, app, handle).await
    }

    async fn since(&self, revision: i64, limit: usize) -> Result<Vec<Document>> {
        self.truth.since(revision, limit).await
    }

    async fn documents(
        &self,
        kind: Kind,
        whose: Whose,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Document>> {
        self.truth.documents(kind, whose, after, limit).await
    }

    async fn head(&self) -> Result<i64> {
        self.truth.head().await
    }
}

#[async_trait]
impl AuditDuty for Batches {
    async fn append(&self, act: Act) -> Result<bool> {
        self.truth.append(act).await
    }

    async fn acts(&self, read: ActsRead) -> Result<Vec<Act>> {
        self.truth.acts(read).await
    }
}
