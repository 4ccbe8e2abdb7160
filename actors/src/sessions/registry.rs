//! The slots, behind short locks.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};
use protocol::ids::{LoginId, MemberId};
use ractor::ActorRef;

use super::{Connection, Sessions};
use crate::session::{self, Msg};

/// How many locks the members are spread over.
const SHARDS: usize = 64;

/// Every member's slot on this node.
pub(crate) struct Registry {
    shards: [Mutex<HashMap<MemberId, Entry>>; SHARDS],
    hash: RandomState,
    next: AtomicU64,
    awake: AtomicUsize,
    attached: AtomicUsize,
}

/// A member's slot. It is there while something is in it.
#[derive(Default)]
struct Entry {
    actor: Option<Awake>,
    /// Messages that were promised to the actor and not handled yet.
    outstanding: usize,
    connections: Vec<Attached>,
}

struct Awake {
    actor: ActorRef<Msg>,
    /// Tells this actor from the one before it in the same slot.
    generation: u64,
}

struct Attached {
    id: u64,
    login: LoginId,
    connection: Arc<dyn Connection>,
}

impl Entry {
    fn is_empty(&self) -> bool {
        self.actor.is_none() && self.outstanding == 0 && self.connections.is_empty()
    }
}

impl Registry {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hash: RandomState::new(),
            next: AtomicU64::new(1),
            awake: AtomicUsize::new(0),
            attached: AtomicUsize::new(0),
        }
    }

    /// Behind which of the locks a member's slot is.
    pub(super) fn place(&self, member: MemberId) -> usize {
        // The remainder is below the number of shards, which fits.
        usize::try_from(self.hash.hash_one(member) % SHARDS as u64).unwrap_or(0)
    }

    fn shard(&self, member: MemberId) -> MutexGuard<'_, HashMap<MemberId, Entry>> {
        self.shards[self.place(member)].lock()
    }

    /// The member's actor, if it is awake.
    #[cfg(test)]
    pub(super) fn actor(&self, member: MemberId) -> Option<ActorRef<Msg>> {
        let shard = self.shard(member);
        shard.get(&member)?.actor.as_ref().map(|awake| awake.actor.clone())
    }

    /// Whether no slot has anything in it.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.lock().is_empty())
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends to the member's actor, waking it if it sleeps.
    pub(super) fn send(
        &self,
        member: MemberId,
        sessions: &Sessions,
        message: impl FnOnce(Ticket) -> Msg,
    ) {
        // Held until the lock is given back: a slot that is dropped takes the lock itself.
        let slot;
        let woken = {
            let mut shard = self.shard(member);
            let entry = shard.entry(member).or_default();
            entry.outstanding += 1;
            match &entry.actor {
                Some(awake) => Some(awake.actor.clone()),
                None => {
                    let generation = self.number();
                    slot = Arc::new(Slot { sessions: sessions.clone(), member, generation });
                    match session::spawn(slot.clone()) {
                        Ok(actor) => {
                            self.awake.fetch_add(1, Ordering::Relaxed);
                            metrics::counter!("daemun_session_wakes_total").increment(1);
                            entry.actor = Some(Awake { actor: actor.clone(), generation });
                            Some(actor)
                        }
                        Err(error) => {
                            tracing::error!(%error, "a session actor could not be started");
                            None
                        }
                    }
                }
            }
        };
        let ticket = Ticket { sessions: sessions.clone(), member };
        let message = message(ticket);
        if let Some(actor) = woken {
            // An actor that has just died drops the message, which tells its caller.
            let _ = actor.cast(message);
        }
    }

    /// Tells the member's actor something if it is awake; a sleeping one need not know.
    pub(super) fn tell(&self, member: MemberId, message: Msg) {
        let shard = self.shard(member);
        if let Some(awake) = shard.get(&member).and_then(|entry| entry.actor.as_ref()) {
            // Under the lock: an actor that is about to sleep gets it or is asleep already.
            let _ = awake.actor.cast(message);
        }
    }

    pub(super) fn attach(
        &self,
        member: MemberId,
        login: LoginId,
        connection: Arc<dyn Connection>,
    ) -> u64 {
        let id = self.number();
        let mut shard = self.shard(member);
        let connections = &mut shard.entry(member).or_default().connections;
        // Nearly every member has one connection: no room for more is held ready.
        connections.reserve_exact(1);
        connections.push(Attached { id, login, connection });
        self.attached.fetch_add(1, Ordering::Relaxed);
        id
    }

    pub(super) fn detach(&self, member: MemberId, id: u64) {
        let mut shard = self.shard(member);
        if let Some(entry) = shard.get_mut(&member) {
            entry.connections.retain(|attached| attached.id != id);
            self.attached.fetch_sub(1, Ordering::Relaxed);
            if entry.is_empty() {
                shard.remove(&member);
            }
        }
    }

    /// The member's connections of those logins that `of` picks.
    pub(super) fn connections(
        &self,
        member: MemberId,
        of: impl Fn(LoginId) -> bool,
    ) -> Vec<Arc<dyn Connection>> {
        let shard = self.shard(member);
        let all = shard.get(&member).map(|entry| entry.connections.as_slice()).unwrap_or_default();
        let picked = all.iter().filter(|attached| of(attached.login));
        picked.map(|attached| attached.connection.clone()).collect()
    }

    /// The other connections of a login.
    pub(super) fn others(
        &self,
        member: MemberId,
        login: LoginId,
        id: u64,
    ) -> Vec<Arc<dyn Connection>> {
        let shard = self.shard(member);
        let all = shard.get(&member).map(|entry| entry.connections.as_slice()).unwrap_or_default();
        let others = all.iter().filter(|attached| attached.login == login && attached.id != id);
        others.map(|attached| attached.connection.clone()).collect()
    }

    pub(super) fn awake(&self) -> usize {
        self.awake.load(Ordering::Relaxed)
    }

    pub(super) fn attached(&self) -> usize {
        self.attached.load(Ordering::Relaxed)
    }

    /// Empties the place of an actor, if it still is that one's; with `idle` only when
    /// nothing is outstanding. Says whether it did.
    fn vacate(&self, member: MemberId, generation: u64, idle: bool) -> bool {
        let mut shard = self.shard(member);
        let Some(entry) = shard.get_mut(&member) else { return false };
        let mine = entry.actor.as_ref().is_some_and(|awake| awake.generation == generation);
        if !mine || (idle && entry.outstanding > 0) {
            return false;
        }
        entry.actor = None;
        self.awake.fetch_sub(1, Ordering::Relaxed);
        if entry.is_empty() {
            shard.remove(&member);
        }
        true
    }
}

/// A promise to an actor that a message is on its way; kept when the message is handled
/// or lost.
pub(crate) struct Ticket {
    sessions: Sessions,
    member: MemberId,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut shard = self.sessions.registry().shard(self.member);
        if let Some(entry) = shard.get_mut(&self.member) {
            entry.outstanding -= 1;
            if entry.is_empty() {
                shard.remove(&self.member);
            }
        }
    }
}

/// An actor's own place in its slot. However the actor ends, dropping this empties it.
pub(crate) struct Slot {
    pub(crate) sessions: Sessions,
    member: MemberId,
    generation: u64,
}

impl Slot {
    /// Goes to sleep unless a message is on its way. After `true` the actor gets no more.
    pub(crate) fn sleep(&self) -> bool {
        self.sessions.registry().vacate(self.member, self.generation, true)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.sessions.registry().vacate(self.member, self.generation, false) {
            // It did not go to sleep first, so it died.
            metrics::counter!("daemun_session_deaths_total").increment(1);
        }
    }
}
