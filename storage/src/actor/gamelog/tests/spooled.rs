//! The spool between the batcher and the sink. Its thread works in real time, so these tests wait
//! for what comes, and the limit is only passed when they fail.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::actor::gamelog::lanes::LIVING;

const BYTES: u64 = 64 * 1024 * 1024;

async fn come<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), future).await.expect("this did not come")
}

/// A log with a spool in `folder`, and its batcher.
async fn spooled(backend: &Arc<Fake>, folder: &Path, bytes: u64) -> (Gamelog, ActorCell) {
    let settings = StorageSettings { gamelog_limit: 100_000, ..StorageSettings::default() };
    let records = Records::new(backend.clone(), None, settings.clone());
    let spool = Spool::open(folder, bytes).unwrap();
    let log = Gamelog::new(backend.clone(), Some(spool), records, &settings);
    let batcher = log.start(None).await.unwrap();
    (log, batcher)
}

/// Stops a batcher wherever it is, as a crash would, and closes its spool.
async fn stop(log: Gamelog, batcher: ActorCell) {
    come(batcher.stop_and_wait(None, None)).await.unwrap();
    close(log, batcher).await;
}

/// Closes the spool of a batcher that has stopped.
async fn close(log: Gamelog, batcher: ActorCell) {
    let inner = Arc::downgrade(&log.inner);
    let spool = log.inner.spool.as_ref().map(Arc::downgrade).unwrap();
    drop((log, batcher));
    // The tasks under way hold either for a moment.
    while inner.strong_count() + spool.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}

fn ids(batches: &[Vec<KeptRecord>]) -> BTreeSet<Uuid> {
    batches.iter().flatten().map(|record| record.id).collect()
}

#[tokio::test]
async fn a_flush_waits_for_the_disk_and_not_for_the_sink() {
    let (folder, backend) = (tempfile::tempdir().unwrap(), Arc::new(Fake::new(0)));
    let (log, _) = spooled(&backend, folder.path(), BYTES).await;
    let records = records(3 * BATCH + 7);
    hand_over(&log, &records);
    assert_eq!(come(log.flush()).await, Ok(()));
    assert_eq!(backend.batches().len(), 0);
    assert_eq!(log.inner.waiting.load(Ordering::SeqCst), 0);
    backend.door.add_permits(100);
    assert_eq!(come(log.delivered()).await, Ok(()));
    assert_eq!(backend.batches().concat(), kept(&records));
}

#[tokio::test]
async fn what_was_not_delivered_is_delivered_after_a_restart_and_what_was_is_not() {
    let (folder, backend) = (tempfile::tempdir().unwrap(), Arc::new(Fake::new(1)));
    let (log, batcher) = spooled(&backend, folder.path(), BYTES).await;
    let (first, second) = (records(10), records(2 * BATCH));
    hand_over(&log, &first);
    assert_eq!(come(log.delivered()).await, Ok(()));
    hand_over(&log, &second);
    assert_eq!(come(log.flush()).await, Ok(()));
    stop(log, batcher).await;
    assert_eq!(backend.batches().concat(), kept(&first));

    // What hangs at the first one's door ends with its process.
    let backend = Arc::new(Fake::new(100));
    let (log, _) = spooled(&backend, folder.path(), BYTES).await;
    assert_eq!(come(log.delivered()).await, Ok(()));
    assert_eq!(backend.batches().concat(), kept(&second));
}

#[tokio::test]
async fn a_batcher_that_is_started_again_loses_nothing_of_the_spool() {
    let (folder, backend) = (tempfile::tempdir().unwrap(), Arc::new(Fake::new(0)));
    let (log, batcher) = spooled(&backend, folder.path(), BYTES).await;
    let records = records(3 * BATCH);
    hand_over(&log, &records);
    assert_eq!(come(log.flush()).await, Ok(()));
    come(batcher.stop_and_wait(None, None)).await.unwrap();
    backend.door.add_permits(100);
    log.start(None).await.unwrap();
    assert_eq!(come(log.delivered()).await, Ok(()));
    assert_eq!(ids(&backend.batches()), records.iter().map(|record| record.id).collect());
}

#[tokio::test]
async fn after_an_outage_all_is_delivered_once_with_what_came_meanwhile() {
    let (folder, backend) = (tempfile::tempdir().unwrap(), Arc::new(Fake::new(0)));
    let (log, _) = spooled(&backend, folder.path(), BYTES).await;
    // More than memory holds beside the disk.
    let old = records(LIVING + 6 * BATCH);
    hand_over(&log, &old);
    assert_eq!(come(log.flush()).await, Ok(()));
    backend.door.add_permits(1000);
    come(backend.kept(LIVING)).await;
    let new = records(10);
    hand_over(&log, &new);
    assert_eq!(come(log.delivered()).await, Ok(()));
    let (batches, all) = (backend.batches(), [&old[..], &new[..]].concat());
    // Each once, for nobody was stopped.
    assert_eq!(batches.concat().len(), all.len());
    assert_eq!(ids(&batches), all.iter().map(|record| record.id).collect());
}

