//! What is neither asked in batches nor remembered goes straight on.

use std::time::Duration;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use uuid::Uuid;

use crate::apps::{App, AppsDuty, Seed};
use crate::audit::{Act, ActsRead, AuditDuty};
use crate::clock::Micros;
use crate::documents::{Change, Changed, Document, DocumentsDuty, Kind, Upon, Whose};
use crate::error::Result;
use crate::identity::Digest;
use crate::open::Truth;
use crate::operators::{Ended, OperatorSession, OperatorsDuty};
use crate::outbox::{Due, Leasing, Notice, NoticesRead, OutboxDuty, Outcome};
use crate::turns::TurnsDuty;

/// One that stands before the truth, and has nothing to do with these duties.
pub(super) trait Passes: Send + Sync {
    /// What stands behind it.
    fn behind(&self) -> &dyn Truth;
}

#[async_trait]
impl<P: Passes> AppsDuty for P {
    async fn list(&self) -> Result<Vec<App>> {
        self.behind().list().await
    }

    async fn seed(&self, seed: Seed) -> Result<bool> {
        self.behind().seed(seed).await
    }
}

#[async_trait]
impl<P: Passes> DocumentsDuty for P {
    async fn change(&self, change: Change, upon: Option<Upon>) -> Result<Changed> {
        self.behind().change(change, upon).await
    }

    async fn document(&self, kind: Kind, id: Uuid) -> Result<Option<Document>> {
        self.behind().document(kind, id).await
    }

    async fn named(
        &self,
        kind: Kind,
        app: Option<AppId>,
        handle: String,
    ) -> Result<Option<Document>> {
        self.behind().named(kind, app, handle).await
    }

    async fn since(&self, revision: i64, limit: usize) -> Result<Vec<Document>> {
        self.behind().since(revision, limit).await
    }

    async fn documents(
        &self,
        kind: Kind,
        whose: Whose,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Document>> {
        self.behind().documents(kind, whose, after, limit).await
    }

    async fn head(&self) -> Result<i64> {
        self.behind().head().await
    }
}

#[async_trait]
impl<P: Passes> AuditDuty for P {
    async fn append(&self, act: Act) -> Result<bool> {
        self.behind().append(act).await
    }

    async fn acts(&self, read: ActsRead) -> Result<Vec<Act>> {
        self.behind().acts(read).await
    }
}

#[async_trait]
impl<P: Passes> OperatorsDuty for P {
    async fn enter(&self, token: Digest, session: OperatorSession) -> Result<()> {
        self.behind().enter(token, session).await
    }

    async fn operator_session(&self, token: Digest) -> Result<Option<OperatorSession>> {
        self.behind().operator_session(token).await
    }

    async fn operator_seen(&self, token: Digest, at: Micros) -> Result<()> {
        self.behind().operator_seen(token, at).await
    }

    async fn operator_proven(&self, token: Digest, at: Micros) -> Result<bool> {
        self.behind().operator_proven(token, at).await
    }

    async fn operator_sessions(&self, operator: Uuid) -> Result<Vec<OperatorSession>> {
        self.behind().operator_sessions(operator).await
    }

    async fn end_operator_sessions(&self, operator: Uuid, ended: Ended) -> Result<usize> {
        self.behind().end_operator_sessions(operator, ended).await
    }

    async fn sweep_operators(&self, now: Micros, idle: Micros, limit: usize) -> Result<usize> {
        self.behind().sweep_operators(now, idle, limit).await
    }
}

#[async_trait]
impl<P: Passes> OutboxDuty for P {
    async fn lease(&self, asked: Leasing) -> Result<Vec<Due>> {
        self.behind().lease(asked).await
    }

    async fn sent(&self, outcome: Outcome) -> Result<bool> {
        self.behind().sent(outcome).await
    }

    async fn notices(&self, read: NoticesRead) -> Result<Vec<Notice>> {
        self.behind().notices(read).await
    }

    async fn replay(&self, app: AppId, member: MemberId, seq: u64, now: Micros) -> Result<bool> {
        self.behind().replay(app, member, seq, now).await
    }

    async fn forget_notices(&self, before: Micros, limit: usize) -> Result<usize> {
        self.behind().forget_notices(before, limit).await
    }
}

#[async_trait]
impl<P: Passes> TurnsDuty for P {
    async fn take_turn(&self, work: String, now: Micros, every: Duration) -> Result<bool> {
        self.behind().take_turn(work, now, every).await
    }
}
