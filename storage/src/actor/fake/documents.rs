//! No part of what is asked in front of it.

use async_trait::async_trait;
use protocol::ids::AppId;
use uuid::Uuid;

use super::{Fake, absent};
use crate::audit::{Act, ActsRead, AuditDuty};
use crate::documents::{Change, Changed, Document, DocumentsDuty, Kind, Upon, Whose};
use crate::error::Result;

#[async_trait]
impl DocumentsDuty for Fake {
    async fn change(&self, _: Change, _: Option<Upon>) -> Result<Changed> {
        absent()
    }

    async fn document(&self, _: Kind, _: Uuid) -> Result<Option<Document>> {
        absent()
    }

    async fn named(&self, _: Kind, _: Option<AppId>, _: String) -> Result<Option<Document>> {
        absent()
    }

    async fn since(&self, _: i64, _: usize) -> Result<Vec<Document>> {
        absent()
    }

    async fn documents(
        &self,
        _: Kind,
        _: Whose,
        _: Option<Uuid>,
        _: usize,
    ) -> Result<Vec<Document>> {
        absent()
    }

    async fn head(&self) -> Result<i64> {
        absent()
    }
}

#[async_trait]
impl AuditDuty for Fake {
    async fn append(&self, _: Act) -> Result<bool> {
        absent()
    }

    async fn acts(&self, _: ActsRead) -> Result<Vec<Act>> {
        absent()
    }
}
