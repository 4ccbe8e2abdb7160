//! The members' inboxes: pushes that must arrive.
//!
//! A push that must arrive is a row, numbered from 1 without a gap for each member, written
//! with its cause and kept until it is acknowledged or has expired.

mod once;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use protocol::ids::{AppId, LoginId, MemberId};

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;
use crate::open::Truth;

pub use once::{PostOnce, PostedOnce};

/// A push to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPush {
    /// Its word on the wire.
    pub word: String,
    /// Its body, as JSON.
    pub body: String,
    /// When it is no longer of use.
    pub expires_at: Micros,
}

/// A push as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPush {
    /// Its number.
    pub seq: u64,
    /// Its word on the wire.
    pub word: String,
    /// Its body, as JSON.
    pub body: String,
    /// When it was written.
    pub at: Micros,
}

/// A part of a member's inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// What is kept behind the number that was asked for, in order. Numbers that are
    /// missing between them expired.
    pub pushes: Vec<KeptPush>,
    /// The highest number there has been.
    pub seq: u64,
    /// The highest number that was acknowledged.
    pub acked: u64,
}

/// Pushes for one member.
#[derive(Clone, Debug)]
pub struct PostWrite {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// What to put into its inbox, in order.
    pub pushes: Vec<NewPush>,
    /// The present time.
    pub now: Micros,
}

/// A look into one member's inbox.
#[derive(Clone, Debug)]
pub struct InboxRead {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// What is wanted is behind this number.
    pub after: u64,
    /// The present time.
    pub now: Micros,
    /// How many pushes at most.
    pub limit: usize,
}

/// One member's acknowledgement.
#[derive(Clone, Debug)]
pub struct AckWrite {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// The login that acknowledges.
    pub login: LoginId,
    /// The number up to which all has arrived.
    pub up_to: u64,
}

/// What a backend does for inboxes.
#[async_trait]
pub trait PushDuty: Send + Sync {
    /// Puts pushes into a member's inbox, in order, all or none, and returns them with
    /// their numbers; `None` when there is no such member in that game.
    async fn post(
        &self,
        app: AppId,
        member: MemberId,
        pushes: Vec<NewPush>,
        now: Micros,
    ) -> Result<Option<Vec<KeptPush>>>;
    /// Puts pushes into the inboxes of different members, each as [`PushDuty::post`], in their
    /// order.
    async fn post_all(&self, writes: Vec<PostWrite>) -> Vec<Result<Option<Vec<KeptPush>>>> {
        let post = |PostWrite { app, member, pushes, now }| self.post(app, member, pushes, now);
        join_all(writes.into_iter().map(post)).await
    }
    /// Puts a push into a member's inbox, once under its name for as long as that is known.
    async fn post_once(&self, write: PostOnce) -> Result<PostedOnce>;
    /// At most `limit` pushes behind `after` that are neither acknowledged nor expired.
    async fn inbox(
        &self,
        app: AppId,
        member: MemberId,
        after: u64,
        now: Micros,
        limit: usize,
    ) -> Result<Inbox>;
    /// Looks into many inboxes, each as [`PushDuty::inbox`], in their order.
    async fn inbox_all(&self, reads: Vec<InboxRead>) -> Vec<Result<Inbox>> {
        let read = |InboxRead { app, member, after, now, limit }| {
            self.inbox(app, member, after, now, limit)
        };
        join_all(reads.into_iter().map(read)).await
    }
    /// Acknowledges everything up to a number. A number that was acknowledged before
    /// changes nothing; one that there has not been counts as the highest there has.
    /// Returns what is acknowledged now. Only the login that holds the session may:
    /// [`Replaced`](crate::error::StorageError::Replaced) to any other.
    async fn ack(&self, app: AppId, member: MemberId, login: LoginId, up_to: u64) -> Result<u64>;
    /// Acknowledges for different members, each as [`PushDuty::ack`], in their order.
    async fn ack_all(&self, writes: Vec<AckWrite>) -> Vec<Result<u64>> {
        let ack = |AckWrite { app, member, login, up_to }| self.ack(app, member, login, up_to);
        join_all(writes.into_iter().map(ack)).await
    }
    /// Forgets pushes that expired before `now`, and names under which some were posted, at most
    /// `limit` of each. Returns how many went.
    async fn expire(&self, now: Micros, limit: usize) -> Result<usize>;
}

/// The typed handle for inboxes.
#[derive(Clone)]
pub struct Inboxes(pub(crate) Records);

/// How each of these fails: see [`StorageError`](crate::error::StorageError).
impl Inboxes {
    /// As [`PushDuty::post`].
    ///
    /// # Errors
    /// As said above. After `OutcomeUnknown` the pushes may be there.
    pub async fn post(
        &self,
        app: AppId,
        member: MemberId,
        pushes: Vec<NewPush>,
        now: Micros,
    ) -> Result<Option<Vec<KeptPush>>> {
        self.0
            .call(Key::Member(member), move |backend| async move {
                backend.post(app, member, pushes, now).await
            })
            .await
    }

    /// As [`PushDuty::post_once`].
    ///
    /// # Errors
    /// As said above. After `OutcomeUnknown` the same may be asked for again.
    pub async fn post_once(&self, write: PostOnce) -> Result<PostedOnce> {
        self.post_once_then(write, |_| ()).await
    }

    /// As [`Inboxes::post_once`]. `then` sees what came of it, also if its caller was told that the
    /// outcome is unknown.
    ///
    /// # Errors
    /// As [`Inboxes::post_once`].
    pub async fn post_once_then(
        &self,
        write: PostOnce,
        then: impl FnOnce(&PostedOnce) + Send + 'static,
    ) -> Result<PostedOnce> {
        let key = Key::Member(write.member);
        let work = move |it: Arc<dyn Truth>| async move { it.post_once(write).await };
        self.0.call_then(key, work, then).await
    }

    /// As [`PushDuty::inbox`].
    ///
    /// # Errors
    /// As said above.
    pub async fn read(
        &self,
        app: AppId,
        member: MemberId,
        after: u64,
        now: Micros,
        limit: usize,
    ) -> Result<Inbox> {
        self.0
            .call(Key::Member(member), move |backend| async move {
                backend.inbox(app, member, after, now, limit).await
            })
            .await
    }

    /// As [`PushDuty::ack`].
    ///
    /// # Errors
    /// As said above. Acknowledging twice is harmless.
    pub async fn ack(
        &self,
        app: AppId,
        member: MemberId,
        login: LoginId,
        up_to: u64,
    ) -> Result<u64> {
        self.0
            .call(Key::Member(member), move |backend| async move {
                backend.ack(app, member, login, up_to).await
            })
            .await
    }

    /// As [`PushDuty::expire`].
    ///
    /// # Errors
    /// As said above.
    pub async fn expire(&self, now: Micros, limit: usize) -> Result<usize> {
        self.0.call(Key::Home, move |backend| async move { backend.expire(now, limit).await }).await
    }
}
