//! What an operator is told when something is not done.
//!
//! The operators' API has words of its own, which no player ever hears; the rest are those of
//! [`ErrorCode`].

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::error::{ErrorBody, ErrorCode};

macro_rules! refusals {
    ($($(#[doc = $doc:literal])+ $code:ident $word:literal $http:literal;)+) => {
        /// A word of the operators' API alone.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum OperatorCode { $($(#[doc = $doc])+ $code,)+ }

        impl OperatorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$code,)+];

            /// The dotted word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$code => $word,)+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn http_status(self) -> u16 {
                match self { $(Self::$code => $http,)+ }
            }

            /// What it means.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(Self::$code => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

refusals! {
    /// Nobody is logged in, or the session has ended.
    LoginRequired "operator.login_required" 401;
    /// The name, the password or the code is not right; which of them is not said.
    LoginRefused "operator.login_refused" 401;
    /// There were too many logins that failed: wait for `retry_after_ms`.
    LoginPaused "operator.login_paused" 429;
    /// The right is not given; `detail` has the `resource`, the `right` and the `app`.
    Forbidden "operator.forbidden" 403;
    /// A grave act needs a code of the second factor that was shown within five minutes.
    ProofRequired "operator.proof_required" 403;
    /// The code is not right, or was shown before.
    ProofRefused "operator.proof_refused" 403;
    /// The request did not come from this API's own page, or lacks `x-daemun-csrf`.
    Csrf "operator.csrf" 403;
    /// The `Host` is not one under which this API is reached.
    Host "operator.host" 421;
    /// Somebody has to be left who may do everything.
    LastOwner "operator.last_owner" 409;
    /// There is no such document, operator, session or game.
    Missing "document.missing" 404;
    /// The id or name is taken; `detail` has what stands.
    Exists "document.exists" 409;
    /// Something uses it; `detail` has what.
    InUse "document.in_use" 409;
    /// There are as many as there may be.
    Full "document.full" 409;
    /// It was changed meanwhile; `detail` has what stands.
    Stale "document.stale" 412;
    /// A change needs `If-Match` with the version that it changes.
    VersionRequired "document.version_required" 428;
}

/// Any word that an operator can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// One of this API alone.
    Operators(OperatorCode),
    /// One that others are told, too.
    Shared(ErrorCode),
}

impl Code {
    /// Those that others are told, too.
    pub const SHARED: &'static [ErrorCode] = &[
        ErrorCode::OpUnknown,
        ErrorCode::OpMethod,
        ErrorCode::OpKeyReused,
        ErrorCode::BodyInvalid,
        ErrorCode::BodyTooLarge,
        ErrorCode::BodyLate,
        ErrorCode::BodyMediaType,
        ErrorCode::AuthInQuery,
        ErrorCode::AppUnknown,
        ErrorCode::LimitOverloaded,
        ErrorCode::StorageUnavailable,
        ErrorCode::Internal,
    ];

    /// The dotted word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Operators(code) => code.word(),
            Self::Shared(code) => code.word(),
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::Operators(code) => code.http_status(),
            Self::Shared(code) => code.http_status(),
        }
    }

    /// Every word.
    pub fn all() -> impl Iterator<Item = Self> {
        let own = OperatorCode::ALL.iter().copied().map(Self::Operators);
        own.chain(Self::SHARED.iter().copied().map(Self::Shared))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .enum_values(Some(Self::all().map(Self::word)))
            .into()
    }
}

impl ToSchema for Code {}

/// Why something is not done, as an operator is told it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Refusal {
    /// What went wrong.
    pub code: Code,
    /// The same in words.
    pub message: String,
    /// The least time to wait, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// More, as the code's documentation says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Value>,
}

impl Refusal {
    /// A refusal in words.
    #[must_use]
    pub fn new(code: OperatorCode, message: impl Into<String>) -> Self {
        let (code, message) = (Code::Operators(code), message.into());
        Self { code, message, retry_after_ms: None, detail: None }
    }

    /// Says more.
    #[must_use]
    pub fn with(self, detail: Value) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// Says how long to wait at least, in milliseconds.
    #[must_use]
    pub fn after_ms(self, ms: u64) -> Self {
        Self { retry_after_ms: Some(ms), ..self }
    }
}

impl From<ErrorBody> for Refusal {
    fn from(error: ErrorBody) -> Self {
        let ErrorBody { code, message, retry: _, retry_after_ms, detail } = error;
        Self { code: Code::Shared(code), message, retry_after_ms, detail }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.word(), self.message)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_word_is_its_own_and_no_players_word_is_used_for_something_else() {
        let words: BTreeSet<_> = Code::all().map(Code::word).collect();
        assert_eq!(words.len(), Code::all().count());
        for code in OperatorCode::ALL {
            assert_eq!(ErrorCode::parse(code.word()), None, "{}", code.word());
            assert!(matches!(code.http_status(), 400..=499));
        }
    }
}
