//! What becomes of a refresh token that is shown: the rules, the same for every backend.

use protocol::ids::MemberId;

use super::{EndedBy, RefreshWrite, TakeOver};
use crate::clock::Micros;
use crate::identity::Digest;
use crate::members::Ban;

/// The columns of a login that decide on an exchange.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) member: MemberId,
    pub(crate) epoch: i64,
    pub(crate) refreshed_at: Micros,
    pub(crate) expires_at: Micros,
    pub(crate) ended: Option<EndedBy>,
    pub(crate) tag: Digest,
    pub(crate) token: Digest,
    pub(crate) previous: Option<Digest>,
    pub(crate) sealed: Option<Vec<u8>>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<'a> {
    /// No such token.
    Unknown,
    /// The login was ended.
    Ended(EndedBy),
    /// The answer is given again.
    Repeat {
        /// The sealed token that was given.
        sealed: Vec<u8>,
        /// When it expires.
        expires_at: Micros,
    },
    /// The login is to be ended: its token was used before.
    Reused,
    /// The token has expired.
    Expired,
    /// The member is kept out; the token is as good as before.
    Banned(Ban),
    /// A newer login holds the session.
    Replaced,
    /// The session is to be given back, as this new login.
    TakeOver(&'a TakeOver),
    /// The offered token is to be put behind the one that was shown; a successor of that one
    /// which was never used is forgotten.
    Rotate,
}

impl Chain {
    /// Judges an exchange at this login. `epoch` is the member's now, `ban` what keeps the
    /// member out now.
    pub(crate) fn judge<'a>(
        &self,
        epoch: i64,
        ban: Option<Ban>,
        write: &'a RefreshWrite,
    ) -> Verdict<'a> {
        if self.tag != write.tag {
            return Verdict::Unknown;
        }
        if let Some(by) = self.ended {
            return match (self.taken_over_by(write), ban) {
                (Some(_), Some(ban)) => Verdict::Banned(ban),
                (Some(sealed), None) => Verdict::Repeat { sealed, expires_at: self.expires_at },
                (None, _) => Verdict::Ended(by),
            };
        }
        let previous = self.previous == Some(write.token);
        if self.token != write.token && !previous {
            // The tag is a secret of this chain: the token was given once and has been used.
            return Verdict::Reused;
        }
        if self.expires_at <= write.now {
            return Verdict::Expired;
        }
        if let Some(ban) = ban {
            return Verdict::Banned(ban);
        }
        if self.epoch != epoch {
            return write.take_over.as_ref().map_or(Verdict::Replaced, Verdict::TakeOver);
        }
        match &self.sealed {
            Some(sealed) if previous && self.refreshed_at > write.repeat_since => {
                Verdict::Repeat { sealed: sealed.clone(), expires_at: self.expires_at }
            }
            Some(_) | None => Verdict::Rotate,
        }
    }

    /// The new login's first token, sealed, if this very token took the session back
    /// moments ago.
    fn taken_over_by(&self, write: &RefreshWrite) -> Option<Vec<u8>> {
        let again = self.ended == Some(EndedBy::TakeOver)
            && write.take_over.is_some()
            && self.token == write.token
            && self.refreshed_at > write.repeat_since;
        self.sealed.clone().filter(|_| again)
    }
}
