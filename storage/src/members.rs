//! The members of the games.

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use protocol::members::MemberState;

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;

/// A member as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The game it belongs to.
    pub app: AppId,
    /// Its id.
    pub id: MemberId,
    /// Where the membership stands.
    pub state: MemberState,
    /// When it was made.
    pub created_at: Micros,
}

/// What a backend does for members.
#[async_trait]
pub trait MembersDuty: Send + Sync {
    /// One member of one game. A member of another game is not found.
    async fn member(&self, app: AppId, member: MemberId) -> Result<Option<Member>>;
}

/// The typed handle for members.
#[derive(Clone)]
pub struct Members(pub(crate) Records);

impl Members {
    /// As [`MembersDuty::member`].
    ///
    /// # Errors
    /// See [`StorageError`](crate::error::StorageError).
    pub async fn get(&self, app: AppId, member: MemberId) -> Result<Option<Member>> {
        self.0
            .call(
                Key::Member(member),
                move |backend| async move { backend.member(app, member).await },
            )
            .await
    }
}
