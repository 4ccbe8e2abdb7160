//! The cache in memory sits the exam that Redis sits, and time is moved here.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::cache::{LEASE, Lease, Look, NOTHING, Value};
use crate::conformance::cache::{Asked, key, play, somebody, steps_and_waits};
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
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().unwrap();
    TestRunner::new(ProptestConfig::with_cases(4_000))
        .run(&steps_and_waits(), |story| {
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
async fn what_gets_old_is_read_anew_by_one_while_the_others_find_it() {
    let (cache, key) = (fresh().await, key());
    let lease = cache.misses(&key).await;
    assert!(cache.fill(&key, lease, &somebody(&key)).await);
    let anew = async || match cache.look(&key).await {
        Look::Found { age, anew, .. } => (age, anew),
        other => panic!("{other:?}"),
    };
    // A life is at least four fifths of the longest.
    tokio::time::advance(LIFE.mul_f64(0.8 * 0.74)).await;
    assert_eq!(anew().await.1, None);
    tokio::time::advance(LIFE.mul_f64(0.75) - LIFE.mul_f64(0.8 * 0.74)).await;
    let (old, Some(lease)) = anew().await else { panic!("it is old") };
    assert_eq!(anew().await.1, None, "another has it");
    tokio::time::advance(LEASE / 4).await;
    assert!(!cache.fill(&key, Lease(lease.0 ^ 1), &Value::Member(None)).await);
    assert!(cache.fill(&key, lease, &somebody(&key)).await);
    let (young, again) = anew().await;
    assert!(young < old && young == LEASE / 4 && again.is_none(), "{young:?}");
    // One who does not come back in time fills nothing, and another may try.
    tokio::time::advance(LIFE.mul_f64(0.75)).await;
    let (_, Some(slow)) = anew().await else { panic!("it is old again") };
    tokio::time::advance(LEASE).await;
    assert!(!cache.fill(&key, slow, &Value::Member(None)).await);
    let Some(quick) = anew().await.1 else { panic!("nobody has it") };
    // What is forgotten meanwhile is not filled with what was read before.
    cache.forget(key.member).await;
    assert!(!cache.fill(&key, quick, &somebody(&key)).await);
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
