//! The cache in memory sits the exam that Redis sits, and time is moved here.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::cache::{LEASE, Look, NOTHING, Value};
use crate::conformance::cache::{Asked, key, play, somebody, steps};
use crate::embedded::cache::NearCache;

const LIFE: Duration = Duration::from_secs(30);

async fn fresh() -> Asked {
    Asked(Arc::new(NearCache::new(LIFE, 1_000)))
}

mod exam {
    crate::exam!(cache crate::embedded::tests::cache::fresh);
}

#[test]
fn in_whatever_order_nothing_old_is_found_behind_an_answer() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    TestRunner::new(ProptestConfig::with_cases(2_000))
        .run(&steps(), |story| {
            runtime.block_on(async { play(&fresh().await, &story).await });
            Ok(())
        })
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_older_than_the_cache_lets_it_be() {
    let (cache, key) = (fresh().await, key());
    let lease = cache.misses(&key).await;
    // What took long to read is old when it is filled.
    tokio::time::advance(LEASE / 2).await;
    assert!(cache.fill(&key, lease, &somebody(&key)).await);
    let Look::Found { age, .. } = cache.look(&key).await else { panic!("it was filled") };
    assert_eq!(age, LEASE / 2);
    tokio::time::advance(LIFE.mul_f64(0.8) - LEASE).await;
    assert!(cache.finds(&key).await.is_some());
    tokio::time::advance(LIFE.mul_f64(0.2) + LEASE / 2).await;
    cache.misses(&key).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_remembered_for_a_second() {
    let (cache, key) = (fresh().await, key());
    let lease = cache.misses(&key).await;
    assert!(cache.fill(&key, lease, &Value::Member(None)).await);
    assert_eq!(cache.finds(&key).await, Some(Value::Member(None)));
    tokio::time::advance(NOTHING).await;
    cache.misses(&key).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_used_is_given_to_the_next() {
    let (cache, key) = (fresh().await, key());
    let first = cache.misses(&key).await;
    tokio::time::advance(LEASE - Duration::from_millis(1)).await;
    assert_eq!(cache.look(&key).await, Look::Taken);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!cache.fill(&key, first, &somebody(&key)).await);
    let second = cache.misses(&key).await;
    assert!(!cache.fill(&key, first, &somebody(&key)).await);
    assert!(cache.fill(&key, second, &somebody(&key)).await);
}
