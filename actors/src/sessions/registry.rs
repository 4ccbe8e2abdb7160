//! The slots, behind short locks.
//!
//! A member's *slot* holds the connections attached to it, the session actor when one is
//! awake, and how many messages were promised to an actor and are not done with. What holds
//! for every slot, whatever races with whatever:
//!
//! 1. *Promise first.* Whoever sends raises `outstanding` under the lock and finds or wakes
//!    the actor under the same lock. The count falls when the message is dropped: handled,
//!    refused by a dead mailbox, or lost with one. It is dropped exactly once, so every
//!    caller is answered or told.
//! 2. *Sleep at zero.* An actor leaves its slot, to sleep, under the lock and only while
//!    nothing is outstanding. So no request ever meets an actor that has decided to sleep.
//! 3. *One at a time.* An actor is woken only into an empty place, and a place is emptied by
//!    its own actor alone (the generation tells it from the ones after it) and only when that
//!    actor handles nothing more. So the requests of a member are handled by one actor at a
//!    time, and what it knows of the member is known by nobody else.
//! 4. *Death empties the place.* However an actor ends, its [`Slot`] is dropped, and the next
//!    message wakes another.
//! 5. *Told or new.* [`Registry::tell`] reaches the actor that is awake, before every message
//!    whose sending begins later. An actor that is woken later has read nothing yet.
//! 6. *Nothing stays.* A slot that holds nothing is removed under the lock under which it
//!    became empty; the counters are changed under it too.
//! 7. *Nothing of others is dropped under a lock.* A ticket and a slot take the lock when they
//!    are dropped, and the last reference to an actor may hold a message, thus a ticket.
//!
//! **Order.** A message that was sent before the sending of another began is in the mailbox
//! before it. More is promised to nobody: a message is cast after the lock is given back, so
//! two that are sent at once may stand in either order, whoever raised the count first. A
//! connection's requests are sent by its own task, one after the other, and so keep theirs.
//!
//! A registry is generic over its lock and its actors, so that `registry/check.rs` runs this
//! very code under a scheduler that tries the orders.

mod kind;
#[cfg(test)]
mod check;

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::hash::BuildHasher;
use std::ops::DerefMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use protocol::ids::{AppId, LoginId, MemberId};

use super::Connection;
use crate::identity::tokens::Caller;
use crate::launching::audience::Audience;
pub(crate) use kind::{Alive, Kind, Lock};

/// Every member's slot on this node.
pub(crate) struct Registry<K: Kind> {
    shards: Box<[K::Lock]>,
    hash: RandomState,
    next: AtomicU64,
    awake: AtomicUsize,
    attached: AtomicUsize,
}

/// The slots behind one lock.
pub(crate) type Shard<K> = HashMap<MemberId, Entry<K>>;

/// A member's slot. It is there while something is in it.
pub(crate) struct Entry<K: Kind> {
    actor: Option<Awake<K>>,
    /// Messages that were promised to the actor and are not done with.
    outstanding: usize,
    connections: Vec<Attached>,
}

struct Awake<K: Kind> {
    actor: K::Actor,
    /// Tells this actor from the one before it in the same slot.
    generation: u64,
}

struct Attached {
    /// Rises with every connection: the newest has the highest.
    id: u64,
    app: AppId,
    login: LoginId,
    connection: Arc<dyn Connection>,
    /// With whom it is told things; `None` of who only waits.
    audience: Option<Arc<Audience>>,
}

impl<K: Kind> Default for Entry<K> {
    fn default() -> Self {
        Self { actor: None, outstanding: 0, connections: Vec::new() }
    }
}

impl<K: Kind> Entry<K> {
    fn is_empty(&self) -> bool {
        self.actor.is_none() && self.outstanding == 0 && self.connections.is_empty()
    }
}

