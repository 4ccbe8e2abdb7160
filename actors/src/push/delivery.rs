//! The pushes that must arrive, on their way to one connection.
//!
//! The inbox is read on the truth from the last number that was delivered; a hint only says
//! that there is something to read. So nothing is lost, doubled or out of order, however
//! hints come. One reading is under way at a time, of a bounded part; it is sent out before
//! the next is asked for.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use protocol::push::InboxPush;
use storage::error::StorageError;
use storage::gamelog::Event;
use storage::push::Inbox;

use super::with_gaps;
use crate::identity::tokens::Caller;
use crate::node::Node;

/// How many pushes are read at a time.
pub const PART: usize = 64;

/// A part of an inbox that is being read.
pub type Reading = BoxFuture<'static, Result<Inbox, StorageError>>;

/// One member's inbox, as a delivery needs it.
pub trait Truth {
    /// At most `limit` pushes behind a number.
    fn read(&self, after: u64, limit: usize) -> Reading;
    /// Everything up to a number has arrived. Answers with what is acknowledged now; what goes
    /// wrong is told to the log alone.
    fn ack(&self, seq: u64) -> BoxFuture<'static, Option<u64>>;
    /// A part of it was handed to the socket: its first and its last number.
    fn sent(&self, from: u64, to: u64);
}

/// The inbox in storage.
pub struct InboxOf<'a> {
    /// Where storage is, and the time.
    pub node: &'a Node,
    /// Whose inbox it is.
    pub caller: &'a Caller,
}

impl Truth for InboxOf<'_> {
    fn read(&self, after: u64, limit: usize) -> Reading {
        let (node, caller) = (self.node.clone(), self.caller.clone());
        Box::pin(async move {
            let now = node.clock.now();
            node.storage.inboxes.read(caller.app, caller.member, after, now, limit).await
        })
    }

    fn ack(&self, seq: u64) -> BoxFuture<'static, Option<u64>> {
        let (node, caller) = (self.node.clone(), self.caller.clone());
        Box::pin(async move {
            let acked = node.sessions.acknowledge(&caller, seq).await;
            // The pushes come again with the next resume, which does no harm.
            acked
                .inspect_err(|error| tracing::warn!(%error, "an acknowledgement could not be kept"))
                .ok()
        })
    }

    fn sent(&self, from: u64, to: u64) {
        let event = Event::PushSent { login: self.caller.login, from, to };
        self.node.sessions.log(self.caller, event);
    }
}

/// Where the delivery stands.
pub struct Delivery {
    /// The highest number that was delivered.
    delivered: u64,
    /// How far the inbox is known to reach.
    known: u64,
    /// The reading that is under way, and how far the inbox was known to reach when it began.
    reading: Option<(u64, Reading)>,
    /// What was read and is not yet sent, and the number of the first of that reading.
    ready: VecDeque<InboxPush>,
    first: u64,
    /// The acknowledgement that is being written, the highest one that came meanwhile, and how
    /// far the inbox is known to be acknowledged.
    acking: Option<BoxFuture<'static, Option<u64>>>,
    ack: Option<u64>,
    acked: u64,
}

impl Delivery {
    /// From the number that the client has, to where the inbox reaches.
    #[must_use]
    pub fn new(delivered: u64, known: u64) -> Self {
        Self {
            delivered,
            known,
            reading: None,
            ready: VecDeque::new(),
            first: 0,
            acking: None,
            ack: None,
            acked: 0,
        }
    }

    /// The inbox reaches at least so far.
    pub fn look(&mut self, seq: u64) {
        self.known = self.known.max(seq);
    }

    /// Whether everything up to here was delivered.
    #[must_use]
    pub fn reached(&self, seq: u64) -> bool {
        self.delivered >= seq
    }

    /// The client has everything up to here. Storing it may take its time: a later one
    /// stands for all before it, and one that is kept already is not kept again.
    pub fn ack(&mut self, seq: u64) {
        if seq > self.acked {
            self.ack = self.ack.max(Some(seq));
        }
    }

