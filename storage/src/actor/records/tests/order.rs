//! Calls of one key come in order and never two at once; those of different keys side by
//! side.

use std::sync::Mutex;

use super::*;

/// What happened, in the order in which it did.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<(usize, &'static str)>>>);

impl Diary {
    fn note(&self, call: usize, what: &'static str) {
        self.0.lock().unwrap().push((call, what));
    }

    /// A call that notes its beginning and its end, and gives way in between.
    fn call<'a>(&self, records: &'a Records, key: Key, call: usize) -> BoxFuture<'a, Result<()>> {
        let diary = self.clone();
        let work = move |_| async move {
            diary.note(call, "begins");
            for _ in 0..call % 7 {
                tokio::task::yield_now().await;
            }
            diary.note(call, "ends");
            Ok(())
        };
        records.call(key, work).boxed()
    }

    /// What it says if the calls came one by one.
    fn one_by_one(calls: impl IntoIterator<Item = usize>) -> Vec<(usize, &'static str)> {
        calls.into_iter().flat_map(|call| [(call, "begins"), (call, "ends")]).collect()
    }

    fn read(&self) -> Vec<(usize, &'static str)> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_key_run_in_order_and_never_at_once() {
    let records = started(1000, 8).await;
    let keys = [key(), key(), key(), Key::Home, key()];
    let diaries = keys.each_ref().map(|_| Diary::default());
    // Many keys at a time, so that every worker has something to do.
    let calls = (0..500).map(|call| {
        let place = call % keys.len();
        diaries[place].call(&records, keys[place].clone(), call)
    });
    soon(join_all(calls)).await;
    for (place, diary) in diaries.iter().enumerate() {
        assert_eq!(diary.read(), Diary::one_by_one((place..500).step_by(keys.len())));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_key_run_in_order_though_all_workers_are_busy() {
    let records = started(1000, 2).await;
    let keys: Vec<_> = (0..7).map(|_| key()).collect();
    let diaries: Vec<_> = keys.iter().map(|_| Diary::default()).collect();
    // The others come while the first ones are being worked on.
    let mut calls = Vec::new();
    for call in 0..490 {
        let place = call % keys.len();
        let mut call = diaries[place].call(&records, keys[place].clone(), call);
        assert!(poll!(&mut call).is_pending());
        calls.push(call);
        tokio::task::yield_now().await;
    }
    soon(join_all(calls)).await;
    for (place, diary) in diaries.iter().enumerate() {
        assert_eq!(diary.read(), Diary::one_by_one((place..490).step_by(keys.len())));
    }
    // Nothing is thought to wait any more: each key is served at once.
    for key in keys {
        assert_eq!(soon(records.call(key, |_| async { Ok(()) })).await, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_call_does_not_overtake_one_of_its_key_that_waits() {
    let records = started(10, 1).await;
    let (mut busy, runs, let_go) = held(&records, key());
    assert!(poll!(&mut busy).is_pending());
    soon(runs).await.unwrap();

    // The worker is busy with another key: these wait in the factory's queue.
    let (same, diary) = (key(), Diary::default());
    let (mut first, runs, let_first_go) = held(&records, same.clone());
    let mut second = diary.call(&records, same.clone(), 2);
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    drop(let_go);
    soon(runs).await.unwrap();
    // Now it is busy with this one, and a third call comes.
    let mut third = diary.call(&records, same, 3);
    assert!(poll!(&mut third).is_pending());
    drop(let_first_go);
    soon(join_all([busy, first, second, third])).await;
    assert_eq!(diary.read(), Diary::one_by_one([2, 3]));
}

#[tokio::test(start_paused = true)]
async fn calls_of_different_keys_run_side_by_side() {
    let records = started(100, 16).await;
    // None of them ends before all have begun.
    has_places(&records, 16).await;
    let member = |number| Key::Member(MemberId::from_number(number).unwrap());
    let identity = |subject: &str| {
        let app = "demo".parse().unwrap();
        let (provider, subject) = ("google".to_owned(), subject.to_owned());
        Key::identity(&IdentityKey { app, provider, subject })
    };
    let keys = [Key::Home, member(1), member(2), identity("one"), identity("two"), key(), key()];
    let barrier = Arc::new(Barrier::new(keys.len()));
    let calls = keys.map(|key| {
        let barrier = barrier.clone();
        records.call(key, |_| async move {
            barrier.wait().await;
            Ok(())
        })
    });
    assert_eq!(soon(join_all(calls)).await, vec![Ok(()); 7]);
}

#[tokio::test(start_paused = true)]
async fn more_keys_than_workers_are_all_served() {
    let records = started(1000, 3).await;
    let calls = (0..1000).map(|call| records.call(key(), move |_| async move { Ok(call) }));
    let answers = soon(join_all(calls)).await;
    assert_eq!(answers, (0..1000).map(Ok).collect::<Vec<_>>());
}
