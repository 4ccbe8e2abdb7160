//! Presence of all nodes.
//!
//! # Keys
//! - `daemun:{presence}:NODE`: what a node said, as JSON; it expires with its lease.
//! - `daemun:{presence}`: the nodes, a set. One whose word is gone is taken out by whoever asks.

use std::time::Duration;

use async_trait::async_trait;
use redis::{FromRedisValue, Pipeline, Value as Answer};
use uuid::Uuid;

use super::Redis;
use super::script::{lost, nonsense};
use crate::error::Result;
use crate::presence::{NODES, NodePresence, PresenceDuty};

const ALL: &str = "daemun:{presence}";

/// Presence in Redis.
pub(crate) struct FarPresence(Redis);

impl FarPresence {
    /// Of the nodes that share this Redis.
    pub(crate) fn new(redis: Redis) -> Self {
        Self(redis)
    }

    async fn ask(&self, commands: &mut Pipeline) -> Result<Vec<Answer>> {
        self.0.all_of(commands).await
    }
}

fn key(node: &str) -> String {
    format!("{ALL}:{node}")
}

#[async_trait]
impl PresenceDuty for FarPresence {
    async fn announce(&self, presence: NodePresence, lease: Duration) -> Result<()> {
        let node = presence.node.to_string();
        let said = serde_json::to_vec(&presence)
            .map_err(|_| lost("what is to be told cannot be written"))?;
        let lease = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(key(&node)).arg(said).arg("PX").arg(lease);
        commands.cmd("SADD").arg(ALL).arg(&node);
        self.ask(&mut commands).await.map(|_| ())
    }

    async fn leave(&self, node: Uuid) -> Result<()> {
        let node = node.to_string();
        let mut commands = redis::pipe();
        commands.cmd("DEL").arg(key(&node));
        commands.cmd("SREM").arg(ALL).arg(&node);
        self.ask(&mut commands).await.map(|_| ())
    }

    async fn all(&self) -> Result<Vec<NodePresence>> {
        let mut commands = redis::pipe();
        commands.cmd("SRANDMEMBER").arg(ALL).arg(NODES);
        let Some(Answer::Array(nodes)) = self.ask(&mut commands).await?.pop() else {
            return Err(nonsense());
        };
        let nodes: Vec<String> =
            nodes.into_iter().filter_map(|node| String::from_redis_value(node).ok()).collect();
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = redis::pipe();
        for node in &nodes {
            commands.cmd("GET").arg(key(node));
        }
        let (mut live, mut gone) = (Vec::new(), Vec::new());
        for (node, said) in nodes.into_iter().zip(self.ask(&mut commands).await?) {
            match said {
                // What another version wrote and cannot be read is not counted.
                Answer::BulkString(said) => live.extend(serde_json::from_slice(&said).ok()),
                _ => gone.push(node),
            }
        }
        if !gone.is_empty() {
            let mut commands = redis::pipe();
            commands.cmd("SREM").arg(ALL).arg(gone);
            // Whoever is taken out and still lives comes back with its next word.
            self.ask(&mut commands).await?;
        }
        live.sort_by_key(|presence: &NodePresence| presence.node);
        Ok(live)
    }
}
