//! A member, as the member itself is told.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::identity::Identity;
use crate::ids::MemberId;
use crate::text::Text;
use crate::time::Micros;

/// A member of one game.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The member's id.
    #[schema(value_type = String, example = "0G3Q8TZ4M1A7C")]
    pub id: MemberId,
    /// Where the membership stands.
    pub state: MemberState,
    /// When the member first came.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Micros,
}

crate::words! {
    /// Where a membership stands.
    #[derive(ToSchema)]
    MemberState {
        /// As it should be.
        Active = "active",
        /// Kept out for a time or for good; such a member is refused as `member.banned`.
        Banned = "banned",
    }
}

/// Why a member is kept out, and how long: the body of the push `member.banned`, and the
/// `detail` of the error of that name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ban {
    /// What the player is told, in the operator's words.
    #[schema(value_type = String, max_length = 512)]
    pub reason: Text<512>,
    /// From when on the member may come again; absent when there is no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Micros>,
}

/// The body of `member.me`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeRequest {}

/// The answer to `member.me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeReply {
    /// Who is logged in.
    pub member: Member,
    /// By what this member can log in.
    pub identities: Vec<Identity>,
}
