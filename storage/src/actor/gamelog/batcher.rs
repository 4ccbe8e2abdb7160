//! The actor that makes records safe, and brings them to the sink.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use super::backoff::{Backoff, Failure};
use super::batch::{Batch, Judged};
use super::lanes::{Lane, Lanes, Turn};
use super::{Inner, Place};
use crate::error::{Result, StorageError};
use crate::gamelog::{GamelogDuty, LogRecord, Verdict};
use crate::spool::{Dead, Placed, Settled, Stored};

/// A batch closes at this many records.
pub(super) const BATCH: usize = 1000;
/// A batch closes when its first record has waited this long. A crash takes at most what came
/// within it and was not flushed.
pub(super) const AGE: Duration = Duration::from_millis(200);
/// How long the sink may take for a batch.
pub(super) const ATTEMPT: Duration = Duration::from_secs(30);
/// How long the spool is left alone after it could not be read.
const REREAD: Duration = Duration::from_secs(1);
/// How long one that is told to stop waits for a sink that has a batch and does not answer, when
/// all is in the spool.
pub(super) const GRACE: Duration = Duration::from_secs(3);
/// How often the sink may panic of one record before that is refused.
pub(super) const PANICS: u32 = 3;
/// How often one record may fail for a reason of its own that nobody knows to be for good,
/// before it is refused. With the pauses between, that is some minutes.
pub(super) const FAILURES: u32 = 16;

#[derive(Debug)]
pub(super) enum Msg {
    /// A record to keep.
    Record(Box<LogRecord>, Place),
    /// The oldest waiting record is old enough.
    Due,
    /// A batch was closed; what the spool did with it, when there is one.
    Closed(Batch, Option<Result<Vec<Placed>>>),
    /// What the spool had below a number.
    Read(u64, Result<Vec<Stored>>),
    /// What the spool could not read may be read now.
    Reread,
    /// The sink was tried with a batch.
    Tried(Lane, Batch, Result<Vec<Verdict>, Failure>),
    /// The sink has been left alone long enough.
    Rested,
    /// The spool knows what is settled.
    Settled(Result<Settled>),
    /// Answer when all that came before is in the spool or the sink, or lost.
    Flush(oneshot::Sender<()>),
    /// Answer when the sink has all that came before, or has refused it.
    Delivered(oneshot::Sender<()>),
    /// Stop when all that came before is safe.
    Drain,
    /// Do not wait for the sink's answer any more.
    Hurry,
}

/// Has a batcher make safe what it took and stop; for whoever supervises it.
pub fn drain(batcher: &ActorCell) {
    // A batcher that is gone already has nothing to write.
    let _ = batcher.send_message(Msg::Drain);
}

pub(super) struct Batcher;

/// Whether the sink can be asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sink {
    Free,
    Busy,
    /// It failed, and is left alone for a while.
    Resting,
}

pub(super) struct State {
    myself: ActorRef<Msg>,
    inner: Arc<Inner>,
    waiting: Vec<(LogRecord, Place)>,
    timer: bool,
    /// How many records of the batch that was closed are not safe yet.
    closed: usize,
    lanes: Lanes,
    sink: Sink,
    backoff: Backoff,
    /// What is to be settled, and whether the spool is doing some already.
    kept: Vec<u64>,
    refused: Vec<Dead>,
    settling: bool,
    /// All numbers below are settled.
    settled_below: u64,
    /// How many records came since the start, and how many of them are safe or lost. Batches
    /// become safe in the order in which they came, so counting will do.
    taken: u64,
    safe: u64,
    /// Who waits, each until so many are safe.
    flushes: VecDeque<(u64, oneshot::Sender<()>)>,
    /// Who waits until so many are safe, then until all below a number is settled.
    deliveries: Vec<(u64, Option<u64>, oneshot::Sender<()>)>,
    draining: bool,
    hurried: bool,
}

impl State {
    fn on_record(&mut self, record: LogRecord, place: Place) {
        self.taken += 1;
        self.waiting.push((record, place));
        if self.waiting.len() >= BATCH {
            self.close();
        } else if !self.timer {
            self.timer = true;
            self.myself.send_after(AGE, || Msg::Due);
        }
    }

