//! Who plays what on which node, told to the others now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use protocol::ids::AppId;
use storage::error::StorageError;
use storage::presence::{NodePresence, Presence};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::random;
use crate::sessions::Sessions;

/// How often a node says what it has.
pub const PERIOD: Duration = Duration::from_secs(5);
/// For how long that holds: two words may be lost.
pub const LEASE: Duration = Duration::from_secs(15);

/// What all nodes have together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Everywhere {
    /// How many members are connected, by their games. One who is connected to two nodes counts
    /// twice.
    pub players: BTreeMap<AppId, u64>,
    /// How many nodes said so.
    pub nodes: usize,
}

/// A node's presence among the others.
#[derive(Clone)]
pub struct Roll {
    node: Uuid,
    presence: Presence,
    sessions: Sessions,
}

impl Roll {
    /// Of a node that has just started.
    #[must_use]
    pub fn new(presence: Presence, sessions: Sessions) -> Self {
        Self { node: Uuid::from_bytes(random::bytes()), presence, sessions }
    }

    /// Tells the others now and then, for as long as it is polled.
    pub async fn keep(&self) {
        let mut told = BTreeSet::new();
        let mut tick = interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            // A game whose last player left has a count too, which is nothing.
            told.extend(self.sessions.players().into_keys());
            // While the others cannot be told, the state of what carries it says so.
            let _ = self.say().await;
            let players = self.sessions.players();
            for app in &told {
                let count = players.get(app).copied().unwrap_or(0);
                metrics::gauge!("daemun_players", "app" => app.to_string()).set(count as f64);
            }
        }
    }

    /// Tells the others, and returns what.
    ///
    /// # Errors
    /// `Unavailable` when they cannot be told.
    pub async fn say(&self) -> Result<BTreeMap<AppId, u64>, StorageError> {
        let players = self.sessions.players();
        let presence = NodePresence { node: self.node, players: players.clone() };
        self.presence.announce(presence, LEASE).await.map(|()| players)
    }

    /// What all nodes have now: this one by its own count, the others by their last word.
    ///
    /// # Errors
    /// `Unavailable` when they cannot be asked.
    pub async fn everywhere(&self) -> Result<Everywhere, StorageError> {
        let mut sum = Everywhere { players: self.sessions.players(), nodes: 1 };
        for other in self.presence.all().await? {
            if other.node == self.node {
                continue;
            }
            sum.nodes += 1;
            for (app, count) in other.players {
                *sum.players.entry(app).or_default() += count;
            }
        }
        Ok(sum)
    }

    /// Takes leave: this node's players are nobody's any more.
    pub async fn leave(&self) {
        // A word that cannot be taken back ends with its lease.
        let _ = self.presence.leave(self.node).await;
    }
}
