//! Opening, keeping and closing a session.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client::{Client, Platform};
use crate::content::{Changed, Known};
use crate::ids::{LoginId, MemberId, SessionId};
use crate::launching::StatusReply;
use crate::limits::TOKEN_BYTES;
use crate::text::Secret;
use crate::time::Micros;

/// The body of `session.open`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenRequest {
    /// The access token.
    #[schema(value_type = String)]
    pub token: Secret<TOKEN_BYTES>,
    /// The client that opens.
    pub client: Client,
    /// The session to go on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// The lists of notices and banners that the client has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
}

/// Which session to go on with, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resume {
    /// The session, as an earlier open gave it.
    #[schema(value_type = String)]
    pub session: SessionId,
    /// The highest push number that was received.
    pub seq: u64,
}

/// The answer to `session.open`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenReply {
    /// The session.
    #[schema(value_type = String)]
    pub session: SessionId,
    /// Who is logged in.
    #[schema(value_type = String)]
    pub member: MemberId,
    /// Whether the session asked for goes on.
    pub resumed: bool,
    /// Why it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_failed: Option<ResumeFailed>,
    /// The highest push number so far.
    pub seq: u64,
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    pub time: Micros,
    /// How often the server pings, in seconds.
    pub heartbeat_s: u64,
    /// The lists of notices and banners of which the client has another version; of those alone
    /// that it said it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
    /// Whether the game is in service.
    pub launch: StatusReply,
}

crate::words! {
    /// Why a session does not go on.
    #[derive(ToSchema)]
    ResumeFailed {
        /// The session is of another login.
        OtherLogin = "other_login",
        /// The server does not have what was missed, or knows nothing of that number.
        NotKept = "not_kept",
        /// More was missed than is sent on a resume; `inbox.list` has it.
        TooMuch = "too_much",
    }
}

/// The body of `session.refresh`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefreshRequest {
    /// A newer access token of the same login.
    #[schema(value_type = String)]
    pub token: Secret<TOKEN_BYTES>,
}

/// The answer to `session.refresh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefreshReply {
    /// How long the session is good now, in seconds.
    pub access_expires_s: u64,
}

/// The body of `session.ping`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PingRequest {
    /// Anything; it comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<f64>,
}

/// The answer to `session.ping`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PingReply {
    /// What was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<f64>,
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    pub time: Micros,
}

/// The body of `session.close`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CloseRequest {}

/// The answer to `session.close`; the connection is closed after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CloseReply {}

/// The body of `session.list`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListRequest {}

/// The answer to `session.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListReply {
    /// The member's logins that have neither ended nor expired, the newest first.
    pub logins: Vec<Login>,
}

/// One login of the member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Login {
    /// The login.
    #[schema(value_type = String)]
    pub id: LoginId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// Whether a newer login took its place.
    pub replaced: bool,
    /// The system it came from.
    pub platform: Platform,
    /// The device's name, when the client said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Micros,
    /// When its tokens were last refreshed.
    #[schema(value_type = String, format = DateTime)]
    pub refreshed_at: Micros,
}