    /// Closes a batch, unless the one before is not safe yet.
    fn close(&mut self) {
        if self.closed > 0 || self.waiting.is_empty() {
            return;
        }
        self.closed = self.waiting.len().min(BATCH);
        let records: Vec<_> = self.waiting.drain(..self.closed).collect();
        let (inner, myself) = (self.inner.clone(), self.myself.clone());
        tokio::spawn(async move { spool(&inner, &myself, Batch::of(records)).await });
    }

    fn on_closed(&mut self, batch: Batch, outcome: Option<Result<Vec<Placed>>>) {
        match outcome {
            None => self.lanes.straight.push_back(batch),
            Some(Err(error)) => {
                self.inner.troubles.spool_failed(&error);
                self.lanes.straight.push_front(batch);
            }
            Some(Ok(placed)) => self.on_spooled(batch, placed),
        }
        self.go_on();
    }

    fn on_spooled(&mut self, batch: Batch, placed: Vec<Placed>) {
        let (records, parts) = (batch.len(), batch.spooled(placed));
        let left = parts.left.as_ref().map_or(0, Batch::len);
        self.inner.troubles.spool_took(left);
        self.inner.troubles.dropped(&parts.dropped);
        self.refused.extend(parts.refused);
        self.lanes.straight.extend(parts.left);
        if let Some(mut batch) = parts.safe {
            batch.free();
            self.lanes.live(batch);
        }
        self.on_safe(records - left);
    }

    fn on_safe(&mut self, records: usize) {
        self.safe += records as u64;
        self.closed = self.closed.saturating_sub(records);
        while let Some((_, reply_to)) = self.flushes.pop_front_if(|(until, _)| *until <= self.safe)
        {
            let _ = reply_to.send(());
        }
        self.tell_deliveries();
    }

    /// Gives the sink what is next, if it can be asked.
    fn send(&mut self) {
        // Who is told to stop leaves what is on the disk alone for the next start.
        if self.sink != Sink::Free || (self.draining && self.lanes.is_quiet()) {
            return;
        }
        let (inner, myself) = (self.inner.clone(), self.myself.clone());
        match self.lanes.next() {
            Turn::Batch(lane, batch) => {
                self.sink = Sink::Busy;
                // It may hang, and must not keep the spool open.
                let backend = inner.backend.clone();
                tokio::spawn(async move {
                    let outcome = attempt(backend, &batch).await;
                    let _ = myself.cast(Msg::Tried(lane, batch, outcome));
                });
            }
            // What the spool does not know to be settled would be read, and sent twice.
            Turn::Read { .. } if self.settling => self.lanes.not_yet(),
            Turn::Read { below } => {
                let Some(spool) = inner.spool.clone() else { return };
                self.sink = Sink::Busy;
                tokio::spawn(async move {
                    let _ = myself.cast(Msg::Read(below, spool.read(BATCH, below).await));
                });
            }
            Turn::Rest => {}
        }
    }

    fn on_read(&mut self, below: u64, stored: Result<Vec<Stored>>) {
        self.sink = Sink::Free;
        match stored {
            Ok(stored) if stored.is_empty() => {
                self.lanes.read_all(below);
                self.settle(true);
            }
            Ok(stored) => self.lanes.again(Lane::Backlog, Batch::stored(stored)),
            Err(error) => {
                self.inner.troubles.spool_failed(&error);
                self.lanes.pause(true);
                self.myself.send_after(REREAD, || Msg::Reread);
            }
        }
        self.go_on();
    }

    fn on_reread(&mut self) {
        self.lanes.pause(false);
        self.send();
    }

    fn on_tried(&mut self, lane: Lane, batch: Batch, outcome: Result<Vec<Verdict>, Failure>) {
        self.sink = Sink::Free;
        match outcome {
            Ok(verdicts) => {
                self.on_verdicts(lane, batch, verdicts);
            }
            Err(failure) => self.on_failed(lane, batch, &failure),
        }
        self.go_on();
    }

