//! Notices and banners: what players are shown, and what they did with it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client::Client;
use crate::ids::{AppId, RecordId};
use crate::text::Text;
use crate::time::Micros;

/// The most notices or banners that a client is shown at once.
pub const MAX_SHOWN: usize = 50;
/// The most days for which one is put away.
pub const MAX_DAYS: u16 = 365;

/// The body of `notice.list` and `banner.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListRequest {
    /// The game.
    #[schema(value_type = String, example = "demo")]
    pub app: AppId,
    /// The client that asks.
    pub client: Client,
    /// The version of the list that the client has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 32)]
    pub known: Option<Text<32>>,
}

/// The answer to `notice.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticesReply {
    /// What this list is called, to be said as `known` later on. Of two lists of one version
    /// nothing differs.
    #[schema(example = "5f0c2a9e1b7d4c36")]
    pub version: String,
    /// Whether the client has this list: then it is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchanged: bool,
    /// The notices, in the order in which they are shown; 50 at most.
    pub notices: Vec<Notice>,
}

/// The answer to `banner.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BannersReply {
    /// As that of `notice.list`.
    #[schema(example = "5f0c2a9e1b7d4c36")]
    pub version: String,
    /// Whether the client has this list: then it is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchanged: bool,
    /// The banners, in the order in which they are shown; 50 at most.
    pub banners: Vec<Banner>,
}

/// A notice, in the player's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// Its id.
    pub id: RecordId,
    /// Rises whenever it is changed.
    pub change: i64,
    /// A heading, plain text.
    pub title: String,
    /// What it says, plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// What a click does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Where in the game it is shown, in the game's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "lobby")]
    pub place: Option<String>,
    /// The greater, the further in front.
    pub priority: i32,
    /// When it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Micros>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Micros>,
    /// For how many days the player may put it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hide_days: Option<u16>,
}

/// A banner, in the player's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Banner {
    /// Its id.
    pub id: RecordId,
    /// Rises whenever it is changed.
    pub change: i64,
    /// The picture.
    pub image: Image,
    /// What the picture shows, plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What a click does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Where in the game it is shown, in the game's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "lobby")]
    pub place: Option<String>,
    /// The greater, the further in front.
    pub priority: i32,
    /// When it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Micros>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Micros>,
    /// For how many days the player may put it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hide_days: Option<u16>,
}

/// A picture. What an address has never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Image {
    /// Where it is to be had.
    #[schema(example = "https://game.example/images/3f1c.png")]
    pub url: String,
    /// What it is: `image/png`, `image/jpeg` or `image/webp`.
    pub media_type: String,
    /// How wide it is, in pixels.
    pub width: u32,
    /// How high it is, in pixels.
    pub height: u32,
    /// How long it is, in bytes.
    pub bytes: u64,
}

crate::words! {
    /// What a click on a notice or banner does.
    #[derive(ToSchema)]
    ActionKind {
        /// It opens an address.
        Url = "url",
        /// It goes to a place in the game, in the game's own words.
        Screen = "screen",
    }
}

/// What a click does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Action {
    /// What kind of deed it is.
    pub kind: ActionKind,
    /// The address, or the place in the game.
    pub target: String,
}

/// What lists there are for a client, by their versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Versions {
    /// That of `notice.list`.
    pub notices: String,
    /// That of `banner.list`.
    pub banners: String,
}

/// The lists that a client has, by their versions, in `session.open`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Known {
    /// That of `notice.list`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 32)]
    pub notices: Option<Text<32>>,
    /// That of `banner.list`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 32)]
    pub banners: Option<Text<32>>,
}

crate::words! {
    /// A list of which a client has another version.
    #[derive(ToSchema)]
    Changed {
        /// That of `notice.list`.
        Notices = "notices",
        /// That of `banner.list`.
        Banners = "banners",
    }
}

/// The body of the push `notice.published`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Published {
    /// The notice, which is new or was changed.
    pub notice: Notice,
    /// The version of the list that the client has now; with the last push of a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The body of the push `notice.withdrawn`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Withdrawn {
    /// The notice, which is not shown any more.
    pub id: RecordId,
    /// The version of the list that the client has now; with the last push of a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The body of the push `notice.changed`: more changed than is told one by one. `notice.list` has
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListChanged {
    /// The version of the list that there is now.
    pub version: String,
}

/// The body of `content.seen`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenRequest {
    /// The notices and banners that the player was shown, each once; 1 to 50.
    #[schema(min_items = 1, max_items = 50)]
    pub ids: Vec<RecordId>,
}

/// The body of `content.dismiss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DismissRequest {
    /// The notice or banner that the player does not want to see again.
    pub id: RecordId,
    /// For how many days, 1 to 365. If absent, for as many as it says itself, or for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 365)]
    pub days: Option<u16>,
}

/// The answer to `content.dismiss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DismissReply {
    /// Until when; absent: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Micros>,
}

/// The body of `content.click`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClickRequest {
    /// The notice or banner that the player clicked.
    pub id: RecordId,
}

/// The answer to `content.seen` and `content.click`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotedReply {}

/// The body of `content.state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StateRequest {}

/// The answer to `content.state`: what the member did with the notices and banners that there
/// are, on whichever device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StateReply {
    /// Those that the player has seen or put away.
    pub regards: Vec<Regard>,
}

/// What a member did with a notice or banner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Regard {
    /// Which.
    pub id: RecordId,
    /// When the player saw it first; absent of one that was put away unseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub seen_at: Option<Micros>,
    /// Whether it is put away now.
    pub dismissed: bool,
    /// Until when; absent: for good, if it is put away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Micros>,
}
