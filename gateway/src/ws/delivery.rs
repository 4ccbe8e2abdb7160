//! The pushes that must arrive, on their way to one connection.
//!
//! The inbox is read on the truth from the last number that was delivered; a hint only says
//! that there is something to read. So nothing is lost, doubled or out of order, however
//! hints come. One reading is under way at a time, of a bounded part; it is sent out before
//! the next is asked for.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use actors::identity::tokens::Caller;
use actors::node::Node;
use actors::push::with_gaps;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use protocol::push::InboxPush;
use storage::error::StorageError;
use storage::push::Inbox;

/// How many pushes are read at a time.
const PART: usize = 64;

type Reading = BoxFuture<'static, Result<Inbox, StorageError>>;

/// Where the delivery stands.
pub(super) struct Delivery {
    /// The highest number that was delivered.
    delivered: u64,
    /// How far the inbox is known to reach.
    known: u64,
    reading: Option<Reading>,
    /// What was read and is not yet sent.
    ready: VecDeque<InboxPush>,
    /// The acknowledgement that is being written, and the highest one that came meanwhile.
    acking: Option<BoxFuture<'static, ()>>,
    ack: Option<u64>,
}

impl Delivery {
    /// From the number that the client has, to where the inbox reaches.
    pub(super) fn new(delivered: u64, known: u64) -> Self {
        Self { delivered, known, reading: None, ready: VecDeque::new(), acking: None, ack: None }
    }

    /// The inbox reaches at least so far.
    pub(super) fn look(&mut self, seq: u64) {
        self.known = self.known.max(seq);
    }

    /// Whether everything up to here was delivered.
    pub(super) fn reached(&self, seq: u64) -> bool {
        self.delivered >= seq
    }

    /// The client has everything up to here. Storing it may take its time: a later one
    /// stands for all before it.
    pub(super) fn ack(&mut self, seq: u64) {
        self.ack = self.ack.max(Some(seq));
    }

    /// The next push to send, once there is one.
    pub(super) fn poll_next(
        &mut self,
        node: &Node,
        caller: &Caller,
        context: &mut Context<'_>,
    ) -> Poll<InboxPush> {
        self.poll_ack(node, caller, context);
        loop {
            if let Some(push) = self.ready.pop_front() {
                self.delivered = push.seq;
                return Poll::Ready(push);
            }
            if self.reading.is_none() {
                if self.delivered >= self.known {
                    // A quiet connection keeps no room for pushes.
                    self.ready = VecDeque::new();
                    return Poll::Pending;
                }
                self.reading = Some(read(node.clone(), caller.clone(), self.delivered));
            }
            let Some(reading) = &mut self.reading else { return Poll::Pending };
            let Poll::Ready(read) = reading.poll_unpin(context) else { return Poll::Pending };
            self.reading = None;
            match read {
                Ok(inbox) => {
                    self.known = self.known.max(inbox.seq);
                    let reached = inbox.seq;
                    self.ready = with_gaps(self.delivered, inbox, PART).into();
                    if self.ready.is_empty() {
                        // All of it was acknowledged elsewhere.
                        self.delivered = self.delivered.max(reached);
                        self.known = self.delivered;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "an inbox could not be read; the next hint or heartbeat reads it");
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_ack(&mut self, node: &Node, caller: &Caller, context: &mut Context<'_>) {
        loop {
            if let Some(acking) = &mut self.acking {
                if acking.poll_unpin(context).is_pending() {
                    return;
                }
                self.acking = None;
            }
            let Some(seq) = self.ack.take() else { return };
            let (node, caller) = (node.clone(), caller.clone());
            self.acking = Some(Box::pin(async move {
                if let Err(error) = node.sessions.acknowledge(&caller, seq).await {
                    // The pushes come again with the next resume, which does no harm.
                    tracing::warn!(%error, "an acknowledgement could not be kept");
                }
            }));
        }
    }
}

fn read(node: Node, caller: Caller, after: u64) -> Reading {
    Box::pin(async move {
        node.storage.inboxes.read(caller.app, caller.member, after, node.clock.now(), PART).await
    })
}
