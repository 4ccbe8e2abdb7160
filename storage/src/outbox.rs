//! What the games' own servers are to be told, in order for each member.
//!
//! A notice is a row, written with its cause and numbered for each member. Whoever sends leases
//! a member, sends what waits in order, and says how far it came; so one member's notices leave
//! in order from whichever node. One that nobody took within three days is set aside, and the
//! next goes out.

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use protocol::words;
use uuid::Uuid;

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;

words! {
    /// How a notice stands.
    Sent {
        /// It is to be sent.
        Waiting = "waiting",
        /// It was taken.
        Done = "done",
        /// Nobody took it in time.
        Failed = "failed",
    }
}

/// A notice as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The game.
    pub app: AppId,
    /// The member whom it is about.
    pub member: MemberId,
    /// Its number for that member.
    pub seq: u64,
    /// Its id, the same whenever it is sent.
    pub id: Uuid,
    /// What happened, such as `purchase.granted`.
    pub word: String,
    /// What is sent, as JSON.
    pub body: String,
    /// How it stands.
    pub sent: Sent,
    /// How often it was sent in vain.
    pub tries: u32,
    /// What the last answer was, in a word.
    pub why: Option<String>,
    /// When it was written.
    pub at: Micros,
}

/// What is to be leased.
#[derive(Clone, Copy, Debug)]
pub struct Leasing {
    /// The present time.
    pub now: Micros,
    /// Until when nobody else gets what is leased; later than `now`. It names the lease, for
    /// whoever leases the same member next comes after it and goes beyond it.
    pub until: Micros,
    /// How many members at most, from each server.
    pub members: usize,
    /// How many notices of each at most.
    pub each: usize,
}

/// A member of whom something is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// When the lease ends.
    pub until: Micros,
    /// What waits, in order; at most as many as were asked for.
    pub notices: Vec<Notice>,
}

/// What came of sending what was leased.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The member.
    pub member: MemberId,
    /// Under which lease they were sent: when it ends.
    pub until: Micros,
    /// The notices that were taken.
    pub done: Vec<u64>,
    /// One that nobody took in time.
    pub failed: Option<(u64, String)>,
    /// One that is tried again: its number, when, and what the answer was.
    pub later: Option<(u64, Micros, String)>,
    /// The present time.
    pub now: Micros,
}

/// A look at what was to be told.
#[derive(Clone, Debug)]
pub struct NoticesRead {
    /// The game.
    pub app: AppId,
    /// Of this member alone.
    pub member: Option<MemberId>,
    /// Of these alone.
    pub sent: Option<Sent>,
    /// Written before this moment.
    pub before: Option<Micros>,
    /// How many at most from each server.
    pub limit: usize,
}

/// What a backend does for notices.
#[async_trait]
pub trait OutboxDuty: Send + Sync {
    /// Leases members of whom something is to be told now, the longest due first: nobody else
    /// gets them before the lease ends.
    async fn lease(&self, asked: Leasing) -> Result<Vec<Due>>;
    /// Says what came of it, and gives the lease back. What still waits is due at once, or when
    /// `later` says. `false`, and nothing is changed, when the member was leased by another
    /// meanwhile: that one says what comes of it.
    async fn sent(&self, outcome: Outcome) -> Result<bool>;
    /// What was to be told, the newest first.
    async fn notices(&self, read: NoticesRead) -> Result<Vec<Notice>>;
    /// Lets a notice that is done or failed be sent again, behind what waits, as if it were
    /// written now: it keeps its id and gets a new number. `false` if there is none such.
    async fn replay(&self, app: AppId, member: MemberId, seq: u64, now: Micros) -> Result<bool>;
    /// Forgets notices that were done or failed and written before `before`, at most `limit` on
    /// each server. Returns how many went.
    async fn forget_notices(&self, before: Micros, limit: usize) -> Result<usize>;
}

/// The typed handle for notices.
#[derive(Clone)]
pub struct Outbox(pub(crate) Records);

/// How each of these fails: see [`StorageError`](crate::error::StorageError).
impl Outbox {
    /// As [`OutboxDuty::lease`].
    ///
    /// # Errors
    /// As said above. After `OutcomeUnknown` a lease may be held until it ends.
    pub async fn lease(&self, asked: Leasing) -> Result<Vec<Due>> {
        self.0.call(Key::Home, move |it| async move { it.lease(asked).await }).await
    }

    /// As [`OutboxDuty::sent`].
    ///
    /// # Errors
    /// As said above. After any of them the same notices are sent again when the lease ends.
    pub async fn sent(&self, outcome: Outcome) -> Result<bool> {
        let key = Key::Member(outcome.member);
        self.0.call(key, move |it| async move { it.sent(outcome).await }).await
    }

    /// As [`OutboxDuty::notices`].
    ///
    /// # Errors
    /// As said above.
    pub async fn notices(&self, read: NoticesRead) -> Result<Vec<Notice>> {
        self.0.call(Key::Home, move |it| async move { it.notices(read).await }).await
    }

    /// As [`OutboxDuty::replay`].
    ///
    /// # Errors
    /// As said above.
    pub async fn replay(
        &self,
        app: AppId,
        member: MemberId,
        seq: u64,
        now: Micros,
    ) -> Result<bool> {
        let key = Key::Member(member);
        self.0.call(key, move |it| async move { it.replay(app, member, seq, now).await }).await
    }

    /// As [`OutboxDuty::forget_notices`].
    ///
    /// # Errors
    /// As said above.
    pub async fn forget_notices(&self, before: Micros, limit: usize) -> Result<usize> {
        self.0
            .call(Key::Home, move |it| async move { it.forget_notices(before, limit).await })
            .await
    }
}
