//! Pauses after logins that failed: by the name that was tried, and by the address it came from.
//!
//! The first few cost nothing, for people mistype. Then each failure doubles the pause, up to a
//! bound: long enough that guessing leads nowhere, short enough that nobody who knows another's
//! name can keep him out for long. Where somebody logged in lately he is counted for himself, and
//! within a session the session is: strangers who try a name hold up neither. Failures are
//! forgotten one by one. A try counts as failed from its beginning, so that many at once are many.
//! This is one node's own memory; each node counts for itself.

mod failures;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;
use storage::clock::Micros;
use uuid::Uuid;

use failures::{Failures, MOST, Terms};

/// For how long a name counts as one that logged in at an address.
const LATELY: Duration = Duration::from_secs(7 * 24 * 3600);

/// How a name is treated, or a session.
const BY_NAME: Terms = Terms { free: 4, longest: Duration::from_secs(60) };
/// How an address is treated: many may share one.
const BY_ADDRESS: Terms = Terms { free: 10, longest: Duration::from_secs(300) };

/// Who tries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    /// Anybody, by a name.
    Name(String),
    /// Somebody at an address where that name logged in lately.
    There(String, IpAddr),
    /// Whoever has a session.
    Session(Uuid),
}

/// Who failed, and when they may try again.
#[derive(Default)]
pub(crate) struct Pauses {
    who: Mutex<Failures<Who>>,
    addresses: Mutex<Failures<IpAddr>>,
    lately: Mutex<HashMap<(String, IpAddr), Micros>>,
}

/// A try that is under way.
pub(crate) struct Attempt {
    who: Who,
    address: Option<IpAddr>,
}

impl Pauses {
    /// Begins a login, which counts as failed until it is said otherwise.
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
        let there = (name, address);
        let lately = self.lately.lock().get(&there).is_some_and(|at| now < at.after(LATELY));
        let (name, address) = there;
        let who = if lately { Who::There(name, address) } else { Who::Name(name) };
        self.attempt(Attempt { who, address: Some(address) }, now)
    }

    /// Begins a try of whoever has a session.
    ///
    /// # Errors
    /// As [`Pauses::begin`].
    pub(crate) fn within(&self, session: Uuid, now: Micros) -> Result<Attempt, Duration> {
        self.attempt(Attempt { who: Who::Session(session), address: None }, now)
    }

    fn attempt(&self, attempt: Attempt, now: Micros) -> Result<Attempt, Duration> {
        let (mut all, mut addresses) = (self.who.lock(), self.addresses.lock());
        let address = attempt.address.as_ref();
        let rest = address.map_or(Duration::ZERO, |it| addresses.left(it, BY_ADDRESS, now));
        let rest = rest.max(all.left(&attempt.who, BY_NAME, now));
        if !rest.is_zero() {
            return Err(rest);
        }
        all.count(attempt.who.clone(), BY_NAME, now);
        if let Some(address) = address {
            addresses.count(*address, BY_ADDRESS, now);
        }
        Ok(attempt)
    }

    /// It was right: who it was is forgiven, and known at that address from now on. The address
    /// keeps the failures of other names.
    pub(crate) fn right(&self, attempt: Attempt, now: Micros) {
        self.who.lock().forget(&attempt.who);
        let Some(address) = attempt.address else { return };
        self.addresses.lock().uncount(&address, now);
        match attempt.who {
            Who::Name(name) | Who::There(name, _) => self.was_there((name, address), now),
            Who::Session(_) => {}
        }
    }

    /// Nobody knows whether it was: it never was.
    pub(crate) fn undecided(&self, attempt: Attempt, now: Micros) {
        self.who.lock().uncount(&attempt.who, now);
        if let Some(address) = attempt.address {
            self.addresses.lock().uncount(&address, now);
        }
    }

    fn was_there(&self, there: (String, IpAddr), now: Micros) {
        let mut lately = self.lately.lock();
        if lately.len() >= MOST && !lately.contains_key(&there) {
            lately.retain(|_, at| now < at.after(LATELY));
            let oldest = lately.iter().min_by_key(|(_, at)| **at).map(|(there, _)| there.clone());
            if let Some(oldest) = oldest.filter(|_| lately.len() >= MOST) {
                lately.remove(&oldest);
            }
        }
        lately.insert(there, now);
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

#[cfg(test)]
mod tests {
    use super::failures::EACH;
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
                    pauses.undecided(attempt, now);
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
    fn an_address_at_which_somebody_fails_now_and_then_is_never_held() {
        let (pauses, mut now) = (Pauses::default(), NOW);
        for turn in 0..100 {
            assert!(pauses.begin(&format!("name-{turn}"), from(1), now).is_ok(), "{turn}");
            now = now.after(EACH);
        }
    }

    #[test]
    fn who_is_right_is_forgiven_and_what_is_undecided_counts_for_nothing() {
        let pauses = Pauses::default();
        let begin = |now| pauses.begin("kim", from(1), now);
        for _ in 0..4 {
            assert!(begin(NOW).is_ok());
        }
        pauses.right(begin(NOW).ok().unwrap(), NOW);
        for _ in 0..100 {
            pauses.undecided(begin(NOW).ok().unwrap(), NOW);
        }
        for _ in 0..5 {
            assert!(begin(NOW).is_ok());
        }
        assert!(begin(NOW).is_err());
        let later = NOW.after(9 * EACH);
        for _ in 0..5 {
            assert!(begin(later).is_ok());
        }
    }

    #[test]
    fn strangers_hold_up_neither_who_was_there_lately_nor_who_has_a_session() {
        let pauses = Pauses::default();
        pauses.right(pauses.begin("Kim", from(1), NOW).ok().unwrap(), NOW);
        for turn in 2..7 {
            assert!(pauses.begin("kim", from(turn), NOW).is_ok());
        }
        assert!(pauses.begin("kim", from(7), NOW).is_err());
        assert!(pauses.within(Uuid::nil(), NOW).is_ok());
        for _ in 0..5 {
            assert!(pauses.begin("KIM", from(1), NOW).is_ok());
        }
        // But whoever guesses there, or in the session, waits as well.
        assert_eq!(pauses.begin("kim", from(1), NOW).err(), Some(SECOND));
        for _ in 0..4 {
            assert!(pauses.within(Uuid::nil(), NOW).is_ok());
        }
        assert_eq!(pauses.within(Uuid::nil(), NOW).err(), Some(SECOND));
        assert!(pauses.within(Uuid::max(), NOW).is_ok());
        // It is long ago: he is a stranger again, and their failures are forgotten.
        let later = NOW.after(LATELY);
        for turn in 0..5 {
            assert!(pauses.begin("kim", from(turn), later).is_ok());
        }
        assert!(pauses.begin("kim", from(1), later).is_err());
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
        assert_eq!(pauses.who.lock().len(), MOST);
        assert_eq!(pauses.addresses.lock().len(), MOST);
        assert!(!pauses.who.lock().has(&Who::Name("name-0".to_owned())), "it failed longest ago");
        assert!(pauses.begin("last", from(255), NOW.after(SECOND)).is_err());
        for turn in 0..=MOST as u32 {
            let there = (format!("name-{turn}"), from(1));
            pauses.was_there(there, NOW.after(Duration::from_micros(u64::from(turn))));
        }
        assert_eq!(pauses.lately.lock().len(), MOST);
        assert!(!pauses.lately.lock().contains_key(&("name-0".to_owned(), from(1))));
    }
}
