//! Threads that own the connections: one writer with group commit, a few readers.
//!
//! The writer takes what waits, up to [`GROUP`] jobs, runs each under a savepoint of its
//! own inside one `BEGIN IMMEDIATE` transaction, commits once, and only then answers.
//! A job that fails or panics is rolled back alone. Both queues are bounded; the bound in
//! front of them is the records factory's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::{Result, StorageError};

use super::schema;

/// The most jobs in one commit.
pub(super) const GROUP: usize = 256;
/// The most jobs that wait in front of a thread.
const QUEUE: usize = 8192;

type ReadJob = Box<dyn FnOnce(&Connection) + Send>;

/// A database's threads. They end when this is dropped, after what was sent before.
pub(super) struct Engine {
    writes: Option<Sender<Box<dyn WriteJob>>>,
    reads: Option<Sender<ReadJob>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Engine {
    pub(super) fn open(path: &Path, readers: usize) -> Result<Self> {
        let (writes, write_queue) = bounded(QUEUE);
        let (reads, read_queue) = bounded::<ReadJob>(QUEUE);
        let connection = schema::connect(path)?;
        let mut threads = vec![spawn("db-write", move || write_loop(&connection, &write_queue))?];
        for _ in 0..readers.max(1) {
            let connection = schema::connect_reading(path)?;
            let queue = read_queue.clone();
            threads.push(spawn("db-read", move || {
                for job in queue {
                    // A job that panics answers nobody: its caller sees that the outcome is unknown.
                    let _ = catch_unwind(AssertUnwindSafe(|| job(&connection)));
                }
            })?);
        }
        Ok(Self { writes: Some(writes), reads: Some(reads), threads })
    }

    /// Runs `work` on a connection that only reads. All its statements see one moment.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply_to, reply) = oneshot::channel();
        let job: ReadJob = Box::new(move |connection| {
            let moment = connection.unchecked_transaction().map_err(unavailable);
            let _ = reply_to.send(moment.and_then(|moment| work(&moment)));
        });
        send(self.reads.as_ref(), job)?;
        reply.await.map_err(|_| StorageError::OutcomeUnknown)?
    }

    /// Runs `work` in a transaction and answers after the commit. An error undoes it.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply_to, reply) = oneshot::channel();
        send(self.writes.as_ref(), Box::new(Write { work: Some(work), answer: None, reply_to }))?;
        reply.await.map_err(|_| StorageError::OutcomeUnknown)?
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.writes = None;
        self.reads = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|error| StorageError::Setup(format!("cannot start a thread: {error}")))
}

fn send<T>(queue: Option<&Sender<T>>, job: T) -> Result<()> {
    let queue = queue.ok_or_else(|| StorageError::Unavailable("closed".into()))?;
    queue.try_send(job).map_err(|error| match error {
        crossbeam_channel::TrySendError::Full(_) => StorageError::Overloaded,
        crossbeam_channel::TrySendError::Disconnected(_) => {
            StorageError::Unavailable("closed".into())
        }
    })
}

/// Turns SQLite's own words into ours: nothing was done.
pub(super) fn unavailable(error: rusqlite::Error) -> StorageError {
    StorageError::Unavailable(error.to_string())
}

/// Something to do in a transaction, answered after its commit.
trait WriteJob: Send {
    /// Does it; says whether its savepoint is to be kept.
    fn apply(&mut self, connection: &Connection) -> bool;
    /// Answers, now that the commit is known to have happened or failed.
    fn answer(self: Box<Self>, committed: Result<()>);
}

struct Write<T, W> {
    work: Option<W>,
    answer: Option<Result<T>>,
    reply_to: oneshot::Sender<Result<T>>,
}

impl<T: Send, W: FnOnce(&Connection) -> Result<T> + Send> WriteJob for Write<T, W> {
    fn apply(&mut self, connection: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        let answer = work(connection);
        let keep = answer.is_ok();
        self.answer = Some(answer);
        keep
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let answer = match (self.answer, committed) {
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Err(own)), Ok(()) | Err(_)) => Err(own),
            // It may not even have begun: nothing was done.
            (Some(Ok(_)) | None, Err(failed)) => Err(failed),
            // It panicked: dropping the reply says so.
            (None, Ok(())) => return,
        };
        // The caller may have left; what is committed stays committed.
        let _ = self.reply_to.send(answer);
    }
}

fn write_loop(connection: &Connection, queue: &Receiver<Box<dyn WriteJob>>) {
    while let Ok(first) = queue.recv() {
        let group: Vec<_> =
            std::iter::once(first).chain(queue.try_iter().take(GROUP - 1)).collect();
        metrics::histogram!("daemun_embedded_commit_jobs").record(group.len() as f64);
        commit(connection, group);
    }
}

fn commit(connection: &Connection, mut group: Vec<Box<dyn WriteJob>>) {
    let committed = connection
        .execute_batch("BEGIN IMMEDIATE")
        .and_then(|()| {
            for job in &mut group {
                apply(connection, job.as_mut())?;
            }
            connection.execute_batch("COMMIT")
        })
        .map_err(|error| {
            tracing::error!(%error, jobs = group.len(), "a commit failed; its jobs are undone");
            // It fails when the engine has already rolled back, which is what is wanted.
            let _ = connection.execute_batch("ROLLBACK");
            unavailable(error)
        });
    for job in group {
        job.answer(committed.clone());
    }
}

fn apply(connection: &Connection, job: &mut dyn WriteJob) -> rusqlite::Result<()> {
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    let keep = catch_unwind(AssertUnwindSafe(|| job.apply(connection))).unwrap_or(false);
    if !keep {
        connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    connection.prepare_cached("RELEASE job")?.execute([])?;
    Ok(())
}
