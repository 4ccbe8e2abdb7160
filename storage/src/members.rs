//! The members of the games, and who of them is kept out.
//!
//! A ban ends by itself: time decides, so nothing has to be done when its end comes.

mod overview;

use async_trait::async_trait;
use futures_util::future::join_all;
use protocol::ids::{AppId, MemberId};
use protocol::members::MemberState;
use protocol::text::Text;
use uuid::Uuid;

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;
use crate::freshness::Aged;
use crate::push::NewPush;

pub use overview::{Overview, OverviewRead};

/// A member as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The game it belongs to.
    pub app: AppId,
    /// Its id.
    pub id: MemberId,
    /// Where the membership stands, a ban aside.
    pub state: MemberState,
    /// When it was made.
    pub created_at: Micros,
    /// The last ban, unless it was lifted; its end may have passed.
    pub ban: Option<Ban>,
}

impl Member {
    /// The ban that keeps the member out at that moment.
    #[must_use]
    pub fn banned(&self, now: Micros) -> Option<&Ban> {
        self.ban.as_ref().filter(|ban| ban.until.is_none_or(|until| now < until))
    }

    /// Where the membership stands at that moment.
    #[must_use]
    pub fn state(&self, now: Micros) -> MemberState {
        self.banned(now).map_or(self.state, |_| MemberState::Banned)
    }
}

/// Why a member is kept out, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// A UUID of version 7, by which the game log names it.
    pub id: Uuid,
    /// What the player is told.
    pub reason: Text<512>,
    /// From when on it counts no more; `None` when it has no end.
    pub until: Option<Micros>,
    /// When it was made.
    pub at: Micros,
    /// By whom.
    pub by: By,
}

protocol::words! {
    /// Who acts on a member from outside.
    By {
        /// Whoever runs the program's commands.
        Command = "command",
        /// The game's own server.
        Server = "server",
    }
}

/// A ban to be written.
#[derive(Clone, Debug)]
pub struct BanWrite {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// The ban.
    pub ban: Ban,
    /// What the member is told of it, through its inbox.
    pub push: NewPush,
}

/// What a backend does for members.
#[async_trait]
pub trait MembersDuty: Send + Sync {
    /// One member of one game. A member of another game is not found.
    async fn member(&self, app: AppId, member: MemberId) -> Result<Option<Member>>;
    /// Many of them, in their order.
    async fn member_all(&self, asked: Vec<(AppId, MemberId)>) -> Vec<Result<Option<Member>>> {
        join_all(asked.into_iter().map(|(app, member)| self.member(app, member))).await
    }
    /// All of one member of one game, as old as may be.
    async fn overview(&self, read: OverviewRead) -> Result<Aged<Option<Overview>>>;
    /// Keeps a member out, in the place of an earlier ban, and writes the push into its
    /// inbox, both or neither. Returns the push's number; `None` when there is no such
    /// member in that game.
    async fn ban(&self, write: BanWrite) -> Result<Option<u64>>;
    /// Lifts a member's ban; pushes of the word `word`, which told of it, expire. Returns
    /// the member as it was before; `None` when there is no such member in that game.
    async fn unban(
        &self,
        app: AppId,
        member: MemberId,
        word: String,
        now: Micros,
    ) -> Result<Option<Member>>;
}

/// The typed handle for members.
#[derive(Clone)]
pub struct Members(pub(crate) Records);

/// How each of these fails: see [`StorageError`](crate::error::StorageError).
impl Members {
    /// As [`MembersDuty::member`].
    ///
    /// # Errors
    /// As said above.
    pub async fn get(&self, app: AppId, member: MemberId) -> Result<Option<Member>> {
        self.0
            .call(
                Key::Member(member),
                move |backend| async move { backend.member(app, member).await },
            )
            .await
    }

    /// As [`MembersDuty::overview`].
    ///
    /// # Errors
    /// As said above.
    pub async fn overview(&self, read: OverviewRead) -> Result<Aged<Option<Overview>>> {
        let key = Key::Member(read.member);
        self.0.call(key, move |backend| async move { backend.overview(read).await }).await
    }

    /// As [`MembersDuty::ban`].
    ///
    /// # Errors
    /// As said above. After `OutcomeUnknown` the member may be banned; banning again is
    /// harmless.
    pub async fn ban(&self, write: BanWrite) -> Result<Option<u64>> {
        let key = Key::Member(write.member);
        self.0.call(key, move |backend| async move { backend.ban(write).await }).await
    }

    /// As [`MembersDuty::unban`].
    ///
    /// # Errors
    /// As said above. Lifting twice is harmless.
    pub async fn unban(
        &self,
        app: AppId,
        member: MemberId,
        word: String,
        now: Micros,
    ) -> Result<Option<Member>> {
        self.0
            .call(Key::Member(member), move |backend| async move {
                backend.unban(app, member, word, now).await
            })
            .await
    }
}
