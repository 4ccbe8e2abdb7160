//! Whose logins changed on some node, so that every other looks again.
//!
//! What is told is only that there is something to look at; the truth says what. Whatever is not
//! told, or lost, is seen when what a node remembers of a login is too old.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use protocol::ids::MemberId;

use crate::error::Result;

/// For how long it is kept who was told of. A node that could not ask for longer has forgotten
/// by itself what it remembers.
pub const KEPT: Duration = Duration::from_secs(60);
/// The most members that are told of at a time.
pub const AT_A_TIME: usize = 1_000;

/// Up to where a node has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub(crate) u64);

/// What a backend does for revocations.
#[async_trait]
pub trait RevocationsDuty: Send + Sync {
    /// Has every node look at where a member's logins stand.
    async fn revoke(&self, member: MemberId) -> Result<()>;
    /// Who is to be looked at since a mark, the first first, at most [`AT_A_TIME`], and the mark to
    /// go on from; nobody, without a mark to begin with. One may be told of twice.
    async fn since(&self, mark: Option<Mark>) -> Result<(Mark, Vec<MemberId>)>;
}

/// The handle for revocations. There is nobody to tell where there is one node.
#[derive(Clone, Default)]
pub struct Revocations(pub(crate) Option<Arc<dyn RevocationsDuty>>);

impl Revocations {
    /// The backend, where there are other nodes.
    #[must_use]
    pub fn shared(&self) -> Option<&Arc<dyn RevocationsDuty>> {
        self.0.as_ref()
    }
}
