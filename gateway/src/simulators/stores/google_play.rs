//! Google Play: the Android Publisher API, access tokens for a service account, and Pub/Sub's
//! pushes.

use std::path::Path;
use std::sync::Arc;

use actors::purchases::settings::GooglePlaySettings;
use axum::extract::{self, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use protocol::error::ErrorBody;
use serde::Deserialize;
use serde_json::{Value, json};
use storage::clock::{Clock, Micros};

use super::forgery::Wrong;
use super::shelf::{Event, Shelf, Sold, What};
use super::{File, GAME, RsaKey, StoreNotice};
use crate::simulators::Simulators;
use crate::simulators::keys::off_thread;

const ACCOUNT: &str = "daemun@simulated.example";
const PUSHER: &str = "pusher@simulated.example";
const AUDIENCE: &str = "https://play.simulated.example/hooks";
const TOKEN: &str = "simulated-access-token";

/// Google.
pub(super) struct Play {
    pub(super) shelf: Shelf,
    base: String,
    key: Arc<RsaKey>,
}

impl Play {
    pub(super) fn new(base: &str, clock: &Arc<dyn Clock>, key: &Arc<RsaKey>) -> Self {
        // Real tokens have dots and dashes in them.
        let name_of = |number| format!("simulated.AO-J1O{number:09}");
        let shelf = Shelf::new(clock, true, name_of);
        Self { shelf, base: format!("{base}/play"), key: Arc::clone(key) }
    }

    pub(super) fn settings(&self, folder: &Path) -> GooglePlaySettings {
        GooglePlaySettings {
            package_name: GAME.into(),
            service_account_file: folder.join("google_play.json"),
            push_audience: AUDIENCE.into(),
            push_email: PUSHER.into(),
            push_jwks_url: format!("{}/jwks", self.base),
            api_base: self.base.clone(),
            allow_insecure_loopback: true,
            ..GooglePlaySettings::default()
        }
    }

    pub(super) async fn files(&self) -> Result<Vec<File>, ErrorBody> {
        let key = self.key.get().await?;
        let private_key = key.private_pem().map_err(|_| super::authority::failed())?;
        let account = json!({
            "type": "service_account",
            "client_email": ACCOUNT,
            "private_key_id": key.kid,
            "private_key": private_key,
            "token_uri": format!("{}/token", self.base),
        });
        Ok(vec![("google_play.json", account.to_string())])
    }

    pub(super) async fn notice(
        &self,
        event: &Event,
        wrong: Option<Wrong>,
    ) -> Result<StoreNotice, ErrorBody> {
        let sold = &event.sold;
        let package = if wrong == Some(Wrong::OtherApp) { "com.example.another" } else { GAME };
        let mut data = json!({
            "version": "1.0", "packageName": package, "eventTimeMillis": millis(event.at),
        });
        match event.what {
            What::Paid | What::Cancelled => {
                let kind = if event.what == What::Paid { 1 } else { 2 };
                data["oneTimeProductNotification"] = json!({
                    "version": "1.0", "notificationType": kind, "purchaseToken": sold.id,
                    "sku": sold.product,
                });
            }
            What::Refunded | What::Reversed => {
                let whole = sold.refund.is_none_or(|taken| taken.share == 100);
                data["voidedPurchaseNotification"] = json!({
                    "purchaseToken": sold.id, "orderId": order(sold), "productType": 2,
                    "refundType": if whole { 1 } else { 2 },
                });
            }
        }
        let body = json!({
            "message": {
                "attributes": {}, "data": STANDARD.encode(data.to_string()),
                "messageId": event.number.to_string(),
            },
            "subscription": "projects/simulated/subscriptions/rtdn",
        });
        let authorization = Some(format!("Bearer {}", self.push_token(wrong).await?));
        Ok(StoreNotice { authorization, body: body.to_string() })
    }

    async fn push_token(&self, wrong: Option<Wrong>) -> Result<String, ErrorBody> {
        let key = self.key.get().await?;
        let now = self.shelf.now().seconds();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut header = json!({"alg": "RS256", "kid": key.kid, "typ": "JWT"});
        let mut claims = json!({
            "iss": "https://accounts.google.com", "aud": AUDIENCE, "sub": "1", "azp": "1",
            "email": PUSHER, "email_verified": true, "iat": now, "exp": now + 3_600,
        });
        match wrong {
            // What is said of the app is no matter of the token.
            None | Some(Wrong::ForgedSignature | Wrong::OtherApp) => {}
            Some(Wrong::AlgNone) => header["alg"] = "none".into(),
            Some(Wrong::OtherAudience) => claims["aud"] = "https://another.example".into(),
            Some(Wrong::OtherIssuer) => claims["iss"] = "https://another.example".into(),
            Some(Wrong::OtherSender) => claims["email"] = "another@simulated.example".into(),
            Some(Wrong::UnverifiedSender) => claims["email_verified"] = false.into(),
            Some(Wrong::ExpiredToken) => claims["exp"] = (now - 3_600).into(),
            Some(_) => return Err(Wrong::does_not_apply()),
        }
        let signed = format!("{}.{}", part(&header), part(&claims));
        let message = match wrong {
            Some(Wrong::AlgNone) => return Ok(format!("{signed}.")),
            // A good signature, of something else.
            Some(Wrong::ForgedSignature) => format!("{signed}."),
            Some(_) | None => signed.clone(),
        };
        let signature = off_thread(move || key.sign(message.as_bytes())).await?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

pub(super) fn evidence(sold: &Sold, wrong: Option<Wrong>) -> Result<Value, ErrorBody> {
    let mut evidence = json!({"token": sold.id, "product": sold.product, "package": GAME});
    match wrong {
        None => {}
        Some(Wrong::Unknown) => evidence["token"] = "nobody.knows-this".into(),
        Some(Wrong::OtherApp) => evidence["package"] = "com.example.another".into(),
        Some(Wrong::OtherProduct) => evidence["product"] = "another".into(),
        Some(_) => return Err(Wrong::does_not_apply()),
    }
    Ok(evidence)
}

fn millis(at: Micros) -> String {
    (at.0 / 1_000).to_string()
}

fn order(sold: &Sold) -> String {
    format!("GPA.3300-0000-0000-{:05}", sold.number)
}

pub(super) fn router() -> Router<Simulators> {
    let purchases = format!("/play/androidpublisher/v3/applications/{GAME}/purchases");
    Router::new()
        .route("/play/token", post(token))
        .route("/play/jwks", get(jwks))
        .route(&format!("{purchases}/productsv2/tokens/{{token}}"), get(product))
        .route(&format!("{purchases}/products/{{product}}/tokens/{{act}}"), post(act))
        .route(&format!("{purchases}/voidedpurchases"), get(voided))
}

fn error(status: StatusCode, message: &str) -> Response {
    let code = status.as_u16();
    (status, Json(json!({"error": {"code": code, "message": message}}))).into_response()
}

async fn jwks(State(simulators): State<Simulators>) -> Response {
    match simulators.stores.play.key.get().await {
        Ok(key) => Json(json!({"keys": [key.jwk()]})).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Deserialize)]
struct Grant {
    grant_type: String,
    assertion: String,
}

async fn token(
    State(simulators): State<Simulators>,
    Form(grant): Form<Grant>,
) -> Result<Response, Response> {
    let play = &simulators.stores.play;
    if let Some(failure) = play.shelf.asked().failure().await {
        return Err(failure);
    }
    let invalid =
        || (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    let key = play.key.get().await.map_err(|_| invalid())?;
    let key = DecodingKey::from_rsa_der(&key.public_der());
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.set_audience(&[format!("{}/token", play.base)]);
    validation.set_issuer(&[ACCOUNT]);
    let claims = jsonwebtoken::decode::<Value>(&grant.assertion, &key, &validation)
        .map_err(|_| invalid())?
        .claims;
    let now = play.shelf.now().seconds();
    let timely = claims["exp"].as_i64().is_some_and(|at| now < at && at <= now + 3_600);
    let scope = claims["scope"] == "https://www.googleapis.com/auth/androidpublisher";
    let jwt_bearer = grant.grant_type == "urn:ietf:params:oauth:grant-type:jwt-bearer";
    if !(timely && scope && jwt_bearer) {
        return Err(invalid());
    }
    let token = json!({"access_token": TOKEN, "expires_in": 3_599, "token_type": "Bearer"});
    Ok(Json(token).into_response())
}

async fn door(simulators: &Simulators, headers: &HeaderMap) -> Result<(), Response> {
    if let Some(failure) = simulators.stores.play.shelf.asked().failure().await {
        return Err(failure);
    }
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match value == Some(&format!("Bearer {TOKEN}")) {
        true => Ok(()),
        false => Err(error(StatusCode::UNAUTHORIZED, "invalid credentials")),
    }
}

async fn product(
    State(simulators): State<Simulators>,
    headers: HeaderMap,
    extract::Path(token): extract::Path<String>,
) -> Result<Response, Response> {
    door(&simulators, &headers).await?;
    let sold = simulators.stores.play.shelf.find(&token);
    let sold = sold.ok_or_else(|| error(StatusCode::NOT_FOUND, "no such purchase"))?;
    let word = |done: bool, yes: &'static str, no: &'static str| if done { yes } else { no };
    let share = sold.refund.map_or(0, |taken| taken.share);
    let state = match (sold.paid_at, share) {
        (None, _) if sold.cancelled => "CANCELLED",
        (None, _) => "PENDING",
        (Some(_), 100) => "CANCELLED",
        (Some(_), _) => "PURCHASED",
    };
    let left = sold.quantity - sold.quantity * share / 100;
    let mut answer = json!({
        "kind": "androidpublisher#productPurchaseV2",
        "productLineItem": [{"productId": sold.product, "productOfferDetails": {
            "quantity": sold.quantity,
            "refundableQuantity": left,
            "consumptionState": word(sold.consumed, "CONSUMPTION_STATE_CONSUMED",
                                     "CONSUMPTION_STATE_YET_TO_BE_CONSUMED"),
        }}],
        "purchaseStateContext": {"purchaseState": state},
        "orderId": order(&sold),
        "regionCode": "KR",
        "acknowledgementState": word(sold.acknowledged, "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED",
                                     "ACKNOWLEDGEMENT_STATE_PENDING"),
    });
    if let Some(account) = &sold.account {
        answer["obfuscatedExternalAccountId"] = account.as_str().into();
    }
    if let Some(at) = sold.paid_at {
        answer["purchaseCompletionTime"] = at.to_string().into();
    }
    if sold.sandbox {
        answer["testPurchaseContext"] = json!({"fopType": "TEST"});
    }
    Ok(Json(answer).into_response())
}

async fn act(
    State(simulators): State<Simulators>,
    headers: HeaderMap,
    extract::Path((product, act)): extract::Path<(String, String)>,
) -> Result<Response, Response> {
    door(&simulators, &headers).await?;
    let unknown = || error(StatusCode::NOT_FOUND, "no such purchase");
    let (token, verb) = act.rsplit_once(':').ok_or_else(unknown)?;
    let consume = match verb {
        "acknowledge" => false,
        "consume" => true,
        _ => return Err(unknown()),
    };
    if let Some(status) = simulators.stores.play.shelf.told() {
        return Err(status.into_response());
    }
    let done = simulators.stores.play.shelf.change(token, |sold, _| {
        let good = sold.product == product && sold.paid_at.is_some();
        let whole = sold.refund.is_some_and(|taken| taken.share == 100);
        if !good || whole || (consume && sold.consumed) {
            return Err(ErrorBody::invalid("", "is not in a state for that"));
        }
        sold.acknowledged = true;
        sold.consumed |= consume;
        Ok(None)
    });
    done.map(|_| StatusCode::NO_CONTENT.into_response())
        .map_err(|_| error(StatusCode::BAD_REQUEST, "not in a state for that"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    start_time: Option<i64>,
}

async fn voided(
    State(simulators): State<Simulators>,
    headers: HeaderMap,
    Query(Span { start_time }): Query<Span>,
) -> Result<Response, Response> {
    door(&simulators, &headers).await?;
    let since = start_time.unwrap_or(0);
    let all = simulators.stores.play.shelf.all();
    let voided: Vec<_> = all
        .iter()
        .filter_map(|sold| Some((sold, sold.refund?)))
        .filter(|(_, taken)| taken.at.0 / 1_000 >= since)
        .map(|(sold, taken)| {
            json!({
                "kind": "androidpublisher#voidedPurchase",
                "purchaseToken": sold.id,
                "orderId": order(sold),
                "purchaseTimeMillis": millis(sold.bought_at),
                "voidedTimeMillis": millis(taken.at),
                "voidedSource": if taken.unacknowledged { 2 } else { 0 },
                "voidedReason": if taken.unacknowledged { 8 } else { 0 },
            })
        })
        .collect();
    Ok(Json(json!({ "voidedPurchases": voided })).into_response())
}
