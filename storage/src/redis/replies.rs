//! Kept replies of all nodes.
//!
//! # Keys
//! `daemun:reply:{SPACE}`: a hash of answers by what their requests are known by; it expires when
//! nothing was put there for a while. Who keeps an answer takes the oldest out, so that there are
//! as many as a node keeps.

use std::time::Duration;

use async_trait::async_trait;
use redis::{FromRedisValue, Value as Answer};

use super::Redis;
use super::script::nonsense;
use crate::error::Result;
use crate::replies::{RepliesDuty, SharedReply};

/// Kept replies in Redis.
pub(crate) struct FarReplies(Redis);

impl FarReplies {
    /// Of the nodes that share this Redis.
    pub(crate) fn new(redis: Redis) -> Self {
        Self(redis)
    }

    async fn one(&self, command: &str, space: &str, more: Option<&str>) -> Result<Answer> {
        let mut commands = redis::pipe();
        let command = commands.cmd(command).arg(key(space));
        if let Some(more) = more {
            command.arg(more);
        }
        self.0.all_of(&mut commands).await?.pop().ok_or_else(nonsense)
    }
}

fn key(space: &str) -> String {
    format!("daemun:reply:{{{space}}}")
}

#[async_trait]
impl RepliesDuty for FarReplies {
    async fn keep(
        &self,
        space: String,
        reply: SharedReply,
        forgotten: Vec<String>,
        grace: Duration,
    ) -> Result<()> {
        let grace = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut commands = redis::pipe();
        if !forgotten.is_empty() {
            commands.cmd("HDEL").arg(key(&space)).arg(forgotten);
        }
        commands.cmd("HSET").arg(key(&space)).arg(reply.id).arg(reply.answer);
        commands.cmd("PEXPIRE").arg(key(&space)).arg(grace);
        self.0.all_of(&mut commands).await.map(|_| ())
    }

    async fn find(&self, space: String, id: String) -> Result<Option<Vec<u8>>> {
        match self.one("HGET", &space, Some(&id)).await? {
            Answer::Nil => Ok(None),
            Answer::BulkString(answer) => Ok(Some(answer)),
            _ => Err(nonsense()),
        }
    }

    async fn all(&self, space: String) -> Result<Vec<SharedReply>> {
        let answer = self.one("HGETALL", &space, None).await?;
        let pairs = Vec::<(String, Vec<u8>)>::from_redis_value(answer).map_err(|_| nonsense())?;
        Ok(pairs.into_iter().map(|(id, answer)| SharedReply { id, answer }).collect())
    }
}
