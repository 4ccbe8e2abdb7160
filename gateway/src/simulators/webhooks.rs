//! A game's own server, played: it takes webhooks, verifies them, and keeps what came.
//!
//! Players' listener, under `/sim`:
//! - `POST /webhooks/{game}`: where notices are sent.
//!
//! Private listener, under `/sim`:
//! - `GET /webhooks?at_least=2`: what came, the oldest first, see [`Came`]; waits a moment for so
//!   many.
//! - `POST /webhooks/behave`: how notices are answered from now on, see [`Behaviour`].
//! - `POST /webhooks/forget`: forgets what came.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actors::apps::AppSettings;
use actors::game_servers::ServerKeySettings;
use actors::random;
use actors::webhooks::{Secrets, WebhookSettings};
use axum::extract::{Path as Segment, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use parking_lot::Mutex;
use protocol::game_servers::Scope;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::clock::{Clock, Micros};
use tokio::sync::watch;
use utoipa::ToSchema;

use super::Simulators;
use super::behaviour::Behaviour;
use super::exchange::{Refused, Sent};

/// How many notices are kept.
const KEPT: usize = 1_000;
/// How long it is waited for notices.
const PATIENCE: Duration = Duration::from_secs(10);
/// How old a notice may be, either way (Standard Webhooks, "Verifying the timestamp").
const WINDOW: Duration = Duration::from_secs(300);
/// The files of the demo game's secrets.
const FILES: [&str; 2] = ["webhook-secret", "server-secret"];

/// A notice that came.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Came {
    /// For which game.
    pub game: String,
    /// Its `webhook-id`.
    pub id: String,
    /// Whether its signature is good, and its time near.
    pub verified: bool,
    /// What was answered; null if the connection broke off.
    pub answered: Option<u16>,
    /// What came, null if it is no JSON.
    #[schema(value_type = Object)]
    pub body: Value,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Micros,
}

/// A game's server.
pub(super) struct Receiver {
    base: String,
    secret: String,
    server_secret: String,
    clock: Arc<dyn Clock>,
    state: Mutex<Received>,
    came: watch::Sender<usize>,
}

#[derive(Default)]
struct Received {
    behaviour: Behaviour,
    came: VecDeque<Came>,
}

/// How many notices are waited for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AtLeast {
    at_least: usize,
}

impl Receiver {
    pub(super) fn new(base: &str, clock: &Arc<dyn Clock>) -> Self {
        Self {
            base: format!("{base}/sim/webhooks"),
            secret: format!("whsec_{}", STANDARD.encode(random::bytes::<32>())),
            server_secret: URL_SAFE_NO_PAD.encode(random::bytes::<32>()),
            clock: clock.clone(),
            state: Mutex::default(),
            came: watch::Sender::new(0),
        }
    }

    /// The settings of a game whose server this is: where it is told what happened, and its key
    /// `dev`. Their secrets are in `folder` once its [files](Receiver::files) are there.
    pub(super) fn settle(&self, word: &str, folder: &Path, app: &mut AppSettings) {
        let [webhook, server] = FILES.map(|name| folder.join(name));
        app.webhook = Some(WebhookSettings {
            url: format!("{}/{word}", self.base),
            secret_file: webhook,
            previous_secret_file: None,
            allow_insecure_loopback: true,
        });
        app.server_keys = vec![ServerKeySettings {
            id: "dev".to_owned(),
            secret_file: server,
            scopes: Scope::ALL.to_vec(),
            not_after: None,
        }];
    }

    /// The files of the secrets, and what is in them.
    pub(super) fn files(&self) -> Vec<(&'static str, String)> {
        let secrets = [self.secret.clone(), self.server_secret.clone()];
        FILES.into_iter().zip(secrets).collect()
    }

    fn verifies(&self, id: &str, headers: &HeaderMap, body: &[u8]) -> bool {
        let seconds = header(headers, "webhook-timestamp").parse::<i64>().ok();
        let secrets = Secrets::one(&self.secret).ok();
        seconds.zip(secrets).is_some_and(|(seconds, secrets)| {
            let (now, at) = (self.clock.now(), Micros::from_seconds(seconds));
            let near = at.before(WINDOW) <= now && now <= at.after(WINDOW);
            near && secrets.verify(header(headers, "webhook-signature"), id, seconds, body)
        })
    }

    /// Takes a notice, and says how it is answered.
    fn take(&self, game: String, headers: &HeaderMap, body: &[u8]) -> (Behaviour, bool) {
        let id = header(headers, "webhook-id").to_owned();
        let verified = self.verifies(&id, headers, body);
        let body = serde_json::from_slice(body).unwrap_or_default();
        let at = self.clock.now();
        let mut state = self.state.lock();
        let behaviour = state.behaviour;
        let answered = match (behaviour.down, behaviour.status) {
            (true, _) => None,
            (false, Some(status)) => Some(status),
            (false, None) => Some(if verified { 200 } else { 401 }),
        };
        if state.came.len() == KEPT {
            state.came.pop_front();
        }
        state.came.push_back(Came { game, id, verified, answered, body, at });
        self.came.send_replace(state.came.len());
        (behaviour, verified)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

pub(super) fn public() -> Router<Simulators> {
    Router::new().route("/webhooks/{game}", post(take))
}

pub(super) fn control() -> Router<Simulators> {
    Router::new()
        .route("/webhooks", get(came))
        .route("/webhooks/behave", post(behave))
        .route("/webhooks/forget", post(forget))
}

async fn take(
    State(simulators): State<Simulators>,
    Segment(game): Segment<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (behaviour, verified) = simulators.receiver.take(game, &headers, &body);
    behaviour.hold().await;
    match behaviour.failure() {
        Some(failure) => failure,
        None if verified => StatusCode::OK.into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn came(
    State(simulators): State<Simulators>,
    Query(AtLeast { at_least }): Query<AtLeast>,
) -> Json<Vec<Came>> {
    let receiver = &simulators.receiver;
    let mut count = receiver.came.subscribe();
    // Whoever waited in vain sees what there is.
    let _ = tokio::time::timeout(PATIENCE, count.wait_for(|count| *count >= at_least)).await;
    Json(receiver.state.lock().came.iter().cloned().collect())
}

async fn behave(
    State(simulators): State<Simulators>,
    Sent(behaviour): Sent<Behaviour>,
) -> Result<Json<Value>, Refused> {
    behaviour.check()?;
    simulators.receiver.state.lock().behaviour = behaviour;
    tracing::info!(?behaviour, "the simulated game server behaves anew");
    Ok(Json(json!({})))
}

async fn forget(State(simulators): State<Simulators>) -> Json<Value> {
    let mut state = simulators.receiver.state.lock();
    state.came.clear();
    simulators.receiver.came.send_replace(0);
    Json(json!({}))
}
