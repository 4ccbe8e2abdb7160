//! Every operation at `POST /v1/{domain}/{name}`, with the same checks and answers as on
//! the websocket.

use std::net::IpAddr;

use actors::identity::tokens::Caller;
use actors::sessions::replies::{Begun, Key, finished, joined};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::operation::{
    Access, ConnectionRequest, Doors, Effect, MemberRequest, Operation, Reply, Request as Typed,
};
use protocol::sessions::PingReply;
use serde::Serialize;

use super::failure::{Failure, answer};
use super::request::{
    bearer, client, format, idempotency_key, origin, read, refuse_credentials_in,
};
use crate::gate::Gate;
use crate::meter::Door;

#[derive(Serialize)]
struct Success<'a> {
    ok: &'a Reply,
}

/// `POST /v1/{domain}/{name}`.
pub async fn call(
    State(gate): State<Gate>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    // A path that is not UTF-8 names nothing.
    let (domain, name) = path.map(|Path(names)| names).unwrap_or_default();
    let Some(operation) = served(&format!("{domain}.{name}")) else {
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

/// The operation of a name, when HTTP serves it.
pub(crate) fn served(name: &str) -> Option<Operation> {
    Operation::parse(name).filter(|operation| operation.doors() == Doors::Both)
}

/// What is asked for, however it was written.
pub(crate) struct Asked<'a> {
    /// The operation.
    pub(crate) operation: Operation,
    /// How the body is written.
    pub(crate) format: Format,
    /// The body; an empty one is a map without fields.
    pub(crate) body: &'a [u8],
    /// The page that asks, when a browser says it.
    pub(crate) origin: Option<&'a str>,
    /// The access token, when there is one.
    pub(crate) bearer: Option<&'a str>,
    /// Whose request it is.
    pub(crate) client: IpAddr,
    /// The `Idempotency-Key`, when there is one.
    pub(crate) key: Option<&'a str>,
}

async fn serve(
    gate: &Gate,
    operation: Operation,
    format: Format,
    request: Request,
) -> Result<Reply, ErrorBody> {
    let (head, body) = request.into_parts();
    refuse_credentials_in(&head.uri)?;
    let body = read(body, gate.settings.frame_limit_bytes).await?;
    let (origin, bearer) = (origin(&head.headers), bearer(&head.headers));
    let client = client(gate, &head.extensions, &head.headers);
    let key = idempotency_key(&head.headers)?;
    dispatch(gate, Asked { operation, format, body: &body, origin, bearer, client, key }).await
}

/// Reads the body and has the operation done.
///
/// # Errors
/// `limit.rate`, `limit.overloaded`, `body.invalid`, `auth.required`, `op.key_reused`, and the
/// operation's own.
pub(crate) async fn dispatch(gate: &Gate, asked: Asked<'_>) -> Result<Reply, ErrorBody> {
    let Asked { operation, format, body, origin, bearer, client, key } = asked;
    let caller = match operation.access() {
        Access::Public => Err(token_required()),
        Access::Connection | Access::Member => caller(gate, bearer),
    };
    match &caller {
        Ok(caller) => gate.count(client, caller)?,
        // Whoever guesses tokens is nobody, too.
        Err(_) => gate.limits.of(client).address(client)?,
    }
    let body = if body.is_empty() { format.empty_map() } else { body };
    match operation.decode(format, body)? {
        Typed::Public(request) => {
            let (gate, origin) = (gate.clone(), origin.map(String::from));
            // A task of its own: a login is finished even if the client is gone.
            let work = async move { gate.public(client, origin.as_deref(), request).await };
            finished(work, None).await
        }
        Typed::Connection(request) => connection(gate, &caller?, request),
        Typed::Member(request) => {
            let caller = caller?;
            // What changes nothing may be done again.
            match key.filter(|_| operation.effect() == Effect::Changes) {
                Some(key) => {
                    let key = Key::new(key, operation, body);
                    once(gate, client, origin, caller, request, key).await
                }
                None => gate.member(client, origin, caller, request)?.await,
            }
        }
    }
}

/// Does what has not been done under this key; what has been, or is being done, is answered
/// alike. It is finished and its answer kept even if the client is gone.
async fn once(
    gate: &Gate,
    client: IpAddr,
    origin: Option<&str>,
    caller: Caller,
    request: MemberRequest,
    key: Key,
) -> Result<Reply, ErrorBody> {
    gate.node.game_for(&caller.app, origin)?;
    let replies = gate.node.sessions.replies();
    replies.recall_key(caller.login, &key).await;
    match replies.begin_with_key(caller.login, key)? {
        Begun::Kept(outcome) => outcome.as_ref().clone(),
        Begun::Pending(answer) => joined(answer).await,
        Begun::Fresh(recorder) => {
            finished(gate.member(client, origin, caller, request)?, Some(recorder)).await
        }
    }
}

fn token_required() -> ErrorBody {
    ErrorBody::new(ErrorCode::AuthRequired, "send the access token as Authorization: Bearer")
}

/// Whom the access token names.
fn caller(gate: &Gate, bearer: Option<&str>) -> Result<Caller, ErrorBody> {
    gate.node.caller(bearer.ok_or_else(token_required)?)
}

fn connection(
    gate: &Gate,
    caller: &Caller,
    request: ConnectionRequest,
) -> Result<Reply, ErrorBody> {
    match request {
        ConnectionRequest::SessionPing(ping) => {
            Ok(Reply::SessionPing(PingReply { t: ping.t, time: gate.node.now() }))
        }
        ConnectionRequest::SessionRefresh(request) => {
            gate.node.refresh(caller, &request).map(|(_, reply)| Reply::SessionRefresh(reply))
        }
        // The table says that HTTP does not serve these, so they were refused above.
        ConnectionRequest::SessionOpen(_) | ConnectionRequest::SessionClose(_) => {
            Err(ErrorBody::new(ErrorCode::OpUnknown, "the websocket alone serves this"))
        }
    }
}
