//! Who plays what on which node: counts, for people who look after the games.
//!
//! Nothing is decided by it. A node says its counts now and then, and what it said holds for a
//! while: the counts of a node that died go away by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use protocol::ids::AppId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Result;

/// The most nodes that are counted.
pub const NODES: usize = 1024;

/// What one node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePresence {
    /// The node, by a number that it drew when it started.
    pub node: Uuid,
    /// How many sessions are connected to it, by their games.
    pub players: BTreeMap<AppId, u64>,
}

/// What a backend does for presence.
#[async_trait]
pub trait PresenceDuty: Send + Sync {
    /// Says what a node has, in the place of what it said before. It holds for `lease`.
    async fn announce(&self, presence: NodePresence, lease: Duration) -> Result<()>;
    /// Forgets a node that ends.
    async fn leave(&self, node: Uuid) -> Result<()>;
    /// What every node said, of those whose word still holds; in the order of their numbers, at
    /// most [`NODES`].
    async fn all(&self) -> Result<Vec<NodePresence>>;
}

/// The handle for presence.
#[derive(Clone)]
pub struct Presence(pub(crate) Arc<dyn PresenceDuty>);

impl Presence {
    /// As [`PresenceDuty::announce`].
    ///
    /// # Errors
    /// `Unavailable` when others cannot be told.
    pub async fn announce(&self, presence: NodePresence, lease: Duration) -> Result<()> {
        self.0.announce(presence, lease).await
    }

    /// As [`PresenceDuty::leave`].
    ///
    /// # Errors
    /// As [`Presence::announce`].
    pub async fn leave(&self, node: Uuid) -> Result<()> {
        self.0.leave(node).await
    }

    /// As [`PresenceDuty::all`].
    ///
    /// # Errors
    /// `Unavailable` when others cannot be asked.
    pub async fn all(&self) -> Result<Vec<NodePresence>> {
        self.0.all().await
    }
}
