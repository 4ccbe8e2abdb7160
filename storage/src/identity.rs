//! Who may log in as which member.

use async_trait::async_trait;
use futures_util::future::join_all;
use protocol::ids::{AppId, LoginId, MemberId};
use sha2::{Digest as _, Sha256};

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;
use crate::members::{Ban, Member};
use crate::sessions::NewLogin;

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// What identifies a person: one subject of one provider in one game.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdentityKey {
    /// The game.
    pub app: AppId,
    /// The provider's word.
    pub provider: String,
    /// The provider's own id of the person; for a guest, the id that the server made.
    pub subject: String,
}

impl IdentityKey {
    /// A digest of the whole key.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        for part in [self.app.as_str(), &self.provider, &self.subject] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.finalize().into()
    }

    /// The virtual shard on which a member is made for this identity.
    #[must_use]
    pub fn shard(&self) -> u16 {
        shard_of(&self.digest())
    }
}

/// The virtual shard of what is kept under a digest: its upper ten bits, so that a shard is a
/// range of digests.
#[must_use]
pub fn shard_of(digest: &Digest) -> u16 {
    u16::from_be_bytes([digest[0], digest[1]]) >> 6
}

/// An identity as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider's word.
    pub provider: String,
    /// When it was linked to its member.
    pub linked_at: Micros,
    /// When it last logged in.
    pub last_login_at: Micros,
}

/// How the person proved to be the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A provider vouched: an identity not seen before becomes a member.
    Vouched,
    /// A guest was made just now, with the secret of this digest. The identity must be new.
    NewSecret(Digest),
    /// A guest showed the secret of this digest. The identity must be there.
    Secret(Digest),
}

/// A login, everything decided but what only the truth can say.
#[derive(Clone, Debug)]
pub struct LoginWrite {
    /// Who logs in.
    pub key: IdentityKey,
    /// How that was proved.
    pub proof: Proof,
    /// The digest of a nonce to be used up, and when that nonce expires.
    pub nonce: Option<(Digest, Micros)>,
    /// The id to give if this makes a member.
    pub candidate: MemberId,
    /// The login to write.
    pub login: NewLogin,
}

/// How a login ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// It is written.
    LoggedIn {
        /// Who logged in.
        member: Member,
        /// Whether this made the member.
        new_member: bool,
        /// The session epoch from now on.
        epoch: i64,
        /// The login whose place it took, if that one had not ended.
        replaced: Option<LoginId>,
    },
    /// No such guest, or not its secret. Which of the two is not told.
    Refused,
    /// The nonce was used before.
    NonceUsed,
    /// The person is who it says, and is kept out.
    Banned {
        /// Who wanted to log in.
        member: MemberId,
        /// Why, and how long.
        ban: Ban,
    },
    /// The candidate id is another member's: draw again.
    IdTaken,
}

/// What a backend does for identities.
#[async_trait]
pub trait IdentityDuty: Send + Sync {
    /// Logs in: uses up the nonce, finds or makes the member, raises the epoch and writes
    /// the login, all or nothing. Any outcome but `LoggedIn` leaves nothing behind.
    async fn login(&self, write: LoginWrite) -> Result<LoginOutcome>;
    /// Logs different people in, each with an outcome of its own, in their order. What becomes
    /// of one never depends on the others.
    async fn login_all(&self, writes: Vec<LoginWrite>) -> Vec<Result<LoginOutcome>> {
        join_all(writes.into_iter().map(|write| self.login(write))).await
    }
    /// A member's identities, the oldest first.
    async fn identities(&self, app: AppId, member: MemberId) -> Result<Vec<Identity>>;
    /// The identities of many, each as [`IdentityDuty::identities`], in their order.
    async fn identities_all(&self, asked: Vec<(AppId, MemberId)>) -> Vec<Result<Vec<Identity>>> {
        join_all(asked.into_iter().map(|(app, member)| self.identities(app, member))).await
    }
}

/// The typed handle for identities.
#[derive(Clone)]
pub struct IdentityStore(pub(crate) Records);

impl IdentityStore {
    /// As [`IdentityDuty::login`].
    ///
    /// # Errors
    /// See [`StorageError`](crate::error::StorageError). After `OutcomeUnknown` a guest's
    /// first login may have made a member that nobody knows the secret of.
    pub async fn login(&self, write: LoginWrite) -> Result<LoginOutcome> {
        let key = Key::identity(&write.key);
        self.0.call(key, move |backend| async move { backend.login(write).await }).await
    }

    /// As [`IdentityDuty::identities`].
    ///
    /// # Errors
    /// See [`StorageError`](crate::error::StorageError).
    pub async fn list(&self, app: AppId, member: MemberId) -> Result<Vec<Identity>> {
        self.0
            .call(Key::Member(member), move |backend| async move {
                backend.identities(app, member).await
            })
            .await
    }
}
