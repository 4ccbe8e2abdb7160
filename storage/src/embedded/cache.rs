//! The cache of one process, in its memory, for a truth that no other process has.
//!
//! Members are in two generations. What is put there or found goes to the young one; when that
//! is full, or has lived for as long as anything may, it becomes the old one, and what was old is
//! dropped. So both bounds cost nothing to keep, and in the quiet it empties by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use tokio::time::Instant;

use crate::cache::{CacheDuty, CacheKey, Fill, LEASE, Lease, Look, Part, Value};

/// The most that is kept of one member; what came first goes first.
const PARTS: usize = 16;

/// A cache in this process' memory.
pub struct NearCache {
    life: Duration,
    /// The most members of one generation.
    most: usize,
    generations: Arc<Mutex<Generations>>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<MemberId, Held>,
    old: HashMap<MemberId, Held>,
    /// Whether somebody turns them.
    turning: bool,
}

type Held = Vec<(AppId, Part, Slot)>;

struct Slot {
    /// When its lease was given.
    since: Instant,
    state: State,
    /// The lease to read anew what is kept, and when it was given.
    anew: Option<(Lease, Instant)>,
}

enum State {
    Leased(Lease),
    Kept { value: Box<Value>, life: Duration },
}

impl NearCache {
    /// An empty one, in which nothing gets older than `life` and which holds `members` at most.
    #[must_use]
    pub fn new(life: Duration, members: usize) -> Self {
        Self { life, most: members.div_ceil(2), generations: Arc::default() }
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        lock(&self.generations)
    }

    fn look_for(&self, generations: &mut Generations, key: CacheKey, now: Instant) -> Look {
        let held = generations.of(key.member, self.most);
        let mut found = held.iter_mut().find(|(app, part, _)| *app == key.app && *part == key.part);
        if let Some((_, _, slot)) = &mut found {
            let age = now.duration_since(slot.since);
            match &slot.state {
                State::Kept { value, life } if age < *life => {
                    let leased = slot.anew.is_some_and(|(_, at)| now.duration_since(at) < LEASE);
                    let anew = (age >= *life - *life / 4 && !leased).then(Lease::draw);
                    let value = value.as_ref().clone();
                    slot.anew = anew.map(|lease| (lease, now)).or(slot.anew);
                    return Look::Found { value, age, anew };
                }
                State::Leased(_) if age < LEASE => return Look::Taken,
                State::Kept { .. } | State::Leased(_) => {}
            }
        }
        let lease = Lease::draw();
        let slot = Slot { since: now, state: State::Leased(lease), anew: None };
        match found {
            Some((_, _, found)) => *found = slot,
            None => {
                if held.len() >= PARTS {
                    held.remove(0);
                }
                held.push((key.app, key.part, slot));
            }
        }
        Look::Missing(lease)
    }

    fn fill_in(&self, generations: &mut Generations, fill: Fill, now: Instant) -> bool {
        let Fill { key, lease, value } = fill;
        let Some(held) = generations.find(key.member) else { return false };
        let is = |(app, part, _): &&mut (AppId, Part, Slot)| *app == key.app && *part == key.part;
        let Some((_, _, slot)) = held.iter_mut().find(is) else { return false };
        let given = match (&slot.state, slot.anew) {
            (State::Leased(of), _) if *of == lease => slot.since,
            (State::Kept { .. }, Some((of, at))) if of == lease => at,
            (State::Leased(_) | State::Kept { .. }, _) => return false,
        };
        if now.duration_since(given) >= LEASE {
            return false;
        }
        let state = State::Kept { life: value.life(self.life), value: Box::new(value) };
        *slot = Slot { since: given, state, anew: None };
        true
    }

    /// Has the generations turn as long as there is anything in them.
    fn keep_turning(&self, generations: &mut Generations) {
        if !std::mem::replace(&mut generations.turning, true) {
            tokio::spawn(turn(Arc::downgrade(&self.generations), self.life.max(LEASE)));
        }
    }
}

impl Generations {
    fn find(&mut self, member: MemberId) -> Option<&mut Held> {
        match self.young.get_mut(&member) {
            Some(held) => Some(held),
            None => self.old.get_mut(&member),
        }
    }

    /// What is held of a member, in the young generation.
    fn of(&mut self, member: MemberId, most: usize) -> &mut Held {
        if !self.young.contains_key(&member) {
            let held = self.old.remove(&member).unwrap_or_default();
            if self.young.len() >= most {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(member, held);
        }
        self.young.entry(member).or_default()
    }
}

fn lock(generations: &Mutex<Generations>) -> MutexGuard<'_, Generations> {
    // No code runs under the lock that could leave it half done.
    generations.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn turn(generations: Weak<Mutex<Generations>>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(generations) = generations.upgrade() else { return };
        let mut generations = lock(&generations);
        let young = std::mem::take(&mut generations.young);
        generations.old = young;
        if generations.old.is_empty() {
            generations.turning = false;
            return;
        }
    }
}

#[async_trait]
impl CacheDuty for NearCache {
    async fn look(&self, keys: Vec<CacheKey>) -> Vec<Look> {
        let (now, mut generations) = (Instant::now(), self.generations());
        self.keep_turning(&mut generations);
        keys.into_iter().map(|key| self.look_for(&mut generations, key, now)).collect()
    }

    async fn fill(&self, fills: Vec<Fill>) -> Vec<bool> {
        let (now, mut generations) = (Instant::now(), self.generations());
        fills.into_iter().map(|fill| self.fill_in(&mut generations, fill, now)).collect()
    }

    async fn forget(&self, members: Vec<MemberId>) {
        let mut generations = self.generations();
        for member in members {
            generations.young.remove(&member);
            generations.old.remove(&member);
        }
    }

    fn is_near(&self) -> bool {
        true
    }

    fn trouble(&self) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::cache::{key, somebody};

    /// How many members are in it.
    fn size(cache: &NearCache) -> usize {
        let generations = cache.generations();
        generations.young.len() + generations.old.len()
    }

    #[tokio::test]
    async fn it_holds_no_more_than_it_may() {
        let cache = NearCache::new(Duration::from_secs(30), 100);
        let first = key();
        for _ in 0..1_000 {
            cache.look(vec![key()]).await;
            assert!(size(&cache) <= 100, "{}", size(&cache));
            // What is asked for again and again stays.
            cache.look(vec![first.clone()]).await;
        }
        assert_eq!(cache.look(vec![first]).await, [Look::Taken]);
    }

    #[tokio::test]
    async fn of_one_member_it_holds_no_more_than_so_many_parts() {
        let cache = NearCache::new(Duration::from_secs(30), 100);
        let member = key();
        for _ in 0..10 * PARTS {
            cache.look(vec![CacheKey { member: member.member, ..key() }]).await;
            let held = cache.generations().of(member.member, 100).len();
            assert!(held <= PARTS, "{held}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn in_the_quiet_it_empties() {
        let life = Duration::from_secs(30);
        let cache = NearCache::new(life, 100);
        let keys: Vec<CacheKey> = (0..50).map(|_| key()).collect();
        for (key, look) in keys.iter().zip(cache.look(keys.clone()).await) {
            let Look::Missing(lease) = look else { panic!("{look:?}") };
            cache.fill(vec![Fill { key: key.clone(), lease, value: somebody(key) }]).await;
        }
        assert_eq!(size(&cache), 50);
        tokio::time::sleep(3 * life).await;
        assert_eq!((size(&cache), cache.generations().turning), (0, false));
        // And it goes on when somebody comes.
        cache.look(keys).await;
        tokio::time::sleep(3 * life).await;
        assert_eq!(size(&cache), 0);
    }
}
