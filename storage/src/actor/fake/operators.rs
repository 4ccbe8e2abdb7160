//! Operators, of whom this storage knows nothing.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Fake, absent};
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::operators::{Ended, OperatorSession, OperatorsDuty};

#[async_trait]
impl OperatorsDuty for Fake {
    async fn enter(&self, _: Digest, _: OperatorSession) -> Result<()> {
        absent()
    }

    async fn operator_session(&self, _: Digest) -> Result<Option<OperatorSession>> {
        absent()
    }

    async fn operator_seen(&self, _: Digest, _: Micros) -> Result<()> {
        absent()
    }

    async fn operator_proven(&self, _: Digest, _: Micros) -> Result<bool> {
        absent()
    }

    async fn operator_sessions(&self, _: Uuid) -> Result<Vec<OperatorSession>> {
        absent()
    }

    async fn end_operator_sessions(&self, _: Uuid, _: Ended) -> Result<usize> {
        absent()
    }

    async fn sweep_operators(&self, _: Micros, _: Micros, _: usize) -> Result<usize> {
        absent()
    }
}
