//! What waits together goes together, and nobody waits for more to come.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{FutureExt, join_all};
use futures_util::poll;
use tokio::sync::Semaphore;

use super::lane::{BATCH, LATE, LOCKED, MANY, PATIENCE};
use super::*;
use crate::actor::fake::Fake;
use crate::error::StorageError;

/// What the deed below was given, and when it may go on.
struct Desk {
    door: Semaphore,
    batches: Mutex<Vec<Vec<u32>>>,
    panics: AtomicUsize,
    /// What others have locked.
    locked: Mutex<Vec<u32>>,
}

static DESKS: Mutex<Vec<Arc<Desk>>> = Mutex::new(Vec::new());

fn desk() -> (usize, Arc<Desk>) {
    let desk = Arc::new(Desk {
        door: Semaphore::new(0),
        batches: Mutex::new(Vec::new()),
        panics: AtomicUsize::new(0),
        locked: Mutex::default(),
    });
    let mut desks = DESKS.lock().unwrap();
    desks.push(desk.clone());
    (desks.len() - 1, desk)
}

impl Desk {
    fn sizes(&self) -> Vec<usize> {
        self.batches.lock().unwrap().iter().map(Vec::len).collect()
    }
}

/// Says a number back; odd ones are refused.
struct Echo;

#[async_trait]
impl Deed for Echo {
    const NAME: &'static str = "test.echo";
    /// The desk, and the number.
    type Item = (usize, u32);
    type Answer = u32;
    type Of = dyn Truth;

    fn server(_: &dyn Truth, _: &Self::Item) -> usize {
        0
    }

    fn again(item: &Self::Item) -> Option<Self::Item> {
        Some(*item)
    }

