//! Logins, their refresh tokens, and which login of a member counts.
//!
//! A login is a durable row. The newest login of a member holds the session *epoch*; an
//! older one is replaced, not ended. Each login has one chain of refresh tokens, of which
//! the row keeps the present one, the one before, and a tag that all of them share:
//! a token with the right tag that is neither of the two was used before.

pub(crate) mod exchange;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use protocol::client::{Platform, StoreName};
use protocol::ids::{AppId, LoginId, MemberId};

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::members::{Ban, Member};

/// A login to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLogin {
    /// Its id.
    pub id: LoginId,
    /// By which provider.
    pub provider: String,
    /// From which device.
    pub device: Device,
    /// The digest of the tag that all its refresh tokens share.
    pub tag: Digest,
    /// The digest of its first refresh token.
    pub token: Digest,
    /// When that token expires.
    pub expires_at: Micros,
    /// The present time.
    pub now: Micros,
}

/// The login that takes a session back. Provider and device are the old login's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeOver {
    /// Its id.
    pub id: LoginId,
    /// The digest of the tag that all its refresh tokens share.
    pub tag: Digest,
    /// The digest of its first refresh token.
    pub token: Digest,
    /// That token, sealed so that only who has the shown one can open it.
    pub sealed: Vec<u8>,
}

/// The device that a login came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The system.
    pub platform: Platform,
    /// The store the client was installed from.
    pub store: Option<StoreName>,
    /// The name that the client gave.
    pub name: Option<String>,
    /// The client's version.
    pub version: String,
    /// What else it said of itself.
    pub said: Box<Said>,
}

/// What a client may say of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The country that it is in.
    pub country: Option<String>,
    /// The language that its player reads.
    pub lang: Option<String>,
    /// The id that the installation made up.
    pub device_id: Option<String>,
}

/// A login as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Its id.
    pub id: LoginId,
    /// By which provider.
    pub provider: String,
    /// The session epoch it holds or held.
    pub epoch: i64,
    /// From which device.
    pub device: Device,
    /// When it was made.
    pub created_at: Micros,
    /// When its refresh token last changed.
    pub refreshed_at: Micros,
    /// When its refresh token expires.
    pub expires_at: Micros,
    /// Whether it was ended, by whom.
    pub ended: Option<EndedBy>,
}

protocol::words! {
    /// What ended a login.
    EndedBy {
        /// Its own logout.
        Logout = "logout",
        /// A logout from everywhere.
        LogoutEverywhere = "logout_everywhere",
        /// A refresh token that came back after its successor was used.
        Reuse = "reuse",
        /// It took the session back, and goes on as a new login.
        TakeOver = "take_over",
    }
}

/// Where a login stands, as one read sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose it is.
    pub member: Member,
    /// The login.
    pub login: Login,
    /// The member's session epoch: the login counts if it holds this one.
    pub epoch: i64,
    /// The highest number of the member's inbox.
    pub inbox: u64,
    /// The highest of them that was acknowledged.
    pub acked: u64,
    /// How long ago this was read, at most: it may have been found in a cache.
    pub age: Duration,
}

/// An exchange of a refresh token.
#[derive(Clone, Debug)]
pub struct RefreshWrite {
    /// The game that the caller named.
    pub app: AppId,
    /// The login that the token names.
    pub login: LoginId,
    /// The member that the token names. A token that was given before tokens named one does
    /// not; it is good where logins are found without.
    pub member: Option<MemberId>,
    /// The digest of the token's tag.
    pub tag: Digest,
    /// The digest of the token.
    pub token: Digest,
    /// The digest of the token to give next.
    pub next: Digest,
    /// That token, sealed so that only who has the present one can open it.
    pub next_sealed: Vec<u8>,
    /// When that token expires.
    pub expires_at: Micros,
    /// Answers that were given after this moment are given again.
    pub repeat_since: Micros,
    /// The login to make if this one was replaced and shall take the session back.
    pub take_over: Option<TakeOver>,
    /// The present time.
    pub now: Micros,
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The next token is the one that was offered.
    Rotated {
        /// Whose login it is.
        member: Member,
    },
    /// The token was exchanged, or took the session back, moments ago and the answer may
    /// have been lost: here is that answer again, sealed.
    Repeated {
        /// Whose login it is.
        member: Member,
        /// The sealed token that was given.
        sealed: Vec<u8>,
        /// When it expires.
        expires_at: Micros,
    },
    /// The login took the session back: the new login is written.
    TakenOver {
        /// Whose login it is.
        member: Member,
        /// The session epoch from now on.
        epoch: i64,
        /// The login whose place it took, if that one had not ended.
        replaced: Option<LoginId>,
    },
    /// No such token.
    Unknown,
    /// The token has expired.
    Expired,
    /// The login was ended.
    Ended(EndedBy),
    /// The member is kept out. The token is as good as before, for when it may come again.
    Banned(Ban),
    /// A newer login holds the session.
    Replaced,
    /// The token was used before its successor was: the login is ended now.
    Reused {
        /// Whose login it was.
        member: MemberId,
    },
}

/// Which logins to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// This one, whether or not it holds the session: it gives up what is its own.
    One(LoginId),
    /// All of the member's, at the wish of this one, which must hold the session.
    All(LoginId),
}

