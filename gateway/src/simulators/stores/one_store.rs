//! ONE store: API version 7 on two hosts, and payment notifications.

use std::path::Path;
use std::sync::Arc;

use actors::purchases::settings::OneStoreSettings;
use axum::extract::{self, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::error::ErrorBody;
use serde::Deserialize;
use serde_json::{Value, json};
use storage::clock::Clock;

use super::forgery::Wrong;
use super::shelf::{Event, Shelf, Sold, What};
use super::{File, GAME, RsaKey, StoreNotice};
use crate::simulators::Simulators;
use crate::simulators::keys::off_thread;

const SECRET: &str = "simulated-secret";
const MARKET: &str = "MKT_ONE";

/// ONE store.
pub(super) struct One {
    pub(super) shelf: Shelf,
    base: String,
    key: Arc<RsaKey>,
}

impl One {
    pub(super) fn new(base: &str, clock: &Arc<dyn Clock>, key: &Arc<RsaKey>) -> Self {
        let name_of = |number| format!("TOKEN{number:015}");
        let shelf = Shelf::new(clock, true, name_of);
        Self { shelf, base: format!("{base}/onestore"), key: Arc::clone(key) }
    }

    pub(super) fn settings(&self, folder: &Path) -> OneStoreSettings {
        OneStoreSettings {
            client_id: GAME.into(),
            client_secret_file: folder.join("one_store_secret"),
            license_file: folder.join("one_store_license"),
            market: MARKET.into(),
            api_base: format!("{}/production", self.base),
            sandbox_api_base: format!("{}/sandbox", self.base),
            allow_insecure_loopback: true,
        }
    }

    pub(super) async fn files(&self) -> Result<Vec<File>, ErrorBody> {
        let license = STANDARD.encode(self.key.get().await?.public_der());
        Ok(vec![("one_store_secret", SECRET.into()), ("one_store_license", license)])
    }

    /// `None` for what the store tells nobody.
    pub(super) async fn notice(
        &self,
        event: &Event,
        wrong: Option<Wrong>,
    ) -> Result<Option<StoreNotice>, ErrorBody> {
        let client = match wrong {
            None | Some(Wrong::Tampered) => GAME,
            Some(Wrong::OtherApp) => "com.example.another",
            Some(_) => return Err(Wrong::does_not_apply()),
        };
        let state = match event.what {
            What::Paid => "COMPLETED",
            What::Refunded => "CANCELED",
            What::Cancelled | What::Reversed => return Ok(None),
        };
        let sold = &event.sold;
        let text = |value: &str| Value::from(value).to_string();
        let environment = if sold.sandbox { "SANDBOX" } else { "COMMERCIAL" };
        let price = (sold.price_micros / 1_000_000).to_string();
        // Written by hand, because the order of the members is signed.
        let members = format!(
            "\"msgVersion\":\"3.1.0\",\"clientId\":{},\"productId\":{},\
             \"messageType\":\"SINGLE_PAYMENT_TRANSACTION\",\"purchaseId\":{},\
             \"developerPayload\":{},\"purchaseTimeMillis\":{},\"purchaseState\":{},\"price\":{},\
             \"priceCurrencyCode\":{},\"paymentTypeList\":[{{\"paymentMethod\":\"DCB\",\
             \"amount\":{}}}],\"isTestMdn\":false,\"purchaseToken\":{},\"environment\":{},\
             \"marketCode\":\"{MARKET}\"",
            text(client),
            text(&sold.product),
            text(&purchase_id(sold)),
            text(sold.account.as_deref().unwrap_or_default()),
            sold.bought_at.0 / 1_000,
            text(state),
            text(&price),
            text(&sold.currency),
            text(&price),
            text(&sold.id),
            text(environment),
        );
        let key = self.key.get().await?;
        let message = format!("{{{members}}}");
        let signature = off_thread(move || key.sign_sha512(message.as_bytes())).await?;
        let mut body = format!("{{{members},\"signature\":\"{}\"}}", STANDARD.encode(signature));
        if wrong == Some(Wrong::Tampered) {
            body = body.replace(&format!("\"price\":{}", text(&price)), "\"price\":\"1\"");
        }
        Ok(Some(StoreNotice { authorization: None, body }))
    }
}

fn purchase_id(sold: &Sold) -> String {
    format!("260918{:014}", sold.number)
}

pub(super) fn evidence(sold: &Sold, wrong: Option<Wrong>) -> Result<Value, ErrorBody> {
    let mut evidence = json!({"token": sold.id, "product": sold.product});
    match wrong {
        None => {}
        // A token of another app is one that the store does not know under ours.
        Some(Wrong::Unknown | Wrong::OtherApp) => evidence["token"] = "TOKENnobodys".into(),
        Some(Wrong::OtherProduct) => evidence["product"] = "another".into(),
        Some(_) => return Err(Wrong::does_not_apply()),
    }
    Ok(evidence)
}

pub(super) fn router() -> Router<Simulators> {
    let app = format!("/onestore/{{environment}}/v7/apps/{GAME}/purchases");
    Router::new()
        .route("/onestore/{environment}/v7/oauth/token", post(token))
        .route(&format!("{app}/inapp/products/{{product}}/{{token}}"), get(purchase))
        .route(&format!("{app}/inapp/products/{{product}}/{{token}}/consume"), post(consume))
        .route(&format!("{app}/all/products/{{product}}/{{token}}/acknowledge"), post(acknowledge))
}

fn error(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({"error": {"code": code, "message": code}}))).into_response()
}

