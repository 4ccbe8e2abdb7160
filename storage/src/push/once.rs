//! Pushes that somebody asks for under a name, and that are posted once under it.

use protocol::ids::{AppId, MemberId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::NewPush;
use crate::clock::Micros;
use crate::identity::Digest;
use crate::purchases::owned::uuid_of;

/// A push that is posted once.
#[derive(Clone, Debug)]
pub struct PostOnce {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// Names it: the same again is posted once. [`PostOnce::id_of`] makes it.
    pub id: Uuid,
    /// Of what is asked for: something else under the same name is refused.
    pub digest: Digest,
    /// What to put into the inbox.
    pub push: NewPush,
    /// Until when the name is known; it is forgotten some time after that.
    pub known_until: Micros,
    /// The present time.
    pub now: Micros,
}

impl PostOnce {
    /// The id of a push that is asked for under an idempotency key.
    #[must_use]
    pub fn id_of(app: &AppId, member: MemberId, key: &str) -> Uuid {
        let mut hash = Sha256::new();
        hash.update(b"post\0");
        hash.update(app.as_str());
        hash.update([0]);
        hash.update(member.number().to_be_bytes());
        hash.update(key);
        uuid_of(hash)
    }

    /// Names what the game log says of the push that got this number: the same whoever says it, and
    /// however often. A name that was forgotten may be given to another push later.
    #[must_use]
    pub fn record_id(id: Uuid, seq: u64) -> Uuid {
        let mut hash = Sha256::new();
        hash.update(b"record\0");
        hash.update(id);
        hash.update(seq.to_be_bytes());
        uuid_of(hash)
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostedOnce {
    /// It was put into the inbox.
    Posted {
        /// Its number there.
        seq: u64,
        /// Whether it was before.
        again: bool,
    },
    /// Something else was posted under that name.
    Differs,
    /// There is no such member in that game.
    Unknown,
}
