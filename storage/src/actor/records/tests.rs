//! The bound at the entrance, the order of each key, and what a panic leaves standing.

mod order;

use std::time::Duration;

use futures_util::future::{FutureExt, join_all};
use futures_util::poll;
use tokio::sync::{Barrier, oneshot};
use uuid::Uuid;

use super::*;
use crate::actor::fake::{Counted, Fake};

const SHED: &str = "daemun_storage_shed_total";

/// A way in whose factory does not run yet.
fn stopped(queue_limit: usize, workers: usize) -> Records {
    let settings = StorageSettings { queue_limit, workers, ..StorageSettings::default() };
    Records::new(Arc::new(Fake::new(0)), None, settings)
}

async fn started(queue_limit: usize, workers: usize) -> Records {
    let records = stopped(queue_limit, workers);
    records.start(None).await.unwrap();
    records
}

/// A key of its own.
fn key() -> Key {
    Key::Login(LoginId(Uuid::now_v7()))
}

/// A call that says when it runs, and ends when it is let go.
fn held(
    records: &Records,
    key: Key,
) -> (BoxFuture<'_, Result<()>>, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let (running, runs) = oneshot::channel();
    let (let_go, goes) = oneshot::channel::<()>();
    let call = records.call(key, |_| async move {
        // Whether it is let go by word or by the sender's end is all the same.
        let _ = (running.send(()), goes.await);
        Ok(())
    });
    (call.boxed(), runs, let_go)
}

/// The outcome of what must come. The tests' clock stands still while anything can go on,
/// so it is only passed when nothing can.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(3600);
    tokio::time::timeout(limit, future).await.expect("nothing goes on, and this did not come")
}

/// As many calls get through as there are places.
async fn has_places(records: &Records, count: usize) {
    let barrier = Arc::new(Barrier::new(count));
    let calls = (0..count).map(|_| {
        let barrier = barrier.clone();
        records.call(key(), |_| async move {
            barrier.wait().await;
            Ok(())
        })
    });
    assert_eq!(soon(join_all(calls)).await, vec![Ok(()); count]);
}

