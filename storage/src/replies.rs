//! Answers that are kept for requests which are sent again, shared by the nodes.
//!
//! A node keeps its own in memory. What it tells the others helps a client that comes back to
//! another node; what was not told, or is lost, is answered by the operation's own idempotency.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;

/// An answer, and what its request is known by where the answer is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedReply {
    /// What its request is known by.
    pub id: String,
    /// What was answered, in words that the nodes agree upon.
    pub answer: Vec<u8>,
}

/// What a backend does for shared replies. A *space* is a word for whose requests they are.
#[async_trait]
pub trait RepliesDuty: Send + Sync {
    /// Keeps an answer in a space, whose other answers `forgotten` are forgotten. The space is
    /// forgotten when nothing was put there for `grace`.
    async fn keep(
        &self,
        space: String,
        reply: SharedReply,
        forgotten: Vec<String>,
        grace: Duration,
    ) -> Result<()>;
    /// The answer in a space to what is known by this; `None` when none is kept.
    async fn find(&self, space: String, id: String) -> Result<Option<Vec<u8>>>;
    /// All that is kept in a space, in any order.
    async fn all(&self, space: String) -> Result<Vec<SharedReply>>;
}

/// The handle for shared replies. There is none where there is one node.
#[derive(Clone, Default)]
pub struct SharedReplies(pub(crate) Option<Arc<dyn RepliesDuty>>);

impl SharedReplies {
    /// The backend, where there are other nodes.
    #[must_use]
    pub fn shared(&self) -> Option<&Arc<dyn RepliesDuty>> {
        self.0.as_ref()
    }
}
