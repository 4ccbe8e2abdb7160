//! The App Store: signed transactions, the App Store Server API, notifications.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use actors::purchases::settings::AppleSettings;
use axum::Json;
use axum::Router;
use axum::extract::{self, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use protocol::error::ErrorBody;
use serde::Deserialize;
use serde_json::{Value, json};
use storage::clock::Clock;
use uuid::Uuid;

use super::authority::{Authority, failed};
use super::forgery::Wrong;
use super::shelf::{Event, Shelf, Sold, What};
use super::{File, GAME, StoreNotice};
use crate::simulators::Simulators;

const ISSUER: &str = "simulated-issuer";
const KEY_ID: &str = "SIMULATED1";
const AUDIENCE: &str = "appstoreconnect-v1";
/// How many are on a page.
const PAGE: usize = 20;

/// Apple.
pub(super) struct AppStore {
    pub(super) shelf: Shelf,
    base: String,
    made: OnceLock<Made>,
}

/// What takes a moment to make.
struct Made {
    authority: Authority,
    api_key: rcgen::KeyPair,
}

impl AppStore {
    pub(super) fn new(base: &str, clock: &Arc<dyn Clock>) -> Self {
        let name_of = |number| format!("2000000{number:09}");
        let shelf = Shelf::new(clock, false, name_of);
        Self { shelf, base: format!("{base}/appstore"), made: OnceLock::new() }
    }

    pub(super) fn settings(&self, folder: &Path) -> AppleSettings {
        AppleSettings {
            bundle_id: GAME.into(),
            issuer_id: ISSUER.into(),
            key_id: KEY_ID.into(),
            key_file: folder.join("app_store.p8"),
            roots_file: Some(folder.join("app_store_root.pem")),
            api_base: format!("{}/production", self.base),
            sandbox_api_base: format!("{}/sandbox", self.base),
            allow_insecure_loopback: true,
        }
    }

    pub(super) fn files(&self) -> Result<Vec<File>, ErrorBody> {
        let made = self.made()?;
        Ok(vec![
            ("app_store.p8", made.api_key.serialize_pem()),
            ("app_store_root.pem", made.authority.pem()),
        ])
    }

    pub(super) fn evidence(&self, sold: &Sold, wrong: Option<Wrong>) -> Result<Value, ErrorBody> {
        if sold.paid_at.is_none() {
            // While a parent is asked there is no transaction.
            return Ok(Value::Null);
        }
        let mut payload = self.transaction(sold);
        match wrong {
            Some(Wrong::Unknown) => return Ok(json!({"transaction": "2000000999999999"})),
            Some(Wrong::OtherProduct) => return Err(Wrong::does_not_apply()),
            Some(wrong) if wrong.is_of_pushes() => return Err(Wrong::does_not_apply()),
            Some(Wrong::OtherApp) => payload["bundleId"] = "com.example.another".into(),
            Some(Wrong::Xcode) => payload["environment"] = "Xcode".into(),
            Some(Wrong::LocalTesting) => payload["environment"] = "LocalTesting".into(),
            // It was signed while the leaf of today had ended.
            Some(_) | None => {}
        }
        Ok(json!({ "jws": self.made()?.authority.sign(&payload, wrong)? }))
    }

    pub(super) fn notice(
        &self,
        event: &Event,
        wrong: Option<Wrong>,
    ) -> Result<StoreNotice, ErrorBody> {
        let kind = match event.what {
            What::Paid => "ONE_TIME_CHARGE",
            What::Cancelled => "PURCHASE_DECLINED",
            What::Refunded => "REFUND",
            What::Reversed => "REFUND_REVERSED",
        };
        let info = self.sign(&self.transaction(&event.sold))?;
        let mut payload = json!({
            "notificationType": kind,
            "notificationUUID": name(event).to_string(),
            "version": "2.0",
            "signedDate": event.at.0 / 1_000,
            "data": {
                "bundleId": GAME, "bundleVersion": "1", "environment": environment(&event.sold),
                "signedTransactionInfo": info,
            },
        });
        match wrong {
            Some(Wrong::Unknown | Wrong::OtherProduct) => return Err(Wrong::does_not_apply()),
            Some(wrong) if wrong.is_of_pushes() => return Err(Wrong::does_not_apply()),
            Some(Wrong::OtherApp) => payload["data"]["bundleId"] = "com.example.another".into(),
            Some(Wrong::Xcode) => payload["data"]["environment"] = "Xcode".into(),
            Some(Wrong::LocalTesting) => payload["data"]["environment"] = "LocalTesting".into(),
            Some(_) | None => {}
        }
        let signed = self.made()?.authority.sign(&payload, wrong)?;
        let body = json!({ "signedPayload": signed }).to_string();
        Ok(StoreNotice { authorization: None, body })
    }

    fn made(&self) -> Result<&Made, ErrorBody> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let api_key = rcgen::KeyPair::generate().map_err(|_| failed())?;
        let made = Made { authority: Authority::new()?, api_key };
        // Whoever was quicker has made as good a one.
        Ok(self.made.get_or_init(|| made))
    }

    fn sign(&self, payload: &Value) -> Result<String, ErrorBody> {
        self.made()?.authority.sign(payload, None)
    }

    fn transaction(&self, sold: &Sold) -> Value {
        let kind = if sold.non_consumable { "Non-Consumable" } else { "Consumable" };
        let mut payload = json!({
            "transactionId": sold.id,
            "originalTransactionId": sold.id,
            "bundleId": GAME,
            "productId": sold.product,
            "purchaseDate": sold.paid_at.unwrap_or(sold.bought_at).0 / 1_000,
            "originalPurchaseDate": sold.bought_at.0 / 1_000,
            "quantity": sold.quantity,
            "type": kind,
            "inAppOwnershipType": "PURCHASED",
            "signedDate": self.shelf.now_ms(),
            "environment": environment(sold),
            "transactionReason": "PURCHASE",
            "storefront": "KOR",
            "storefrontId": "143466",
            "price": sold.price_micros / 1_000,
            "currency": sold.currency,
        });
        if let Some(account) = &sold.account {
            payload["appAccountToken"] = account.as_str().into();
        }
        if let Some(taken) = sold.refund {
            payload["revocationDate"] = (taken.at.0 / 1_000).into();
            payload["revocationReason"] = 0.into();
            if taken.share == 100 {
                payload["revocationType"] = "REFUND_FULL".into();
            } else {
                payload["revocationType"] = "REFUND_PRORATED".into();
                payload["revocationPercentage"] = (taken.share * 1_000).into();
            }
        }
        payload
    }

    /// Whether this is one of our tokens.
    fn authorised(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer "));
        let (Some(token), Ok(made)) = (token, self.made()) else { return false };
        let Ok(key) = DecodingKey::from_ec_pem(made.api_key.public_key_pem().as_bytes()) else {
            return false;
        };
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        let Ok(token) = jsonwebtoken::decode::<Value>(token, &key, &validation) else {
            return false;
        };
        let now = self.shelf.now().seconds();
        let expires = token.claims["exp"].as_i64().unwrap_or(0);
        // Apple takes no token that is good for more than an hour.
        let timely = now < expires && expires <= now + 3_600;
        timely && token.claims["bid"] == GAME && token.header.kid.as_deref() == Some(KEY_ID)
    }
}

