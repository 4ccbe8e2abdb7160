//! A cache in front of the truth: what was read of a member not long ago.
//!
//! A value is put there under a *lease*, which whoever misses it gets, and which everybody else
//! waits for a little instead of asking the truth too. Whoever writes *forgets* the member once
//! his write is committed and before it is answered, and its leases with it. So a value that was
//! read before a write never lies there after that write was answered: either it was put there
//! before, and is forgotten, or it comes under a lease that is no more.
//!
//! In the last quarter of a value's life one of those who find it gets a lease as well, reads it anew
//! behind its own answer, and fills it, so that nobody has to wait for what is asked for often.
//!
//! No value is older than the cache's life, counted from its lease, so from before it was read:
//! that is what bounds a write that could not be forgotten. What decides about logins, tokens and
//! money is read where it is written, and never here.

use std::time::Duration;

use async_trait::async_trait;
use protocol::ids::{AppId, LoginId, MemberId};

use crate::identity::Identity;
use crate::members::Member;
use crate::sessions::Standing;

/// How long a lease is good: whoever got it and is not back by then fills nothing.
pub const LEASE: Duration = Duration::from_secs(1);
/// How long it is remembered that something is not there, at most.
pub const NOTHING: Duration = Duration::from_secs(1);
/// How long anything is remembered, at most.
pub const LONGEST: Duration = Duration::from_secs(30);

/// What is asked of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The member itself.
    Member,
    /// Its identities.
    Identities,
    /// Where one of its logins stands.
    Standing(LoginId),
}

/// What a value is kept under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    /// The game that was asked in; it may not be the member's own.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// What of it.
    pub part: Part,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`Part::Member`].
    Member(Option<Member>),
    /// Of [`Part::Identities`].
    Identities(Vec<Identity>),
    /// Of [`Part::Standing`]; its age is no part of it.
    Standing(Option<Standing>),
}

impl Value {
    /// For how much of a cache's life it is kept: at random a little less than all, so that what
    /// came together does not go together, and of what is not there a second.
    pub(crate) fn life(&self, life: Duration) -> Duration {
        let life = match self {
            Self::Member(None) | Self::Standing(None) => life.min(NOTHING),
            Self::Member(Some(_)) | Self::Identities(_) | Self::Standing(Some(_)) => life,
        };
        life.mul_f64(0.8 + 0.2 * fastrand::f64())
    }
}

/// The right to fill a key, until it is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease(pub(crate) u64);

impl Lease {
    pub(crate) fn draw() -> Self {
        Self(fastrand::u64(..))
    }
}

/// What a look comes to.
#[allow(clippy::large_enum_variant, reason = "mostly it is found, and each is moved a few times")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is there.
    Found {
        /// What was read.
        value: Value,
        /// How long ago at most.
        age: Duration,
        /// For one of those who find it in the last quarter of its life: the right to read it
        /// anew while the others still find it.
        anew: Option<Lease>,
    },
    /// It is not there: whoever is told this asks the truth and fills it.
    Missing(Lease),
    /// It is not there, and somebody is asking the truth already: look again soon.
    Taken,
    /// The cache cannot say, or must not: ask the truth, and fill nothing.
    Away,
}

/// What was read under a lease.
#[derive(Clone, Debug)]
pub struct Fill {
    /// Of what.
    pub key: CacheKey,
    /// The lease that was given for it, before it was read.
    pub lease: Lease,
    /// What was read.
    pub value: Value,
}

/// What a cache does. None of it fails: whoever cannot be told something asks the truth.
#[async_trait]
pub trait CacheDuty: Send + Sync {
    /// Looks for many, and answers in their order.
    async fn look(&self, keys: Vec<CacheKey>) -> Vec<Look>;
    /// Puts values there, each only if its lease is still the key's. Says of each whether it is
    /// known to be there.
    async fn fill(&self, fills: Vec<Fill>) -> Vec<bool>;
    /// Forgets all of these members, and their leases. Where that could not be said to be done,
    /// nothing is found of them from here on until it was, or until it is too old anyway.
    async fn forget(&self, members: Vec<MemberId>);
    /// Whether it is so near that nothing is gained by asking for many at once.
    fn is_near(&self) -> bool;
    /// What is not well with it, in words.
    fn trouble(&self) -> Option<String>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_together_does_not_go_together() {
        let (all, life) = (Value::Identities(Vec::new()), Duration::from_secs(30));
        let lives: Vec<_> = (0..100).map(|_| all.life(life)).collect();
        assert!(lives.iter().all(|one| (life.mul_f64(0.8)..=life).contains(one)), "{lives:?}");
        let (least, most) = (lives.iter().min().unwrap(), lives.iter().max().unwrap());
        // A hundred that fall within a twentieth of their range are not drawn.
        assert!(*most - *least > life.mul_f64(0.01), "{lives:?}");
        assert!(Value::Member(None).life(life) <= NOTHING);
        assert!(Value::Standing(None).life(life / 1_000) <= life / 1_000);
    }
}
