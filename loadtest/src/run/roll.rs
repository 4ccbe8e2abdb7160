//! Who is here: the roll of all players, and who was lost and came back.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::ids::MemberId;
use serde::Serialize;
use tokio::time::Instant;

/// Where a player is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Coming,
    Open,
    Away,
    Gone,
    Left,
}

/// How many players are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Places {
    /// On their way in for the first time.
    pub coming: usize,
    /// With an open session.
    pub open: usize,
    /// Without a connection, and on their way back.
    pub away: usize,
    /// Without hope of getting in.
    pub gone: usize,
    /// Who took their leave.
    pub left: usize,
}

impl Places {
    /// Whether nobody is on the way.
    pub(super) fn settled(self) -> bool {
        self.coming == 0 && self.away == 0
    }
}

/// How a player came back the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Return {
    /// When.
    pub(super) at: Instant,
    /// `None` if the session went on, else the server's word for why it did not.
    pub(super) not_resumed: Option<&'static str>,
}

/// All players, shared by all of them.
#[derive(Default)]
pub(super) struct Roll(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    places: HashMap<usize, Place>,
    counts: Places,
    members: HashSet<MemberId>,
    /// By the player's number.
    who: HashMap<usize, MemberId>,
    lost: BTreeMap<String, u64>,
    first_lost: Option<Instant>,
    returns: HashMap<usize, Return>,
    nobody_there: u64,
}

impl Roll {
    /// A player sets out.
    pub(super) fn coming(&self, number: usize) {
        self.lock().put(number, Place::Coming);
    }

    /// A player's session is open. False when another player is the same member.
    pub(super) fn came_in(&self, number: usize, member: MemberId) -> bool {
        let mut inner = self.lock();
        inner.put(number, Place::Open);
        inner.who.insert(number, member);
        inner.members.insert(member)
    }

    /// Which member a player is, once it came in.
    pub(super) fn member(&self, number: usize) -> Option<MemberId> {
        self.lock().who.get(&number).copied()
    }

    /// A player lost its connection, with this close code.
    pub(super) fn lost(&self, number: usize, code: u16) {
        let mut inner = self.lock();
        inner.put(number, Place::Away);
        inner.first_lost.get_or_insert_with(Instant::now);
        *inner.lost.entry(code.to_string()).or_default() += 1;
    }

    /// A player's session is open again.
    pub(super) fn back(&self, number: usize, not_resumed: Option<&'static str>) {
        let mut inner = self.lock();
        inner.put(number, Place::Open);
        inner.returns.insert(number, Return { at: Instant::now(), not_resumed });
    }

    /// A player gave up, because nothing answers if `nobody_there`.
    pub(super) fn gone(&self, number: usize, nobody_there: bool) {
        let mut inner = self.lock();
        inner.put(number, Place::Gone);
        inner.nobody_there += u64::from(nobody_there);
    }

    /// A player took its leave.
    pub(super) fn left(&self, number: usize) {
        self.lock().put(number, Place::Left);
    }

    /// How many are where.
    pub(super) fn places(&self) -> Places {
        self.lock().counts
    }

    /// How many connections were lost, by close code.
    pub(super) fn losses(&self) -> BTreeMap<String, u64> {
        self.lock().lost.clone()
    }

    /// How many connections were lost.
    pub(super) fn lost_so_far(&self) -> u64 {
        self.lock().lost.values().sum()
    }

    /// Whether some gave up because nothing answers, and nobody is in.
    pub(super) fn nobody_there(&self) -> bool {
        let inner = self.lock();
        inner.nobody_there > 0 && inner.counts.open == 0 && inner.counts.left == 0
    }

    /// When the first connection was lost.
    pub(super) fn first_lost(&self) -> Option<Instant> {
        self.lock().first_lost
    }

    /// How everyone who came back did so the last time, the earliest first.
    pub(super) fn returns(&self) -> Vec<Return> {
        let mut returns: Vec<_> = self.lock().returns.values().cloned().collect();
        returns.sort_by_key(|it| it.at);
        returns
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn put(&mut self, number: usize, place: Place) {
        if let Some(before) = self.places.insert(number, place) {
            *self.count(before) -= 1;
        }
        *self.count(place) += 1;
    }

    fn count(&mut self, place: Place) -> &mut usize {
        match place {
            Place::Coming => &mut self.counts.coming,
            Place::Open => &mut self.counts.open,
            Place::Away => &mut self.counts.away,
            Place::Gone => &mut self.counts.gone,
            Place::Left => &mut self.counts.left,
        }
    }
}

/// After how long so many in a hundred of all were back; `None` if they never were.
pub(super) fn back_after(
    returns: &[Return],
    since: Instant,
    all: usize,
    percent: usize,
) -> Option<Duration> {
    let needed = (all * percent).div_ceil(100).max(1);
    Some(returns.get(needed - 1)?.at.saturating_duration_since(since))
}

#[cfg(test)]
mod tests;
