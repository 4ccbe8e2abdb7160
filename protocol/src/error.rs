//! Every error a client can be told, in one table.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// One row an error: what the wire says, the HTTP status, what a client may do about it.
macro_rules! errors {
    ($($(#[$doc:meta])+ $code:ident $word:literal $http:literal $retry:ident;)+) => {
        /// A stable word for what went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])+ $code,)+ }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$code,)+];

            /// The dotted word on the wire.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$code => $word,)+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn http_status(self) -> u16 {
                match self { $(Self::$code => $http,)+ }
            }

            /// Whether and how a client may try again, unless the error itself says otherwise.
            #[must_use]
            pub fn retry(self) -> Retry {
                match self { $(Self::$code => Retry::$retry,)+ }
            }
        }
    };
}

errors! {
    /// The frame is a map but not a request: a field is missing or of the wrong type.
    FrameBad "frame.bad" 400 Never;
    /// The request id was used before in this session.
    FrameStaleId "frame.stale_id" 409 Never;
    /// No operation has this name, or this door does not serve it.
    OpUnknown "op.unknown" 404 Never;
    /// The operation is asked for by another method, or the address by another protocol.
    OpMethod "op.method" 405 Never;
    /// The `Idempotency-Key` came with another operation or another body before.
    OpKeyReused "op.key_reused" 422 Never;
    /// A field of the body is missing, of the wrong type or out of bounds; `detail.field` names
    /// it, or the HTTP header that is.
    BodyInvalid "body.invalid" 400 Never;
    /// The HTTP body is larger than the limit.
    BodyTooLarge "body.too_large" 413 Never;
    /// The HTTP body did not come, or not in time.
    BodyLate "body.late" 408 Later;
    /// The HTTP body is not of a content type or encoding that is read here.
    BodyMediaType "body.media_type" 415 Never;
    /// A credential was put into the address, where logs see it.
    AuthInQuery "auth.in_query" 400 Never;
    /// The call needs an access token (`Authorization: Bearer`) and has none.
    AuthRequired "auth.required" 401 Never;
    /// The credential or token is not good.
    AuthRefused "auth.refused" 401 Never;
    /// The credential or token was good once and has expired.
    AuthExpired "auth.expired" 401 Never;
    /// A refresh token was used again after its successor: the login is revoked.
    AuthReused "auth.reused" 401 Never;
    /// This login was ended by a logout.
    AuthLoggedOut "auth.logged_out" 401 Never;
    /// The identity provider could not be asked just now.
    AuthUnavailable "auth.unavailable" 503 Later;
    /// Our own settings for the provider are not right; operators are told.
    AuthMisconfigured "auth.misconfigured" 503 Later;
    /// A request for a game's own server has no signature, or not in its form.
    ServerUnsigned "server.unsigned" 401 Never;
    /// The game has no key of this id, or it is not good any more.
    ServerKey "server.key" 401 Never;
    /// The signature is not the one of this request by this key.
    ServerSignature "server.signature" 401 Never;
    /// The time in the signature is more than five minutes from ours; `detail.time` has ours.
    ServerClock "server.clock" 401 Never;
    /// A request of this nonce came before.
    ServerReplayed "server.replayed" 401 Never;
    /// The key is not good for this operation; `detail.scope` has what it would have to have.
    ServerScope "server.scope" 403 Never;
    /// The browser's page is not one of the game's own.
    OriginRefused "origin.refused" 403 Never;
    /// No game has this word.
    AppUnknown "app.unknown" 404 Never;
    /// The game is under maintenance for this client; `detail.maintenance` has what players are
    /// told.
    LaunchMaintenance "launch.maintenance" 503 Later;
    /// This client must be updated; `detail.update` has to what, and where it is to be had.
    LaunchUpdateRequired "launch.update_required" 403 Never;
    /// This client's version is kept out; `detail.message` has what players are told.
    LaunchBlocked "launch.blocked" 403 Never;
    /// The service of this client's version has ended; `detail.message` has what players are told.
    LaunchClosed "launch.closed" 403 Never;
    /// The game has registered no such version; `detail.update` has where a known one is to be had.
    LaunchVersionUnknown "launch.version_unknown" 404 Never;
    /// The game does not log in by this provider.
    ProviderUnknown "provider.unknown" 404 Never;
    /// The member is not there any more.
    MemberUnknown "member.unknown" 404 Never;
    /// The member is kept out; `detail` has the `reason` and, if there is an end, `until`.
    MemberBanned "member.banned" 403 Never;
    /// There is too little of an item; `detail` has the `item` and the `amount` that is there.
    WalletTooLittle "wallet.too_little" 409 Never;
    /// There would be too much of an item; `detail` has the `item` and the `amount` that is there.
    WalletTooMuch "wallet.too_much" 409 Never;
    /// The operation needs `session.open` first.
    SessionNotOpen "session.not_open" 409 Never;
    /// `session.open` came a second time on one connection.
    SessionAlreadyOpen "session.already_open" 409 Never;
    /// A newer login of this member took its place.
    SessionReplaced "session.replaced" 401 Never;
    /// The game sells no such product there now.
    ProductUnknown "product.unknown" 404 Never;
    /// The game is not sold at this store.
    StoreUnknown "store.unknown" 404 Never;
    /// The store says that this is no good purchase; `detail.reason` says why, in a word.
    PurchaseRefused "purchase.refused" 422 Never;
    /// The purchase is another member's. `detail.finish`: the client may finish it at the store.
    PurchaseOwnedByAnother "purchase.owned_by_another" 409 Never;
    /// The purchase is real, and whose it is the publisher has to find out.
    PurchaseHeld "purchase.held" 409 Never;
    /// The store could not be asked just now. What was shown is kept and tried again.
    PurchaseUnavailable "purchase.unavailable" 503 Later;
    /// Our own settings for the store are not right; operators are told. What was shown is kept.
    PurchaseMisconfigured "purchase.misconfigured" 503 Later;
    /// The member has no such purchase.
    PurchaseUnknown "purchase.unknown" 404 Never;
    /// The purchase is not granted, so there is nothing to take.
    PurchaseNotGranted "purchase.not_granted" 409 Never;
    /// There is no such notice or banner, or not any more.
    ContentUnknown "content.unknown" 404 Never;
    /// Too many requests.
    LimitRate "limit.rate" 429 Later;
    /// The server has more to do than it can; nothing was done.
    LimitOverloaded "limit.overloaded" 503 Later;
    /// The truth could not be reached; nothing was done.
    StorageUnavailable "storage.unavailable" 503 Later;
    /// Something failed here and the outcome is not known: ask again with the same id.
    Internal "internal" 500 SameId;
}

