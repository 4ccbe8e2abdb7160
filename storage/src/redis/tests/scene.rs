//! A Redis, a cache in it, and somebody who does with it what no node would.

use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Pipeline};

use crate::cache::CacheKey;
use crate::config::{RedisSettings, ServerUrl};
use crate::conformance::cache::Asked;
use crate::redis::Redis;
use crate::redis::cache::{FarCache, hash_of};
use crate::servers::Redis as Server;

pub(crate) const LIFE: Duration = Duration::from_secs(30);

/// No test waits for a machine that is busy.
pub(crate) fn settings(url: impl Into<String>) -> RedisSettings {
    RedisSettings { url: Some(ServerUrl::new(url)), deadline_ms: 10_000, ..Default::default() }
}

/// A cache of a node's own.
pub(crate) async fn node(url: &str, life: Duration) -> Asked {
    let redis = Redis::open(&settings(url)).await.unwrap();
    Asked(Arc::new(FarCache::new(redis, life)))
}

/// Nodes that share a database which no other test has.
pub(crate) struct Scene {
    pub(crate) url: String,
    pub(crate) cache: Asked,
    /// Whoever else may write there.
    other: Redis,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::on(Server::shared().unwrap().database().unwrap()).await
    }

    pub(crate) async fn on(url: String) -> Self {
        let (cache, other) = (node(&url, LIFE).await, Redis::open(&settings(&url)).await.unwrap());
        Self { url, cache, other }
    }

    /// Has a command done by somebody else.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let mut pipeline = Pipeline::new();
        pipeline.cmd(command[0]);
        command[1..].iter().for_each(|argument| {
            pipeline.arg(*argument);
        });
        let mut answers = self.other.ask(&mut pipeline).await.unwrap();
        redis::from_redis_value(answers.remove(0).unwrap()).unwrap()
    }
}

/// Where a key's member is.
pub(crate) fn hash(key: &CacheKey) -> String {
    hash_of(key.member)
}
