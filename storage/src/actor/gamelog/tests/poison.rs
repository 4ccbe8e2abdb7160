//! Records that the sink refuses, and records that it panics of.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_refused_record_is_set_aside_and_the_others_are_kept() {
    let (log, backend) = started(100, 10_000).await;
    let records = records(9);
    backend.poison.lock().unwrap().extend([records[0].id, records[5].id]);
    hand_over(&log, &records);
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(soon(log.delivered()).await, Ok(()));
    let others = [&records[1..5], &records[6..]].concat();
    assert_eq!(backend.batches(), [kept(&others)]);
    // It is tried no more, and takes no room.
    tokio::time::sleep(10 * AGE).await;
    assert_eq!(backend.tries(), 1);
    assert_eq!(log.inner.waiting.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_like_another() {
    let (log, backend) = started(100, 10_000).await;
    let records = records(1);
    backend.bombs.lock().unwrap().insert(records[0].id);
    hand_over(&log, &records);
    soon(backend.tried(1)).await;
    backend.bombs.lock().unwrap().clear();
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(backend.batches(), [kept(&records)]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_the_sink_always_panics_of_is_found_and_refused() {
    let (log, backend) = started(10_000, 10_000).await;
    let records = records(40);
    backend.bombs.lock().unwrap().insert(records[13].id);
    hand_over(&log, &records);
    assert_eq!(soon(log.flush()).await, Ok(()));
    let others = [&records[..13], &records[14..]].concat();
    assert_eq!(backend.batches().concat(), kept(&others));
    // Halves down to one, which is tried three times, and the other halves.
    assert!(backend.tries() < 20, "{}", backend.tries());
    // And it goes on.
    hand_over(&log, &records[..2]);
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(log.troubles(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn records_that_fail_for_reasons_of_their_own_keep_no_other_waiting_and_are_refused_at_last()
{
    let (log, backend) = started(10_000, 10_000).await;
    let records = records(9);
    let (first, second) = (records[2].id, records[7].id);
    backend.stubborn.lock().unwrap().extend([first, second]);
    hand_over(&log, &records);
    soon(backend.tried(1)).await;
    let others = [&records[..2], &records[3..7], &records[8..]].concat();
    soon(backend.kept(others.len())).await;
    assert_eq!(backend.batches(), [kept(&others)]);
    // One of them is taken at last, the other is not.
    soon(backend.tried(5)).await;
    backend.stubborn.lock().unwrap().remove(&second);
    assert_eq!(soon(log.delivered()).await, Ok(()));
    assert!(backend.batches().concat().contains(&records[7].kept()));
    assert!(!backend.batches().concat().contains(&records[2].kept()));
    let bound = usize::try_from(FAILURES).unwrap();
    assert!((bound..bound + 10).contains(&backend.tries()), "{}", backend.tries());
    assert_eq!(log.inner.waiting.load(Ordering::SeqCst), 0);
    hand_over(&log, &records[..2]);
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(log.troubles(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_is_tried_again() {
    let (log, backend) = started(0, 10).await;
    let records = records(3);
    hand_over(&log, &records);
    // Time passes while nothing can go on.
    soon(backend.tried(3)).await;
    assert_eq!(log.troubles(), ["the game log's sink does not take records"]);
    backend.door.add_permits(10);
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(backend.batches().concat(), kept(&records));
    assert!(log.troubles().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_never_dropped_has_places_of_its_own() {
    let (log, backend) = started(0, 4).await;
    let banned = |record: LogRecord| LogRecord {
        event: Event::MemberUnbanned { ban: record.id, by: crate::members::By::Command },
        ..record
    };
    let (records, bans) = (records(6), records(6).into_iter().map(banned).collect::<Vec<_>>());
    let ((), dropped) = Counted::during(DROPPED, || hand_over(&log, &records));
    assert_eq!(dropped, 2);
    let ((), dropped) = Counted::during(DROPPED, || hand_over(&log, &bans[..4]));
    assert_eq!(dropped, 0);
    assert!(log.troubles().is_empty());
    // One over: the last resort, and it is said.
    let kinds = || {
        ["member_unbanned", "logout"]
            .map(|kind| Counted::of_kind(DROPPED, kind, || hand_over(&log, &bans[4..])).1)
    };
    assert_eq!(kinds(), [2, 0]);
    assert_eq!(log.troubles(), ["game-log records that are never dropped were lost"]);
    backend.door.add_permits(10);
    assert_eq!(soon(log.flush()).await, Ok(()));
    assert_eq!(backend.batches().concat(), kept(&[&records[..4], &bans[..4]].concat()));
}
