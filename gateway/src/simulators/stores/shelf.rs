//! What a simulated store has sold, and what became of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use parking_lot::Mutex;
use protocol::error::ErrorBody;
use storage::clock::{Clock, Micros};

use super::conduct::{Conduct, Delivery};

/// The most purchases that are remembered; the oldest are forgotten first.
const MOST_SOLD: usize = 10_000;
/// The most notifications that wait to be fetched; the oldest are lost first.
const MOST_EVENTS: usize = 1_000;
/// After this time the money of an unacknowledged purchase is given back.
const SETTLE_WITHIN: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// A purchase.
#[derive(Clone, Debug)]
pub(super) struct Sold {
    /// What the store calls it, and what its API is asked by.
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) product: String,
    pub(super) quantity: u32,
    pub(super) account: Option<String>,
    pub(super) sandbox: bool,
    pub(super) non_consumable: bool,
    pub(super) price_micros: i64,
    pub(super) currency: String,
    pub(super) bought_at: Micros,
    pub(super) paid_at: Option<Micros>,
    pub(super) cancelled: bool,
    pub(super) refund: Option<Taken>,
    pub(super) acknowledged: bool,
    pub(super) consumed: bool,
}

/// What was given back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) at: Micros,
    /// In percent.
    pub(super) share: u32,
    /// Because nobody acknowledged it.
    pub(super) unacknowledged: bool,
}

/// What a notification tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Paid,
    Cancelled,
    Refunded,
    Reversed,
}

/// A notification before it is signed.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) number: u64,
    pub(super) what: What,
    pub(super) at: Micros,
    /// As the purchase was then.
    pub(super) sold: Sold,
}

/// What a buyer says.
pub(super) struct Order {
    pub(super) product: String,
    pub(super) quantity: u32,
    pub(super) account: Option<String>,
    pub(super) sandbox: bool,
    pub(super) non_consumable: bool,
    pub(super) price_micros: i64,
    pub(super) currency: String,
    pub(super) pay_later: bool,
}

/// One store's purchases.
pub(super) struct Shelf {
    clock: Arc<dyn Clock>,
    /// Whether unacknowledged purchases are refunded.
    settles: bool,
    name_of: fn(u64) -> String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sold: BTreeMap<u64, Sold>,
    events: VecDeque<Event>,
    next: u64,
    next_event: u64,
    ahead: Duration,
    conduct: Conduct,
    asked: u64,
    told: u64,
}

/// How a store stands.
pub(super) struct Standing {
    pub(super) sold: usize,
    pub(super) waiting: usize,
    pub(super) asked: u64,
    pub(super) told: u64,
    pub(super) acknowledged: usize,
    pub(super) ahead_s: u64,
    pub(super) conduct: Conduct,
}

impl Shelf {
    pub(super) fn new(clock: &Arc<dyn Clock>, settles: bool, name_of: fn(u64) -> String) -> Self {
        Self { clock: Arc::clone(clock), settles, name_of, state: Mutex::default() }
    }

    pub(super) fn now(&self) -> Micros {
        self.clock.now()
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.now().0 / 1_000
    }

    /// Sells something.
    pub(super) fn sell(&self, order: Order) -> Sold {
        let now = self.now();
        let mut state = self.state.lock();
        state.next += 1;
        let number = state.next;
        let sold = Sold {
            id: (self.name_of)(number),
            number,
            product: order.product,
            quantity: order.quantity,
            account: order.account,
            sandbox: order.sandbox,
            non_consumable: order.non_consumable,
            price_micros: order.price_micros,
            currency: order.currency,
            bought_at: now,
            paid_at: (!order.pay_later).then_some(now),
            cancelled: false,
            refund: None,
            acknowledged: false,
            consumed: false,
        };
        state.sold.insert(number, sold.clone());
        if state.sold.len() > MOST_SOLD {
            state.sold.pop_first();
        }
        if !order.pay_later {
            state.tell(What::Paid, now, &sold);
        }
        sold
    }

    /// The purchase of that name, as it stands now.
    pub(super) fn find(&self, id: &str) -> Option<Sold> {
        let now = self.now();
        let mut state = self.state.lock();
        self.settle(&mut state, now);
        state.sold.values().find(|sold| sold.id == id).cloned()
    }

