//! What a client asks before it logs in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client::Client;
use crate::ids::AppId;
use crate::time::Micros;

/// The body of `launch.status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusRequest {
    /// The game.
    #[schema(value_type = String, example = "demo")]
    pub app: AppId,
    /// The client that asks.
    pub client: Client,
}

/// The answer to `launch.status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusReply {
    /// The status as a number: 200 in service.
    #[schema(example = 200)]
    pub status: u16,
    /// The status as a word.
    pub word: ServiceWord,
    /// Where this client's game is served: the websocket's address.
    #[schema(example = "ws://127.0.0.1:7350/v1/ws")]
    pub server_address: String,
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    pub time: Micros,
}

crate::words! {
    /// Whether a game is in service for the client that asks.
    #[derive(ToSchema)]
    ServiceWord {
        /// 200: in service.
        InService = "in_service",
    }
}

impl ServiceWord {
    /// The status number that goes with the word.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::InService => 200,
        }
    }
}
