//! How long a client waits before it tries again, as the wire asks: with back-off and
//! jitter, and never sooner than the server says when it knows better.

use std::time::Duration;

use fastrand::Rng;
use serde::Deserialize;

use crate::failure::Closed;

/// The longest first wait. Everyone who was cut off at one moment comes back spread over it.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(10);

/// The waits of one player, from a lost connection to the next open one.
pub(super) struct BackOff {
    dice: Rng,
    tries: u32,
}

impl BackOff {
    /// Waits that begin anew, drawn from this.
    pub(super) fn new(seed: u64) -> Self {
        Self { dice: Rng::with_seed(seed), tries: 0 }
    }

    /// The next wait; at least `advice` if the server gave some, and a tenth more at most.
    pub(super) fn wait(&mut self, advice: Option<Duration>) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.tries.min(16)).min(LONGEST);
        let first = self.tries == 0;
        self.tries += 1;
        let chance = self.dice.f64();
        match advice {
            Some(least) => least + least.mul_f64(chance / 10.0),
            None if first => longest.mul_f64(chance),
            // The second half alone: whoever has tried before should not try at once.
            None => longest.mul_f64(0.5 + chance / 2.0),
        }
    }
}

/// What the server says in a close frame about coming back.
pub(super) fn advice(closed: &Closed) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Reason {
        retry_after_ms: Option<u64>,
    }
    let reason: Reason = serde_json::from_str(&closed.reason).ok()?;
    reason.retry_after_ms.map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_are_spread() {
        let mut firsts = Vec::new();
        for seed in 0..1_000 {
            let mut waits = BackOff::new(seed);
            let first = waits.wait(None);
            assert!(first < FIRST);
            firsts.push(first);
            for bound in [2, 4, 8, 10, 10, 10] {
                let (wait, bound) = (waits.wait(None), Duration::from_secs(bound));
                assert!(wait >= bound / 2 && wait <= bound, "{wait:?} of {bound:?}");
            }
        }
        let early = firsts.iter().filter(|wait| **wait < FIRST / 2).count();
        assert!((400..600).contains(&early), "{early} of 1,000 in the first half");
    }

    #[test]
    fn nobody_comes_sooner_than_the_server_says() {
        let mut waits = BackOff::new(1);
        for _ in 0..100 {
            let least = Duration::from_secs(30);
            let wait = waits.wait(Some(least));
            assert!(wait >= least && wait <= least * 11 / 10, "{wait:?}");
        }
        assert_eq!(waits.wait(Some(Duration::ZERO)), Duration::ZERO);
    }

    #[test]
    fn a_reason_may_hold_advice() {
        let of = |reason: &str| advice(&Closed { code: 4000, reason: reason.to_owned() });
        assert_eq!(of(r#"{"retry_after_ms":250}"#), Some(Duration::from_millis(250)));
        assert_eq!(of(r#"{"check_after_ms":250}"#), None);
        assert_eq!(of("draining"), None);
    }
}
