//! How often somebody may ask: GCRA, by `governor`, in a store of bounded memory.
//!
//! A key is kept only while it is not yet full again: a fresh one says as much. What is kept
//! is at most [`KEYS`] keys; when there are more, those that found no room share one.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;
use storage::rates::Passed;
use tokio::time::Instant;

/// The most keys that are kept, about 10 MB of the largest of them.
const KEYS: usize = 1 << 18;

/// The time since a limiter was made, as tokio tells it, so that tests can move it.
#[derive(Clone, Debug)]
pub(super) struct Uptime(Instant);

impl Clock for Uptime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Where each key stands.
struct Store<K> {
    keys: usize,
    kept: Arc<Mutex<Kept<K>>>,
}

struct Kept<K> {
    keys: HashMap<K, Stands>,
    /// Where all those stand who found no room.
    rest: Option<Nanos>,
}

/// Where a key stands, and how often it passed here since the other nodes were told.
struct Stands {
    at: Nanos,
    untold: u32,
}

impl<K: Hash + Eq + Clone> StateStore for Store<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut kept = self.kept.lock();
        if let Some(known) = kept.keys.get_mut(key) {
            let (outcome, next) = f(Some(known.at))?;
            *known = Stands { at: next, untold: known.untold.saturating_add(1) };
            return Ok(outcome);
        }
        if kept.keys.len() < self.keys {
            let (outcome, next) = f(None)?;
            kept.keys.insert(key.clone(), Stands { at: next, untold: 1 });
            return Ok(outcome);
        }
        let (outcome, next) = f(kept.rest)?;
        kept.rest = Some(next);
        Ok(outcome)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Store<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.kept.lock().keys.retain(|_, stands| stands.at > drop_below);
    }

    fn shrink_to_fit(&self) {
        let mut kept = self.kept.lock();
        // A map that is half empty will be filled again.
        if kept.keys.len() < kept.keys.capacity() / 4 {
            kept.keys.shrink_to_fit();
        }
    }

    fn len(&self) -> usize {
        self.kept.lock().keys.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A limiter of whoever is told apart by a `K`.
pub(super) struct Rate<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, Store<K>, Uptime, NoOpMiddleware<Duration>>,
    kept: Arc<Mutex<Kept<K>>>,
    clock: Uptime,
    quota: Quota,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    pub(super) fn new(quota: Quota) -> Self {
        Self::of(quota, KEYS)
    }

    fn of(quota: Quota, keys: usize) -> Self {
        let clock = Uptime(Instant::now());
        let kept = Arc::new(Mutex::new(Kept { keys: HashMap::new(), rest: None }));
        let store = Store { keys, kept: kept.clone() };
        Self { limiter: RateLimiter::new(quota, store, clock.clone()), kept, clock, quota }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// It is one too many, and how long to wait.
    pub(super) fn check(&self, key: &K) -> Result<(), Duration> {
        self.limiter.check_key(key).map_err(|not| not.wait_time_from(self.clock.now()))
    }

    /// Of at most so many keys that passed here often enough since the other nodes were told: a
    /// quarter of what may come at once. They count as told now.
    pub(super) fn untold(&self, most: usize, told: impl Fn(&K) -> String) -> Vec<(K, Passed)> {
        let burst = self.quota.burst_size().get();
        let each = self.quota.replenish_interval();
        let often = (burst / 4).max(1);
        let mut kept = self.kept.lock();
        let loud = kept.keys.iter_mut().filter(|(_, stands)| stands.untold >= often).take(most);
        loud.map(|(key, stands)| {
            let times = std::mem::take(&mut stands.untold);
            // Whoever is refused here passes nothing, so little more than a burst of each node
            // comes together.
            let passed = Passed { key: told(key), times, each, most: each * burst * 2 };
            (key.clone(), passed)
        })
        .collect()
    }

    /// Takes what all nodes let pass, which is forgotten in that time, for where a key stands; a
    /// node that let more pass knows better.
    pub(super) fn learn(&self, key: &K, ahead: Duration) {
        let until = Nanos::from(self.clock.now() + ahead);
        if let Some(stands) = self.kept.lock().keys.get_mut(key) {
            stands.at = stands.at.max(until);
        }
    }

    /// Forgets whoever is full again, and gives back the room.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    /// How many keys are kept.
    pub(super) fn len(&self) -> usize {
        self.limiter.len()
    }
}

/// A quota of so many a minute, of which so many may come at once.
pub(super) fn per_minute(requests: u32, burst: u32) -> Quota {
    Quota::per_minute(at_least_one(requests)).allow_burst(at_least_one(burst))
}

/// A quota of so many a second, of which so many may come at once.
pub(super) fn per_second(requests: u32, burst: u32) -> Quota {
    Quota::per_second(at_least_one(requests)).allow_burst(at_least_one(burst))
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(tenths: u64) -> Duration {
        Duration::from_millis(100 * tenths)
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_then_one_a_tick() {
        let rate = Rate::new(per_minute(120, 3));
        for _ in 0..3 {
            assert_eq!(rate.check(&1), Ok(()));
        }
        assert_eq!(rate.check(&1), Err(second(5)));
        assert_eq!(rate.check(&2), Ok(()), "another is not concerned");
        tokio::time::advance(second(4)).await;
        assert_eq!(rate.check(&1), Err(second(1)), "a refusal costs nothing");
        tokio::time::advance(second(1)).await;
        assert_eq!(rate.check(&1), Ok(()));
        assert_eq!(rate.check(&1), Err(second(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_full_again_is_forgotten() {
        let rate = Rate::new(per_minute(120, 3));
        for key in 0..1_000 {
            rate.check(&key).unwrap();
        }
        rate.check(&0).unwrap();
        rate.sweep();
        assert_eq!(rate.len(), 1_000);
        tokio::time::advance(second(10)).await;
        rate.sweep();
        assert_eq!(rate.len(), 1, "whoever asked twice is not full yet");
        let capacity = rate.kept.lock().keys.capacity();
        assert!(capacity < 100, "{capacity}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_shares_one() {
        let rate = Rate::of(per_minute(120, 2), 2);
        for key in [1, 2, 3, 4] {
            assert_eq!(rate.check(&key), Ok(()));
        }
        assert_eq!(rate.check(&5), Err(second(5)), "3 and 4 have used what the rest shares");
        assert_eq!(rate.check(&1), Ok(()), "who has room of its own keeps it");
        assert_eq!(rate.len(), 2);
    }

    /// What one node tells, as another is told it.
    fn exchange(from: &Rate<u8>, to: &Rate<u8>) -> usize {
        let told = from.untold(usize::MAX, |key| format!("test:{key}"));
        for (key, passed) in &told {
            let ahead = (passed.each * passed.times).min(passed.most);
            to.learn(key, ahead);
        }
        told.len()
    }

    #[tokio::test(start_paused = true)]
    async fn what_passed_elsewhere_counts_here() {
        let [one, other] = [(); 2].map(|()| Rate::new(per_minute(120, 8)));
        one.check(&1).unwrap();
        assert_eq!(exchange(&one, &other), 0, "a little is not worth a word");
        for _ in 0..7 {
            one.check(&1).unwrap();
        }
        // Whoever never asked there is not kept there.
        assert_eq!(exchange(&one, &other), 1);
        assert_eq!(other.len(), 0);
        other.check(&1).unwrap();
        other.learn(&1, second(40));
        assert_eq!(other.check(&1), Err(second(5)));
        assert_eq!(other.check(&2), Ok(()), "another is not concerned");
        // It is forgotten as it would be where it passed.
        tokio::time::advance(second(5)).await;
        assert_eq!(other.check(&1), Ok(()));
        // What is told is told once.
        assert_eq!(exchange(&one, &other), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_word_that_knows_less_changes_nothing_and_as_many_are_told_as_may_be() {
        let rate = Rate::new(per_minute(120, 4));
        for key in 0..9 {
            (0..4).for_each(|_| rate.check(&key).unwrap());
        }
        rate.learn(&0, second(1));
        assert_eq!(rate.check(&0), Err(second(5)));
        let told = |most| rate.untold(most, |key| key.to_string());
        let (first, second) = (told(5), told(5));
        assert_eq!((first.len(), second.len()), (5, 4));
        assert!(first.iter().all(|(_, passed)| passed.times == 4));
        assert_eq!(told(5), []);
    }
}