    fn on_verdicts(&mut self, lane: Lane, batch: Batch, verdicts: Vec<Verdict>) {
        let Judged { records, kept, refused, failed, reason } = batch.judged(verdicts);
        let done = records + refused.len();
        metrics::counter!("daemun_gamelog_kept_total").increment(records as u64);
        self.kept.extend(kept);
        self.refused.extend(refused);
        match lane {
            Lane::Straight => {
                self.on_safe(done);
                self.inner.troubles.made_room();
            }
            Lane::Living => {}
            Lane::Backlog => {
                metrics::counter!("daemun_gamelog_drained_total").increment(records as u64);
            }
        }
        if done > 0 {
            self.backoff.reset();
        }
        match failed {
            Some(failed) => self.on_failed(lane, failed, &Failure::OfRecords(reason)),
            None => self.inner.troubles.sink_answered(),
        }
    }

    fn on_failed(&mut self, lane: Lane, mut batch: Batch, failure: &Failure) {
        self.inner.troubles.sink_failed(failure);
        let (most, reason) = match failure {
            Failure::Error(_) => {
                self.lanes.again(lane, batch);
                return self.rest(failure);
            }
            Failure::Panicked => (PANICS, "the backend panics of it"),
            Failure::OfRecords(reason) => (FAILURES, reason.as_str()),
        };
        match batch.len() {
            2.. => {
                // One of them may be the cause: the search halves what is tried at once.
                let [first, second] = batch.halves();
                self.lanes.again(lane, second);
                self.lanes.again(lane, first);
            }
            0 | 1 => {
                batch.failures += 1;
                if batch.failures >= most {
                    let verdict = Verdict::Refused(reason.to_owned());
                    return self.on_verdicts(lane, batch, vec![verdict]);
                }
                self.lanes.again(lane, batch);
            }
        }
        self.rest(failure);
    }

    fn rest(&mut self, failure: &Failure) {
        self.sink = Sink::Resting;
        self.myself.send_after(self.backoff.after(failure), || Msg::Rested);
    }

    fn on_rested(&mut self) {
        self.sink = Sink::Free;
        // The spool may have room or work again, which is as good as the sink.
        if self.inner.spool.is_some()
            && let Some(batch) = self.lanes.straight.pop_front()
        {
            let (inner, myself) = (self.inner.clone(), self.myself.clone());
            tokio::spawn(async move { spool(&inner, &myself, batch).await });
        }
        self.go_on();
    }

    /// Has the spool settle what came together while it settled the last.
    fn settle(&mut self, even_nothing: bool) {
        let nothing = self.kept.is_empty() && self.refused.is_empty();
        let (kept, refused) = (std::mem::take(&mut self.kept), std::mem::take(&mut self.refused));
        let Some(spool) = self.inner.spool.clone() else {
            return self.inner.troubles.refused(&refused);
        };
        if self.settling || (nothing && !even_nothing) {
            (self.kept, self.refused) = (kept, refused);
            return;
        }
        self.settling = true;
        let myself = self.myself.clone();
        tokio::spawn(async move {
            let _ = myself.cast(Msg::Settled(spool.settle(kept, refused).await));
        });
    }

    fn on_settled(&mut self, settled: Result<Settled>) {
        self.settling = false;
        match settled {
            Ok(settled) => self.settled_below = settled.below,
            Err(error) => self.inner.troubles.spool_failed(&error),
        }
        self.tell_deliveries();
        self.go_on();
    }

    fn tell_deliveries(&mut self) {
        let (safe, end) = (self.safe, self.lanes.end());
        let below = if self.inner.spool.is_some() { self.settled_below } else { u64::MAX };
        for (taken, until, _) in &mut self.deliveries {
            *until = until.or((*taken <= safe).then_some(end));
        }
        let over = |entry: &mut (u64, Option<u64>, _)| entry.1.is_some_and(|until| until <= below);
        for (.., reply_to) in self.deliveries.extract_if(.., over) {
            let _ = reply_to.send(());
        }
    }

