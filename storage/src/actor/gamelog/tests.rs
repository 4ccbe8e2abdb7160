//! The game log's batches: when they close, what is kept of them, and what is dropped.

mod poison;
mod spooled;

use std::time::Duration;

use futures_util::future::FutureExt;
use tokio::time::Instant;
use uuid::Uuid;

use super::backoff::FIRST;
use super::batcher::{AGE, BATCH, FAILURES};
use super::*;
use crate::actor::fake::{Counted, Fake};
use crate::clock::Micros;
use crate::gamelog::Event;

const DROPPED: &str = "daemun_gamelog_dropped_total";

/// A log that takes `limit` records, and its backend, which lets `open` batches pass.
fn stopped(open: usize, limit: usize) -> (Gamelog, Arc<Fake>) {
    let backend = Arc::new(Fake::new(open));
    let settings = StorageSettings { gamelog_limit: limit, ..StorageSettings::default() };
    let records = Records::new(backend.clone(), None, settings.clone());
    (Gamelog::new(backend.clone(), None, records, &settings), backend)
}

async fn started(open: usize, limit: usize) -> (Gamelog, Arc<Fake>) {
    let (log, backend) = stopped(open, limit);
    log.start(None).await.unwrap();
    (log, backend)
}

/// Records that can be told apart.
fn records(count: usize) -> Vec<LogRecord> {
    let record = |at| LogRecord {
        id: Uuid::now_v7(),
        at: Micros(i64::try_from(at).unwrap()),
        app: "demo".parse().unwrap(),
        member: None,
        event: Event::LoggedOut { logins: Vec::new(), by: crate::sessions::EndedBy::Logout },
    };
    (0..count).map(record).collect()
}

fn kept(records: &[LogRecord]) -> Vec<KeptRecord> {
    records.iter().map(LogRecord::kept).collect()
}

fn hand_over(log: &Gamelog, records: &[LogRecord]) {
    records.iter().for_each(|record| log.record(record.clone()));
}

/// What must come. The tests' clock stands still while anything can go on, so the limit is
/// only passed when nothing can.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(3600);
    tokio::time::timeout(limit, future).await.expect("nothing goes on, and this did not come")
}

fn sizes(backend: &Fake) -> Vec<usize> {
    backend.batches().iter().map(Vec::len).collect()
}

#[tokio::test(start_paused = true)]
async fn a_flush_returns_when_all_that_was_handed_over_is_kept_in_order() {
    let (log, backend) = started(usize::MAX >> 3, 10_000).await;
    let records = records(3 * BATCH + 7);
    hand_over(&log, &records);
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(backend.batches().concat(), kept(&records));
    assert!(sizes(&backend).iter().all(|size| *size <= BATCH), "{:?}", sizes(&backend));
    // With nothing to write, there is nothing to wait for.
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(backend.batches().concat().len(), records.len());
}

