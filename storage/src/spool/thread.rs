//! The thread that owns the spool's files.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::sync::oneshot;

use super::files::Files;
use super::frame;
use super::store::{Entry, Store};
use super::{Begin, Dead, Placed, Settled, Stored};
use crate::embedded::lock::Lock;
use crate::error::{Result, StorageError};
use crate::gamelog::{Keep, KeptRecord};

/// How long what is settled may be unsaved, while the thread lives.
const SAVE: Duration = Duration::from_secs(1);

/// What the thread is asked to do.
pub(super) enum Job {
    /// Write records, and answer when they are durable.
    Append {
        keeps: Vec<Keep>,
        records: Arc<[KeptRecord]>,
        reply_to: oneshot::Sender<Result<Vec<Placed>>>,
    },
    /// Begin reading anew.
    Begin { reply_to: oneshot::Sender<Begin> },
    /// Read records.
    Read { most: usize, below: u64, reply_to: oneshot::Sender<Result<Vec<Stored>>> },
    /// Settle records, and set refused ones aside.
    Settle { kept: Vec<u64>, refused: Vec<Dead>, reply_to: oneshot::Sender<Settled> },
}

/// What the thread has while it runs.
pub(super) struct Life<F: Files> {
    pub(super) store: Store<F>,
    pub(super) _lock: Option<Lock>,
}

impl<F: Files> Life<F> {
    /// Works until nobody can ask for more, then saves what is settled.
    pub(super) fn run(mut self, queue: &Receiver<Job>) {
        let mut saved = Instant::now();
        loop {
            match queue.recv_timeout(SAVE) {
                Ok(job) => self.on_job(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if saved.elapsed() >= SAVE {
                self.save();
                saved = Instant::now();
            }
        }
        self.save();
    }

    fn save(&mut self) {
        if let Err(error) = self.store.save() {
            tracing::warn!(%error, "the spool's position could not be saved; what is settled would be sent again");
        }
    }

    /// Does a job. Whoever asked may have left.
    fn on_job(&mut self, job: Job) {
        match job {
            Job::Append { keeps, records, reply_to } => {
                let _ = reply_to.send(self.append(&keeps, &records));
            }
            Job::Begin { reply_to } => {
                self.store.rewind();
                let (next, below) = (self.store.next(), self.store.settled_below());
                let _ = reply_to.send(Begin { next, below });
            }
            Job::Read { most, below, reply_to } => {
                let _ = reply_to.send(self.store.read(most, below).map_err(unavailable));
            }
            Job::Settle { kept, refused, reply_to } => {
                self.store.settle(&kept);
                self.store.bury(&refused);
                let _ = reply_to.send(Settled { below: self.store.settled_below() });
            }
        }
    }

    fn append(&mut self, keeps: &[Keep], records: &[KeptRecord]) -> Result<Vec<Placed>> {
        let bodies: Vec<_> = records.iter().map(frame::body).collect();
        let entries: Vec<_> = keeps
            .iter()
            .zip(records)
            .zip(&bodies)
            .filter_map(|((keep, record), body)| {
                let body = body.as_deref().ok()?;
                Some(Entry { keep: *keep, at: record.at, body })
            })
            .collect();
        let mut numbers = self.store.append(&entries).map_err(unavailable)?.into_iter();
        let placed = bodies.into_iter().map(|body| match body {
            Ok(_) => numbers.next().flatten().map_or(Placed::NoRoom, Placed::At),
            Err(reason) => Placed::Refused(reason),
        });
        Ok(placed.collect())
    }
}

fn unavailable(error: io::Error) -> StorageError {
    StorageError::Unavailable(format!("the spool's disk: {error}"))
}
