//! The actor that writes the batches.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use super::{Inner, Place};
use crate::gamelog::LogRecord;

/// A batch closes at this many records.
pub(super) const BATCH: usize = 512;
/// A batch closes when its first record has waited this long.
pub(super) const AGE: Duration = Duration::from_millis(200);
/// How long to wait before a batch that could not be written is tried again.
pub(super) const RETRY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) enum Msg {
    /// A record to keep.
    Record(Box<LogRecord>, Place),
    /// The oldest waiting record is old enough.
    Due,
    /// The batch being written, of so many records, is kept.
    Written(u64),
    /// The batch being written could not be kept: it comes back.
    Failed(Vec<(LogRecord, Place)>),
    /// Answer when all that came before is kept.
    Flush(oneshot::Sender<()>),
    /// Stop when all that came before is kept.
    Drain,
}

/// Has a batcher write what it took and stop; for whoever supervises it.
pub fn drain(batcher: &ActorCell) {
    // A batcher that is gone already has nothing to write.
    let _ = batcher.send_message(Msg::Drain);
}

pub(super) struct Batcher;

pub(super) struct State {
    inner: Arc<Inner>,
    waiting: Vec<(LogRecord, Place)>,
    writing: bool,
    timer: bool,
    /// How many records came since the start, and how many of them are kept.
    taken: u64,
    kept: u64,
    /// Who waits, each until so many are kept.
    flushes: VecDeque<(u64, oneshot::Sender<()>)>,
    draining: bool,
}

impl State {
    fn on_record(&mut self, myself: &ActorRef<Msg>, record: LogRecord, place: Place) {
        self.taken += 1;
        self.waiting.push((record, place));
        if self.waiting.len() >= BATCH {
            self.write(myself);
        } else if !self.timer {
            self.timer = true;
            myself.send_after(AGE, || Msg::Due);
        }
    }

    fn write(&mut self, myself: &ActorRef<Msg>) {
        if self.writing {
            return;
        }
        if self.waiting.is_empty() {
            if self.draining {
                myself.stop(None);
            }
            return;
        }
        let batch: Vec<_> = self.waiting.drain(..self.waiting.len().min(BATCH)).collect();
        self.writing = true;
        let backend = self.inner.backend.clone();
        let myself = myself.clone();
        tokio::spawn(async move {
            let records = batch.iter().map(|(record, _)| record.clone()).collect();
            match backend.append(records).await {
                Ok(()) => {
                    let kept = batch.len() as u64;
                    metrics::counter!("daemun_gamelog_kept_total").increment(kept);
                    drop(batch);
                    let _ = myself.cast(Msg::Written(kept));
                }
                Err(error) => {
                    tracing::warn!(%error, records = batch.len(), "the game log could not be written; trying again");
                    tokio::time::sleep(RETRY).await;
                    let _ = myself.cast(Msg::Failed(batch));
                }
            }
        });
    }

    fn on_flush(&mut self, myself: &ActorRef<Msg>, reply_to: oneshot::Sender<()>) {
        // Records are kept in the order in which they came, so counting them will do.
        self.flushes.push_back((self.taken, reply_to));
        self.answer();
        self.write(myself);
    }

    fn answer(&mut self) {
        let kept = self.kept;
        while let Some((_, reply_to)) = self.flushes.pop_front_if(|(until, _)| *until <= kept) {
            let _ = reply_to.send(());
        }
    }

    fn on_written(&mut self, myself: &ActorRef<Msg>, kept: u64) {
        self.kept += kept;
        self.answer();
        // What came meanwhile has waited as long as the write took: it goes at once.
        self.writing = false;
        self.write(myself);
    }

    fn on_failed(&mut self, myself: &ActorRef<Msg>, mut batch: Vec<(LogRecord, Place)>) {
        self.writing = false;
        batch.append(&mut self.waiting);
        self.waiting = batch;
        self.write(myself);
    }
}

impl Actor for Batcher {
    type Msg = Msg;
    type State = State;
    type Arguments = Arc<Inner>;

    async fn pre_start(
        &self,
        _: ActorRef<Msg>,
        inner: Arc<Inner>,
    ) -> Result<State, ActorProcessingErr> {
        Ok(State {
            inner,
            waiting: Vec::new(),
            writing: false,
            timer: false,
            taken: 0,
            kept: 0,
            flushes: VecDeque::new(),
            draining: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Record(record, place) => state.on_record(&myself, *record, place),
            Msg::Due => {
                state.timer = false;
                state.write(&myself);
            }
            Msg::Written(kept) => state.on_written(&myself, kept),
            Msg::Failed(batch) => state.on_failed(&myself, batch),
            Msg::Flush(reply_to) => state.on_flush(&myself, reply_to),
            Msg::Drain => {
                state.draining = true;
                state.write(&myself);
            }
        }
        Ok(())
    }
}