    /// The next push to send, once there is one.
    pub fn poll_next(&mut self, truth: &impl Truth, context: &mut Context<'_>) -> Poll<InboxPush> {
        self.poll_ack(truth, context);
        loop {
            if let Some(push) = self.ready.pop_front() {
                self.delivered = push.seq;
                if self.ready.is_empty() {
                    truth.sent(self.first, push.seq);
                }
                return Poll::Ready(push);
            }
            if self.reading.is_none() {
                if self.delivered >= self.known {
                    // A quiet connection keeps no room for pushes.
                    self.ready = VecDeque::new();
                    return Poll::Pending;
                }
                self.reading = Some((self.known, truth.read(self.delivered, PART)));
            }
            let Some((began, reading)) = &mut self.reading else { return Poll::Pending };
            let hinted = self.known > *began;
            let Poll::Ready(read) = reading.poll_unpin(context) else { return Poll::Pending };
            self.reading = None;
            match read {
                Ok(inbox) => {
                    let reached = inbox.seq;
                    self.ready = with_gaps(self.delivered, inbox, PART).into();
                    self.first = self.ready.front().map_or(0, |push| push.seq);
                    if self.ready.is_empty() {
                        // All of it was acknowledged elsewhere. A hint that came meanwhile may
                        // be of what is behind it.
                        self.delivered = self.delivered.max(reached);
                        self.known = if hinted { self.known } else { self.delivered };
                    }
                    self.known = self.known.max(reached);
                }
                Err(error) => {
                    tracing::warn!(%error, "an inbox could not be read; the next hint or heartbeat reads it");
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_ack(&mut self, truth: &impl Truth, context: &mut Context<'_>) {
        loop {
            if let Some(acking) = &mut self.acking {
                let Poll::Ready(acked) = acking.poll_unpin(context) else { return };
                self.acked = self.acked.max(acked.unwrap_or(0));
                self.acking = None;
            }
            let Some(seq) = self.ack.take().filter(|seq| *seq > self.acked) else { return };
            self.acking = Some(truth.ack(seq));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::task::Waker;

    use storage::clock::Micros;
    use storage::push::KeptPush;
    use tokio::sync::oneshot;

    use super::*;

    type Answer = oneshot::Sender<Inbox>;

    /// An inbox whose readings are answered by the test: after which number, and the answer.
    #[derive(Default)]
    struct Asked(RefCell<VecDeque<(u64, Answer)>>);

    impl Asked {
        /// Answers the oldest reading, which must be one behind this number.
        fn answer(&self, after: u64, inbox: Inbox) {
            let (asked, answer) = self.0.borrow_mut().pop_front().unwrap();
            assert_eq!(asked, after);
            assert!(answer.send(inbox).is_ok());
        }
    }

    impl Truth for Asked {
        fn read(&self, after: u64, _limit: usize) -> Reading {
            let (answer, answered) = oneshot::channel();
            self.0.borrow_mut().push_back((after, answer));
            Box::pin(async { answered.await.map_err(|_| StorageError::Overloaded) })
        }

        fn sent(&self, _from: u64, _to: u64) {}

        fn ack(&self, _seq: u64) -> BoxFuture<'static, Option<u64>> {
            Box::pin(async { None })
        }
    }

    fn next(delivery: &mut Delivery, inbox: &Asked) -> Option<u64> {
        match delivery.poll_next(inbox, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(push) => Some(push.seq),
            Poll::Pending => None,
        }
    }

    fn kept(seq: u64) -> KeptPush {
        KeptPush { seq, word: "message".into(), body: "{}".into(), at: Micros(1) }
    }

    /// It waited for the next hint, whenever that came.
    #[test]
    fn a_hint_amid_a_reading_of_nothing_is_not_forgotten() {
        let (inbox, mut delivery) = (Asked::default(), Delivery::new(0, 1));
        assert_eq!(next(&mut delivery, &inbox), None);
        // The first was acknowledged elsewhere; the second is written while that is read.
        delivery.look(2);
        inbox.answer(0, Inbox { pushes: Vec::new(), seq: 1, acked: 1 });
        assert_eq!(next(&mut delivery, &inbox), None);
        inbox.answer(1, Inbox { pushes: vec![kept(2)], seq: 2, acked: 1 });
        assert_eq!(next(&mut delivery, &inbox), Some(2));
        assert_eq!(next(&mut delivery, &inbox), None);
        assert!(inbox.0.borrow().is_empty(), "all of it is delivered");
    }

    #[test]
    fn a_hint_of_what_is_not_there_is_looked_for_once() {
        let (inbox, mut delivery) = (Asked::default(), Delivery::new(3, 3));
        assert_eq!(next(&mut delivery, &inbox), None);
        delivery.look(9);
        assert_eq!(next(&mut delivery, &inbox), None);
        inbox.answer(3, Inbox { pushes: Vec::new(), seq: 3, acked: 3 });
        assert_eq!(next(&mut delivery, &inbox), None);
        assert!(inbox.0.borrow().is_empty());
    }

    /// A truth whose acknowledgements succeed or fail as they are told to, all at once.
    #[derive(Default)]
    struct Acks {
        fails: Cell<bool>,
        asked: RefCell<Vec<u64>>,
        sent: RefCell<Vec<(u64, u64)>>,
    }

    impl Truth for Acks {
        fn read(&self, after: u64, _limit: usize) -> Reading {
            let pushes = (after + 1..=3).map(kept).collect();
            Box::pin(async { Ok(Inbox { pushes, seq: 3, acked: 0 }) })
        }

        fn ack(&self, seq: u64) -> BoxFuture<'static, Option<u64>> {
            self.asked.borrow_mut().push(seq);
            let answer = (!self.fails.get()).then_some(seq);
            Box::pin(async move { answer })
        }

        fn sent(&self, from: u64, to: u64) {
            self.sent.borrow_mut().push((from, to));
        }
    }

    #[test]
    fn an_acknowledgement_that_is_kept_is_not_kept_again_and_one_that_failed_is() {
        let (truth, mut delivery) = (Acks::default(), Delivery::new(3, 3));
        let mut ack = |seq| {
            delivery.ack(seq);
            let mut context = Context::from_waker(Waker::noop());
            assert!(delivery.poll_next(&truth, &mut context).is_pending());
        };
        truth.fails.set(true);
        ack(2);
        truth.fails.set(false);
        for seq in [2, 2, 1, 3, 3, 2] {
            ack(seq);
        }
        assert_eq!(*truth.asked.borrow(), [2, 2, 3]);
    }

    #[test]
    fn what_was_sent_is_told_once_when_all_of_it_is_out() {
        let (truth, mut delivery) = (Acks::default(), Delivery::new(0, 3));
        let mut context = Context::from_waker(Waker::noop());
        for seq in 1..=3 {
            assert_eq!(*truth.sent.borrow(), []);
            let Poll::Ready(push) = delivery.poll_next(&truth, &mut context) else { panic!() };
            assert_eq!(push.seq, seq);
        }
        assert!(delivery.poll_next(&truth, &mut context).is_pending());
        assert_eq!(*truth.sent.borrow(), [(1, 3)]);
    }
}