/// The two hosts have tokens of their own.
fn access_token(environment: &str) -> String {
    format!("simulated-{environment}-token")
}

#[derive(Deserialize)]
struct Credentials {
    client_id: String,
    client_secret: String,
}

async fn token(
    State(simulators): State<Simulators>,
    extract::Path(environment): extract::Path<String>,
    Form(shown): Form<Credentials>,
) -> Result<Response, Response> {
    if let Some(failure) = simulators.stores.one.shelf.asked().failure().await {
        return Err(failure);
    }
    if shown.client_id != GAME || shown.client_secret != SECRET {
        return Err(error(StatusCode::FORBIDDEN, "UnauthorizedAccess"));
    }
    let token = access_token(&environment);
    Ok(Json(json!({
        "client_id": GAME, "access_token": token, "token_type": "bearer", "expires_in": 3_600,
        "scope": "DEFAULT",
    }))
    .into_response())
}

/// What every question is about: the environment, the product, the token.
type Path3 = extract::Path<(String, String, String)>;

async fn found(
    simulators: &Simulators,
    headers: &HeaderMap,
    (environment, product, token): &(String, String, String),
) -> Result<Sold, Response> {
    let shelf = &simulators.stores.one.shelf;
    if let Some(failure) = shelf.asked().failure().await {
        return Err(failure);
    }
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if shown != Some(&format!("Bearer {}", access_token(environment))) {
        return Err(error(StatusCode::UNAUTHORIZED, "InvalidAccessToken"));
    }
    let market = headers.get("x-market-code").and_then(|value| value.to_str().ok());
    let here = |sold: &Sold| {
        let place = sold.sandbox == (environment == "sandbox");
        place && sold.product == *product && market.unwrap_or(MARKET) == MARKET
    };
    let sold = shelf.find(token).filter(here);
    sold.ok_or_else(|| error(StatusCode::NOT_FOUND, "NoSuchData"))
}

async fn purchase(
    State(simulators): State<Simulators>,
    headers: HeaderMap,
    extract::Path(about): Path3,
) -> Result<Response, Response> {
    let sold = found(&simulators, &headers, &about).await?;
    // Without a payload production says null, and the sandbox an empty text.
    let payload = match (&sold.account, sold.sandbox) {
        (Some(account), _) => json!(account),
        (None, true) => json!(""),
        (None, false) => Value::Null,
    };
    Ok(Json(json!({
        "consumptionState": i32::from(sold.consumed),
        "developerPayload": payload,
        "purchaseState": i32::from(sold.refund.is_some()),
        "purchaseTime": sold.bought_at.0 / 1_000,
        "purchaseId": purchase_id(&sold),
        "acknowledgeState": i32::from(sold.acknowledged),
        "quantity": sold.quantity,
    }))
    .into_response())
}

async fn acknowledge(
    State(simulators): State<Simulators>,
    headers: HeaderMap,
    extract::Path(about): Path3,
) -> Result<Response, Response> {
    let sold = found(&simulators, &headers, &about).await?;
    Ok(done(&simulators, &sold, |sold| !sold.acknowledged, |sold| sold.acknowledged = true))
}

async fn consume(
    State(simulators): State<Simulators>,
    headers: HeaderMap,
    extract::Path(about): Path3,
) -> Result<Response, Response> {
    let sold = found(&simulators, &headers, &about).await?;
    Ok(done(
        &simulators,
        &sold,
        |sold| !sold.consumed,
        |sold| {
            (sold.acknowledged, sold.consumed) = (true, true);
        },
    ))
}

/// Does it once: this store refuses what was done before.
fn done(
    simulators: &Simulators,
    sold: &Sold,
    may: fn(&Sold) -> bool,
    act: fn(&mut Sold),
) -> Response {
    if let Some(status) = simulators.stores.one.shelf.told() {
        return status.into_response();
    }
    let changed = simulators.stores.one.shelf.change(&sold.id, |sold, _| {
        if sold.refund.is_some() || !may(sold) {
            return Err(ErrorBody::invalid("", "is not in a state for that"));
        }
        act(sold);
        Ok(None)
    });
    let said = json!({"result": {"code": "Success", "message": "Request has been completed."}});
    match changed {
        Ok(_) => Json(said).into_response(),
        Err(_) => error(StatusCode::CONFLICT, "InvalidPurchaseState"),
    }
}
