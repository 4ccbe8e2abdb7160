//! The threads that own the connections: what a group commit promises.

mod failures;

use std::path::Path;
use std::sync::{Arc, mpsc};

use futures_util::future::{BoxFuture, FutureExt, join_all};
use futures_util::poll;
use rusqlite::types::Value;
use rusqlite::{Connection, StatementStatus};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::StorageSettings;
use crate::embedded;
use crate::embedded::engine::{Engine, GROUP, unavailable};
use crate::embedded::schema;
use crate::error::{Result, StorageError};

/// A database of whole numbers.
async fn numbers() -> (Arc<Engine>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Arc::new(Engine::open(&path(&folder), 2).unwrap());
    let table = "CREATE TABLE number (number INTEGER PRIMARY KEY) STRICT";
    engine.write(|connection| connection.execute_batch(table).map_err(unavailable)).await.unwrap();
    (engine, folder)
}

fn path(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("numbers.db")
}

fn insert(connection: &Connection, number: i64) -> Result<()> {
    connection
        .execute("INSERT INTO number (number) VALUES (?1)", [number])
        .map(|_| ())
        .map_err(unavailable)
}

fn select(connection: &Connection) -> Result<Vec<i64>> {
    let mut select = connection
        .prepare_cached("SELECT number FROM number ORDER BY number")
        .map_err(unavailable)?;
    let rows = select.query_map([], |row| row.get(0)).map_err(unavailable)?;
    rows.collect::<Result<_, _>>().map_err(unavailable)
}

/// What another process would see.
fn committed(path: &Path) -> Vec<i64> {
    select(&Connection::open(path).unwrap()).unwrap()
}

fn write(engine: &Engine, number: i64) -> BoxFuture<'_, Result<()>> {
    engine.write(move |connection| insert(connection, number)).boxed()
}

/// Keeps the writer in a commit of one job until the sender is dropped; what is sent in
/// the meantime waits together.
async fn hold(engine: &Arc<Engine>) -> (mpsc::Sender<()>, JoinHandle<Result<()>>) {
    let (release, released) = mpsc::channel::<()>();
    let (running, runs) = oneshot::channel();
    let engine = engine.clone();
    let held = tokio::spawn(async move {
        let job = move |_: &Connection| {
            running.send(()).unwrap();
            // It ends by the sender's going away.
            let _ = released.recv();
            Ok(())
        };
        engine.write(job).await
    });
    runs.await.unwrap();
    (release, held)
}

/// Sends every job while the writer is held, so that they share a commit, and returns
/// their answers.
async fn together<T>(
    engine: &Arc<Engine>,
    mut jobs: Vec<BoxFuture<'_, Result<T>>>,
) -> Vec<Result<T>> {
    let (release, held) = hold(engine).await;
    for job in &mut jobs {
        assert!(poll!(job).is_pending());
    }
    drop(release);
    held.await.unwrap().unwrap();
    join_all(jobs).await
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let (engine, _folder) = numbers().await;
    let answer = engine.read(|connection| insert(connection, 1)).await;
    assert!(matches!(answer, Err(StorageError::Unavailable(_))), "{answer:?}");
    assert_eq!(engine.read(select).await, Ok(vec![]));
}

#[tokio::test]
async fn a_read_sees_one_moment_from_its_first_look_to_its_last() {
    let (engine, _folder) = numbers().await;
    write(&engine, 1).await.unwrap();
    let (looked, has_looked) = oneshot::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let mut read = engine
        .read(move |connection| {
            let first = select(connection)?;
            looked.send(()).unwrap();
            let _ = goes_on.recv();
            Ok((first, select(connection)?))
        })
        .boxed();
    assert!(poll!(&mut read).is_pending());
    has_looked.await.unwrap();
    write(&engine, 2).await.unwrap();
    drop(go_on);
    assert_eq!(read.await, Ok((vec![1], vec![1])));
    assert_eq!(engine.read(select).await, Ok(vec![1, 2]));
}

