//! Where a scenario reaches one player: a mailbox that costs nothing while it is empty.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::ask::Ask;

/// How many asks are kept for a player who has no connection or no room; the rest is lost,
/// and counted.
const KEPT: usize = 4_096;

/// Something to ask, and when that was due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Due {
    /// What.
    pub(super) ask: Ask,
    /// When.
    pub(super) at: Instant,
}

/// What a player is to do besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Cut the connection, and come back.
    Cut,
    /// Stop reading.
    StopReading,
    /// Read again.
    ReadAgain,
    /// Close the session and leave.
    Leave,
}

/// A player's mailbox.
pub(super) struct Seat {
    /// The player's number.
    pub(super) number: usize,
    mail: Mutex<Mail>,
    bell: Notify,
}

#[derive(Default)]
struct Mail {
    asks: VecDeque<Due>,
    order: Option<Order>,
    closed: bool,
}

impl Seat {
    /// The empty mailbox of this player.
    pub(super) fn new(number: usize) -> Self {
        Self { number, mail: Mutex::default(), bell: Notify::new() }
    }

    /// Has the player ask. False when it is gone, or too much waits already.
    pub(super) fn ask(&self, due: Due) -> bool {
        {
            let mut mail = self.mail();
            if mail.closed || mail.asks.len() >= KEPT {
                return false;
            }
            mail.asks.push_back(due);
        }
        self.bell.notify_one();
        true
    }

    /// Has the player do this instead of what it was told before.
    pub(super) fn order(&self, order: Order) {
        self.mail().order = Some(order);
        self.bell.notify_one();
    }

    /// Takes nothing more: the player is gone.
    pub(super) fn close(&self) {
        self.mail().closed = true;
    }

    /// Returns when there may be something in the mailbox. Nothing is lost by not waiting on.
    pub(super) async fn bell(&self) {
        self.bell.notified().await;
    }

    /// Takes the next ask out.
    pub(super) fn next_ask(&self) -> Option<Due> {
        self.mail().asks.pop_front()
    }

    /// Takes the order out.
    pub(super) fn next_order(&self) -> Option<Order> {
        self.mail().order.take()
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
