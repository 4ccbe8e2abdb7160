//! An operator's commands about one game.

use std::collections::BTreeMap;

use actors::fault;
use actors::presence::Everywhere;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use protocol::ids::AppId;
use protocol::push::Message;
use protocol::text::Text;
use serde::{Deserialize, Serialize};
use storage::members::By;

use super::Private;
use super::members::on_record;
use crate::http::Failure;

/// The body of `/commands/app/announce`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnnounceCommand {
    /// The game.
    pub app: AppId,
    /// A heading.
    pub title: Option<Text<128>>,
    /// The text.
    pub text: Text<2048>,
}

/// The answer to `/commands/app/announce`.
#[derive(Debug, Serialize)]
pub struct Announced {
    /// How many connections of this node were told.
    pub told: usize,
}

/// The answer to `/commands/app/players`.
#[derive(Debug, Serialize)]
pub struct Players {
    /// How many members are connected to all nodes, by their games.
    pub players: BTreeMap<AppId, u64>,
    /// To how many nodes.
    pub nodes: usize,
}

/// Counts who plays.
pub(super) async fn players(State(private): State<Private>) -> Response {
    match private.gate.node.roll.everywhere().await {
        Ok(Everywhere { players, nodes }) => Json(Players { players, nodes }).into_response(),
        Err(error) => Failure(fault::of_storage(&error)).into_response(),
    }
}

/// Tells everyone who plays the game on this node.
pub(super) async fn announce(
    State(private): State<Private>,
    Json(AnnounceCommand { app, title, text }): Json<AnnounceCommand>,
) -> Response {
    let node = &private.gate.node;
    let told = async {
        node.launching.game(&app)?;
        let told = node.sessions.announce(app, Message { title, text }, By::Command).await?;
        on_record(&node.storage).await;
        Ok(told)
    };
    match told.await {
        Ok(told) => Json(Announced { told }).into_response(),
        Err(error) => Failure(error).into_response(),
    }
}
