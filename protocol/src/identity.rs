//! Logging in, staying logged in, and logging out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client::Client;
use crate::ids::AppId;
use crate::limits::TOKEN_BYTES;
use crate::members::Member;
use crate::text::{Secret, Text};
use crate::time::Micros;

/// The body of `auth.nonce`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NonceRequest {
    /// The game.
    #[schema(value_type = String, example = "demo")]
    pub app: AppId,
}

/// The answer to `auth.nonce`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NonceReply {
    /// What the client gives to the provider's SDK, and to `auth.login` with the token.
    /// Good for one login.
    pub nonce: String,
    /// How long it is good, in seconds.
    pub expires_s: u64,
}

/// The body of `auth.login`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoginRequest {
    /// The game.
    #[schema(value_type = String, example = "demo")]
    pub app: AppId,
    /// The identity provider, one of the game's own: `guest`, `google`, `apple`, ...
    #[schema(value_type = String, max_length = 64, example = "guest")]
    pub provider: Text<64>,
    /// What the provider gave; absent when a guest comes for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    /// The nonce of `auth.nonce` that was given to the provider's SDK.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub nonce: Option<Text<128>>,
    /// The client that logs in.
    pub client: Client,
}

/// The proof of an identity: `{"guest", "secret"}` of a guest, `{"token"}` of a provider
/// that hands out ID tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Credential {
    /// The guest's id, as the first login gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub guest: Option<Text<64>>,
    /// The guest's secret, as the first login gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub secret: Option<Secret<128>>,
    /// The provider's ID token (a JWT).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 16384)]
    pub token: Option<Secret<TOKEN_BYTES>>,
}

/// The answer to `auth.login`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoginReply {
    /// Who is logged in.
    pub member: Member,
    /// Whether this login made the member.
    pub new_member: bool,
    /// The tokens.
    #[serde(flatten)]
    pub tokens: Tokens,
    /// What a new guest's client must keep; it is shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    /// What is left to be done; absent when nothing is.
    #[serde(default, skip_serializing_if = "Todo::is_nothing")]
    pub todo: Todo,
}

/// What a player who has just logged in has left to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Todo {
    /// How many purchases are granted and not taken yet (`purchase.unconsumed`), up to 100;
    /// absent when there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unconsumed_purchases: u32,
}

impl Todo {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An access token and the refresh token that will get the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// For `session.open` and `Authorization: Bearer`; a JWT signed with ES256.
    #[schema(value_type = String)]
    pub access_token: Secret<TOKEN_BYTES>,
    /// How long the access token is good, in seconds.
    pub access_expires_s: u64,
    /// For `auth.refresh`; opaque. Each is used once.
    #[schema(value_type = String)]
    pub refresh_token: Secret<256>,
    /// How long the refresh token is good, in seconds.
    pub refresh_expires_s: u64,
}

/// The body of `auth.refresh`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefreshRequest {
    /// The game.
    #[schema(value_type = String, example = "demo")]
    pub app: AppId,
    /// The refresh token.
    #[schema(value_type = String, max_length = 256)]
    pub refresh_token: Secret<256>,
    /// Whether a login that another device replaced shall take the session back; this
    /// is a new login, and the other device is replaced in turn.
    #[serde(default)]
    pub take_over: bool,
    /// The client as it is now; without it the client counts as what it was at the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
}

/// The body of `auth.logout`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogoutRequest {}

/// The body of `auth.logout_everywhere`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogoutEverywhereRequest {}

/// The answer to a logout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogoutReply {
    /// How many logins ended.
    pub ended: u64,
}

/// The body of `identity.list`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListRequest {}

/// The answer to `identity.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListReply {
    /// By what this member can log in.
    pub identities: Vec<Identity>,
}

/// One way in which a member can log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    /// The provider.
    #[schema(example = "guest")]
    pub provider: String,
    /// When it was linked to the member.
    #[schema(value_type = String, format = DateTime)]
    pub linked_at: Micros,
    /// When it last logged in.
    #[schema(value_type = String, format = DateTime)]
    pub last_login_at: Micros,
}
