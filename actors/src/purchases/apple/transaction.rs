//! The payload of a signed transaction.
//!
//! Source: `JWSTransactionDecodedPayload` of the App Store Server API.

use protocol::client::StoreName;
use serde::Deserialize;

use super::signed::{Signed, millis};
use crate::purchases::reply::LATER;
use crate::purchases::verified::{Environment, Kind, Price, Refund, State, Transaction, Verified};
use crate::purchases::verifier::{Fault, reason};

/// What is read of it. Words are text, because Apple adds new ones.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    transaction_id: String,
    original_transaction_id: Option<String>,
    bundle_id: String,
    product_id: String,
    purchase_date: i64,
    quantity: Option<u32>,
    #[serde(rename = "type")]
    kind: String,
    app_account_token: Option<String>,
    in_app_ownership_type: Option<String>,
    revocation_date: Option<i64>,
    revocation_reason: Option<i64>,
    revocation_type: Option<String>,
    revocation_percentage: Option<i64>,
    environment: String,
    price: Option<i64>,
    currency: Option<String>,
    offer_type: Option<i64>,
}

/// The whole of it in Apple's thousandths of a percent.
const WHOLE: i64 = 100_000;

/// What a transaction that is proven to be Apple's says of a purchase in this app.
pub(super) fn read(signed: &Signed, bundle_id: &str) -> Result<Verified, Fault> {
    let payload: Payload = signed.read()?;
    if payload.bundle_id != bundle_id {
        return Err(Fault::Refused(reason::OTHER_APP));
    }
    let environment = environment(&payload.environment)?;
    let kind = match payload.kind.as_str() {
        "Consumable" => Kind::Consumable,
        "Non-Consumable" => Kind::NonConsumable,
        _ => return Err(Fault::Refused(reason::KIND)),
    };
    if payload.in_app_ownership_type.as_deref() == Some("FAMILY_SHARED") {
        return Err(Fault::Refused(reason::FAMILY));
    }
    let quantity = payload.quantity.unwrap_or(1);
    if quantity == 0 || payload.transaction_id.is_empty() {
        return Err(LATER);
    }
    let refund = refund(&payload);
    let whole = refund.as_ref().is_some_and(|refund| refund.basis_points == 10_000);
    let original = payload.original_transaction_id.filter(|id| *id != payload.transaction_id);
    // A non-consumable is restored under new ids, and is one purchase all the same.
    let key = match (kind, &original) {
        (Kind::NonConsumable, Some(original)) => original.clone(),
        (Kind::NonConsumable, None) | (Kind::Consumable, _) => payload.transaction_id.clone(),
    };
    let price = match (payload.price, payload.currency) {
        (Some(price), Some(currency)) => {
            Some(Price { micros: price.saturating_mul(1_000), currency })
        }
        (Some(_) | None, _) => None,
    };
    Ok(Verified {
        store: StoreName::AppStore,
        environment,
        key,
        other_key: None,
        transaction: Transaction {
            environment: Some(environment),
            product: Some(payload.product_id.clone()),
            id: payload.transaction_id,
        },
        order: None,
        original,
        product: payload.product_id,
        kind: Some(kind),
        quantity,
        account_token: account_token(payload.app_account_token),
        price,
        at_an_offer: payload.offer_type.is_some(),
        purchased_at: millis(payload.purchase_date),
        changed_at: signed.at,
        state: if whole { State::Refunded } else { State::Paid },
        refund,
        acknowledged: true,
        consumed: false,
        settle_by: None,
        evidence: signed.digest,
    })
}

/// Xcode and local tests sign nothing: whoever says so is refused.
pub(super) fn environment(word: &str) -> Result<Environment, Fault> {
    match word {
        "Production" => Ok(Environment::Production),
        "Sandbox" => Ok(Environment::Sandbox),
        _ => Err(Fault::Refused(reason::ENVIRONMENT)),
    }
}

/// A UUID, which a device may write in upper case; an app that sets none may send an empty text.
fn account_token(token: Option<String>) -> Option<String> {
    token.filter(|token| !token.is_empty()).map(|token| token.to_ascii_lowercase())
}

fn refund(payload: &Payload) -> Option<Refund> {
    let at = payload.revocation_date?;
    let percentage = match payload.revocation_type.as_deref() {
        Some("REFUND_PRORATED") => payload.revocation_percentage.unwrap_or(WHOLE),
        Some(_) | None => WHOLE,
    };
    let basis_points = u16::try_from(percentage.clamp(10, WHOLE) / 10).unwrap_or(10_000);
    let reason = payload.revocation_reason.map(|reason| reason.to_string());
    Some(Refund { at: millis(at), reason, basis_points })
}
