//! The private listener: metrics and health for machines, commands for operators, and the
//! simulators' controls in development.

mod apps;
mod content;
mod images;
mod launching;
mod ledger;
mod members;
mod operators;
mod purchases;
mod webhooks;

pub use apps::{AnnounceCommand, Announced, Players};
pub use members::{
    BanCommand, Banned, Desk, Left, LogOf, LogPage, LogQuery, MessageCommand, Messaged, Order,
    PageStart, ShowCommand, Shown, ShownBan, ShownRecord, Unbanned, Whom,
};
pub use operators::OperatorOrder;
pub use webhooks::{NoticesPage, NoticesQuery, ReplayCommand, Replayed, ShownNotice};

pub use content::{PieceDeed, PieceOrder};
pub use images::ImageOrder;
pub use launching::{
    ActsQuery, MaintenanceOrder, ShownAct, ShownDocument, TesterOrder, VersionOrder,
};
pub use ledger::{AuditPage, AuditQuery, WalletQuery};
pub use purchases::{
    HeldQuery, Judged, ParkedQuery, PurchasesQuery, ReleaseCommand, RetryCommand, ShownPurchase,
    VerifyCommand,
};

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use protocol::error::{ErrorBody, ErrorCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;

use crate::gate::Gate;
use crate::http::Failure;
use crate::shops::Shops;
use crate::simulators::Simulators;

/// What the private listener needs.
#[derive(Clone)]
pub struct Private {
    /// What the doors share.
    pub gate: Gate,
    /// Where the metrics are.
    pub metrics: PrometheusHandle,
    /// What commands must show.
    pub token: String,
    /// Where games are sold.
    pub shops: Shops,
}

/// All routes of the private listener.
pub fn router(private: Private, simulators: Option<&Simulators>) -> Router {
    let commands = Router::new()
        .route("/keys/rotate", post(rotate))
        .route("/app/announce", post(apps::announce))
        .route("/app/players", post(apps::players))
        .route("/webhooks/list", post(webhooks::list))
        .route("/webhooks/replay", post(webhooks::replay))
        .route("/member/show", post(members::show))
        .route("/member/message", post(members::message))
        .route("/member/ban", post(members::ban))
        .route("/member/unban", post(members::unban))
        .route("/operator", post(operators::operator))
        .route("/gamelog", post(members::log))
        .route("/purchase/verify", post(purchases::verify))
        .route("/purchase/list", post(purchases::list))
        .route("/purchase/held", post(purchases::held))
        .route("/purchase/parked", post(purchases::parked))
        .route("/purchase/retry", post(purchases::retry))
        .route("/purchase/release", post(purchases::release))
        .route("/wallet/show", post(ledger::wallet))
        .route("/ledger/audit", post(ledger::audit))
        .route("/version", post(launching::version))
        .route("/image", post(images::image).layer(DefaultBodyLimit::max(images::BODY_BYTES)))
        .route("/maintenance", post(launching::maintenance))
        .route("/tester", post(launching::tester))
        .route("/piece", post(content::piece))
        .route("/audit", post(launching::audit))
        .layer(from_fn_with_state(private.clone(), authorised));
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .nest("/commands", commands)
        .with_state(private);
    match simulators {
        Some(simulators) => router.nest("/sim", simulators.control_router()),
        None => router,
    }
}

/// Whether this node takes players: 200, or 503 with what is missing.
async fn ready(State(private): State<Private>) -> Response {
    if private.gate.draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    match private.gate.node.storage_answers().await {
        // A game log or a cache in trouble is told; players can play all the same.
        Ok(()) => {
            let storage = &private.gate.node.storage;
            let troubles = storage.gamelog.troubles();
            let lines = troubles.iter().map(|trouble| format!("{trouble}\n"));
            let lines =
                lines.chain(storage.records.trouble().map(|trouble| format!("{trouble}\n")));
            format!("ready\n{}", lines.collect::<String>()).into_response()
        }
        Err(error) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("storage: {error}\n")).into_response()
        }
    }
}

async fn metrics(State(private): State<Private>) -> Response {
    let sessions = &private.gate.node.sessions;
    metrics::gauge!("daemun_sessions_awake").set(sessions.awake() as f64);
    metrics::gauge!("daemun_sessions_attached").set(sessions.attached() as f64);
    let limits = &private.gate.limits;
    metrics::gauge!("daemun_requests_in_flight").set(limits.in_flight() as f64);
    metrics::gauge!("daemun_long_polls").set(limits.long_polls() as f64);
    let records = &private.gate.node.storage.records;
    metrics::counter!("daemun_storage_calls_total").absolute(records.taken());
    metrics::gauge!("daemun_storage_calls").set(records.under_way() as f64);
    let text = private.metrics.render();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn authorised(State(private): State<Private>, request: Request, next: Next) -> Response {
    let shown = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    // Digests are compared, so that the time it takes says nothing about the token.
    if Sha256::digest(shown) == Sha256::digest(&private.token) {
        return next.run(request).await;
    }
    let message = "commands need the token of private.json in the data folder";
    Failure(ErrorBody::new(ErrorCode::AuthRequired, message)).into_response()
}

/// The body of `/commands/keys/rotate`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rotate {
    /// From how many seconds on the new key signs.
    pub ahead_s: u64,
}

/// The answer to `/commands/keys/rotate`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rotated {
    /// The new key's name.
    pub kid: String,
}

async fn rotate(State(private): State<Private>, Json(rotate): Json<Rotate>) -> Response {
    let tokens = private.gate.node.identity.tokens().clone();
    let ahead = Duration::from_secs(rotate.ahead_s);
    match tokio::task::spawn_blocking(move || tokens.rotate(ahead)).await {
        Ok(Ok(kid)) => Json(Rotated { kid }).into_response(),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