/// The same for what is notified and for what the history tells of it.
fn name(event: &Event) -> Uuid {
    let what = match event.what {
        What::Paid => 0,
        What::Cancelled => 1,
        What::Refunded => 2,
        What::Reversed => 3,
    };
    Uuid::from_u64_pair(event.at.0.unsigned_abs(), event.sold.number * 4 + what)
}

fn environment(sold: &Sold) -> &'static str {
    if sold.sandbox { "Sandbox" } else { "Production" }
}

/// The API, to be nested at `/appstore/{environment}`.
pub(super) fn router() -> Router<Simulators> {
    Router::new()
        .route("/appstore/{environment}/inApps/v1/transactions/{id}", get(transaction))
        .route("/appstore/{environment}/inApps/v1/transactions/{id}/finish", post(finish))
        .route("/appstore/{environment}/inApps/v2/history/{id}", get(history))
        .route("/appstore/{environment}/inApps/v2/refund/lookup/{id}", get(refunds))
        .route("/appstore/{environment}/inApps/v1/notifications/history", post(notifications))
}

type Asked = (State<Simulators>, HeaderMap);

/// What is not answered as asked: the store's own error.
fn error(status: StatusCode, code: u32, message: &str) -> Response {
    (status, Json(json!({"errorCode": code, "errorMessage": message}))).into_response()
}

/// Counts the question, behaves as told, and lets nobody in without a token.
async fn door(simulators: &Simulators, headers: &HeaderMap) -> Result<(), Response> {
    let apple = &simulators.stores.apple;
    if let Some(failure) = apple.shelf.asked().failure().await {
        return Err(failure);
    }
    match apple.authorised(headers) {
        true => Ok(()),
        false => Err((StatusCode::UNAUTHORIZED, "Unauthenticated\n").into_response()),
    }
}

/// What is said instead of an answer.
struct Refusal(Box<Response>);

impl From<Refusal> for Response {
    fn from(Refusal(response): Refusal) -> Self {
        *response
    }
}

