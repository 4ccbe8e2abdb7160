//! An operator's commands about one member.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::{AppId, MemberId};
use protocol::members::MemberState;
use protocol::push::{MESSAGE, Message};
use protocol::sessions::Login;
use protocol::text::Text;
use protocol::time::Micros;
use serde::{Deserialize, Serialize};
use storage::push::NewPush;

use super::Private;
use crate::http::Failure;

/// How long a message waits for its member, in seconds, unless said otherwise: 30 days.
const KEPT_S: u64 = 30 * 24 * 3600;
/// How many logins are shown.
const LOGINS: usize = 20;

/// The body of `/commands/member/message`.
#[derive(Debug, Serialize, Deserialize)]
pub struct MessageCommand {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// A heading.
    pub title: Option<Text<128>>,
    /// The text.
    pub text: Text<2048>,
    /// How long it waits for the member, in seconds.
    pub expires_s: Option<u64>,
}

/// The answer to `/commands/member/message`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Messaged {
    /// The message's number in the member's inbox.
    pub seq: u64,
}

/// The body of `/commands/member/show`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ShowCommand {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
}

/// The answer to `/commands/member/show`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Shown {
    /// The member.
    pub member: MemberId,
    /// Where the membership stands.
    pub state: MemberState,
    /// When the member first came.
    pub created_at: Micros,
    /// By which providers it can log in.
    pub providers: Vec<String>,
    /// Its logins that have neither ended nor expired, the newest first.
    pub logins: Vec<Login>,
    /// The highest number of its inbox.
    pub inbox: u64,
    /// The highest number that it acknowledged.
    pub acked: u64,
}

pub(super) async fn message(
    State(private): State<Private>,
    Json(command): Json<MessageCommand>,
) -> Response {
    let MessageCommand { app, member, title, text, expires_s } = command;
    let body = match serde_json::to_string(&Message { title, text }) {
        Ok(body) => body,
        Err(error) => return Failure(actors::fault::internal(&error.to_string())).into_response(),
    };
    let kept = Duration::from_secs(expires_s.unwrap_or(KEPT_S));
    let node = &private.gate.node;
    let push = NewPush { word: MESSAGE.to_owned(), body, expires_at: node.now().after(kept) };
    match node.sessions.post(app, member, vec![push]).await {
        Ok(seq) => Json(Messaged { seq }).into_response(),
        Err(error) => Failure(error).into_response(),
    }
}

pub(super) async fn show(
    State(private): State<Private>,
    Json(ShowCommand { app, member }): Json<ShowCommand>,
) -> Response {
    match shown(&private, app, member).await {
        Ok(shown) => Json(shown).into_response(),
        Err(error) => Failure(error).into_response(),
    }
}

async fn shown(private: &Private, app: AppId, id: MemberId) -> Result<Shown, ErrorBody> {
    let node = &private.gate.node;
    let (storage, now) = (&node.storage, node.now());
    let of_storage = |error| actors::fault::of_storage(&error);
    let found = storage.members.get(app.clone(), id).await.map_err(of_storage)?;
    let member = found.ok_or_else(|| {
        ErrorBody::new(ErrorCode::MemberUnknown, format!("`{app}` has no member {id}"))
    })?;
    let identities = storage.identity.list(app.clone(), id).await.map_err(of_storage)?;
    let (logins, epoch) =
        storage.sessions.logins(app.clone(), id, now, LOGINS).await.map_err(of_storage)?;
    let inbox = storage.inboxes.read(app, id, 0, now, 0).await.map_err(of_storage)?;
    let logins = logins.into_iter().map(|login| Login {
        id: login.id,
        current: login.epoch == epoch,
        replaced: login.epoch != epoch,
        platform: login.device.platform,
        device: login.device.name,
        created_at: login.created_at,
        refreshed_at: login.refreshed_at,
    });
    Ok(Shown {
        member: id,
        state: member.state,
        created_at: member.created_at,
        providers: identities.into_iter().map(|identity| identity.provider).collect(),
        logins: logins.collect(),
        inbox: inbox.seq,
        acked: inbox.acked,
    })
}
