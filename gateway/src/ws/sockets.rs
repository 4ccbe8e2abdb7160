//! Every open socket, so that a drain reaches all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actors::sessions::Connection;
use parking_lot::Mutex;
use protocol::close::{CloseCode, CloseReason};
use tokio::sync::Notify;

use super::outbound::Outbound;

/// The sockets of this node.
#[derive(Clone, Default)]
pub struct Sockets(Arc<Inner>);

#[derive(Default)]
struct Inner {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Outbound>>>,
    gone: Notify,
}

impl Sockets {
    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.open.lock().len()
    }

    /// Asks every socket to close, each to come back after a time of its own within
    /// `spread_ms`, so that they do not all come at once.
    pub fn drain(&self, spread_ms: u64) {
        // Taken out of the lock: closing wakes tasks.
        let open: Vec<_> = self.0.open.lock().values().cloned().collect();
        for outbound in open {
            let random = u64::from_be_bytes(actors::random::bytes());
            let reason = CloseReason {
                retry_after_ms: Some(random % spread_ms.max(1)),
                ..CloseReason::default()
            };
            outbound.close(CloseCode::Draining, reason);
        }
    }

    /// Returns when no socket is open.
    pub async fn all_gone(&self) {
        loop {
            let gone = self.0.gone.notified();
            if self.count() == 0 {
                return;
            }
            gone.await;
        }
    }

    pub(super) fn enter(&self, outbound: Arc<Outbound>) -> Entered {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.open.lock().insert(id, outbound);
        metrics::gauge!("daemun_sockets").increment(1.0);
        Entered { sockets: self.clone(), id }
    }
}

/// A socket's entry, given up when dropped.
pub(super) struct Entered {
    sockets: Sockets,
    id: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.sockets.0.open.lock().remove(&self.id);
        metrics::gauge!("daemun_sockets").decrement(1.0);
        self.sockets.0.gone.notify_waiters();
    }
}
