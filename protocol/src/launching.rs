//! What a client asks before it logs in, and what it is told of maintenance and of updates.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

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

/// The answer to `launch.status`. A maintenance and an update may hold at once: both are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusReply {
    /// The status as a number: 200 to 299 may log in, 300 to 399 may not.
    #[schema(example = 200)]
    pub status: u16,
    /// The status as a word.
    pub word: ServiceWord,
    /// What the player is told of this version, in his language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The update that is recommended or required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Box<Update>>,
    /// The maintenance that holds now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Box<Maintenance>>,
    /// The next maintenance of this client, when one is planned within a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Box<Maintenance>>,
    /// The versions of what `notice.list` and `banner.list` answer to this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Box<crate::content::Versions>>,
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
        /// 201: in service, and there is a newer version.
        UpdateRecommended = "update_recommended",
        /// 202: under maintenance, and this client is let in as a tester.
        Tester = "tester",
        /// 203: a version that is being tested.
        Test = "test",
        /// 204: a version that is being reviewed by its store.
        InReview = "in_review",
        /// 205: a beta version.
        Beta = "beta",
        /// 300: this version must be updated.
        UpdateRequired = "update_required",
        /// 301: this version is kept out.
        Blocked = "blocked",
        /// 302: this version's service has ended.
        Closed = "closed",
        /// 303: under maintenance.
        Maintenance = "maintenance",
        /// 304: all games are under maintenance.
        MaintenanceAll = "maintenance_all",
    }
}

impl ServiceWord {
    /// The status number that goes with the word.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::InService => 200,
            Self::UpdateRecommended => 201,
            Self::Tester => 202,
            Self::Test => 203,
            Self::InReview => 204,
            Self::Beta => 205,
            Self::UpdateRequired => 300,
            Self::Blocked => 301,
            Self::Closed => 302,
            Self::Maintenance => 303,
            Self::MaintenanceAll => 304,
        }
    }

    /// Whether a client of this status may log in.
    #[must_use]
    pub fn lets_in(self) -> bool {
        self.number() < 300
    }
}

/// An update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Update {
    /// The newest version in service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "1.10.0")]
    pub latest: Option<String>,
    /// Where it is to be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What the player is told, in his language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A maintenance; also the body of the pushes `maintenance.scheduled` and `maintenance.started`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Maintenance {
    /// Its id.
    #[serde(with = "crate::ids::as_text")]
    #[schema(value_type = String)]
    pub id: Uuid,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    pub from: Micros,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub to: Micros,
    /// What the player is told, in his language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A page that says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// In how many milliseconds to ask `launch.status` again; different for each client, while it
    /// holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_after_ms: Option<u64>,
}

/// The body of the push `maintenance.countdown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Countdown {
    /// The maintenance.
    #[serde(with = "crate::ids::as_text")]
    #[schema(value_type = String)]
    pub id: Uuid,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    pub from: Micros,
    /// In how many seconds that is.
    pub begins_in_s: u64,
}

/// The body of the push `maintenance.ended`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ended {
    /// The maintenance, which is over, or was called off before it began.
    #[serde(with = "crate::ids::as_text")]
    #[schema(value_type = String)]
    pub id: Uuid,
}

/// The body of the push `update.announced`: what became of this client's version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Announced {
    /// The status as a number. From 300 on a close follows.
    pub status: u16,
    /// The status as a word.
    pub word: ServiceWord,
    /// What the player is told of this version, in his language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The update, if one is recommended or required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Update>,
}
