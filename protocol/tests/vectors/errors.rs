//! An example of every error. A new error does not compile without one.

use protocol::error::{ErrorBody, ErrorCode, Retry};

use crate::parts;

pub(crate) fn of(code: ErrorCode) -> ErrorBody {
    let says = |message: &str| ErrorBody::new(code, message);
    match code {
        ErrorCode::FrameBad => says("op is missing"),
        ErrorCode::FrameStaleId => says("the id was used before"),
        ErrorCode::OpUnknown => says("no operation has this name"),
        ErrorCode::OpMethod => says("operations are asked for with POST"),
        ErrorCode::OpKeyReused => says("the key came with another body before"),
        ErrorCode::BodyInvalid => ErrorBody::invalid("client.version", "is missing"),
        ErrorCode::BodyTooLarge => says("the body is larger than 65536 bytes"),
        ErrorCode::BodyMediaType => says("the body is not JSON"),
        ErrorCode::BodyLate => says("the body did not come in time"),
        ErrorCode::AuthInQuery => says("a credential is in the address"),
        ErrorCode::AuthRequired => says("no access token"),
        ErrorCode::AuthRefused => says("the token is not good"),
        ErrorCode::AuthExpired => says("the token has expired"),
        ErrorCode::AuthReused => says("the refresh token was used before"),
        ErrorCode::AuthLoggedOut => says("this login was ended by a logout"),
        ErrorCode::AuthUnavailable => says("the provider does not answer").after_ms(5000),
        ErrorCode::AuthMisconfigured => says("the provider is not set up well"),
        ErrorCode::ServerUnsigned => says("the request is not signed"),
        ErrorCode::ServerKey => says("the game has no such key"),
        ErrorCode::ServerSignature => says("the signature is not good"),
        ErrorCode::ServerClock => says("the time is more than 300 s from ours"),
        ErrorCode::ServerReplayed => says("this request came before"),
        ErrorCode::ServerScope => says("the key is not good for this"),
        ErrorCode::OriginRefused => says("the page is not one of the game's own"),
        ErrorCode::AppUnknown => says("no game has this word"),
        ErrorCode::LaunchMaintenance => {
            let maintenance = parts::maintenance(Some(61_500));
            let detail = serde_json::json!({"status": 303, "maintenance": maintenance});
            let error = says("the game is under maintenance").after_ms(61_500);
            ErrorBody { detail: Some(detail), ..error }
        }
        ErrorCode::LaunchUpdateRequired => {
            let detail = serde_json::json!({"status": 300, "update": parts::update()});
            ErrorBody { detail: Some(detail), ..says("this version must be updated") }
        }
        ErrorCode::LaunchBlocked => says("this version is kept out"),
        ErrorCode::LaunchClosed => says("the service of this version has ended"),
        ErrorCode::LaunchVersionUnknown => {
            let detail = serde_json::json!({"update": parts::update()});
            ErrorBody { detail: Some(detail), ..says("the game has no such version") }
        }
        ErrorCode::ProviderUnknown => says("the game does not log in by this provider"),
        ErrorCode::MemberUnknown => says("the member is not there any more"),
        ErrorCode::MemberBanned => {
            let detail = serde_json::to_value(parts::ban()).unwrap();
            ErrorBody { detail: Some(detail), ..says("the member is banned") }
        }
        ErrorCode::WalletTooLittle => says("there is too little of it"),
        ErrorCode::WalletTooMuch => says("there would be too much of it"),
        ErrorCode::SessionNotOpen => says("session.open comes first"),
        ErrorCode::SessionAlreadyOpen => says("the session is open"),
        ErrorCode::SessionReplaced => says("a newer login took its place"),
        ErrorCode::ProductUnknown => says("the game sells no such product there now"),
        ErrorCode::StoreUnknown => says("the game is not sold there"),
        ErrorCode::PurchaseRefused => {
            let detail = serde_json::json!({"finish": false, "reason": "signature"});
            ErrorBody { detail: Some(detail), ..says("the purchase is refused: signature") }
        }
        ErrorCode::PurchaseOwnedByAnother => {
            let detail = serde_json::json!({"finish": true});
            ErrorBody { detail: Some(detail), ..says("the purchase is another member's") }
        }
        ErrorCode::PurchaseHeld => {
            let detail = serde_json::json!({"finish": false});
            ErrorBody { detail: Some(detail), ..says("the publisher has to look at it") }
        }
        ErrorCode::PurchaseUnavailable => says("the store cannot be asked now").after_ms(5000),
        ErrorCode::PurchaseMisconfigured => says("this store is not set up rightly"),
        ErrorCode::PurchaseUnknown => says("the member has no such purchase"),
        ErrorCode::PurchaseNotGranted => says("the purchase is pending"),
        ErrorCode::ContentUnknown => says("there is no such notice or banner"),
        ErrorCode::LimitRate => says("too many requests").after_ms(250),
        ErrorCode::LimitOverloaded => says("more to do than can be done").after_ms(2000),
        ErrorCode::StorageUnavailable => says("the truth could not be reached"),
        ErrorCode::Internal => says("something failed here"),
    }
}

/// What a client may do about it, as a sentence.
pub(crate) fn what(error: &ErrorBody) -> &'static str {
    match (error.retry, error.retry_after_ms) {
        (Retry::Never, _) => "The same request will fail again.",
        (Retry::Later, None) => "The same request may succeed later.",
        (Retry::Later, Some(_)) => "The same request may succeed after the time that is said.",
        (Retry::SameId, _) => "The outcome is unknown: send it again with the same id.",
    }
}
