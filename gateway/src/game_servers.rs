//! The door for the games' own servers: `POST /server/v1/...`, signed with a key of a game.

use actors::game_servers::GameServers;
use actors::game_servers::signature::Signed;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{AUTHORIZATION, HeaderMap};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::game_servers::{ServerOperation, ServerReply};
use serde::Serialize;

use crate::gate::Gate;
use crate::http::{
    Failure, answer, client, content_type, idempotency_key, options, read, refuse_credentials_in,
};

/// What the door needs.
#[derive(Clone)]
struct Servers {
    gate: Gate,
    servers: GameServers,
}

#[derive(Serialize)]
struct Success<'a> {
    ok: &'a ServerReply,
}

/// Everything under `/server`.
pub fn router(gate: &Gate, servers: &GameServers) -> Router {
    let state = Servers { gate: gate.clone(), servers: servers.clone() };
    Router::new()
        .route("/server/v1/{domain}/{name}", post(call).fallback(options))
        .with_state(state)
}

async fn call(
    State(state): State<Servers>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    // A path that is not UTF-8 names nothing.
    let (domain, name) = path.map(|Path(names)| names).unwrap_or_default();
    let (word, outcome) = match ServerOperation::parse(&format!("{domain}/{name}")) {
        Some(operation) => (operation.name(), state.serve(operation, request).await),
        None => ("none", Err(unknown(request.uri()))),
    };
    let code = outcome.as_ref().map_or_else(|error| error.code.word(), |_| "ok");
    metrics::counter!("daemun_server_requests_total", "op" => word, "code" => code).increment(1);
    match outcome {
        Ok(reply) => answer(StatusCode::OK, Format::Json, &Success { ok: &reply }),
        Err(error) => Failure(error).into_response(),
    }
}

fn unknown(uri: &Uri) -> ErrorBody {
    let path: String = uri.path().chars().take(128).collect();
    let message = format!("there is nothing at {path}; docs/game-servers.md has what there is");
    ErrorBody::new(ErrorCode::OpUnknown, message)
}

impl Servers {
    /// Who asks, may they, what they want, and the answer. What is refused with `limit.*` has not
    /// used up its nonce.
    async fn serve(
        &self,
        operation: ServerOperation,
        request: Request,
    ) -> Result<ServerReply, ErrorBody> {
        let (head, body) = request.into_parts();
        let client = client(&self.gate, &head.extensions, &head.headers);
        let tier = self.gate.limits.of(client);
        refuse_credentials_in(&head.uri)?;
        json(&head.headers)?;
        let body = read(body, self.gate.settings.frame_limit_bytes).await?;
        let idempotency = idempotency_key(&head.headers)?;
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let signed = Signed { method: Method::POST.as_str(), target, idempotency, body: &body };
        let proven = match self.servers.prove(authorization(&head.headers)?, &signed) {
            Ok(proven) => proven,
            Err(error) => {
                // Whoever guesses is nobody.
                tier.address(client)?;
                return Err(error);
            }
        };
        tier.server(proven.name())?;
        let _share = tier.share()?;
        let asker = self.servers.admit(proven, operation)?;
        let request = operation.decode(&body)?;
        self.servers.answer(asker, request, idempotency).await
    }
}

fn json(headers: &HeaderMap) -> Result<(), ErrorBody> {
    match content_type(headers)?.as_deref() {
        None | Some("application/json") => Ok(()),
        Some(other) => {
            let message = format!("`{other}` is not application/json");
            Err(ErrorBody::new(ErrorCode::BodyMediaType, message))
        }
    }
}

/// The one header that says who signed. Of two, a proxy in between might have read the other.
fn authorization(headers: &HeaderMap) -> Result<Option<&str>, ErrorBody> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (first, another) = (all.next(), all.next());
    if another.is_some() {
        let message = "Authorization is given more than once";
        return Err(ErrorBody::new(ErrorCode::ServerUnsigned, message));
    }
    Ok(first.map(|value| value.to_str().unwrap_or("?")))
}