#[tokio::test]
async fn an_answer_comes_after_its_commit() {
    let (engine, _folder) = numbers().await;
    let (release, held) = hold(&engine).await;
    let mut first = write(&engine, 1);
    assert!(poll!(&mut first).is_pending());
    // A neighbour in the same commit keeps it from happening.
    let (running, runs) = oneshot::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let mut second = engine
        .write(move |connection| {
            running.send(()).unwrap();
            let _ = goes_on.recv();
            insert(connection, 2)
        })
        .boxed();
    assert!(poll!(&mut second).is_pending());
    drop(release);
    held.await.unwrap().unwrap();
    runs.await.unwrap();
    // The first job is done, and its neighbour runs: no answer, and nothing to be seen.
    assert!(poll!(&mut first).is_pending());
    assert_eq!(engine.read(select).await, Ok(vec![]));

    drop(go_on);
    assert_eq!(first.await, Ok(()));
    assert_eq!(engine.read(select).await, Ok(vec![1, 2]));
    assert_eq!(second.await, Ok(()));
    // And so for any write that is followed by a read.
    for number in 3..50 {
        write(&engine, number).await.unwrap();
        assert_eq!(engine.read(select).await.unwrap().last(), Some(&number));
    }
}

#[tokio::test]
async fn what_waits_together_is_committed_together_up_to_a_group() {
    let (engine, folder) = numbers().await;
    let group = i64::try_from(GROUP).unwrap();
    let path = path(&folder);
    let jobs = (1..=2 * group + 3).map(|number| {
        let path = path.clone();
        // Each job looks at how many have been committed before its own commit.
        let look = move |connection: &Connection| {
            insert(connection, number)?;
            Ok(i64::try_from(committed(&path).len()).unwrap())
        };
        engine.write(look).boxed()
    });
    let seen = together(&engine, jobs.collect()).await;
    let seen: Vec<i64> = seen.into_iter().map(Result::unwrap).collect();
    let groups = [vec![0; GROUP], vec![group; GROUP], vec![2 * group; 3]].concat();
    assert_eq!(seen, groups);
}

#[tokio::test]
async fn what_was_sent_is_written_though_nobody_waits_for_it() {
    let (engine, folder) = numbers().await;
    let (release, held) = hold(&engine).await;
    for number in 1..=3 {
        // The caller leaves.
        assert!(poll!(&mut write(&engine, number)).is_pending());
    }
    drop(release);
    held.await.unwrap().unwrap();
    // The engine ends after what was sent before.
    drop(Arc::into_inner(engine).unwrap());
    assert_eq!(committed(&path(&folder)), [1, 2, 3]);
}

#[tokio::test]
async fn what_is_committed_is_on_the_disk() {
    let (engine, folder) = numbers().await;
    let pragma = |name: &'static str| {
        engine.write(move |connection| {
            connection.pragma_query_value(None, name, |row| row.get(0)).map_err(unavailable)
        })
    };
    // 2 is FULL: the log is synced with each commit (<https://sqlite.org/pragma.html#pragma_synchronous>).
    let synchronous: i64 = pragma("synchronous").await.unwrap();
    assert_eq!(synchronous, 2);
    let mode: String = schema::connect(&path(&folder))
        .unwrap()
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

/// To prepare one costs more than to run most of them, and is no mistake that anybody sees.
#[test]
fn a_statement_is_prepared_once_whatever_it_is_bound_to() {
    let folder = tempfile::tempdir().unwrap();
    drop(embedded::open(folder.path(), &StorageSettings::default()).unwrap());
    let path = folder.path().join("daemun.db");
    for connection in [schema::connect(&path).unwrap(), schema::connect_reading(&path).unwrap()] {
        // What `member.me` asks for, and a list that is cut off.
        for sql in [
            "SELECT provider FROM identity WHERE member = ?1 AND app = ?2 ORDER BY linked_at",
            "SELECT seq FROM inbox WHERE member = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        ] {
            let mut select = connection.prepare(sql).unwrap();
            for number in [0_i64, 1, 7, 1_000] {
                let bound = vec![Value::from(number); select.parameter_count()];
                assert!(!select.exists(rusqlite::params_from_iter(bound)).unwrap());
            }
            assert_eq!(select.get_status(StatementStatus::RePrepare), 0, "{sql}");
        }
    }
}