#[tokio::test]
async fn a_refused_record_goes_to_the_dead_letters_and_is_not_tried_again() {
    let (folder, backend) = (tempfile::tempdir().unwrap(), Arc::new(Fake::new(100)));
    let (log, batcher) = spooled(&backend, folder.path(), BYTES).await;
    let records = records(5);
    backend.poison.lock().unwrap().insert(records[2].id);
    hand_over(&log, &records);
    assert_eq!(come(log.delivered()).await, Ok(()));
    let letters = std::fs::read_to_string(folder.path().join("dead-letters.jsonl")).unwrap();
    assert_eq!(letters.lines().count(), 1);
    assert!(letters.contains(&records[2].id.to_string()) && letters.contains("on purpose"));
    stop(log, batcher).await;
    let tries = backend.tries();
    let (log, _) = spooled(&backend, folder.path(), BYTES).await;
    assert_eq!(come(log.delivered()).await, Ok(()));
    assert_eq!(backend.tries(), tries);
}

#[tokio::test]
async fn a_full_spool_drops_by_kind_and_keeps_what_is_never_dropped() {
    let (folder, backend) = (tempfile::tempdir().unwrap(), Arc::new(Fake::new(0)));
    let (log, _) = spooled(&backend, folder.path(), 256 * 1024).await;
    let banned = |record: LogRecord| LogRecord {
        event: Event::MemberUnbanned { ban: record.id, by: crate::members::By::Command },
        ..record
    };
    let (plain, bans) = (records(4000), records(2000).into_iter().map(banned).collect::<Vec<_>>());
    hand_over(&log, &plain);
    // Dropped ones are not waited for.
    assert_eq!(come(log.flush()).await, Ok(()));
    let no_room = || log.troubles().iter().any(|trouble| trouble.contains("never dropped"));
    assert!(!no_room());
    hand_over(&log, &bans);
    let mut flush = log.flush().boxed();
    // More than the reserve: they wait in memory, and it is said.
    while !no_room() {
        assert!(futures_util::poll!(&mut flush).is_pending());
        tokio::task::yield_now().await;
    }
    backend.door.add_permits(10_000);
    assert_eq!(come(flush).await, Ok(()));
    assert_eq!(come(log.delivered()).await, Ok(()));
    let there = ids(&backend.batches());
    assert!(bans.iter().all(|ban| there.contains(&ban.id)));
    let plain = plain.iter().filter(|record| there.contains(&record.id)).count();
    assert!((500..3999).contains(&plain), "{plain}");
    assert!(log.troubles().is_empty(), "{:?}", log.troubles());
}

#[tokio::test]
async fn a_batcher_that_is_drained_leaves_to_the_disk_what_the_sink_does_not_take() {
    let (folder, backend) = (tempfile::tempdir().unwrap(), Arc::new(Fake::new(100)));
    backend.failures.store(1000, Ordering::SeqCst);
    let (log, batcher) = spooled(&backend, folder.path(), BYTES).await;
    let records = records(20);
    hand_over(&log, &records);
    drain(&batcher);
    come(batcher.wait(None)).await.unwrap();
    close(log, batcher).await;
    backend.failures.store(0, Ordering::SeqCst);
    backend.door.add_permits(100);
    // One that can deliver does.
    let (log, batcher) = spooled(&backend, folder.path(), BYTES).await;
    assert_eq!(come(log.delivered()).await, Ok(()));
    assert_eq!(backend.batches().concat(), kept(&records));
    hand_over(&log, &records[..3]);
    drain(&batcher);
    come(batcher.wait(None)).await.unwrap();
    assert_eq!(backend.batches().concat().len(), 23);
}

#[tokio::test]
async fn a_batcher_that_is_drained_does_not_wait_for_a_sink_that_hangs() {
    let (folder, backend) = (tempfile::tempdir().unwrap(), Arc::new(Fake::new(0)));
    let (log, batcher) = spooled(&backend, folder.path(), BYTES).await;
    let records = records(20);
    hand_over(&log, &records);
    come(backend.tried(1)).await;
    drain(&batcher);
    // The sink has a batch and never answers.
    come(batcher.wait(None)).await.unwrap();
    assert_eq!(backend.batches().len(), 0);
    // The attempt that hangs has the backend and not the spool.
    close(log, batcher).await;
    backend.door.add_permits(100);
    let (log, _) = spooled(&backend, folder.path(), BYTES).await;
    assert_eq!(come(log.delivered()).await, Ok(()));
    assert_eq!(ids(&backend.batches()), records.iter().map(|record| record.id).collect());
}
