//! Pauses after logins that failed: by the name that was tried, and by the address it came from.
//!
//! The first few cost nothing, for people mistype. Then each failure doubles the pause, up to a
//! bound: long enough that guessing leads nowhere, short enough that nobody who knows another's
//! name can keep him out for long. A try counts as failed from its beginning, so that many at once
//! are many. This is one node's own memory; each node counts for itself.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;
use storage::clock::Micros;

/// How many names, and how many addresses, are remembered. Of more, who failed longest ago is
/// forgotten.
const MOST: usize = 10_000;
/// After so long without another failure one is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// How a name is treated.
const BY_NAME: Terms = Terms { free: 4, longest: Duration::from_secs(60) };
/// How an address is treated: many may share one.
const BY_ADDRESS: Terms = Terms { free: 10, longest: Duration::from_secs(900) };

#[derive(Clone, Copy)]
struct Terms {
    /// How many failures cost nothing.
    free: u32,
    /// The longest pause.
    longest: Duration,
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
}

/// Who failed, and when they may try again.
#[derive(Default)]
pub(crate) struct Pauses {
    names: Mutex<HashMap<String, Failed>>,
    addresses: Mutex<HashMap<IpAddr, Failed>>,
}

#[derive(Clone, Copy)]
struct Failed {
    failures: u32,
    last: Micros,
}

/// A try that is under way.
pub(crate) struct Attempt {
    name: String,
    address: IpAddr,
}

impl Pauses {
    /// Begins a try, which counts as failed until it is said otherwise.
    ///
    /// # Errors
    /// How long to wait. Then it counts for nothing.
    pub(crate) fn begin(
        &self,
        name: &str,
        address: IpAddr,
        now: Micros,
    ) -> Result<Attempt, Duration> {
        let (name, address) = (name.to_ascii_lowercase(), network(address));
        let (mut names, mut addresses) = (self.names.lock(), self.addresses.lock());
        let rest =
            left(&names, &name, BY_NAME, now).max(left(&addresses, &address, BY_ADDRESS, now));
        if !rest.is_zero() {
            return Err(rest);
        }
        count(&mut names, name.clone(), now);
        count(&mut addresses, address, now);
        Ok(Attempt { name, address })
    }

    /// It was right: the name's failures are forgotten. The address keeps those of other names.
    pub(crate) fn right(&self, attempt: Attempt) {
        self.names.lock().remove(&attempt.name);
        uncount(&mut self.addresses.lock(), &attempt.address);
    }

    /// Nobody knows whether it was: it never was.
    pub(crate) fn undecided(&self, attempt: Attempt) {
        uncount(&mut self.names.lock(), &attempt.name);
        uncount(&mut self.addresses.lock(), &attempt.address);
    }
}

/// One subscriber's addresses count as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

fn left<K: Hash + Eq>(known: &HashMap<K, Failed>, key: &K, terms: Terms, now: Micros) -> Duration {
    known
        .get(key)
        .map_or(Duration::ZERO, |failed| failed.last.after(terms.pause(failed.failures)).since(now))
}

fn count<K: Hash + Eq + Clone>(known: &mut HashMap<K, Failed>, key: K, now: Micros) {
    if known.len() >= MOST && !known.contains_key(&key) {
        known.retain(|_, failed| now < failed.last.after(FORGOTTEN));
        let oldest = known.iter().min_by_key(|(_, failed)| failed.last).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest.filter(|_| known.len() >= MOST) {
            known.remove(&oldest);
        }
    }
    let failed = known.entry(key).or_insert(Failed { failures: 0, last: now });
    let before = if now < failed.last.after(FORGOTTEN) { failed.failures } else { 0 };
    *failed = Failed { failures: before.saturating_add(1), last: now };
}

fn uncount<K: Hash + Eq>(known: &mut HashMap<K, Failed>, key: &K) {
    if let Some(failed) = known.get_mut(key) {
        failed.failures = failed.failures.saturating_sub(1);
        if failed.failures == 0 {
            known.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_800_000_000_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    fn from(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_name_waits_longer_with_each_failure_and_never_longer_than_a_minute() {
        let (pauses, mut now) = (Pauses::default(), NOW);
        let mut waits = Vec::new();
        for turn in 0..12 {
            let begun = pauses.begin("kim", from(turn), now);
            assert!(begun.is_ok(), "the pause is over");
            match pauses.begin("KIM", from(turn), now) {
                Ok(attempt) => {
                    waits.push(0);
                    pauses.undecided(attempt);
                }
                Err(rest) => {
                    waits.push(rest.as_secs());
                    now = now.after(rest);
                }
            }
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(pauses.begin("lee", from(1), now).is_ok(), "another is not kept waiting");
    }

    #[test]
    fn an_address_waits_whatever_name_it_tries() {
        let pauses = Pauses::default();
        for turn in 0..11 {
            assert!(pauses.begin(&format!("name-{turn}"), from(1), NOW).is_ok());
        }
        assert_eq!(pauses.begin("kim", from(1), NOW).err(), Some(SECOND));
        assert!(pauses.begin("kim", from(2), NOW).is_ok());
        // One subscriber has many addresses of version 6.
        for turn in 0..11_u16 {
            let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, turn, 0, 0, turn);
            assert!(pauses.begin(&format!("six-{turn}"), address.into(), NOW).is_ok());
        }
        let same = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9);
        assert!(pauses.begin("six", same.into(), NOW).is_err());
        let mapped: IpAddr = Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201).into();
        assert!(pauses.begin("kim", mapped, NOW).is_err(), "it is 192.0.2.1");
    }

    #[test]
    fn who_is_right_is_forgiven_and_what_is_undecided_counts_for_nothing() {
        let pauses = Pauses::default();
        for _ in 0..4 {
            assert!(pauses.begin("kim", from(1), NOW).is_ok());
        }
        pauses.right(pauses.begin("kim", from(1), NOW).ok().unwrap());
        for _ in 0..100 {
            pauses.undecided(pauses.begin("kim", from(1), NOW).ok().unwrap());
        }
        for _ in 0..5 {
            assert!(pauses.begin("kim", from(1), NOW).is_ok());
        }
        assert!(pauses.begin("kim", from(1), NOW).is_err());
        let later = NOW.after(FORGOTTEN);
        for _ in 0..5 {
            assert!(pauses.begin("kim", from(1), later).is_ok());
        }
    }

    #[test]
    fn no_more_is_remembered_than_may_be() {
        let pauses = Pauses::default();
        for _ in 0..5 {
            assert!(pauses.begin("last", from(255), NOW.after(SECOND)).is_ok());
        }
        for turn in 0..MOST as u32 {
            let address = IpAddr::from((0x0a00_0000 + turn).to_be_bytes());
            let now = NOW.after(Duration::from_micros(u64::from(turn)));
            assert!(pauses.begin(&format!("name-{turn}"), address, now).is_ok());
        }
        assert_eq!(pauses.names.lock().len(), MOST);
        assert_eq!(pauses.addresses.lock().len(), MOST);
        assert!(!pauses.names.lock().contains_key("name-0"), "it failed longest ago");
        assert!(pauses.begin("last", from(255), NOW.after(SECOND)).is_err());
    }
}