impl<K: Kind> Registry<K> {
    /// Nobody's slots yet, behind so many locks. At least one.
    pub(super) fn new(locks: usize) -> Self {
        Self {
            shards: (0..locks).map(|_| K::Lock::default()).collect(),
            hash: RandomState::new(),
            next: AtomicU64::new(1),
            awake: AtomicUsize::new(0),
            attached: AtomicUsize::new(0),
        }
    }

    /// Behind which of the locks a member's slot is.
    pub(super) fn place(&self, member: MemberId) -> usize {
        // The remainder is below the number of locks, which fits.
        usize::try_from(self.hash.hash_one(member) % self.shards.len() as u64).unwrap_or(0)
    }

    fn shard(&self, member: MemberId) -> impl DerefMut<Target = Shard<K>> {
        self.shards[self.place(member)].lock()
    }

    /// The member's actor, if it is awake.
    #[cfg(test)]
    pub(super) fn actor(&self, member: MemberId) -> Option<K::Actor> {
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

    /// Sends to the member's actor; if it sleeps, `wake` starts one for the slot it is given.
    /// When that fails the message is dropped, which tells its caller.
    pub(super) fn send<E: Display>(
        self: &Arc<Self>,
        member: MemberId,
        wake: impl FnOnce(Arc<Slot<K>>) -> Result<K::Actor, E>,
        message: impl FnOnce(Ticket<K>) -> K::Message,
    ) {
        // Held until the lock is given back, in case nobody else does: see 7.
        let slot;
        let actor = {
            let mut shard = self.shard(member);
            let entry = shard.entry(member).or_default();
            entry.outstanding += 1;
            match &entry.actor {
                Some(awake) => Some(awake.actor.clone()),
                None => {
                    let generation = self.number();
                    slot = Arc::new(Slot { registry: self.clone(), member, generation });
                    match wake(slot.clone()) {
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
        let message = message(Ticket { registry: self.clone(), member });
        if let Some(actor) = actor {
            // An actor that has just died drops the message, which tells its caller.
            K::cast(&actor, message);
        }
    }

    /// Tells the member's actor something if it is awake; a sleeping one need not know.
    /// `message` holds no ticket: it may be dropped under the lock.
    pub(super) fn tell(&self, member: MemberId, message: K::Message) {
        let shard = self.shard(member);
        if let Some(awake) = shard.get(&member).and_then(|entry| entry.actor.as_ref()) {
            // Under the lock: an actor that is about to sleep gets it or is asleep already.
            K::cast(&awake.actor, message);
        }
    }

    pub(super) fn attach(
        &self,
        caller: &Caller,
        connection: Arc<dyn Connection>,
        audience: Option<Arc<Audience>>,
    ) -> u64 {
        let (app, login) = (caller.app.clone(), caller.login);
        let mut shard = self.shard(caller.member);
        let id = self.number();
        let connections = &mut shard.entry(caller.member).or_default().connections;
        // Nearly every member has one connection: no room for more is held ready.
        connections.reserve_exact(1);
        connections.push(Attached { id, app, login, connection, audience });
        self.attached.fetch_add(1, Ordering::Relaxed);
        id
    }

    pub(super) fn detach(&self, member: MemberId, id: u64) {
        // Dropped after the lock is given back: see 7.
        let _gone;
        let mut shard = self.shard(member);
        let Some(entry) = shard.get_mut(&member) else { return };
        let Some(at) = entry.connections.iter().position(|attached| attached.id == id) else {
            return;
        };
        _gone = entry.connections.remove(at);
        self.attached.fetch_sub(1, Ordering::Relaxed);
        if entry.is_empty() {
            shard.remove(&member);
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

    /// The logins by which a member is connected, each with its game.
    pub(super) fn logins(&self, member: MemberId) -> Vec<(AppId, LoginId)> {
        let shard = self.shard(member);
        let all = shard.get(&member).map(|entry| entry.connections.as_slice()).unwrap_or_default();
        let mut logins: Vec<_> = all.iter().map(|it| (it.app.clone(), it.login)).collect();
        logins.dedup();
        logins
    }

    /// The connections of a login that were attached before `id`. Not the ones after it: of
    /// two that open at once the newer stands, whichever is done first.
    pub(super) fn older(
        &self,
        member: MemberId,
        login: LoginId,
        id: u64,
    ) -> Vec<Arc<dyn Connection>> {
        let shard = self.shard(member);
        let all = shard.get(&member).map(|entry| entry.connections.as_slice()).unwrap_or_default();
        let older = all.iter().filter(|attached| attached.login == login && attached.id < id);
        older.map(|attached| attached.connection.clone()).collect()
    }

    /// Every connection of a game, those behind one lock after those behind another.
    pub(super) fn of_game(&self, app: &AppId) -> impl Iterator<Item = Vec<Arc<dyn Connection>>> {
        self.shards.iter().map(move |shard| {
            let shard = shard.lock();
            let all = shard.values().flat_map(|entry| &entry.connections);
            let picked = all.filter(|attached| attached.app == *app);
            picked.map(|attached| attached.connection.clone()).collect()
        })
    }

    /// Every connection of a game, or of all, that has an audience, with that; those behind one
    /// lock after those behind another.
    pub(super) fn audiences(
        &self,
        app: Option<&AppId>,
    ) -> impl Iterator<Item = Vec<(Arc<Audience>, Arc<dyn Connection>)>> {
        self.shards.iter().map(move |shard| {
            let shard = shard.lock();
            let all = shard.values().flat_map(|entry| &entry.connections);
            let picked = all.filter(|attached| app.is_none_or(|app| attached.app == *app));
            let with = |attached: &Attached| {
                Some((attached.audience.clone()?, attached.connection.clone()))
            };
            picked.filter_map(with).collect()
        })
    }

    /// How many members are connected, by their games.
    pub(super) fn players(&self) -> BTreeMap<AppId, u64> {
        let mut players = BTreeMap::new();
        for shard in &self.shards {
            for entry in shard.lock().values() {
                if let Some(attached) = entry.connections.first() {
                    match players.get_mut(&attached.app) {
                        Some(count) => *count += 1,
                        None => drop(players.insert(attached.app.clone(), 1)),
                    }
                }
            }
        }
        players
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
        // Dropped after the lock is given back: see 7.
        let _gone;
        let mut shard = self.shard(member);
        let Some(entry) = shard.get_mut(&member) else { return false };
        let mine = entry.actor.as_ref().is_some_and(|awake| awake.generation == generation);
        if !mine || (idle && entry.outstanding > 0) {
            return false;
        }
        _gone = entry.actor.take();
        self.awake.fetch_sub(1, Ordering::Relaxed);
        if entry.is_empty() {
            shard.remove(&member);
        }
        true
    }
}

/// A promise to an actor that a message is on its way; kept when the message is handled
/// or lost.
pub(crate) struct Ticket<K: Kind> {
    registry: Arc<Registry<K>>,
    member: MemberId,
}

impl<K: Kind> Drop for Ticket<K> {
    fn drop(&mut self) {
        let mut shard = self.registry.shard(self.member);
        if let Some(entry) = shard.get_mut(&self.member) {
            entry.outstanding -= 1;
            if entry.is_empty() {
                shard.remove(&self.member);
            }
        }
    }
}

/// An actor's own place in its slot. However the actor ends, dropping this empties it; so
/// an actor drops it when it handles nothing more, and not before.
pub(crate) struct Slot<K: Kind> {
    registry: Arc<Registry<K>>,
    member: MemberId,
    generation: u64,
}

impl<K: Kind> Slot<K> {
    /// Goes to sleep unless a message is on its way. After `true` the actor gets no more.
    pub(crate) fn sleep(&self) -> bool {
        self.registry.vacate(self.member, self.generation, true)
    }
}

impl<K: Kind> Drop for Slot<K> {
    fn drop(&mut self) {
        if self.registry.vacate(self.member, self.generation, false) {
            // It did not go to sleep first, so it died.
            metrics::counter!("daemun_session_deaths_total").increment(1);
        }
    }
}