#[tokio::test(start_paused = true)]
async fn a_call_beyond_the_limit_is_told_so_at_once_and_places_come_back() {
    let records = started(3, 3).await;
    for _ in 0..2 {
        let mut calls = [held(&records, key()), held(&records, key()), held(&records, key())];
        for (call, ..) in &mut calls {
            assert!(poll!(call).is_pending());
        }
        let beyond = || records.call(key(), |_| async { Ok(()) }).now_or_never();
        let (answer, count) = Counted::during(SHED, beyond);
        assert_eq!((answer, count), (Some(Err(StorageError::Overloaded)), 1));

        for (call, runs, let_go) in calls {
            soon(runs).await.unwrap();
            drop(let_go);
            assert_eq!(soon(call).await, Ok(()));
        }
        has_places(&records, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_has_a_place_though_it_does_not_run() {
    let records = started(2, 1).await;
    let (mut first, runs, let_go) = held(&records, key());
    assert!(poll!(&mut first).is_pending());
    soon(runs).await.unwrap();
    let mut second = records.call(key(), |_| async { Ok(()) }).boxed();
    assert!(poll!(&mut second).is_pending());
    let third = records.call(key(), |_| async { Ok(()) }).now_or_never();
    assert_eq!(third, Some(Err(StorageError::Overloaded)));
    drop(let_go);
    assert_eq!(soon(first).await, Ok(()));
    assert_eq!(soon(second).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_call_answers_what_its_work_answers() {
    let records = started(2, 2).await;
    assert_eq!(soon(records.call(key(), |_| async { Ok("yes") })).await, Ok("yes"));
    let corrupt = StorageError::Corrupt("on purpose".to_owned());
    let answer = Err::<(), _>(corrupt.clone());
    assert_eq!(soon(records.call(key(), |_| async { answer })).await, Err(corrupt));
    let answer = soon(records.call(Key::Home, |backend| async move { backend.list().await })).await;
    assert_eq!(answer, Err(StorageError::Unavailable("no part of this test".to_owned())));
}

/// Who asked was told that nobody knows, and left; what follows from it is seen to all the same.
#[tokio::test(start_paused = true)]
async fn what_comes_too_late_for_its_caller_is_seen_all_the_same() {
    let records = started(2, 2).await;
    let (let_go, goes) = oneshot::channel::<()>();
    let (seen, sees) = oneshot::channel();
    let work = |_| async move {
        let _ = goes.await;
        Ok(7)
    };
    let answer = records.call_then(key(), work, |came: &i32| {
        let _ = seen.send(*came);
    });
    assert_eq!(soon(answer).await, Err(StorageError::OutcomeUnknown));
    let_go.send(()).unwrap();
    assert_eq!(soon(sees).await, Ok(7));
    // Of what was not done there is nothing to see.
    let (seen, sees) = oneshot::channel();
    let refused = async { Err(StorageError::Locked) };
    let answer = records.call_then(
        key(),
        |_| refused,
        |came: &i32| {
            let _ = seen.send(*came);
        },
    );
    assert_eq!(soon(answer).await, Err(StorageError::Locked));
    assert!(soon(sees).await.is_err());
}

/// What goes over all servers waits for one that hangs; what operators wrote is on another.
#[tokio::test(start_paused = true)]
async fn what_hangs_somewhere_holds_up_nothing_that_operators_wrote() {
    let records = started(4, 2).await;
    let (hangs, _runs, _let_go) = held(&records, Key::Home);
    let documents = crate::documents::Documents(records.clone());
    let answer = soon(async {
        tokio::select! {
            biased;
            _ = hangs => panic!("it hangs"),
            answer = documents.head() => answer,
        }
    });
    assert_eq!(answer.await, Err(StorageError::Unavailable("no part of this test".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_panicking_call_has_an_unknown_outcome_and_the_factory_goes_on() {
    let records = started(4, 2).await;
    // More often than there are workers, or places.
    for _ in 0..10 {
        let panics = records.call(key(), |_| async { panic!("on purpose") });
        assert_eq!(soon(panics).await, Err::<(), _>(StorageError::OutcomeUnknown));
    }
    has_places(&records, 2).await;
    // A panic before the first await is one as well.
    let panics =
        records.call(key(), |_| -> std::future::Ready<Result<()>> { panic!("on purpose") });
    assert_eq!(soon(panics).await, Err(StorageError::OutcomeUnknown));
    has_places(&records, 2).await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_behind_a_panicking_one_are_done() {
    let records = started(100, 2).await;
    let (same, mut calls) = (key(), Vec::new());
    for place in 0..20 {
        let key = if place % 2 == 0 { same.clone() } else { key() };
        let call = records.call(key, move |_| async move {
            tokio::task::yield_now().await;
            assert_ne!(place % 5, 0, "on purpose");
            Ok(place)
        });
        calls.push(call.boxed());
    }
    for (place, answer) in soon(join_all(calls)).await.into_iter().enumerate() {
        let panicked = Err(StorageError::OutcomeUnknown);
        assert_eq!(answer, if place % 5 == 0 { panicked } else { Ok(place) });
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_left_does_not_stop_the_work() {
    let records = started(10, 1).await;
    let (mut first, runs, let_go) = held(&records, key());
    assert!(poll!(&mut first).is_pending());
    let (done, is_done) = oneshot::channel();
    let waiting = records.call(key(), |_| async move {
        tokio::task::yield_now().await;
        done.send(()).unwrap();
        Ok(())
    });
    // One caller leaves while its call runs, one before its call began.
    assert!(poll!(waiting.boxed()).is_pending());
    soon(runs).await.unwrap();
    drop(first);
    let_go.send(()).expect("the work waits for it still");
    soon(is_done).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_a_factory_a_call_is_unavailable_and_takes_no_place() {
    let records = stopped(2, 2);
    for _ in 0..5 {
        let answer = records.call(key(), |_| async { Ok(()) }).now_or_never().unwrap();
        assert!(matches!(answer, Err(StorageError::Unavailable(_))), "{answer:?}");
    }
    records.start(None).await.unwrap();
    has_places(&records, 2).await;
}

#[tokio::test(start_paused = true)]
async fn the_way_in_outlives_the_factory() {
    let records = stopped(2, 2);
    for _ in 0..3 {
        let factory = records.start(None).await.unwrap();
        has_places(&records, 2).await;
        soon(factory.stop_and_wait(None, None)).await.unwrap();
        let answer = soon(records.call(key(), |_| async { Ok(()) })).await;
        assert!(matches!(answer, Err(StorageError::Unavailable(_))), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_is_drained_finishes_what_it_took_and_stops() {
    let records = stopped(10, 1);
    let factory = records.start(None).await.unwrap();
    let (mut first, runs, let_go) = held(&records, key());
    let mut second = records.call(key(), |_| async { Ok(()) }).boxed();
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    soon(runs).await.unwrap();
    drain(&factory);
    let late = soon(records.call(key(), |_| async { Ok(()) })).await;
    assert!(late.is_err(), "{late:?}");
    drop(let_go);
    assert_eq!(soon(join_all([first, second])).await, [Ok(()), Ok(())]);
    soon(factory.wait(None)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn calls_are_counted_while_they_are_under_way_and_after() {
    let records = started(2, 2).await;
    let (mut call, runs, let_go) = held(&records, key());
    soon(async {
        tokio::select! {
            _ = &mut call => panic!("it is held"),
            ran = runs => ran.unwrap(),
        }
    })
    .await;
    assert_eq!((records.taken(), records.under_way()), (1, 1));
    drop(let_go);
    soon(call).await.unwrap();
    has_places(&records, 2).await;
    assert_eq!(records.taken(), 3);
}
