//! An operator's questions about purchases, and the acts: granting what is held, and having a store
//! asked again.

mod kept;

use actors::purchases::Stores;
use actors::purchases::verdict::{Expected, Question, Verdict};
use actors::purchases::verified::{Price, Refund, Verified};
use actors::purchases::verifier::{Evidence, Fault};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use protocol::client::StoreName;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::AppId;
use protocol::time::Micros;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use kept::{HeldQuery, ParkedQuery, PurchasesQuery, ReleaseCommand, RetryCommand};
pub(super) use kept::{held, list, parked, release, retry};

use super::Private;
use crate::http::Failure;

/// The body of `/commands/purchase/verify`.
#[derive(Clone, Serialize, Deserialize)]
pub struct VerifyCommand {
    /// The game.
    pub app: AppId,
    /// The store.
    pub store: StoreName,
    /// What the client would send.
    pub evidence: Value,
    /// The account token of who says to have bought it; not checked without one.
    pub account: Option<String>,
    /// The product that it should be of; not checked without one.
    pub product: Option<String>,
    /// Whether a tester says so.
    pub tester: bool,
}

/// The answer to `/commands/purchase/verify`.
#[derive(Debug, Default, Serialize)]
pub struct Judged {
    /// `granted`, `pending`, `refused`, `not_yours`, `unavailable` or `misconfigured`.
    pub verdict: &'static str,
    /// Why it is refused, or what is misconfigured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// When to ask again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What the store says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase: Option<ShownPurchase>,
}

/// A purchase as support staff sees it: enough to help, nothing to claim it with.
#[derive(Debug, Serialize)]
pub struct ShownPurchase {
    /// Whether money was paid: `production` or `sandbox`.
    pub environment: &'static str,
    /// The number that is on the player's receipt, where the store has one.
    pub order: Option<String>,
    /// The store's id of the product.
    pub product: String,
    /// How many.
    pub quantity: u32,
    /// `pending`, `paid`, `cancelled` or `refunded`.
    pub state: &'static str,
    /// What it cost, if the store says so.
    pub price: Option<Price>,
    /// When it was bought.
    pub purchased_at: Option<Micros>,
    /// What was given back.
    pub refund: Option<Refund>,
    /// Whether an account token came with it.
    pub has_account: bool,
    /// Whether the store was told of a grant, or need not be.
    pub acknowledged: bool,
    /// Whether the store was told that it is used up.
    pub consumed: bool,
    /// When the store gives the money back unless it is told.
    pub settle_by: Option<Micros>,
}

impl From<Verified> for ShownPurchase {
    fn from(purchase: Verified) -> Self {
        Self {
            environment: purchase.environment.word(),
            order: purchase.order,
            product: purchase.product,
            quantity: purchase.quantity,
            state: purchase.state.word(),
            price: purchase.price,
            purchased_at: purchase.purchased_at,
            refund: purchase.refund,
            has_account: purchase.account_token.is_some(),
            acknowledged: purchase.acknowledged,
            consumed: purchase.consumed,
            settle_by: purchase.settle_by,
        }
    }
}

impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Self {
        let said = Self { verdict: verdict.word(), ..Self::default() };
        match verdict {
            Verdict::Granted(purchase)
            | Verdict::Pending(purchase)
            | Verdict::NotYours(purchase) => Self { purchase: Some((*purchase).into()), ..said },
            Verdict::Refused { reason, purchase } => {
                let purchase = purchase.map(|purchase| (*purchase).into());
                Self { reason: Some(reason), purchase, ..said }
            }
            Verdict::Unavailable { retry_after_ms } => {
                Self { retry_after_ms: Some(retry_after_ms), ..said }
            }
            Verdict::Misconfigured(what) => Self { reason: Some(what), ..said },
        }
    }
}

impl VerifyCommand {
    /// Asks the store.
    ///
    /// # Errors
    /// The game is not sold there.
    pub async fn done_at(self, stores: &Stores) -> Result<Judged, ErrorBody> {
        let evidence = match Evidence::read(self.evidence.to_string().as_bytes()) {
            Ok(evidence) => evidence,
            Err(Fault::Refused(reason)) => {
                return Ok(Verdict::Refused { reason, purchase: None }.into());
            }
            Err(fault @ (Fault::Unavailable { .. } | Fault::Misconfigured(_))) => {
                return Err(ErrorBody::new(ErrorCode::Internal, fault.to_string()));
            }
        };
        let accounts = self.account.map(|account| vec![account]);
        let expected = self.product.map(|product| Expected { product, ..Expected::default() });
        let question = Question {
            evidence: &evidence,
            accounts: accounts.as_deref(),
            tester: self.tester,
            expected: expected.as_ref(),
        };
        let verdict = stores.verify(self.store, question).await;
        let nowhere = || {
            let names: Vec<_> = stores.names().collect();
            let message = match names.is_empty() {
                true => "the game is sold nowhere".to_owned(),
                false => format!("the game is sold at {}", names.join(", ")),
            };
            ErrorBody::invalid("store", message)
        };
        verdict.map(Judged::from).ok_or_else(nowhere)
    }
}

/// What a store makes of evidence.
pub(super) async fn verify(
    State(private): State<Private>,
    Json(command): Json<VerifyCommand>,
) -> Response {
    let judged = async {
        let stores = private.shops.of(&command.app).await?;
        command.done_at(&stores).await
    };
    match judged.await {
        Ok(judged) => Json(judged).into_response(),
        Err(error) => Failure(error).into_response(),
    }
}
