//! The door for operators: `/admin/v1`, at a listener of its own.
//!
//! A browser keeps the session in a cookie that scripts cannot read and other sites cannot send.
//! Who asks for a change shows a second word besides, which only this API's own page was told.
//! What an operator may is decided here, by the [table](protocol::operators::endpoint), before
//! anything of a request's body is read.

mod door;
mod caller;
mod request;
mod answer;
mod dispatch;

mod session;
mod operators;
mod audit;
mod apps;
mod documents;

pub mod openapi;
mod docs;

use std::net::SocketAddr;

use actors::operators::Operators;
use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{Method as HttpMethod, Uri};
use axum::middleware::{from_fn_with_state, map_response_with_state};
use axum::response::Response;
use axum::routing::{MethodFilter, any, on};
use protocol::error::{ErrorBody, ErrorCode};
use protocol::operators::endpoint::{Endpoint, Method};
use protocol::operators::refusal::Refusal;

use crate::gate::Gate;
use answer::Answer;
pub use door::Door;
use request::Params;

/// The cookie that has a session. Its prefix has browsers refuse it from other hosts and without
/// `Secure` (RFC 6265bis, section 4.1.3.2).
pub const COOKIE: &str = "__Host-daemun";
/// The header in which a page shows that it is this API's own.
pub const CSRF: &str = "x-daemun-csrf";

/// What the door needs.
#[derive(Clone)]
pub struct Admin {
    /// What the doors share.
    pub gate: Gate,
    /// The operators.
    pub operators: Operators,
    /// Under which names it is reached.
    pub door: Door,
}

/// All routes of the admin listener: each row of the table, and nothing else but the documents.
pub fn router(admin: Admin, documents: bool) -> Router {
    let mut router = Router::new();
    for endpoint in Endpoint::ALL {
        let handler =
            async move |state, params, request| called(*endpoint, state, params, request).await;
        router = router.route(endpoint.path(), on(filter(endpoint.method()), handler));
    }
    let mut router = router
        .method_not_allowed_fallback(another_method)
        .fallback(any(unknown))
        .with_state(admin.clone());
    if documents {
        router = router.merge(docs::router());
    }
    router
        .layer(from_fn_with_state(admin.door.clone(), door::known_host))
        .layer(map_response_with_state(admin.door, door::guarded))
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Delete => MethodFilter::DELETE,
    }
}

async fn called(
    endpoint: Endpoint,
    State(admin): State<Admin>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let params = params.ok().map(|params| Params::read(&params)).unwrap_or_default();
    let work = async move { admin.served(endpoint, params, request).await };
    // A task of its own: what is begun is finished even if whoever asked is gone.
    let outcome = match tokio::spawn(work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ErrorBody::new(ErrorCode::Internal, "the request failed on the way").into()),
    };
    let (op, code) =
        (format!("{endpoint:?}"), outcome.as_ref().map_or_else(|it| it.code.word(), |_| "ok"));
    metrics::counter!("daemun_operator_requests_total", "op" => op, "code" => code).increment(1);
    answer::response(outcome)
}

async fn another_method(method: HttpMethod, uri: Uri) -> Response {
    let message = format!("{} is not asked for by {method}", shortened(&uri));
    answer::response(Err(ErrorBody::new(ErrorCode::OpMethod, message).into()))
}

async fn unknown(uri: Uri) -> Response {
    let message = format!("there is nothing at {}; /admin/docs has what there is", shortened(&uri));
    answer::response(Err(ErrorBody::new(ErrorCode::OpUnknown, message).into()))
}

fn shortened(uri: &Uri) -> String {
    uri.path().chars().take(128).collect()
}

impl Admin {
    /// At the door of a node, whose listener has that address.
    #[must_use]
    pub fn new(gate: &Gate, address: SocketAddr) -> Self {
        let operators = Operators::new(
            gate.node.storage.clone(),
            gate.node.clock.clone(),
            gate.node.vault.clone(),
        );
        let door = Door::new(address, gate.settings.admin_url.as_deref());
        Self { gate: gate.clone(), operators, door }
    }

    /// Who asks, may they, what they want, and the answer.
    async fn served(
        &self,
        endpoint: Endpoint,
        params: Params,
        request: Request,
    ) -> Result<Answer, Refusal> {
        let asked = self.admitted(endpoint, params, request).await?;
        self.dispatched(endpoint, asked).await
    }
}
