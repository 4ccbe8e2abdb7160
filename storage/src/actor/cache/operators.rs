//! What operators ask is asked of the truth: a right that was taken away is gone at once.

use async_trait::async_trait;
use uuid::Uuid;

use super::Fronted;
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::operators::{Ended, OperatorSession, OperatorsDuty};

#[async_trait]
impl OperatorsDuty for Fronted {
    async fn enter(&self, token: Digest, session: OperatorSession) -> Result<()> {
        self.behind.enter(token, session).await
    }

    async fn operator_session(&self, token: Digest) -> Result<Option<OperatorSession>> {
        self.behind.operator_session(token).await
    }

    async fn operator_seen(&self, token: Digest, at: Micros) -> Result<()> {
        self.behind.operator_seen(token, at).await
    }

    async fn operator_proven(&self, token: Digest, at: Micros) -> Result<bool> {
        self.behind.operator_proven(token, at).await
    }

    async fn operator_sessions(&self, operator: Uuid) -> Result<Vec<OperatorSession>> {
        self.behind.operator_sessions(operator).await
    }

    async fn end_operator_sessions(&self, operator: Uuid, ended: Ended) -> Result<usize> {
        self.behind.end_operator_sessions(operator, ended).await
    }

    async fn sweep_operators(&self, now: Micros, idle: Micros, limit: usize) -> Result<usize> {
        self.behind.sweep_operators(now, idle, limit).await
    }
}
