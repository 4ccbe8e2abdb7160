//! What clients are told of members and logins.

use protocol::error::{ErrorBody, ErrorCode};
use protocol::members::Member;
use storage::clock::Micros;
use storage::sessions::EndedBy;

/// A member as the wire shows it.
#[must_use]
pub(crate) fn wire(member: &storage::members::Member, now: Micros) -> Member {
    Member { id: member.id, state: member.state(now), created_at: member.created_at }
}

/// What a member that is kept out is told.
#[must_use]
pub(crate) fn banned(ban: &storage::members::Ban) -> ErrorBody {
    let told = protocol::members::Ban { reason: ban.reason.clone(), until: ban.until };
    ErrorBody {
        detail: serde_json::to_value(told).ok(),
        ..ErrorBody::new(ErrorCode::MemberBanned, "this member is banned")
    }
}

/// What a login that was ended is told.
#[must_use]
pub(crate) fn ended(by: EndedBy) -> ErrorBody {
    match by {
        EndedBy::Logout | EndedBy::LogoutEverywhere | EndedBy::TakeOver => {
            ErrorBody::new(ErrorCode::AuthLoggedOut, "this login was ended by a logout")
        }
        EndedBy::Reuse => ErrorBody::new(
            ErrorCode::AuthReused,
            "a refresh token was used twice, so this login was ended: log in again",
        ),
    }
}

/// What a login that another took the place of is told.
#[must_use]
pub(crate) fn replaced() -> ErrorBody {
    ErrorBody::new(ErrorCode::SessionReplaced, "a newer login of this member took its place")
}