#[tokio::test(start_paused = true)]
async fn a_batch_closes_when_its_first_record_is_old() {
    let (log, backend) = started(10, 100).await;
    for round in 1..=3 {
        let begin = Instant::now();
        hand_over(&log, &records(2));
        tokio::time::sleep(AGE / 2).await;
        hand_over(&log, &records(1));
        soon(backend.tried(round)).await;
        assert!((AGE..AGE * 3 / 2).contains(&begin.elapsed()), "{:?}", begin.elapsed());
        assert_eq!(soon(log.flush()).await, Ok(()));
        assert_eq!(sizes(&backend), vec![3; round]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_closes_when_it_is_full() {
    let (log, backend) = started(10, 10_000).await;
    let begin = Instant::now();
    hand_over(&log, &records(BATCH));
    soon(backend.tried(1)).await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(sizes(&backend), [BATCH]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_batch_is_written_waits_and_goes_next() {
    let (log, backend) = started(0, 10_000).await;
    let records = records(2 * BATCH + 5);
    hand_over(&log, &records);
    soon(backend.tried(1)).await;
    // However long that one takes, no second is begun beside it.
    tokio::time::sleep(10 * AGE).await;
    assert_eq!(backend.tries(), 1);

    let begin = Instant::now();
    backend.door.add_permits(2);
    soon(backend.tried(3)).await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
    backend.door.add_permits(1);
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(sizes(&backend), [BATCH, BATCH, 5]);
    assert_eq!(backend.batches().concat(), kept(&records));
}

#[tokio::test(start_paused = true)]
async fn a_flush_does_not_wait_for_what_came_after_it() {
    let (log, backend) = started(0, 10_000).await;
    let before = records(3);
    hand_over(&log, &before);
    let mut flush = log.flush().boxed();
    assert!(futures_util::poll!(&mut flush).is_pending());
    soon(backend.tried(1)).await;
    hand_over(&log, &records(5));
    // The first batch is kept; the next one stands before a closed door.
    backend.door.add_permits(1);
    assert_eq!(soon(flush).await, Ok(()));
    assert_eq!(backend.batches(), [kept(&before)]);
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_is_dropped_and_counted() {
    let (log, backend) = started(0, 4).await;
    let records = records(10);
    let ((), dropped) = Counted::during(DROPPED, || hand_over(&log, &records[..7]));
    assert_eq!(dropped, 3);
    // A record keeps its place until it is written.
    soon(backend.tried(1)).await;
    let ((), dropped) = Counted::during(DROPPED, || hand_over(&log, &records[7..8]));
    assert_eq!(dropped, 1);

    backend.door.add_permits(10);
    assert_eq!(soon(log.flush()).await, Ok(()));
    let ((), dropped) = Counted::during(DROPPED, || hand_over(&log, &records[8..]));
    assert_eq!(dropped, 0);
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(backend.batches().concat(), kept(&[&records[..4], &records[8..]].concat()));
}

#[tokio::test(start_paused = true)]
async fn without_a_batcher_records_are_dropped_and_counted_and_take_no_room() {
    let (log, backend) = stopped(10, 2);
    let lost = records(5);
    let ((), dropped) = Counted::during(DROPPED, || hand_over(&log, &lost));
    assert_eq!(dropped, 5);
    assert!(matches!(soon(log.flush()).await, Err(StorageError::Unavailable(_))));

    let batcher = log.start(None).await.unwrap();
    let later = records(2);
    let ((), dropped) = Counted::during(DROPPED, || hand_over(&log, &later));
    assert_eq!(dropped, 0);
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(backend.batches().concat(), kept(&later));

    // Nor with one that has ended.
    soon(batcher.stop_and_wait(None, None)).await.unwrap();
    let ((), dropped) = Counted::during(DROPPED, || hand_over(&log, &lost));
    assert_eq!(dropped, 5);
    assert!(matches!(soon(log.flush()).await, Err(StorageError::Unavailable(_))));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_could_not_be_written_is_kept_and_tried_again() {
    let (log, backend) = started(100, 10_000).await;
    backend.failures.store(3, Ordering::SeqCst);
    let records = records(BATCH + 20);
    let begin = Instant::now();
    hand_over(&log, &records[..10]);
    let flush = log.flush();
    // More comes while it is being tried.
    let more = async {
        backend.tried(2).await;
        hand_over(&log, &records[10..]);
        log.flush().await
    };
    let (first, second) = soon(futures_util::future::join(flush, more)).await;
    assert_eq!((first, second), (Ok(()), Ok(())));
    // Pauses of one, two and four times the first, of which half is chance.
    assert!((FIRST * 7 / 2..=FIRST * 7 + AGE).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    // Each once, in order, and none in a batch that is too large.
    assert_eq!(backend.batches().concat(), kept(&records));
    assert!(sizes(&backend).iter().all(|size| *size <= BATCH), "{:?}", sizes(&backend));
}

#[tokio::test(start_paused = true)]
async fn records_that_are_being_tried_again_take_room() {
    let (log, backend) = started(100, 3).await;
    backend.failures.store(5, Ordering::SeqCst);
    hand_over(&log, &records(3));
    soon(backend.tried(3)).await;
    let ((), dropped) = Counted::during(DROPPED, || hand_over(&log, &records(1)));
    assert_eq!(dropped, 1);
    assert_eq!(soon(log.flush()).await, Ok(()));
    let ((), dropped) = Counted::during(DROPPED, || hand_over(&log, &records(3)));
    assert_eq!(dropped, 0);
}

#[tokio::test(start_paused = true)]
async fn a_batcher_that_is_drained_writes_what_it_took_and_stops() {
    let (log, backend) = stopped(100, 10_000);
    let batcher = log.start(None).await.unwrap();
    backend.failures.store(2, Ordering::SeqCst);
    let records = records(BATCH + 20);
    hand_over(&log, &records);
    drain(&batcher);
    soon(batcher.wait(None)).await.unwrap();
    assert_eq!(backend.batches().concat(), kept(&records));
    assert!(matches!(soon(log.flush()).await, Err(StorageError::Unavailable(_))));
}
