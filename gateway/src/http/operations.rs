//! Every operation at `POST /v1/{domain}/{name}`, with the same checks and answers as on
//! the websocket.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, ORIGIN};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::operation::{ConnectionRequest, Doors, Operation, Reply, Request as Typed};
use protocol::sessions::PingReply;
use serde::Serialize;

use super::failure::{Failure, answer};
use crate::gate::Gate;
use crate::meter::Door;

/// How long a client may take to send a body whose head has come.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct Success<'a> {
    ok: &'a Reply,
}

/// `POST /v1/{domain}/{name}`.
pub async fn call(
    State(gate): State<Gate>,
    Path((domain, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    let operation = Operation::parse(&format!("{domain}.{name}"));
    let Some(operation) = operation.filter(|operation| operation.doors() == Doors::Both) else {
        return unknown(State(gate), request.uri().clone()).await;
    };
    let format = match format(request.headers()) {
        Ok(format) => format,
        Err(error) => return Failure(error).into_response(),
    };
    let outcome = serve(&gate, operation, format, request).await;
    gate.meter.request(Door::Http, operation, &outcome);
    match outcome {
        Ok(reply) => answer(StatusCode::OK, format, &Success { ok: &reply }),
        Err(error) => Failure(error).response(format),
    }
}

/// Everything under `/v1` that is not there.
pub async fn unknown(State(gate): State<Gate>, uri: Uri) -> Response {
    gate.meter.refused(Door::Http, ErrorCode::OpUnknown);
    let path: String = uri.path().chars().take(128).collect();
    let message = format!("there is nothing at {path}; operations are at /v1/domain/name");
    Failure(ErrorBody::new(ErrorCode::OpUnknown, message)).into_response()
}

/// An operation asked for by another method than POST.
pub async fn options(method: Method) -> Response {
    let message = format!("operations are asked for with POST, not {method}");
    Failure(ErrorBody::new(ErrorCode::OpMethod, message)).into_response()
}

async fn serve(
    gate: &Gate,
    operation: Operation,
    format: Format,
    request: Request,
) -> Result<Reply, ErrorBody> {
    let (head, body) = request.into_parts();
    refuse_credentials_in(&head.uri)?;
    let origin = head.headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or("?"));
    let body = read(body, gate.settings.frame_limit_bytes).await?;
    let body = if body.is_empty() { format.empty_map() } else { &body };
    match operation.decode(format, body)? {
        Typed::Public(request) => {
            let (node, origin) = (gate.node.clone(), origin.map(String::from));
            // A task of its own: a login is finished even if the client is gone.
            let work = tokio::spawn(async move { node.public(origin.as_deref(), request).await });
            let failed = |_| Err(actors::fault::internal("the request failed on the way"));
            work.await.unwrap_or_else(failed)
        }
        Typed::Connection(request) => connection(gate, &head.headers, request),
        Typed::Member(request) => {
            let caller = gate.node.caller(bearer(&head.headers)?)?;
            gate.node.member(origin, caller, request)?.await
        }
    }
}

fn connection(
    gate: &Gate,
    headers: &HeaderMap,
    request: ConnectionRequest,
) -> Result<Reply, ErrorBody> {
    let caller = gate.node.caller(bearer(headers)?)?;
    match request {
        ConnectionRequest::SessionPing(ping) => {
            Ok(Reply::SessionPing(PingReply { t: ping.t, time: gate.node.now() }))
        }
        ConnectionRequest::SessionRefresh(request) => {
            gate.node.refresh(&caller, &request).map(|(_, reply)| Reply::SessionRefresh(reply))
        }
        // The table says that HTTP does not serve these, so they were refused above.
        ConnectionRequest::SessionOpen(_) | ConnectionRequest::SessionClose(_) => {
            Err(ErrorBody::new(ErrorCode::OpUnknown, "the websocket alone serves this"))
        }
    }
}

/// The body's format, by its content type; JSON when there is none.
fn format(headers: &HeaderMap) -> Result<Format, ErrorBody> {
    let refuse = |message: String| Err(ErrorBody::new(ErrorCode::BodyMediaType, message));
    if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|value| *value != "identity") {
        return refuse(format!("bodies in {encoding:?} are not read here"));
    }
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Format::Json) };
    let essence = value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" => Ok(Format::Json),
        "application/msgpack" | "application/vnd.msgpack" => Ok(Format::Msgpack),
        other => refuse(format!("`{other}` is neither application/json nor application/msgpack")),
    }
}

/// Reads a body of at most `limit` bytes, for a bounded time.
async fn read(body: Body, limit: usize) -> Result<bytes::Bytes, ErrorBody> {
    let late = |_| ErrorBody::new(ErrorCode::BodyLate, "the body did not come in time");
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, limit)).await.map_err(late)?;
    read.map_err(|error| {
        use std::error::Error;
        if error.source().is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            let message = format!("the body is larger than {limit} bytes");
            ErrorBody::new(ErrorCode::BodyTooLarge, message)
        } else {
            ErrorBody::new(ErrorCode::BodyLate, "the body broke off")
        }
    })
}

/// The access token of `Authorization: Bearer` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, ErrorBody> {
    let required = || {
        ErrorBody::new(ErrorCode::AuthRequired, "send the access token as Authorization: Bearer")
    };
    let value =
        headers.get(AUTHORIZATION).ok_or_else(required)?.to_str().map_err(|_| required())?;
    let (scheme, token) = value.split_once(' ').ok_or_else(required)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(required()) }
}

/// A credential in an address ends up in logs and histories, so it is not taken.
///
/// # Errors
/// `auth.in_query`.
pub(super) fn refuse_credentials_in(uri: &Uri) -> Result<(), ErrorBody> {
    let credential = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        name.contains("token") || name.contains("secret") || name == "authorization"
    };
    if uri.query().unwrap_or_default().split('&').any(credential) {
        let message = "credentials do not belong into an address: send them in the body or header";
        return Err(ErrorBody::new(ErrorCode::AuthInQuery, message));
    }
    Ok(())
}