    async fn all(_: &(dyn Truth + 'static), items: Vec<Self::Item>) -> Vec<Result<u32>> {
        let desk = DESKS.lock().unwrap()[items[0].0].clone();
        desk.batches.lock().unwrap().push(items.iter().map(|(_, number)| *number).collect());
        desk.door.acquire().await.unwrap().forget();
        let panics = desk.panics.load(Ordering::SeqCst);
        assert!(desk.sizes().len() > panics, "on purpose");
        let locked = desk.locked.lock().unwrap().clone();
        let say = |(_, number): (usize, u32)| match number % 2 {
            _ if locked.contains(&number) => Err(StorageError::Locked),
            0 => Ok(number),
            _ => Err(StorageError::Corrupt(number.to_string())),
        };
        items.into_iter().map(say).collect()
    }
}

fn lane() -> Lane<Echo> {
    let truth: Arc<dyn Truth> = Arc::new(Fake::new(0));
    Lane::new(truth)
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_others_run_goes_together_with_an_answer_of_its_own_each() {
    let (lane, (place, desk)) = (lane(), desk());
    let mut asks: Vec<_> = (0..10).map(|number| lane.ask((place, number)).boxed()).collect();
    for ask in &mut asks {
        assert!(poll!(ask).is_pending());
        tokio::task::yield_now().await;
    }
    // The first one waited for nobody.
    assert_eq!(desk.sizes(), [1]);
    desk.door.add_permits(100);
    let answers = join_all(asks).await;
    assert_eq!(desk.sizes(), [1, 9]);
    for (number, answer) in (0..10).zip(answers) {
        let refused = Err(StorageError::Corrupt(number.to_string()));
        assert_eq!(answer, if number % 2 == 0 { Ok(number) } else { refused });
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_a_bound() {
    let (lane, (place, desk)) = (lane(), desk());
    let count = u32::try_from(1 + MANY + 2 * BATCH + 3).unwrap();
    let mut asks: Vec<_> = (0..count).map(|number| lane.ask((place, number)).boxed()).collect();
    for ask in &mut asks {
        assert!(poll!(ask).is_pending());
        tokio::task::yield_now().await;
    }
    desk.door.add_permits(100);
    join_all(asks).await;
    assert_eq!(desk.sizes(), [1, MANY, BATCH, BATCH, 3]);
}

/// Few wait for the batch that runs, many have one of their own, and no third.
#[tokio::test(start_paused = true)]
async fn a_further_batch_is_worth_its_while() {
    let (lane, (place, desk)) = (lane(), desk());
    let count = u32::try_from(1 + MANY + 2 * BATCH).unwrap();
    let mut asks: Vec<_> = (0..count).map(|number| lane.ask((place, number)).boxed()).collect();
    for (at, ask) in asks.iter_mut().enumerate() {
        assert!(poll!(ask).is_pending());
        tokio::task::yield_now().await;
        assert_eq!(desk.sizes().len(), 1 + usize::from(at >= MANY));
    }
    tokio::time::advance(2 * LATE).await;
    tokio::task::yield_now().await;
    assert_eq!(desk.sizes(), [1, MANY]);
    desk.door.add_permits(100);
    join_all(asks).await;
    assert_eq!(desk.sizes(), [1, MANY, BATCH, BATCH]);
}

/// A batch that hangs holds up what comes behind it for a while only.
#[tokio::test(start_paused = true)]
async fn what_has_waited_for_long_waits_for_no_batch_that_runs() {
    let (lane, (place, desk)) = (lane(), desk());
    let mut asks: Vec<_> = [0, 2].map(|number| lane.ask((place, number)).boxed()).into();
    for ask in &mut asks {
        assert!(poll!(ask).is_pending());
        tokio::task::yield_now().await;
    }
    for batches in [1, 2] {
        assert_eq!(desk.sizes(), vec![1; batches]);
        tokio::time::advance(LATE).await;
        tokio::task::yield_now().await;
    }
    desk.door.add_permits(100);
    assert_eq!(join_all(asks).await, [Ok(0), Ok(2)]);
    // The lane is as before.
    assert_eq!(lane.ask((place, 4)).await, Ok(4));
    assert_eq!(desk.sizes(), [1; 3]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_told_and_not_done() {
    let (lane, (place, desk)) = (lane(), desk());
    let mut asks: Vec<_> = (0..3).map(|number| lane.ask((place, 2 * number)).boxed()).collect();
    for ask in &mut asks {
        assert!(poll!(ask).is_pending());
        tokio::task::yield_now().await;
    }
    tokio::time::advance(PATIENCE).await;
    desk.door.add_permits(100);
    let told = || Err(StorageError::Overloaded);
    assert_eq!(join_all(asks).await, [Ok(0), told(), told()]);
    assert_eq!(desk.sizes(), [1]);
    // The lane is free again.
    assert_eq!(lane.ask((place, 8)).await, Ok(8));
}

#[test]
fn a_runtime_that_ends_in_the_midst_ends_all_that_waits() {
    let (lane, (place, _desk)) = (lane(), desk());
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut asks: Vec<_> = (0..5).map(|number| lane.ask((place, number)).boxed()).collect();
        runtime.block_on(async {
            for ask in &mut asks {
                assert!(poll!(ask).is_pending());
                tokio::task::yield_now().await;
            }
        });
        drop(runtime);
        for ask in asks {
            assert_eq!(ask.now_or_never(), Some(Err(StorageError::OutcomeUnknown)));
        }
    }
}

/// A test that fails says why: what it dropped does not go in a circle until the stack is full.
#[test]
fn a_runtime_that_ends_in_a_panic_ends() {
    let ends = std::panic::catch_unwind(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (lane, (place, _desk)) = (lane(), desk());
        runtime.block_on(async {
            let mut ask = lane.ask((place, 2)).boxed();
            assert!(poll!(&mut ask).is_pending());
            tokio::task::yield_now().await;
            panic!("on purpose");
        });
    });
    let why = ends.unwrap_err();
    assert_eq!(why.downcast_ref::<&str>(), Some(&"on purpose"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_unknown_outcome_and_the_others_go_on() {
    let (lane, (place, desk)) = (lane(), desk());
    desk.panics.store(1, Ordering::SeqCst);
    let mut asks: Vec<_> = (0..5).map(|number| lane.ask((place, 2 * number)).boxed()).collect();
    for ask in &mut asks {
        assert!(poll!(ask).is_pending());
        tokio::task::yield_now().await;
    }
    desk.door.add_permits(100);
    let answers = join_all(asks).await;
    assert_eq!(answers[..1], [Err(StorageError::OutcomeUnknown)]);
    assert_eq!(answers[1..], [Ok(2), Ok(4), Ok(6), Ok(8)]);
    assert_eq!(lane.ask((place, 10)).await, Ok(10));
}

#[tokio::test(start_paused = true)]
async fn what_is_locked_comes_again_and_holds_up_nobody() {
    let (lane, (place, desk)) = (lane(), desk());
    desk.door.add_permits(1_000);
    *desk.locked.lock().unwrap() = vec![2, 4];
    let mut locked = [2, 4].map(|number| lane.ask((place, number)).boxed());
    for ask in &mut locked {
        assert!(poll!(ask).is_pending());
    }
    for number in [6, 8, 10] {
        assert_eq!(lane.ask((place, number)).await, Ok(number));
    }
    desk.locked.lock().unwrap().retain(|number| *number != 2);
    let [two, mut four] = locked;
    assert_eq!(two.await, Ok(2));
    assert!(poll!(&mut four).is_pending());
    let began = tokio::time::Instant::now();
    assert_eq!(four.await, Err(StorageError::Locked));
    assert!(began.elapsed() <= LOCKED, "its caller is still there");
    // Not in a circle without a rest.
    let asked = desk.batches.lock().unwrap().iter().filter(|batch| batch.contains(&4)).count();
    assert!((100..600).contains(&asked), "{asked} times");
}
