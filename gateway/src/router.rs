//! All routes of the public listener, on one page.

use actors::game_servers::GameServers;
use axum::Router;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, Method};
use axum::routing::{any, get, post};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::gate::Gate;
use crate::simulators::Simulators;
use crate::{docs, hooks, http as door, images, legacy, ws};

/// What players reach.
pub fn public(
    gate: &Gate,
    servers: &GameServers,
    docs: bool,
    simulators: Option<&Simulators>,
) -> Router {
    let operations = post(door::call).fallback(door::options);
    let mut router = Router::new()
        .route("/v1/ws", get(ws::upgrade))
        .route("/v1/{domain}/{name}", operations)
        .nest_service("/legacy", legacy::router(gate))
        .route("/hooks/{store}/{app}", post(hooks::take))
        .route("/.well-known/jwks.json", get(door::jwks))
        .fallback(any(door::unknown))
        .with_state(gate.clone())
        .merge(crate::game_servers::router(gate, servers));
    if let Some(simulators) = simulators {
        router = router.nest("/sim", simulators.public_router());
    }
    if docs {
        router = router.merge(docs::router(simulators.is_some()));
    }
    // Images are for everybody, and say so themselves.
    router.layer(cors(gate)).merge(images::router(gate))
}

/// Browsers' pages of the games' own origins may call; the doors check again which game.
fn cors(gate: &Gate) -> CorsLayer {
    let gate = gate.clone();
    let known = move |origin: &HeaderValue, _: &axum::http::request::Parts| {
        origin.to_str().is_ok_and(|origin| gate.node.knows_origin(origin))
    };
    let mut headers = legacy::headers();
    headers.extend([AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static("idempotency-key")]);
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(known))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(headers)
        .expose_headers([RETRY_AFTER])
}
