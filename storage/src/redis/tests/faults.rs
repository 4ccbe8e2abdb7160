//! A Redis that is killed, hangs or is full, between a value and its forgetting.

use std::time::Duration;

use super::scene::{LIFE, Scene, hash, node, settings};
use crate::cache::{CacheKey, Look};
use crate::config::RedisSettings;
use crate::conformance::cache::{Asked, key, somebody};
use crate::redis::Redis;
use crate::redis::cache::FarCache;
use crate::servers::{Binaries, Redis as Server};
use std::sync::Arc;

fn server() -> Server {
    Server::start(&Binaries::default(), &[]).unwrap()
}

/// A node that gives answers no time to come: for a server that hangs.
async fn hasty(server: &Server) -> Asked {
    let settings = RedisSettings { deadline_ms: 200, ..settings(server.databases().url()) };
    let redis = Redis::open(&settings).await.unwrap();
    Asked(Arc::new(FarCache::new(redis, LIFE)))
}

async fn filled(cache: &Asked) -> CacheKey {
    let key = key();
    let lease = cache.misses(&key).await;
    assert!(cache.fill(&key, lease, &somebody(&key)).await);
    key
}

/// Returns when the cache answers again.
async fn back(cache: &Asked) {
    let soon = async {
        while cache.look(&key()).await == Look::Away {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), soon).await.unwrap();
}

#[tokio::test]
async fn what_could_not_be_forgotten_is_not_found_and_forgotten_later() {
    let server = server();
    let other = node(server.databases().url(), LIFE).await;
    let cache = hasty(&server).await;
    let (written, untouched) = (filled(&other).await, filled(&other).await);
    back(&cache).await;
    assert!(cache.finds(&written).await.is_some() && cache.finds(&untouched).await.is_some());
    server.pause().unwrap();
    cache.forget(written.member).await;
    assert_eq!(cache.look(&written).await, Look::Away);
    server.resume().unwrap();
    // The first thing that this node asks, whatever it is, forgets what it owes before.
    back(&cache).await;
    assert_eq!(other.finds(&written).await, None);
    assert_eq!(cache.finds(&untouched).await, Some(somebody(&untouched)));
}

#[tokio::test]
async fn while_its_forgetting_is_owed_nobody_here_finds_it_though_it_lies_there() {
    let server = server();
    let scene = Scene::on(server.databases().url().to_owned()).await;
    let key = filled(&scene.cache).await;
    // A server that takes no command that writes: what it is asked to forget it refuses.
    let _: redis::Value = scene.run(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    scene.cache.forget(key.member).await;
    assert_eq!(scene.run::<i64>(&["EXISTS", &hash(&key)]).await, 1);
    assert_eq!(scene.cache.look(&key).await, Look::Away);
    // It answers, so it is not away; and others find what lies there, until it is too old.
    assert_eq!(scene.cache.0.trouble(), None);
    let other = node(&scene.url, LIFE).await;
    assert_eq!(other.finds(&key).await, Some(somebody(&key)));
    let _: redis::Value = scene.run(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    scene.cache.misses(&key).await;
    assert_eq!(other.look(&key).await, Look::Taken);
}

#[tokio::test]
async fn a_server_that_was_killed_comes_back_empty_and_is_filled_again() {
    let mut server = server();
    let cache = node(server.databases().url(), LIFE).await;
    let key = filled(&cache).await;
    server.kill().unwrap();
    assert_eq!(cache.look(&key).await, Look::Away);
    cache.forget(key.member).await;
    assert!(cache.0.trouble().is_some());
    server.restart().unwrap();
    back(&cache).await;
    let lease = cache.misses(&key).await;
    assert!(cache.fill(&key, lease, &somebody(&key)).await);
    assert_eq!((cache.finds(&key).await, cache.0.trouble()), (Some(somebody(&key)), None));
}

#[tokio::test]
async fn a_server_that_is_full_and_makes_room_forgets_what_it_likes() {
    let server = server();
    let scene = Scene::on(server.databases().url().to_owned()).await;
    let kept = filled(&scene.cache).await;
    let evicts = ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"];
    let _: redis::Value = scene.run(&evicts).await;
    let _: redis::Value = scene.run(&["CONFIG", "SET", "maxmemory", "1"]).await;
    // Nothing has room here; who asks goes to the truth.
    while scene.cache.finds(&kept).await.is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.cache.0.trouble(), None);
    let _: redis::Value = scene.run(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let lease = scene.cache.misses(&kept).await;
    assert!(scene.cache.fill(&kept, lease, &somebody(&kept)).await);
}

#[tokio::test]
async fn a_server_that_is_full_finds_and_forgets_and_takes_nothing_new() {
    let server = server();
    let scene = Scene::on(server.databases().url().to_owned()).await;
    let (cache, new) = (&scene.cache, key());
    let (kept, gone) = (filled(cache).await, filled(cache).await);
    let lease = cache.misses(&new).await;
    let keeps = ["CONFIG", "SET", "maxmemory-policy", "noeviction"];
    let _: redis::Value = scene.run(&keeps).await;
    let _: redis::Value = scene.run(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(cache.finds(&kept).await, Some(somebody(&kept)));
    assert!(!cache.fill(&new, lease, &somebody(&new)).await);
    assert_eq!(cache.look(&key()).await, Look::Away);
    cache.forget(gone.member).await;
    assert_eq!(scene.run::<i64>(&["EXISTS", &hash(&gone)]).await, 0);
    assert_eq!(cache.0.trouble(), None);
    let _: redis::Value = scene.run(&["CONFIG", "SET", "maxmemory", "0"]).await;
    cache.misses(&gone).await;
}
