//! The game log's spool: what the sink has not acknowledged, on the disk.
//!
//! # The folder
//! One process has it, by a lock on `lock`; the folder is of mode 0700, its files of 0600.
//!
//! - `segment-N`: records. `N` is the number of its first record, 16 hexadecimal digits. A
//!   segment is at most [`SEGMENT`] bytes long, or a sixteenth of the bound if that is less,
//!   unless it holds one longer record alone. It is never written again once the next is begun;
//!   a start begins a new one. It is removed when all of its records are settled.
//! - `position`: what is settled.
//! - `dead-letters.jsonl`: records that the sink refuses for good, with the reason, a line of
//!   JSON each. A line that is none was torn by a crash; its record was sent again.
//! - `damaged-N-O`: bytes of segment `N` from offset `O` on that could not be read.
//!
//! # A segment
//! Integers are little-endian; checksums are CRC-32 as in IEEE 802.3.
//!
//! ```text
//! header   magic "daemunS" (7)  version 1 (1)  N (8)  checksum of these (4)
//! frame    marker ff 64 72 fe (4)  length of the body (4)  number (8)  class (1)
//!          checksum of length, number, class, body (4)  body: a record as JSON
//! ```
//!
//! Numbers rise by one, over segments too, and are never used twice while the folder lives,
//! so that a number that is missing says what was lost. The class is 1 for what is never
//! dropped. A body is at most 1 MiB long.
//!
//! `position` is magic `daemunP` and version 1 (8), a checksum of all else (4), and ranges of
//! settled numbers, each its first and the one after its last (8 and 8). Ranges, because what
//! is new and what is left over go to the sink side by side.
//!
//! # What is durable when
//! - Records are appended in groups. A group is confirmed after one `fdatasync`; a segment's
//!   header and name are durable before a record is in it. Until then a crash may take any part
//!   of a group, also out of its middle.
//! - After a failed write or sync the segment is left as it was last known to be durable, and
//!   nothing more is written to it: what a kernel holds after a failed sync is not known.
//! - `position` is written at most once a second, into a new file that takes the old one's place.
//!   After a crash, what was settled since is sent again; so is all of a batch whose answer was
//!   on its way. Ids made at the source make that harmless.
//! - A dead letter is durable before its number is settled.
//!
//! # Damage
//! The end of the last segment that is no whole record is torn: it is cut at the start. Damage
//! elsewhere is set aside and counted, and reading goes on at the next whole frame. So are the
//! records of a segment that somebody took away or cut. What a disk fails to
//! give back is left where it is and asked for again, after what is behind it.
//!
//! # The bound
//! All segments together are at most as long as `storage.spool_bytes`, and one eighth of that
//! is for records that are never dropped. A record that finds no room is refused, and the
//! caller drops or keeps it: what is in the spool stays, for it was confirmed. Dead letters and
//! damaged bytes have a sixteenth each beside it.

mod files;
mod ranges;
mod frame;
mod segment;
mod position;
mod store;
mod read;
mod dead;
mod opening;
mod thread;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use crate::embedded::lock::Lock;
use crate::error::{Result, StorageError};
use crate::gamelog::{Keep, KeptRecord};
pub(crate) use dead::Dead;
use files::Folder;
pub(crate) use read::Stored;
use store::{Limits, Store};
use thread::{Job, Life};

/// The most bytes in a segment.
const SEGMENT: u64 = 8 * 1024 * 1024;
/// The most jobs that wait for the thread. The batcher has one of each kind on its way.
const QUEUE: usize = 16;

/// What became of a record that was to be spooled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is durable, under this number.
    At(u64),
    /// There is no room for one of its class.
    NoRoom,
    /// It can never be written, for this reason.
    Refused(String),
}

/// What is settled now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    /// All numbers below are settled.
    pub(crate) below: u64,
}

/// Where a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begin {
    /// The number of the next record.
    pub(crate) next: u64,
    /// All numbers below are settled.
    pub(crate) below: u64,
}

/// The spool: a thread that owns the folder. It ends when this is dropped, after what it was
/// told before.
pub struct Spool {
    jobs: Option<Sender<Job>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Spool {
    /// Opens the spool in `folder`, making it when there is none. All segments together will
    /// be at most `bytes` long.
    ///
    /// # Errors
    /// [`StorageError::Setup`] when the folder cannot be used, which the message explains.
    pub fn open(folder: &Path, bytes: u64) -> Result<Self> {
        let says = |error: std::io::Error| {
            StorageError::Setup(format!("cannot use the spool {}: {error}", folder.display()))
        };
        let files = Folder::make(folder.to_owned()).map_err(says)?;
        let lock = Lock::take(folder)?;
        let limits = Limits { bytes, segment: SEGMENT.min(bytes / 16) };
        let store = Store::open(files, limits).map_err(says)?;
        Self::over(store, Some(lock))
    }

    fn over<F: files::Files>(store: Store<F>, lock: Option<Lock>) -> Result<Self> {
        let (jobs, queue) = bounded(QUEUE);
        let thread = std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || Life { store, _lock: lock }.run(&queue))
            .map_err(|error| StorageError::Setup(format!("cannot start a thread: {error}")))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Begins reading anew: what was read and not settled comes again.
    ///
    /// # Errors
    /// `Unavailable` when the thread has ended.
    pub(crate) async fn begin(&self) -> Result<Begin> {
        self.ask(|reply_to| Job::Begin { reply_to }).await
    }

    /// Writes records, and returns when those that are placed are durable.
    ///
    /// # Errors
    /// `Unavailable` when the disk refuses, or the thread has ended: none is placed.
    pub(crate) async fn append(
        &self,
        keeps: Vec<Keep>,
        records: Arc<[KeptRecord]>,
    ) -> Result<Vec<Placed>> {
        self.ask(|reply_to| Job::Append { keeps, records, reply_to }).await?
    }

    /// The next records that are not settled and numbered below `below`, at most `most`; none
    /// is given twice in a run.
    ///
    /// # Errors
    /// `Unavailable` when the disk refuses, or the thread has ended.
    pub(crate) async fn read(&self, most: usize, below: u64) -> Result<Vec<Stored>> {
        self.ask(|reply_to| Job::Read { most, below, reply_to }).await?
    }

    /// Settles records that the sink has, and sets refused ones aside.
    ///
    /// # Errors
    /// `Unavailable` when the thread has ended.
    pub(crate) async fn settle(&self, kept: Vec<u64>, refused: Vec<Dead>) -> Result<Settled> {
        self.ask(|reply_to| Job::Settle { kept, refused, reply_to }).await
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T> {
        let ended = || StorageError::Unavailable("the spool's thread has ended".into());
        let (reply_to, reply) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.try_send(job(reply_to)).map_err(|error| match error {
            TrySendError::Full(_) => StorageError::Overloaded,
            TrySendError::Disconnected(_) => ended(),
        })?;
        reply.await.map_err(|_| ended())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
