//! A one-time purchase as Google tells it: `ProductPurchaseV2`.

use std::time::Duration;

use protocol::client::StoreName;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use storage::clock::Micros;

use crate::purchases::reply::LATER;
use crate::purchases::verified::{Environment, Refund, State, Transaction, Verified};
use crate::purchases::verifier::Fault;

/// After this time Google gives the money back unless it was told of the grant.
const SETTLE_WITHIN: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// What is read of it. Words are text, because Google adds new ones.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Product {
    #[serde(default)]
    product_line_item: Vec<Line>,
    purchase_state_context: StateContext,
    test_purchase_context: Option<Value>,
    order_id: Option<String>,
    obfuscated_external_account_id: Option<String>,
    purchase_completion_time: Option<String>,
    acknowledgement_state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    product_id: String,
    #[serde(default)]
    product_offer_details: Offer,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Offer {
    quantity: Option<u32>,
    refundable_quantity: Option<u32>,
    consumption_state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateContext {
    purchase_state: String,
}

/// Google's answer about `token`.
pub(super) fn read(product: Product, token: &str) -> Result<Verified, Fault> {
    let paid_at = product.purchase_completion_time.as_deref().map(moment).transpose()?;
    let state = match (product.purchase_state_context.purchase_state.as_str(), paid_at) {
        ("PURCHASED", _) => State::Paid,
        ("PENDING", _) => State::Pending,
        // Cancelled after it was paid: the money went back.
        ("CANCELLED", Some(_)) => State::Refunded,
        ("CANCELLED", None) => State::Cancelled,
        _ => return Err(not_understood("its state")),
    };
    // Several products under one token are not sold by us; which would it be?
    let [line] = product.product_line_item.as_slice() else {
        return Err(not_understood("not one product"));
    };
    let offer = &line.product_offer_details;
    let quantity = offer.quantity.unwrap_or(1);
    if quantity == 0 {
        return Err(not_understood("its quantity"));
    }
    let refund = match state {
        State::Refunded => Some(Refund { at: None, reason: None, basis_points: 10_000 }),
        State::Paid => partly(quantity, offer.refundable_quantity),
        State::Pending | State::Cancelled => None,
    };
    let acknowledged =
        product.acknowledgement_state.as_deref() == Some("ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED");
    let settle = state == State::Paid && !acknowledged;
    let environment = match product.test_purchase_context {
        Some(_) => Environment::Sandbox,
        None => Environment::Production,
    };
    Ok(Verified {
        store: StoreName::GooglePlay,
        environment,
        key: token.to_owned(),
        other_key: None,
        transaction: Transaction {
            environment: Some(environment),
            product: Some(line.product_id.clone()),
            id: token.to_owned(),
        },
        // Promotions have none.
        order: product.order_id.filter(|order| !order.is_empty()),
        original: None,
        product: line.product_id.clone(),
        kind: None,
        quantity,
        account_token: product.obfuscated_external_account_id.filter(|it| !it.is_empty()),
        price: None,
        at_an_offer: false,
        purchased_at: paid_at,
        // When it was taken back Google does not say here; a notification and the list do.
        changed_at: paid_at.unwrap_or(Micros(0)),
        state,
        refund,
        acknowledged,
        consumed: offer.consumption_state.as_deref() == Some("CONSUMPTION_STATE_CONSUMED"),
        settle_by: paid_at.filter(|_| settle).map(|at| at.after(SETTLE_WITHIN)),
        evidence: Sha256::digest(token).into(),
    })
}

/// Some of several were taken back.
fn partly(quantity: u32, refundable: Option<u32>) -> Option<Refund> {
    let left = refundable.filter(|left| *left < quantity)?;
    let share = u64::from(quantity - left) * 10_000 / u64::from(quantity);
    let basis_points = u16::try_from(share).unwrap_or(10_000).max(1);
    Some(Refund { at: None, reason: None, basis_points })
}

fn moment(text: &str) -> Result<Micros, Fault> {
    let at: jiff::Timestamp = text.parse().map_err(|_| not_understood("its time"))?;
    Ok(Micros(at.as_microsecond()))
}

/// Google said something new: nothing final is made of it, and whoever runs the server is told.
fn not_understood(what: &'static str) -> Fault {
    tracing::error!(what, "a purchase at Google Play is not understood: {what}");
    LATER
}
