//! The legacy door: the same table of operations for SDKs that want another envelope.
//!
//! Every call is answered with HTTP 200 and `{"header": {...}, ...reply}`, whatever was sent
//! and wherever under `/legacy` it was sent to. What the SDKs call things is data, in
//! `legacy/mapping.toml`; how an operation is served is the HTTP door's own code.

mod mapping;
mod path;
mod form;
mod fields;
mod transaction;
mod envelope;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, Method};
use axum::response::Response;
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::operation::{Operation, Reply};

use crate::gate::Gate;
use crate::http::{
    Asked, bearer, client, dispatch, idempotency_key, origin, refuse_credentials_in,
};
use crate::meter::Door;
use fields::Fields;
use mapping::mapping;

/// Everything under `/legacy`. One handler takes every path and method, because an SDK that
/// misses gets an envelope too.
pub fn router(gate: &Gate) -> Router {
    Router::new().fallback(call).with_state(gate.clone())
}

/// The `resultCode` of an error.
#[must_use]
pub fn result_code(code: ErrorCode) -> i64 {
    mapping().result(code)
}

/// The header fields in which a caller may name its transaction.
#[must_use]
pub fn headers() -> Vec<HeaderName> {
    let names = &mapping().names.transaction_headers;
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// `POST /legacy/v1/{domain}/{name}`. The body is read even when the head is refused: the
/// transaction that the answer must name may be in it.
async fn call(State(gate): State<Gate>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let fields = Fields::read(&head.headers, body, gate.settings.frame_limit_bytes).await;
    let (transaction, fields) = transaction::of(&head.headers, fields, gate.node.now());
    let outcome = match asked_for(&head) {
        Ok(operation) => {
            let outcome = serve(&gate, operation, &head, fields).await;
            gate.meter.request(Door::Legacy, operation, &outcome);
            outcome
        }
        Err(error) => {
            gate.meter.refused(Door::Legacy, error.code);
            Err(error)
        }
    };
    envelope::answer(&transaction, outcome)
}

/// The operation that a head asks for; its path is what is behind `/legacy`.
fn asked_for(head: &Parts) -> Result<Operation, ErrorBody> {
    if head.method != Method::POST {
        let message = format!("operations are asked for with POST, not {}", head.method);
        return Err(ErrorBody::new(ErrorCode::OpMethod, message));
    }
    let path = head.uri.path();
    path.strip_prefix("/v1/").and_then(|path| mapping().operation(path)).ok_or_else(|| {
        let path: String = path.chars().take(128).collect();
        let message =
            format!("there is nothing at /legacy{path}; operations are at /legacy/v1/domain/name");
        ErrorBody::new(ErrorCode::OpUnknown, message)
    })
}

async fn serve(
    gate: &Gate,
    operation: Operation,
    head: &Parts,
    fields: Result<Fields, ErrorBody>,
) -> Result<Reply, ErrorBody> {
    refuse_credentials_in(&head.uri)?;
    let mut fields = fields?;
    let token = fields.take_token()?;
    let body = fields.into_body(operation);
    let asked = Asked {
        operation,
        format: Format::Json,
        body: &body,
        origin: origin(&head.headers),
        bearer: bearer(&head.headers).or(token.as_deref()),
        client: client(gate, &head.extensions, &head.headers),
        // A transaction id is none: it may be new, or the same, for every call.
        key: idempotency_key(&head.headers)?,
    };
    dispatch(gate, asked).await
}
