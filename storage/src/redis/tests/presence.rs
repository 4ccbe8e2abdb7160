//! Presence on a real Redis.

use std::sync::Arc;

use crate::config::{RedisSettings, ServerUrl};
use crate::conformance::presence;
use crate::error::StorageError;
use crate::presence::PresenceDuty;
use crate::redis::Redis;
use crate::redis::presence::FarPresence;
use crate::servers::{Binaries, Redis as Server};

/// No test waits for a machine that is busy.
pub(super) fn patient(url: impl Into<String>) -> RedisSettings {
    RedisSettings { url: Some(ServerUrl::new(url)), deadline_ms: 10_000, ..Default::default() }
}

async fn fresh() -> (Redis, Arc<FarPresence>) {
    let url = Server::shared().unwrap().database().unwrap();
    let redis = Redis::open(&patient(url)).await.unwrap();
    (redis.clone(), Arc::new(FarPresence::new(redis)))
}

#[tokio::test]
async fn a_nodes_last_word_holds_until_it_leaves() {
    presence::a_nodes_last_word_holds_until_it_leaves(fresh().await.1).await;
}

#[tokio::test]
async fn a_node_that_dies_is_forgotten() {
    presence::a_node_that_dies_is_forgotten(fresh().await.1).await;
}

#[tokio::test]
async fn what_another_version_wrote_is_not_counted() {
    let (redis, presence) = fresh().await;
    let mut commands = redis::pipe();
    commands.cmd("SADD").arg("daemun:{presence}").arg("one").arg("two");
    commands.cmd("SET").arg("daemun:{presence}:one").arg("later");
    commands.cmd("HSET").arg("daemun:{presence}:two").arg("a").arg("b");
    redis.all_of(&mut commands).await.unwrap();
    // A key of another kind is refused in words, which are not those of a Redis that is away.
    match presence.all().await {
        Err(StorageError::Unavailable(why)) => assert!(why.contains("WRONGTYPE"), "{why}"),
        other => panic!("{other:?}"),
    }
    redis.all_of(redis::pipe().cmd("DEL").arg("daemun:{presence}:two")).await.unwrap();
    assert_eq!(presence.all().await.unwrap(), []);
}

#[tokio::test]
async fn a_redis_that_is_away_is_said() {
    let mut server = Server::start(&Binaries::default(), &[]).unwrap();
    let redis = Redis::open(&patient(server.databases().database().unwrap())).await.unwrap();
    let presence = FarPresence::new(redis);
    server.kill().unwrap();
    match presence.all().await {
        Err(StorageError::Unavailable(why)) => assert!(why.contains("Redis is away"), "{why}"),
        other => panic!("{other:?}"),
    }
}
