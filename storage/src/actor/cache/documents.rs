//! What operators write is read whole by every node, and remembered there.

use async_trait::async_trait;
use protocol::ids::AppId;
use uuid::Uuid;

use super::Fronted;
use crate::audit::{Act, ActsRead, AuditDuty};
use crate::documents::{Change, Changed, Document, DocumentsDuty, Kind, Whose};
use crate::error::Result;

#[async_trait]
impl DocumentsDuty for Fronted {
    async fn change(&self, change: Change) -> Result<Changed> {
        self.behind.change(change).await
    }

    async fn document(&self, kind: Kind, id: Uuid) -> Result<Option<Document>> {
        self.behind.document(kind, id).await
    }

    async fn named(
        &self,
        kind: Kind,
        app: Option<AppId>,
        handle: String,
    ) -> Result<Option<Document>> {
        self.behind.named(kind, app, handle).await
    }

    async fn since(&self, revision: i64, limit: usize) -> Result<Vec<Document>> {
        self.behind.since(revision, limit).await
    }

    async fn documents(
        &self,
        kind: Kind,
        whose: Whose,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Document>> {
        self.behind.documents(kind, whose, after, limit).await
    }

    async fn head(&self) -> Result<i64> {
        self.behind.head().await
    }
}

#[async_trait]
impl AuditDuty for Fronted {
    async fn append(&self, act: Act) -> Result<bool> {
        self.behind.append(act).await
    }

    async fn acts(&self, read: ActsRead) -> Result<Vec<Act>> {
        self.behind.acts(read).await
    }
}