impl ErrorCode {
    /// The code of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::parse(&word)
            .ok_or_else(|| serde::de::Error::custom(format!("unknown error code {word}")))
    }
}

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .enum_values(Some(Self::ALL.iter().map(|code| code.word())))
            .into()
    }
}

impl ToSchema for ErrorCode {}

/// What a client may do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The same request will fail again.
    Never,
    /// The same request may succeed later.
    Later,
    /// The outcome is unknown: send it again with the same id (or `Idempotency-Key`).
    SameId,
}

/// An error as a client is told it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub code: ErrorCode,
    /// For developers, in English. What players read comes from content.
    pub message: String,
    /// Whether and how to try again.
    pub retry: Retry,
    /// The least time to wait, in milliseconds, when the server knows better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// More, as the code's documentation says: `{"field": ...}` of `body.invalid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Value>,
}

impl ErrorBody {
    /// An error with the code's own retry advice.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry: code.retry(),
            retry_after_ms: None,
            detail: None,
        }
    }

    /// Says how long to wait at least, in milliseconds.
    #[must_use]
    pub fn after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    /// Whether a request that got this may be sent once more under the same id: its outcome is
    /// unknown, or it was turned away at the door and nothing was done.
    #[must_use]
    pub fn same_id_again(&self) -> bool {
        let turned_away = matches!(self.code, ErrorCode::LimitRate | ErrorCode::LimitOverloaded);
        turned_away || self.retry == Retry::SameId
    }

    /// A `body.invalid` that names the field.
    #[must_use]
    pub fn invalid(field: &str, reason: impl fmt::Display) -> Self {
        let message = if field.is_empty() {
            format!("the body {reason}")
        } else {
            format!("field {field}: {reason}")
        };
        let detail = (!field.is_empty()).then(|| serde_json::json!({ "field": field }));
        Self { detail, ..Self::new(ErrorCode::BodyInvalid, message) }
    }
}

impl fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ErrorBody {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_dotted_word_of_its_own() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(code.word()), Some(*code));
            assert!(matches!(code.http_status(), 400..=599), "{code}");
        }
    }

    #[test]
    fn overload_and_rate_say_later() {
        assert_eq!(ErrorCode::LimitRate.retry(), Retry::Later);
        assert_eq!(ErrorCode::LimitOverloaded.retry(), Retry::Later);
        assert_eq!(ErrorCode::Internal.retry(), Retry::SameId);
    }

    #[test]
    fn what_was_not_begun_or_is_not_known_may_come_again_under_its_id() {
        let again = |code: &&ErrorCode| ErrorBody::new(**code, "").same_id_again();
        let codes: Vec<_> = ErrorCode::ALL.iter().filter(again).map(|code| code.word()).collect();
        assert_eq!(codes, ["limit.rate", "limit.overloaded", "internal"]);
    }
}
