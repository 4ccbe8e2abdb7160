//! Failures of many, each with a pause that doubles; they are forgotten one by one.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use storage::clock::Micros;

/// How many are remembered. Of more, who failed longest ago is forgotten.
pub(super) const MOST: usize = 10_000;
/// How long it takes to forget one failure.
pub(super) const EACH: Duration = Duration::from_secs(300);

/// How somebody is treated.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// How many failures cost nothing.
    pub(super) free: u32,
    /// The longest pause.
    pub(super) longest: Duration,
}

impl Terms {
    /// The pause after so many failures: 1 s, 2 s, 4 s ..
    fn pause(self, failures: u32) -> Duration {
        match failures.checked_sub(self.free + 1) {
            None => Duration::ZERO,
            Some(doublings) => {
                Duration::from_secs(1_u64.checked_shl(doublings.min(32)).unwrap_or(u64::MAX))
                    .min(self.longest)
            }
        }
    }

    /// With how many failures the pause is the longest: no more are counted.
    fn most(self) -> u32 {
        self.free + 1 + self.longest.as_secs().next_power_of_two().ilog2()
    }
}

#[derive(Clone, Copy)]
struct Failed {
    last: Micros,
    /// When all are forgotten: in [`EACH`] for each of them.
    forgotten_at: Micros,
}

impl Failed {
    fn failures(self, now: Micros) -> u32 {
        let left = self.forgotten_at.since(now).as_micros().div_ceil(EACH.as_micros());
        u32::try_from(left).unwrap_or(u32::MAX)
    }
}

/// Who failed, and when they may try again.
pub(super) struct Failures<K>(HashMap<K, Failed>);

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Failures<K> {
    /// How long somebody has to wait.
    pub(super) fn left(&self, key: &K, terms: Terms, now: Micros) -> Duration {
        let Some(failed) = self.0.get(key) else { return Duration::ZERO };
        let pause = terms.pause(failed.failures(failed.last));
        // Not for longer where the clock was set back.
        failed.last.after(pause).since(now).min(pause)
    }

    pub(super) fn count(&mut self, key: K, terms: Terms, now: Micros) {
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            self.0.retain(|_, failed| now < failed.forgotten_at);
            let oldest = self.0.iter().min_by_key(|(_, failed)| failed.last);
            let oldest = oldest.map(|(key, _)| key.clone()).filter(|_| self.0.len() >= MOST);
            if let Some(oldest) = oldest {
                self.0.remove(&oldest);
            }
        }
        let before = self.0.get(&key).map_or(now, |failed| failed.forgotten_at.max(now));
        let forgotten_at = before.after(EACH).min(now.after(EACH * terms.most()));
        self.0.insert(key, Failed { last: now, forgotten_at });
    }

    /// One failure was none.
    pub(super) fn uncount(&mut self, key: &K, now: Micros) {
        if let Some(failed) = self.0.get_mut(key) {
            failed.forgotten_at = failed.forgotten_at.before(EACH);
            if failed.forgotten_at <= now {
                self.0.remove(key);
            }
        }
    }

    pub(super) fn forget(&mut self, key: &K) {
        self.0.remove(key);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(test)]
    pub(super) fn has(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { free: 2, longest: Duration::from_secs(60) };
    const NOW: Micros = Micros(1_800_000_000_000_000);

    fn after(seconds: u64) -> Micros {
        NOW.after(Duration::from_secs(seconds))
    }

    #[test]
    fn failures_are_forgotten_one_by_one() {
        let mut failures = Failures::default();
        for _ in 0..1_000 {
            failures.count("kim", TERMS, NOW);
        }
        assert_eq!(TERMS.most(), 9, "2 cost nothing, then 1, 2, 4, 8, 16, 32 and 60 s");
        assert_eq!(failures.left(&"kim", TERMS, NOW), TERMS.longest);
        assert_eq!(failures.left(&"kim", TERMS, after(60)), Duration::ZERO);
        // Of nine, eight are forgotten: two cost nothing, and the third a second.
        let later = after(300 * 8);
        for _ in 0..2 {
            assert_eq!(failures.left(&"kim", TERMS, later), Duration::ZERO);
            failures.count("kim", TERMS, later);
        }
        assert_eq!(failures.left(&"kim", TERMS, later), Duration::from_secs(1));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_pause_longer() {
        let mut failures = Failures::default();
        for _ in 0..4 {
            failures.count("kim", TERMS, after(7 * 24 * 3600));
        }
        assert_eq!(failures.left(&"kim", TERMS, NOW), Duration::from_secs(2));
    }
}
