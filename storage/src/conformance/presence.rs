//! What is asked of a backend about presence.

use std::sync::Arc;
use std::time::Duration;

use protocol::ids::AppId;
use uuid::Uuid;

use crate::presence::{NodePresence, PresenceDuty};

const LEASE: Duration = Duration::from_secs(3600);

fn said(node: u128, players: &[(&str, u64)]) -> NodePresence {
    let app = |word: &str| word.parse::<AppId>().unwrap();
    let players = players.iter().map(|(word, count)| (app(word), *count)).collect();
    NodePresence { node: Uuid::from_u128(node), players }
}

/// Nodes that nobody else has told of anything.
pub(crate) async fn a_nodes_last_word_holds_until_it_leaves(presence: Arc<dyn PresenceDuty>) {
    assert_eq!(presence.all().await.unwrap(), []);
    let (one, other) = (said(2, &[("demo", 3), ("more", 0)]), said(1, &[]));
    presence.announce(one.clone(), LEASE).await.unwrap();
    presence.announce(other.clone(), LEASE).await.unwrap();
    assert_eq!(presence.all().await.unwrap(), [other.clone(), one]);
    let newer = said(2, &[("demo", u64::MAX)]);
    presence.announce(newer.clone(), LEASE).await.unwrap();
    assert_eq!(presence.all().await.unwrap(), [other.clone(), newer]);
    presence.leave(Uuid::from_u128(2)).await.unwrap();
    // Twice is once, and nobody is not there.
    presence.leave(Uuid::from_u128(2)).await.unwrap();
    presence.leave(Uuid::from_u128(3)).await.unwrap();
    assert_eq!(presence.all().await.unwrap(), [other]);
}

/// A word ends by itself.
pub(crate) async fn a_node_that_dies_is_forgotten(presence: Arc<dyn PresenceDuty>) {
    presence.announce(said(1, &[("demo", 1)]), Duration::from_millis(1)).await.unwrap();
    presence.announce(said(2, &[("demo", 2)]), LEASE).await.unwrap();
    while presence.all().await.unwrap().len() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(presence.all().await.unwrap(), [said(2, &[("demo", 2)])]);
    presence.announce(said(1, &[("demo", 3)]), LEASE).await.unwrap();
    assert_eq!(presence.all().await.unwrap().len(), 2, "and may come back");
}
