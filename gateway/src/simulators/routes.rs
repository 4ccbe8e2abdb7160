//! All of the simulators' routes.

use std::collections::BTreeMap;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use utoipa::ToSchema;

use super::behaviour::Behaviour;
use super::exchange::{Played, Refused, Sent};
use super::issuer::IssuerState;
use super::token::{self, TokenReply, TokenRequest};
use super::{Simulators, stores, webhooks};

/// The largest body, in bytes; every field of every request at its longest fits many times.
const MAX_BODY: usize = 16 * 1024;

/// The players' listener.
pub(super) fn public(simulators: Simulators) -> Router {
    Router::new()
        .route("/oidc/{issuer}/jwks", get(jwks))
        .route("/oidc/{issuer}/token", post(mint))
        .merge(stores::public())
        .merge(webhooks::public())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(simulators)
}

/// The private listener.
pub(super) fn control(simulators: Simulators) -> Router {
    Router::new()
        .route("/oidc", get(states))
        .route("/oidc/{issuer}/behave", post(behave))
        .route("/oidc/{issuer}/rotate", post(rotate))
        .merge(stores::control())
        .merge(webhooks::control())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(simulators)
}

/// The body of `rotate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RotateRequest {
    /// Whether the old keys stay published, so that tokens signed with them pass until they
    /// end. Default: true.
    pub keep_old: bool,
}

impl Default for RotateRequest {
    fn default() -> Self {
        Self { keep_old: true }
    }
}

async fn jwks(Played(issuer): Played) -> Result<Response, Refused> {
    let behaviour = issuer.fetched();
    behaviour.hold().await;
    if let Some(failure) = behaviour.failure() {
        return Ok(failure);
    }
    let mut answer = Json(issuer.keys.set().await?).into_response();
    if let Some(caching) = issuer.provider.cache_control() {
        answer.headers_mut().insert(CACHE_CONTROL, caching);
    }
    Ok(answer)
}

async fn mint(
    Played(issuer): Played,
    Sent(request): Sent<TokenRequest>,
) -> Result<Json<TokenReply>, Refused> {
    request.check()?;
    let token = token::mint(&issuer, &request).await?;
    Ok(Json(TokenReply { token }))
}

async fn states(State(simulators): State<Simulators>) -> Json<BTreeMap<&'static str, IssuerState>> {
    Json(simulators.states())
}

async fn behave(
    Played(issuer): Played,
    Sent(behaviour): Sent<Behaviour>,
) -> Result<Json<IssuerState>, Refused> {
    behaviour.check()?;
    issuer.behave(behaviour);
    tracing::info!(issuer = issuer.word(), ?behaviour, "simulated {} behaves anew", issuer.word());
    Ok(Json(issuer.state()))
}

async fn rotate(
    Played(issuer): Played,
    Sent(request): Sent<RotateRequest>,
) -> Result<Json<IssuerState>, Refused> {
    issuer.keys.rotate(request.keep_old).await?;
    let keep_old = request.keep_old;
    tracing::info!(issuer = issuer.word(), keep_old, "simulated {} has a new key", issuer.word());
    Ok(Json(issuer.state()))
}
