//! What backends are asked about purchases, and what comes of it.

use protocol::ids::{AppId, LoginId, MemberId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::claim::{Claim, Hold, Source};
use super::evidence::{Evidence, EvidenceEnd, Shown};
use super::owned::{Purchase, uuid_of};
use crate::clock::Micros;
use crate::identity::Digest;

/// Evidence as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Under which it is kept.
    pub digest: Digest,
    /// What was shown. Its `body` is empty once it was answered.
    pub evidence: Evidence,
    /// Whether it was there before.
    pub again: bool,
    /// How it stands.
    pub shown: Shown,
    /// The claim that it led to, when it is done and led to one.
    pub claim: Option<Digest>,
    /// Why it was refused or parked, or why the last try came to nothing.
    pub why: Option<String>,
    /// How often the store was asked in vain.
    pub tries: u32,
    /// When it was first received.
    pub at: Micros,
}

impl Received {
    /// Names what the game log says of its being shown: the same whoever says it, and however often.
    #[must_use]
    pub fn record_id(&self) -> Uuid {
        let mut hash = Sha256::new();
        hash.update(b"shown");
        hash.update(self.digest);
        uuid_of(hash)
    }
}

/// How word of a purchase was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It has an owner, who is the poster if somebody posted.
    Owned {
        /// The purchase among its owner's rows.
        purchase: Box<Purchase>,
        /// Whether it was known before.
        known: bool,
        /// Why it is held, if it is.
        hold: Option<Hold>,
        /// The highest number in the owner's inbox if this wrote to it.
        pushed: Option<u64>,
    },
    /// It is another member's than the poster's. What was said of it is taken in all the same.
    Others {
        /// Whose it is.
        owner: MemberId,
        /// The purchase among its owner's rows, if this let them follow.
        followed: Option<Box<Purchase>>,
        /// Why it is held, if it is.
        hold: Option<Hold>,
        /// The highest number in the owner's inbox if this wrote to it.
        pushed: Option<u64>,
    },
    /// It is nobody's yet.
    Nobodys {
        /// Why it is held, if it is.
        hold: Option<Hold>,
    },
}

/// A purchase to be taken by the game or its client.
#[derive(Clone, Debug)]
pub struct ConsumeWrite {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// The login that asks, which must hold the session; `None` for the game's own server.
    pub login: Option<LoginId>,
    /// The purchase.
    pub purchase: Uuid,
    /// Whether the store is to be told that it is used up.
    pub settle: bool,
    /// Whether the game is told by its webhook.
    pub webhook: bool,
    /// The present time.
    pub now: Micros,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consumed {
    /// It is consumed.
    Done {
        /// The purchase.
        purchase: Purchase,
        /// Whether it was before.
        again: bool,
    },
    /// It is not granted, so there is nothing to take.
    NotGranted(Purchase),
    /// The member has no such purchase.
    Unknown,
}

/// A look at a member's purchases.
#[derive(Clone, Debug)]
pub struct HistoryRead {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// Only what is granted and not consumed, the oldest first. Otherwise all, the newest first.
    pub unconsumed: bool,
    /// What is wanted lies behind this one, in that order. Ids rise with time.
    pub after: Option<Uuid>,
    /// How many at most.
    pub limit: usize,
}

/// What a store is to be told of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// That it was granted.
    Acknowledge,
    /// That it is used up.
    Consume,
}

/// A purchase of which a store is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settling {
    /// The purchase.
    pub purchase: Purchase,
    /// What it is to be told.
    pub what: Settle,
    /// How often that was tried in vain.
    pub tries: u32,
}

/// What came of telling a store.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The member.
    pub member: MemberId,
    /// The purchase.
    pub purchase: Uuid,
    /// What it was told. If there is something else to tell by now, that stays.
    pub what: Settle,
    /// `None`: the store knows. Otherwise when to try again.
    pub again: Option<Micros>,
    /// The store will not be told: why, in a word. It is not tried again.
    pub given_up: Option<String>,
}

/// A claim whose store is to be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Under which the claim is kept.
    pub claim: Digest,
    /// The claim.
    pub of: Claim,
}

/// How the evidence under a digest is closed.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Under which it is kept.
    pub digest: Digest,
    /// Who showed it.
    pub source: Source,
    /// How it ended.
    pub end: EvidenceEnd,
    /// The present time.
    pub now: Micros,
}

/// A held purchase to be granted all the same.
#[derive(Clone, Debug)]
pub struct ReleaseWrite {
    /// Under which the claim is kept.
    pub claim: Digest,
    /// Whose it becomes if it is nobody's.
    pub owner: Option<MemberId>,
    /// The present time.
    pub now: Micros,
}
