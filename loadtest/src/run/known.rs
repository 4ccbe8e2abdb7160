//! What a player keeps over its connections.

use protocol::identity::Tokens;
use protocol::ids::{MemberId, SessionId};
use protocol::sessions::Resume;

/// What a player knows of itself.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Who it is.
    pub(super) member: MemberId,
    /// The newest tokens.
    pub(super) tokens: Tokens,
    /// Its session, once it was opened.
    pub(super) session: Option<SessionId>,
    /// The highest push number that came.
    pub(super) seq: u64,
    /// The highest request number used.
    pub(super) last_id: u64,
}

impl Known {
    /// From where its session is to go on.
    pub(super) fn resume(&self) -> Option<Resume> {
        self.session.map(|session| Resume { session, seq: self.seq })
    }

    /// The next request's number.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
