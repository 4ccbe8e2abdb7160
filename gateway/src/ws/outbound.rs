//! What waits to be sent to a client by others than its own task.
//!
//! A short lock around a queue that allocates nothing until it is used, and one waker: the
//! connection's task. The bound is in bytes; a client too slow for it is closed.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use actors::sessions::{Broadcast, Connection};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use protocol::close::{CloseCode, CloseReason};
use protocol::codec::Format;
use protocol::frame::ServerFrame;
use protocol::push::Push;

/// The way to one connection, for everyone but its own task.
pub(super) struct Outbound {
    format: Format,
    limit: usize,
    queue: Mutex<Queue>,
    waker: AtomicWaker,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// How far the member's inbox reaches, when it was said and not yet looked at.
    look: Option<u64>,
    /// In a box: most connections are never asked to close.
    close: Option<Box<Closing>>,
}

/// A close, and what comes before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closing {
    /// The code.
    pub(super) code: CloseCode,
    /// The advice that goes with it.
    pub(super) reason: CloseReason,
    /// Up to which number the inbox is delivered first; 0 if it need not be.
    pub(super) after: u64,
}

impl Closing {
    /// One before which nothing is owed.
    pub(super) fn now(code: CloseCode) -> Box<Self> {
        Box::new(Self { code, reason: CloseReason::default(), after: 0 })
    }
}

/// What the connection's task is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Send this frame.
    Frame(Bytes),
    /// Read the inbox, which reaches up to this number.
    Look(u64),
    /// Answer what is in flight, deliver what is owed, then close.
    Close(Box<Closing>),
}

impl Outbound {
    /// A queue of at most `limit` bytes.
    pub(super) fn new(format: Format, limit: usize) -> Self {
        Self { format, limit, queue: Mutex::default(), waker: AtomicWaker::new() }
    }

    /// The next thing to do, once there is one.
    pub(super) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Next> {
        // Registered before looking, so that nothing put in between is missed.
        self.waker.register(context.waker());
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// The next thing to do, if there is one.
    pub(super) fn take(&self) -> Option<Next> {
        let mut queue = self.queue.lock();
        if let Some(frame) = queue.frames.pop_front() {
            queue.bytes -= frame.len();
            return Some(Next::Frame(frame));
        }
        if let Some(seq) = queue.look.take() {
            return Some(Next::Look(seq));
        }
        queue.close.take().map(Next::Close)
    }

    fn send(&self, frame: Bytes) {
        {
            let mut queue = self.queue.lock();
            if queue.close.is_some() {
                // Whatever comes after a close is not sent.
                return;
            }
            if queue.bytes + frame.len() > self.limit {
                metrics::counter!("daemun_slow_consumers_total").increment(1);
                // Nothing of what waits would arrive in time: the client comes back for it.
                *queue = Queue {
                    close: Some(Closing::now(CloseCode::SlowConsumer)),
                    ..Queue::default()
                };
            } else {
                queue.bytes += frame.len();
                queue.frames.push_back(frame);
            }
        }
        self.waker.wake();
    }
}

impl Connection for Outbound {
    fn push(&self, push: &Push) {
        match ServerFrame::push(push).encode(self.format) {
            Ok(frame) => self.send(frame.into()),
            Err(error) => {
                tracing::error!(%error, push = push.word(), "a push could not be written")
            }
        }
    }

    fn broadcast(&self, broadcast: &Broadcast) {
        if let Some(frame) = broadcast.frame(self.format) {
            self.send(frame);
        }
    }

    fn look(&self, seq: u64) {
        let mut queue = self.queue.lock();
        queue.look = queue.look.max(Some(seq));
        drop(queue);
        self.waker.wake();
    }

    fn close_after(&self, seq: u64, code: CloseCode, reason: CloseReason) {
        let closing = Closing { code, reason, after: seq };
        // The first reason to close is the one that is told.
        self.queue.lock().close.get_or_insert_with(|| Box::new(closing));
        self.waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(code: CloseCode) -> Option<Next> {
        Some(Next::Close(Closing::now(code)))
    }

    #[test]
    fn frames_come_first_then_the_first_close() {
        let outbound = Outbound::new(Format::Json, 1024);
        outbound.push(&Push::SessionReplaced);
        outbound.close(CloseCode::Replaced, CloseReason::default());
        outbound.close(CloseCode::LoggedOut, CloseReason::default());
        outbound.push(&Push::SessionExpiring { expires_s: 1 });

        let frame = br#"{"push":"session.replaced","body":{}}"#;
        assert_eq!(outbound.take(), Some(Next::Frame(Bytes::from_static(frame))));
        assert_eq!(outbound.take(), closed(CloseCode::Replaced));
        assert_eq!(outbound.take(), None);
    }

    #[test]
    fn a_client_at_the_bound_is_served_and_one_byte_over_it_is_closed() {
        let frame = ServerFrame::push(&Push::SessionReplaced).encode(Format::Json).unwrap();
        let outbound = Outbound::new(Format::Json, 2 * frame.len());
        outbound.push(&Push::SessionReplaced);
        outbound.push(&Push::SessionReplaced);
        assert_eq!(outbound.take(), Some(Next::Frame(frame.clone().into())));
        outbound.push(&Push::SessionReplaced);
        outbound.push(&Push::SessionReplaced);
        assert_eq!(outbound.take(), closed(CloseCode::SlowConsumer));
    }
}
