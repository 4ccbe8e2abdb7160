//! Presence of one process: its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::Result;
use crate::presence::{NODES, NodePresence, PresenceDuty};

/// Presence in this process' memory.
#[derive(Default)]
pub(crate) struct NearPresence(Mutex<BTreeMap<Uuid, (Instant, NodePresence)>>);

#[async_trait]
impl PresenceDuty for NearPresence {
    async fn announce(&self, presence: NodePresence, lease: Duration) -> Result<()> {
        let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        nodes.retain(|_, (until, _)| *until > now);
        nodes.insert(presence.node, (now + lease, presence));
        Ok(())
    }

    async fn leave(&self, node: Uuid) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
        Ok(())
    }

    async fn all(&self) -> Result<Vec<NodePresence>> {
        let now = Instant::now();
        let nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let live = nodes.values().filter(|(until, _)| *until > now).take(NODES);
        Ok(live.map(|(_, presence)| presence.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::conformance::presence;

    #[tokio::test]
    async fn the_exam() {
        presence::a_nodes_last_word_holds_until_it_leaves(Arc::new(NearPresence::default())).await;
        presence::a_node_that_dies_is_forgotten(Arc::new(NearPresence::default())).await;
    }
}