/// The purchase, if this environment has it.
fn found(simulators: &Simulators, environment: &str, id: &str) -> Result<Sold, Refusal> {
    let sold = simulators.stores.apple.shelf.find(id).filter(|sold| sold.paid_at.is_some());
    let sold = sold.filter(|sold| sold.sandbox == (environment == "sandbox"));
    let unknown = || error(StatusCode::NOT_FOUND, 4_040_010, "Transaction id not found.");
    sold.ok_or_else(|| Refusal(Box::new(unknown())))
}

fn signed(simulators: &Simulators, sold: &Sold) -> Result<String, Refusal> {
    let apple = &simulators.stores.apple;
    apple.sign(&apple.transaction(sold)).map_err(|_| Refusal(Box::new(broken())))
}

fn broken() -> Response {
    error(StatusCode::INTERNAL_SERVER_ERROR, 5_000_000, "An unknown error occurred.")
}

async fn transaction(
    asked: Asked,
    extract::Path((environment, id)): extract::Path<(String, String)>,
) -> Result<Response, Response> {
    let (State(simulators), headers) = asked;
    door(&simulators, &headers).await?;
    let sold = found(&simulators, &environment, &id)?;
    Ok(Json(json!({ "signedTransactionInfo": signed(&simulators, &sold)? })).into_response())
}

async fn finish(
    asked: Asked,
    extract::Path((environment, id)): extract::Path<(String, String)>,
) -> Result<Response, Response> {
    let (State(simulators), headers) = asked;
    door(&simulators, &headers).await?;
    found(&simulators, &environment, &id)?;
    let finished = simulators.stores.apple.shelf.change(&id, |sold, _| {
        sold.consumed = true;
        Ok(None)
    });
    finished.map(|_| Json(json!({})).into_response()).map_err(|_| broken())
}

#[derive(Default, Deserialize)]
struct Revision {
    revision: Option<String>,
}

async fn history(
    asked: Asked,
    extract::Path((environment, id)): extract::Path<(String, String)>,
    Query(from): Query<Revision>,
) -> Result<Response, Response> {
    page(asked, &environment, &id, from, |_| true).await
}

async fn refunds(
    asked: Asked,
    extract::Path((environment, id)): extract::Path<(String, String)>,
    Query(from): Query<Revision>,
) -> Result<Response, Response> {
    page(asked, &environment, &id, from, |sold| sold.refund.is_some()).await
}

/// Everybody's purchases are one customer's here.
async fn page(
    asked: Asked,
    environment: &str,
    id: &str,
    Revision { revision }: Revision,
    which: fn(&Sold) -> bool,
) -> Result<Response, Response> {
    let (State(simulators), headers) = asked;
    door(&simulators, &headers).await?;
    found(&simulators, environment, id)?;
    let from: u64 = revision.and_then(|text| text.parse().ok()).unwrap_or(0);
    let here = |sold: &Sold| {
        sold.paid_at.is_some() && sold.sandbox == (environment == "sandbox") && sold.number > from
    };
    let all = simulators.stores.apple.shelf.all();
    let mut rest = all.iter().filter(|sold| here(sold) && which(sold)).peekable();
    let page: Vec<_> = rest.by_ref().take(PAGE).collect();
    let transactions: Result<Vec<_>, _> =
        page.iter().map(|sold| signed(&simulators, sold)).collect();
    let last = page.last().map_or(from, |sold| sold.number);
    Ok(Json(json!({
        "signedTransactions": transactions?,
        "revision": last.to_string(),
        "hasMore": rest.peek().is_some(),
        "bundleId": GAME,
    }))
    .into_response())
}

/// Every refund, whether it was notified or not: the history tells what was lost.
async fn notifications(
    asked: Asked,
    extract::Path(environment): extract::Path<String>,
    Json(span): Json<Value>,
) -> Result<Response, Response> {
    let (State(simulators), headers) = asked;
    door(&simulators, &headers).await?;
    let apple = &simulators.stores.apple;
    let since = span["startDate"].as_i64().unwrap_or(0);
    let mut items = Vec::new();
    for sold in apple.shelf.all() {
        let Some(taken) = sold.refund.filter(|taken| taken.at.0 / 1_000 >= since) else { continue };
        if sold.sandbox != (environment == "sandbox") {
            continue;
        }
        let number = sold.number;
        let event = Event { number, what: What::Refunded, at: taken.at, sold };
        let notice = apple.notice(&event, None).map_err(|_| broken())?;
        let body: Value = serde_json::from_str(&notice.body).unwrap_or_default();
        items.push(json!({ "signedPayload": body["signedPayload"], "sendAttempts": [] }));
    }
    Ok(Json(json!({"notificationHistory": items, "hasMore": false})).into_response())
}
