//! From what goes wrong inside to what a client is told.

use protocol::error::{ErrorBody, ErrorCode};
use storage::error::StorageError;

use crate::identity::provider::Refusal;
use crate::identity::replaced;

/// How long a client waits before it asks an overloaded server again, in milliseconds.
const OVERLOADED_MS: u64 = 1_000;
/// How long a client waits before it asks for what could not be reached, in milliseconds.
const UNAVAILABLE_MS: u64 = 2_000;

/// What a client is told when storage has no answer.
#[must_use]
pub fn of_storage(error: &StorageError) -> ErrorBody {
    match error {
        StorageError::Overloaded => overloaded(),
        StorageError::Unavailable(_) | StorageError::Moved | StorageError::Locked => {
            tracing::warn!(%error, "storage could not be asked");
            ErrorBody::new(ErrorCode::StorageUnavailable, "the database cannot be reached")
                .after_ms(UNAVAILABLE_MS)
        }
        StorageError::TooLong { .. } => ErrorBody::invalid("", error),
        StorageError::Replaced => replaced(),
        StorageError::OutcomeUnknown => internal("the outcome is not known"),
        StorageError::Corrupt(_) | StorageError::Setup(_) => {
            tracing::error!(%error, "storage gave an answer that makes no sense");
            ErrorBody::new(ErrorCode::StorageUnavailable, "the stored data cannot be read")
                .after_ms(UNAVAILABLE_MS)
        }
    }
}

/// What a client is told when there is more to do than can be done.
#[must_use]
pub fn overloaded() -> ErrorBody {
    ErrorBody::new(ErrorCode::LimitOverloaded, "the server is busy").after_ms(OVERLOADED_MS)
}

/// What a client is told when something failed here on the way.
#[must_use]
pub fn internal(message: &str) -> ErrorBody {
    ErrorBody::new(ErrorCode::Internal, message)
}

/// What a client is told of a credential that was not accepted.
#[must_use]
pub fn of_refusal(refusal: &Refusal) -> ErrorBody {
    match refusal {
        Refusal::Rejected(reason) => {
            ErrorBody::new(ErrorCode::AuthRefused, format!("the credential is refused: {reason}"))
        }
        Refusal::Expired => ErrorBody::new(ErrorCode::AuthExpired, "the credential has expired"),
        Refusal::Unavailable { retry_after_ms } => {
            ErrorBody::new(ErrorCode::AuthUnavailable, "the identity provider cannot be asked now")
                .after_ms(*retry_after_ms)
        }
        Refusal::Misconfigured(what) => {
            tracing::error!(what, "an identity provider is misconfigured: {what}");
            ErrorBody::new(ErrorCode::AuthMisconfigured, "this provider is not set up rightly")
                .after_ms(60_000)
        }
    }
}
