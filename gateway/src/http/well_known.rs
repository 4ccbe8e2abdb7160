//! What others verify our tokens with.

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::gate::Gate;
use actors::identity::keyring::PUBLISH_AHEAD;

/// `GET /.well-known/jwks.json` (RFC 7517, section 5).
pub async fn jwks(State(gate): State<Gate>) -> Response {
    // Half of how long a key is published before it signs: no cache misses a new key.
    let max_age = format!("public, max-age={}", PUBLISH_AHEAD.as_secs() / 2);
    let keys = gate.node.identity.tokens().published();
    ([(CACHE_CONTROL, max_age)], Json(json!({ "keys": keys }))).into_response()
}