/// The question where one login stands.
#[derive(Clone, Debug)]
pub struct StandingRead {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// The login.
    pub login: LoginId,
}

/// The question where one member is logged in.
#[derive(Clone, Debug)]
pub struct LoginsRead {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// The present time.
    pub now: Micros,
    /// How many logins at most.
    pub limit: usize,
}

/// Logins of one member that are to be ended.
#[derive(Clone, Debug)]
pub struct EndWrite {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// Which of its logins.
    pub which: End,
    /// What ends them.
    pub by: EndedBy,
    /// The present time.
    pub now: Micros,
}

/// What a backend does for logins.
#[async_trait]
pub trait SessionsDuty: Send + Sync {
    /// Where a login of a member stands; `None` when there is no such login of that
    /// member in that game.
    async fn standing(
        &self,
        app: AppId,
        member: MemberId,
        login: LoginId,
    ) -> Result<Option<Standing>>;
    /// Where many logins stand, in their order.
    async fn standing_all(&self, reads: Vec<StandingRead>) -> Vec<Result<Option<Standing>>> {
        let read = |StandingRead { app, member, login }| self.standing(app, member, login);
        join_all(reads.into_iter().map(read)).await
    }
    /// A member's logins that have neither ended nor expired, and the member's epoch;
    /// the newest first, at most `limit`.
    async fn logins(
        &self,
        app: AppId,
        member: MemberId,
        now: Micros,
        limit: usize,
    ) -> Result<(Vec<Login>, i64)>;
    /// The logins of many, each as [`SessionsDuty::logins`], in their order.
    async fn logins_all(&self, reads: Vec<LoginsRead>) -> Vec<Result<(Vec<Login>, i64)>> {
        let read = |LoginsRead { app, member, now, limit }| self.logins(app, member, now, limit);
        join_all(reads.into_iter().map(read)).await
    }
    /// Exchanges a refresh token.
    async fn refresh(&self, write: RefreshWrite) -> Result<RefreshOutcome>;
    /// Exchanges refresh tokens of different members, each with an outcome of its own, in their
    /// order. What becomes of one never depends on the others.
    async fn refresh_all(&self, writes: Vec<RefreshWrite>) -> Vec<Result<RefreshOutcome>> {
        join_all(writes.into_iter().map(|write| self.refresh(write))).await
    }
    /// Ends logins. Returns those that had not ended before, or
    /// [`Replaced`](crate::error::StorageError::Replaced).
    async fn end(
        &self,
        app: AppId,
        member: MemberId,
        which: End,
        by: EndedBy,
        now: Micros,
    ) -> Result<Vec<LoginId>>;
    /// Ends logins of different members, each as [`SessionsDuty::end`], in their order.
    async fn end_all(&self, writes: Vec<EndWrite>) -> Vec<Result<Vec<LoginId>>> {
        let end = |EndWrite { app, member, which, by, now }| self.end(app, member, which, by, now);
        join_all(writes.into_iter().map(end)).await
    }
    /// Forgets logins and used nonces that expired before `now`, at most `limit` of each.
    /// Returns how many rows went.
    async fn sweep(&self, now: Micros, limit: usize) -> Result<usize>;
}

/// The typed handle for logins.
#[derive(Clone)]
pub struct SessionStore(pub(crate) Records);

/// How each of these fails: see [`StorageError`](crate::error::StorageError).
impl SessionStore {
    /// As [`SessionsDuty::standing`].
    ///
    /// # Errors
    /// As said above.
    pub async fn standing(
        &self,
        app: AppId,
        member: MemberId,
        login: LoginId,
    ) -> Result<Option<Standing>> {
        self.0
            .call(Key::Member(member), move |backend| async move {
                backend.standing(app, member, login).await
            })
            .await
    }

    /// As [`SessionsDuty::logins`].
    ///
    /// # Errors
    /// As said above.
    pub async fn logins(
        &self,
        app: AppId,
        member: MemberId,
        now: Micros,
        limit: usize,
    ) -> Result<(Vec<Login>, i64)> {
        self.0
            .call(Key::Member(member), move |backend| async move {
                backend.logins(app, member, now, limit).await
            })
            .await
    }

    /// As [`SessionsDuty::refresh`].
    ///
    /// # Errors
    /// As said above. After `OutcomeUnknown` the same token may be sent again.
    pub async fn refresh(&self, write: RefreshWrite) -> Result<RefreshOutcome> {
        let key = write.member.map_or(Key::Login(write.login), Key::Member);
        self.0.call(key, move |backend| async move { backend.refresh(write).await }).await
    }

    /// As [`SessionsDuty::end`].
    ///
    /// # Errors
    /// As said above. Ending twice is harmless.
    pub async fn end(
        &self,
        app: AppId,
        member: MemberId,
        which: End,
        by: EndedBy,
        now: Micros,
    ) -> Result<Vec<LoginId>> {
        self.0
            .call(Key::Member(member), move |backend| async move {
                backend.end(app, member, which, by, now).await
            })
            .await
    }

    /// As [`SessionsDuty::sweep`].
    ///
    /// # Errors
    /// As said above.
    pub async fn sweep(&self, now: Micros, limit: usize) -> Result<usize> {
        self.0.call(Key::Home, move |backend| async move { backend.sweep(now, limit).await }).await
    }
}
