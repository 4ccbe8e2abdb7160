//! All of a member at once, for who looks at it from outside.

use protocol::ids::{AppId, MemberId};

use super::Member;
use crate::clock::Micros;
use crate::freshness::Freshness;
use crate::identity::Identity;
use crate::sessions::Login;

/// What an operator is shown of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The member.
    pub member: Member,
    /// By what it can log in, the oldest first.
    pub identities: Vec<Identity>,
    /// Its logins that have neither ended nor expired, the newest first.
    pub logins: Vec<Login>,
    /// Its session epoch: the login that holds it counts.
    pub epoch: i64,
    /// The highest number of its inbox.
    pub inbox: u64,
    /// The highest of them that was acknowledged.
    pub acked: u64,
}

/// The question for it.
#[derive(Clone, Debug)]
pub struct OverviewRead {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// The present time.
    pub now: Micros,
    /// How many logins at most.
    pub logins: usize,
    /// How old the answer may be.
    pub freshness: Freshness,
}
