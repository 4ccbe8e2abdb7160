//! The cache in Redis sits the exam that the one in memory sits; and what may lie there that
//! nobody here put there.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::scene::{LIFE, Scene, hash, node};
use crate::cache::{CacheKey, LEASE, Lease, Look, NOTHING, Part, Value};
use crate::conformance::cache::{Asked, all_of, everything, key, play, somebody, steps};
use crate::redis::cache::pack;

async fn fresh() -> Asked {
    Scene::new().await.cache
}

mod exam {
    crate::exam!(cache crate::redis::tests::cache::fresh);
}

#[test]
fn in_whatever_order_nothing_old_is_found_behind_an_answer() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cache = runtime.block_on(fresh());
    TestRunner::new(ProptestConfig::with_cases(300))
        .run(&steps(), |story| {
            runtime.block_on(play(&cache, &story));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn nodes_see_what_each_other_fills_and_forgets() {
    let (scene, key) = (Scene::new().await, key());
    let other = node(&scene.url, LIFE).await;
    let lease = scene.cache.misses(&key).await;
    assert_eq!(other.look(&key).await, Look::Taken);
    assert!(scene.cache.fill(&key, lease, &somebody(&key)).await);
    assert_eq!(other.finds(&key).await, Some(somebody(&key)));
    other.forget(key.member).await;
    scene.cache.misses(&key).await;
}

/// Of all that was put there nothing is left when it is of no more use.
#[tokio::test]
async fn whatever_is_put_there_expires() {
    let scene = Scene::new().await;
    let hasty = node(&scene.url, Duration::from_millis(100)).await;
    for key in all_of(1) {
        let left = |scene: &Scene| {
            let hash = hash(&key);
            let command = ["PTTL".to_owned(), hash];
            let scene = scene.url.clone();
            async move {
                let scene = Scene::on(scene).await;
                scene.run::<i64>(&[&command[0], &command[1]]).await
            }
        };
        let lease = hasty.misses(&key).await;
        let lease_ms = i64::try_from(LEASE.as_millis()).unwrap();
        assert!((1..=lease_ms).contains(&left(&scene).await));
        hasty.fill(&key, lease, &Value::Member(None)).await;
        assert!((-2..=lease_ms).contains(&left(&scene).await));
    }
    // What lasts longer keeps its member there for as long.
    let key = key();
    let lease = scene.cache.misses(&key).await;
    assert!(scene.cache.fill(&key, lease, &somebody(&key)).await);
    let life = i64::try_from(LIFE.as_millis()).unwrap();
    let left: i64 = scene.run(&["PTTL", &hash(&key)]).await;
    assert!(left > life / 2 && left <= life, "{left}");
    hasty.look(&CacheKey { part: Part::Identities, ..key.clone() }).await;
    let left: i64 = scene.run(&["PTTL", &hash(&key)]).await;
    assert!(left > life / 2, "{left}");
}

impl Scene {
    /// The server's clock, in milliseconds.
    async fn now(&self) -> i64 {
        let now: Vec<i64> = self.run(&["TIME"]).await;
        now[0] * 1000 + now[1] / 1000
    }

    /// Puts a value there that was read then and ends then.
    async fn lies(&self, key: &CacheKey, since: i64, till: i64) {
        let body = pack::pack(&somebody(key));
        let mut bytes = format!("{since:013}{till:013}").into_bytes();
        bytes.extend(body);
        // MessagePack of this value is no text: it is written as Redis' own escapes.
        let escaped: String = bytes.iter().map(|byte| format!("\\{byte:03}")).collect();
        let script = format!("return redis.call('HSET', KEYS[1], ARGV[1], '{escaped}')");
        let _: i64 = self.run(&["EVAL", &script, "1", &hash(key), &pack::field(key)]).await;
    }
}

#[tokio::test]
async fn what_gets_old_is_read_anew_by_one_while_the_others_find_it() {
    let (scene, key) = (Scene::new().await, key());
    let now = scene.now().await;
    let anew = async || match scene.cache.look(&key).await {
        Look::Found { age, anew, .. } => (age, anew),
        other => panic!("{other:?}"),
    };
    // One has most of its life before it, the other is in the last
    // quarter of it.
    scene.lies(&key, now - 10_000, now + 3_600_000).await;
    assert_eq!(anew().await.1, None);
    scene.lies(&key, now - 20_000, now + 6_000).await;
    let (old, Some(lease)) = anew().await else { panic!("it is old") };
    assert!(old >= Duration::from_secs(20), "{old:?}");
    assert_eq!(anew().await.1, None, "another has it");
    assert!(!scene.cache.fill(&key, Lease(lease.0 ^ 1), &Value::Member(None)).await);
    assert!(scene.cache.fill(&key, lease, &somebody(&key)).await);
    let (young, again) = anew().await;
    assert!(young < old && again.is_none(), "{young:?}");
    // What is forgotten meanwhile is not filled with what was read before.
    scene.lies(&key, now - 20_000, now + 6_000).await;
    let Some(lease) = anew().await.1 else { panic!("it is old again") };
    scene.cache.forget(key.member).await;
    assert!(!scene.cache.fill(&key, lease, &somebody(&key)).await);
    scene.cache.misses(&key).await;
}

#[tokio::test]
async fn what_is_too_old_is_not_found_though_it_lies_there() {
    let (scene, key) = (Scene::new().await, key());
    let now = scene.now().await;
    let lies = async |since, till| scene.lies(&key, since, till).await;
    lies(now, now + 60_000).await;
    assert_eq!(scene.cache.finds(&key).await, Some(somebody(&key)));
    // It was put there by a node that remembers for longer than another.
    scene.cache.forget(key.member).await;
    lies(now - 10_000, now + 20_000).await;
    assert_eq!(scene.cache.finds(&key).await, Some(somebody(&key)));
    node(&scene.url, LIFE / 6).await.misses(&key).await;
    // It ended; and: the server's clock was set back since.
    for (since, till) in [(now - 60_000, now - 30_000), (now + 60_000, now + 90_000)] {
        scene.cache.forget(key.member).await;
        lies(since, till).await;
        scene.cache.misses(&key).await;
    }
}

#[tokio::test]
async fn a_value_of_another_version_is_not_seen_and_goes_with_the_rest() {
    let (scene, key) = (Scene::new().await, key());
    let lease = scene.cache.misses(&key).await;
    assert!(scene.cache.fill(&key, lease, &somebody(&key)).await);
    let (hash, field) = (hash(&key), pack::field(&key));
    let (version, rest) = field.split_once(':').unwrap();
    let version: u8 = version.parse().unwrap();
    let others = [version - 1, version + 1].map(|other| format!("{other}:{rest}"));
    let script =
        "return redis.call('HSET', KEYS[1], ARGV[2], redis.call('HGET', KEYS[1], ARGV[1]))";
    for other in &others {
        assert_eq!(scene.run::<i64>(&["EVAL", script, "1", &hash, &field, other]).await, 1);
    }
    assert_eq!(scene.run::<i64>(&["HDEL", &hash, &field]).await, 1);
    scene.cache.misses(&key).await;
    for other in &others {
        assert_eq!(scene.run::<i64>(&["HEXISTS", &hash, other]).await, 1, "{other}");
    }
    scene.cache.forget(key.member).await;
    assert_eq!(scene.run::<i64>(&["EXISTS", &hash]).await, 0);
}

/// A value that is none is dropped: the truth is asked, and what it says is found from then on.
#[tokio::test]
async fn a_broken_value_is_dropped() {
    let scene = Scene::new().await;
    let till = "9999999999999";
    for (place, broken) in [
        String::new(),
        "short".to_owned(),
        "no digits at all, and long enough for both".to_owned(),
        format!("0000000000001{till}"),
        format!("0000000000001{till}\u{7f}"),
        format!("0000000000001{till}{{\"json\":1}}"),
    ]
    .iter()
    .enumerate()
    {
        for (key, value) in everything() {
            let _: i64 = scene.run(&["HSET", &hash(&key), &pack::field(&key), broken]).await;
            // Either nobody need ask twice, or the next who looks fills it.
            let lease = match scene.cache.look(&key).await {
                Look::Missing(lease) => lease,
                Look::Away => scene.cache.misses(&key).await,
                other => panic!("{place}: {other:?}"),
            };
            assert!(scene.cache.fill(&key, lease, &value).await);
            assert_eq!(scene.cache.finds(&key).await, Some(value));
        }
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_dropped() {
    let scene = Scene::new().await;
    for command in [["SET", "?", "x"], ["LPUSH", "?", "x"], ["SADD", "?", "x"]] {
        let key = key();
        let hash = hash(&key);
        let command = command.map(|word| if word == "?" { hash.as_str() } else { word });
        let _: redis::Value = scene.run(&command).await;
        let lease = scene.cache.misses(&key).await;
        assert!(scene.cache.fill(&key, lease, &somebody(&key)).await);
        assert_eq!(scene.cache.finds(&key).await, Some(somebody(&key)));
    }
    // It takes the place of one that was leased.
    let key = key();
    let lease = scene.cache.misses(&key).await;
    let _: redis::Value = scene.run(&["SET", &hash(&key), "x"]).await;
    assert!(!scene.cache.fill(&key, lease, &somebody(&key)).await);
    scene.cache.misses(&key).await;
}

#[tokio::test]
async fn what_was_flushed_is_read_again_scripts_and_all() {
    let (scene, key) = (Scene::new().await, key());
    let lease = scene.cache.misses(&key).await;
    assert!(scene.cache.fill(&key, lease, &somebody(&key)).await);
    let unfilled = scene.cache.misses(&all_of(1)[0]).await;
    let _: redis::Value = scene.run(&["FLUSHDB"]).await;
    let _: redis::Value = scene.run(&["SCRIPT", "FLUSH"]).await;
    let lease = scene.cache.misses(&key).await;
    let _: redis::Value = scene.run(&["SCRIPT", "FLUSH"]).await;
    assert!(scene.cache.fill(&key, lease, &somebody(&key)).await);
    assert!(!scene.cache.fill(&all_of(1)[0], unfilled, &Value::Member(None)).await);
    assert_eq!(scene.cache.finds(&key).await, Some(somebody(&key)));
}

#[tokio::test]
async fn what_is_not_there_is_remembered_for_a_second_at_most() {
    let (scene, key) = (Scene::new().await, key());
    let lease = scene.cache.misses(&key).await;
    assert!(scene.cache.fill(&key, lease, &Value::Member(None)).await);
    let left: i64 = scene.run(&["PTTL", &hash(&key)]).await;
    assert!(left <= i64::try_from(NOTHING.as_millis()).unwrap(), "{left}");
}
