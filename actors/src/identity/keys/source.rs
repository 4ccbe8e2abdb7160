//! One key set and the rules of when to fetch it again; no input or output of its own.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use storage::clock::Micros;
use tokio::sync::watch;

use super::fetch::Fetched;
use super::jwk::PublicKey;
use crate::identity::provider::{Refusal, reason};

/// The least time from the start of one fetch to the start of the next.
const COOLDOWN: Duration = Duration::from_secs(10);
/// How long keys stay in use after they turned stale while no newer ones can be had
/// (`stale-if-error`, RFC 5861, 4).
const STALE_IF_ERROR: Duration = Duration::from_secs(24 * 60 * 60);

/// What a caller who wants a key has to do.
pub(super) enum Step {
    /// Use this key.
    Known(Arc<PublicKey>),
    /// Give up for now.
    TooSoon(Refusal),
    /// Wait for a fetch that is under way.
    Join(watch::Receiver<Landing>),
    /// Start a fetch and wait for it.
    Fetch(Takeoff, watch::Receiver<Landing>),
}

/// How a fetch stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Landing {
    /// It is under way.
    InAir,
    /// It brought a key set.
    Good,
    /// It brought nothing.
    Failed,
}

/// The right, and the duty, to do the one fetch. Whoever drops it without landing frees the way
/// for the next.
pub(super) struct Takeoff {
    at: Micros,
    landing: Arc<watch::Sender<Landing>>,
}

/// One URL's keys.
#[derive(Default)]
pub(super) struct Source(Mutex<State>);

#[derive(Default)]
struct State {
    held: Option<Held>,
    last_attempt: Option<Micros>,
    // Weak, so that a fetch task that dies in any way ends its flight without a clean-up.
    flight: Weak<watch::Sender<Landing>>,
}

struct Held {
    set: Fetched,
    fetched_at: Micros,
}

impl Source {
    /// Decides what the caller has to do, and marks the fetch as begun if there is to be one.
    pub(super) fn ask(&self, kid: &str, now: Micros) -> Step {
        let mut state = self.0.lock();
        if let Some(key) = state.fresh(kid, now) {
            return Step::Known(key);
        }
        if let Some(flight) = state.flight.upgrade() {
            return Step::Join(flight.subscribe());
        }
        if state.cooldown(now).is_zero() {
            return state.take_off(now);
        }
        match state.usable(kid, now) {
            Some(key) => Step::Known(key),
            None => Step::TooSoon(state.unavailable(now)),
        }
    }

    /// Ends the flight: keeps a good set, or leaves the last good one, and wakes the waiters.
    pub(super) fn land(&self, takeoff: Takeoff, set: Option<Fetched>) {
        let landing = if set.is_some() { Landing::Good } else { Landing::Failed };
        if let Some(set) = set {
            // Counted from the request, not from the answer: a slow answer is no fresher.
            self.0.lock().held = Some(Held { set, fetched_at: takeoff.at });
        }
        takeoff.landing.send_replace(landing);
    }

    /// The answer after a fetch. `certain` says that this caller's own fetch came back good, and
    /// so that a key which is not there does not exist.
    pub(super) fn settle(
        &self,
        kid: &str,
        now: Micros,
        certain: bool,
    ) -> Result<Arc<PublicKey>, Refusal> {
        let state = self.0.lock();
        match state.usable(kid, now) {
            Some(key) => Ok(key),
            None if certain => Err(Refusal::Rejected(reason::KID_UNKNOWN)),
            None => Err(state.unavailable(now)),
        }
    }
}

impl State {
    fn take_off(&mut self, now: Micros) -> Step {
        let (landing, flight) = watch::channel(Landing::InAir);
        let landing = Arc::new(landing);
        self.flight = Arc::downgrade(&landing);
        self.last_attempt = Some(now);
        Step::Fetch(Takeoff { at: now, landing }, flight)
    }

    fn fresh(&self, kid: &str, now: Micros) -> Option<Arc<PublicKey>> {
        let held = self.held.as_ref()?;
        // A set from the future means that the clock was set back; its age is then unknown.
        let fresh = held.fetched_at <= now && now < held.fetched_at.after(held.set.fresh_for);
        if fresh { held.set.keys.get(kid).cloned() } else { None }
    }

    fn usable(&self, kid: &str, now: Micros) -> Option<Arc<PublicKey>> {
        let held = self.held.as_ref()?;
        let until = held.fetched_at.after(held.set.fresh_for + STALE_IF_ERROR);
        if now < until { held.set.keys.get(kid).cloned() } else { None }
    }

    /// How long until the next fetch may start. A clock that was set back does not prolong it.
    fn cooldown(&self, now: Micros) -> Duration {
        match self.last_attempt {
            Some(last) if last <= now => COOLDOWN.saturating_sub(now.since(last)),
            Some(_) | None => Duration::ZERO,
        }
    }

    fn unavailable(&self, now: Micros) -> Refusal {
        let left = u64::try_from(self.cooldown(now).as_millis()).unwrap_or(u64::MAX);
        Refusal::Unavailable { retry_after_ms: left.max(1) }
    }
}
