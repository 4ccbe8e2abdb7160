//! `POST /hooks/{store}/{app}`: what stores send of themselves.
//!
//! It is proven to be the store's, kept, and answered; the store is asked about it afterwards. So
//! whoever sends learns of trouble with the sending alone, and sends it again then.

use actors::purchases::verifier::Notice;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use protocol::client::StoreName;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::AppId;

use crate::gate::Gate;
use crate::http::{Failure, client, read, refuse_credentials_in};

/// The longest notification, in bytes; real ones have up to 10 KiB.
const MAX_NOTICE: usize = 256 * 1024;

/// Takes in a notification.
pub async fn take(
    State(gate): State<Gate>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    // A path that is not UTF-8 names nothing.
    let (store, app) = path.map(|Path(names)| names).unwrap_or_default();
    match taken(&gate, &store, &app, request).await {
        Ok(()) => Json(serde_json::json!({})).into_response(),
        Err(error) => Failure(error).into_response(),
    }
}

async fn taken(gate: &Gate, store: &str, app: &str, request: Request) -> Result<(), ErrorBody> {
    let unknown = |what: &str| {
        ErrorBody::new(ErrorCode::StoreUnknown, format!("the address names no {what}"))
    };
    let store = StoreName::parse(store).ok_or_else(|| unknown("store"))?;
    let app: AppId = app.parse().map_err(|_| unknown("game"))?;
    let (head, body) = request.into_parts();
    refuse_credentials_in(&head.uri)?;
    let body = read(body, MAX_NOTICE).await?;
    let _share = gate.limits.of(client(gate, &head.extensions, &head.headers)).share()?;
    let authorization = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let notice = Notice { authorization, body: &body };
    if let Some(asking) = gate.node.desk.notified(&app, store, notice).await? {
        let sessions = gate.node.sessions.clone();
        tokio::spawn(async move {
            if let Some(told) = asking.await {
                sessions.look(told.member, told.seq);
            }
        });
    }
    Ok(())
}