    /// Every purchase, as it stands now, the first first.
    pub(super) fn all(&self) -> Vec<Sold> {
        let now = self.now();
        let mut state = self.state.lock();
        self.settle(&mut state, now);
        state.sold.values().cloned().collect()
    }

    /// Changes a purchase; what `change` says is told in a notification.
    pub(super) fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Sold, Micros) -> Result<Option<What>, ErrorBody>,
    ) -> Result<Sold, ErrorBody> {
        let now = self.now();
        let mut state = self.state.lock();
        self.settle(&mut state, now);
        let sold = state.sold.values_mut().find(|sold| sold.id == id);
        let sold = sold.ok_or_else(|| ErrorBody::invalid("transaction", "is unknown here"))?;
        let what = change(sold, now)?;
        let sold = sold.clone();
        if let Some(what) = what {
            state.tell(what, now, &sold);
        }
        Ok(sold)
    }

    /// The notifications that wait, which are gone then.
    pub(super) fn events(&self) -> Vec<Event> {
        let now = self.now();
        let mut state = self.state.lock();
        self.settle(&mut state, now);
        state.events.drain(..).collect()
    }

    /// The notifications that are to be sent now: none while they are held.
    pub(super) fn to_send(&self) -> Vec<Event> {
        let held = self.state.lock().conduct.notifications == Delivery::Held;
        if held { Vec::new() } else { self.events() }
    }

    /// So much more time has passed for what is not acknowledged.
    pub(super) fn advance(&self, by: Duration) {
        let now = self.now();
        let mut state = self.state.lock();
        state.ahead = state.ahead.saturating_add(by);
        self.settle(&mut state, now);
    }

    pub(super) fn behave(&self, conduct: Conduct) {
        self.state.lock().conduct = conduct;
    }

    /// Counts a question to the store's API and says how it is to be answered.
    pub(super) fn asked(&self) -> Conduct {
        let mut state = self.state.lock();
        state.asked += 1;
        state.conduct
    }

    /// Counts that the store was told of a grant; the status is what it answers instead of
    /// listening.
    pub(super) fn told(&self) -> Option<StatusCode> {
        let mut state = self.state.lock();
        state.told += 1;
        StatusCode::from_u16(state.conduct.told?).ok()
    }

    pub(super) fn standing(&self) -> Standing {
        let state = self.state.lock();
        Standing {
            sold: state.sold.len(),
            waiting: state.events.len(),
            asked: state.asked,
            told: state.told,
            acknowledged: state.sold.values().filter(|sold| sold.acknowledged).count(),
            ahead_s: state.ahead.as_secs(),
            conduct: state.conduct,
        }
    }

    /// Gives back the money of what nobody acknowledged in time.
    fn settle(&self, state: &mut State, now: Micros) {
        if !self.settles {
            return;
        }
        let late = now.after(state.ahead);
        let due: Vec<u64> = state
            .sold
            .values()
            .filter(|sold| !sold.acknowledged && sold.refund.is_none())
            .filter(|sold| sold.paid_at.is_some_and(|at| at.after(SETTLE_WITHIN) <= late))
            .map(|sold| sold.number)
            .collect();
        for number in due {
            let taken = Taken { at: now, share: 100, unacknowledged: true };
            let changed = state.sold.get_mut(&number).map(|sold| {
                sold.refund = Some(taken);
                sold.clone()
            });
            if let Some(sold) = changed {
                state.tell(What::Refunded, now, &sold);
            }
        }
    }
}

impl State {
    fn tell(&mut self, what: What, at: Micros, sold: &Sold) {
        self.next_event += 1;
        let event = Event { number: self.next_event, what, at, sold: sold.clone() };
        let copies = match self.conduct.notifications {
            Delivery::Once | Delivery::Held => 1,
            Delivery::Twice => 2,
            Delivery::Lost => 0,
        };
        for _ in 0..copies {
            self.events.push_back(event.clone());
            if self.events.len() > MOST_EVENTS {
                self.events.pop_front();
            }
        }
    }
}