    /// Does what can be done now.
    fn go_on(&mut self) {
        // What came meanwhile has waited as long as the batch before took: it goes at once.
        self.close();
        self.settle(false);
        if self.is_drained() {
            return self.myself.stop(None);
        }
        self.send();
    }

    /// Whether it is told to stop and all is safe, and nothing new can go to the sink now. What
    /// is on the disk alone waits for the next start.
    fn is_drained(&self) -> bool {
        let safe = self.waiting.is_empty() && self.closed == 0;
        let idle = self.sink == Sink::Free && self.lanes.is_quiet() && !self.settling;
        self.draining && safe && (idle || self.sink == Sink::Resting || self.hurried)
    }
}

/// Puts a batch into the spool, when there is one.
async fn spool(inner: &Inner, myself: &ActorRef<Msg>, batch: Batch) {
    let outcome = match &inner.spool {
        Some(spool) => Some(spool.append(batch.keeps.clone(), batch.records.clone()).await),
        None => None,
    };
    let _ = myself.cast(Msg::Closed(batch, outcome));
}

/// Has the sink keep a batch, in a task of its own, so that a panic ends that task alone.
async fn attempt(backend: Arc<dyn GamelogDuty>, batch: &Batch) -> Result<Vec<Verdict>, Failure> {
    let records = batch.records.clone();
    let work = async move { tokio::time::timeout(ATTEMPT, backend.append(records)).await };
    match tokio::spawn(work).await {
        Ok(Ok(Ok(verdicts))) if verdicts.len() == batch.len() => Ok(verdicts),
        Ok(Ok(Ok(verdicts))) => {
            let words = format!("{} verdicts on {} records", verdicts.len(), batch.len());
            Err(Failure::Error(StorageError::Corrupt(words)))
        }
        Ok(Ok(Err(error))) => Err(Failure::Error(error)),
        Ok(Err(_)) => Err(Failure::Error(StorageError::OutcomeUnknown)),
        Err(_) => Err(Failure::Panicked),
    }
}

impl Actor for Batcher {
    type Msg = Msg;
    type State = State;
    type Arguments = Arc<Inner>;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        inner: Arc<Inner>,
    ) -> Result<State, ActorProcessingErr> {
        let (lanes, settled_below) = match &inner.spool {
            Some(spool) => {
                let begin = spool.begin().await?;
                (Lanes::behind(begin.next), begin.below)
            }
            None => (Lanes::default(), 0),
        };
        // What the spool has already goes to the sink without waiting for a record.
        let _ = myself.cast(Msg::Rested);
        Ok(State {
            myself,
            inner,
            waiting: Vec::new(),
            timer: false,
            closed: 0,
            lanes,
            sink: Sink::Free,
            backoff: Backoff::default(),
            kept: Vec::new(),
            refused: Vec::new(),
            settling: false,
            settled_below,
            taken: 0,
            safe: 0,
            flushes: VecDeque::new(),
            deliveries: Vec::new(),
            draining: false,
            hurried: false,
        })
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Record(record, place) => state.on_record(*record, place),
            Msg::Due => {
                state.timer = false;
                state.close();
            }
            Msg::Closed(batch, outcome) => state.on_closed(batch, outcome),
            Msg::Read(below, stored) => state.on_read(below, stored),
            Msg::Reread => state.on_reread(),
            Msg::Tried(lane, batch, outcome) => state.on_tried(lane, batch, outcome),
            Msg::Rested => state.on_rested(),
            Msg::Settled(settled) => state.on_settled(settled),
            Msg::Flush(reply_to) => {
                state.flushes.push_back((state.taken, reply_to));
                state.on_safe(0);
                state.close();
            }
            Msg::Delivered(reply_to) => {
                state.deliveries.push((state.taken, None, reply_to));
                state.tell_deliveries();
                state.close();
            }
            Msg::Drain => {
                state.draining = true;
                if state.inner.spool.is_some() {
                    state.myself.send_after(GRACE, || Msg::Hurry);
                }
                state.go_on();
            }
            Msg::Hurry => {
                state.hurried = true;
                state.go_on();
            }
        }
        Ok(())
    }
}
