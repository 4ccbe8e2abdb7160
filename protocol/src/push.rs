//! What the server sends unasked, and the inbox of what must arrive.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

use crate::content::{BannersReply, ListChanged, Published, Withdrawn};
use crate::launching::{Announced, Countdown, Ended, Maintenance};
use crate::text::Text;
use crate::time::Micros;

/// A push that need not arrive, by its word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// `session.expiring`: the access token of this session ends soon.
    SessionExpiring {
        /// In how many seconds.
        expires_s: u64,
    },
    /// `session.replaced`: a newer login took this session's place; a close follows.
    SessionReplaced,
    /// `maintenance.scheduled`: a maintenance of this client is planned, or its plan was changed.
    MaintenanceScheduled(Maintenance),
    /// `maintenance.countdown`: it begins soon.
    MaintenanceCountdown(Countdown),
    /// `maintenance.started`: it has begun; who is no tester is closed.
    MaintenanceStarted(Maintenance),
    /// `maintenance.ended`: it is over, or was called off.
    MaintenanceEnded(Ended),
    /// `update.announced`: what became of this client's version.
    UpdateAnnounced(Announced),
    /// `notice.published`: a notice is new, or was changed.
    NoticePublished(Box<Published>),
    /// `notice.withdrawn`: a notice is not shown any more.
    NoticeWithdrawn(Withdrawn),
    /// `notice.changed`: more notices changed than are told one by one.
    NoticeChanged(ListChanged),
    /// `banner.changed`: the banners that are shown from now on, all of them.
    BannerChanged(BannersReply),
    /// `announcement`: what an operator has to say to everyone who is there now.
    Announcement(Message),
}

impl Push {
    /// The word on the wire.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::SessionExpiring { .. } => "session.expiring",
            Self::SessionReplaced => "session.replaced",
            Self::MaintenanceScheduled(_) => "maintenance.scheduled",
            Self::MaintenanceCountdown(_) => "maintenance.countdown",
            Self::MaintenanceStarted(_) => "maintenance.started",
            Self::MaintenanceEnded(_) => "maintenance.ended",
            Self::UpdateAnnounced(_) => "update.announced",
            Self::NoticePublished(_) => "notice.published",
            Self::NoticeWithdrawn(_) => "notice.withdrawn",
            Self::NoticeChanged(_) => "notice.changed",
            Self::BannerChanged(_) => "banner.changed",
            Self::Announcement(_) => "announcement",
        }
    }
}

/// Writes the push's body.
impl Serialize for Push {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        match self {
            Self::SessionExpiring { expires_s } => {
                let mut body = serializer.serialize_struct("SessionExpiring", 1)?;
                body.serialize_field("expires_s", expires_s)?;
                body.end()
            }
            Self::SessionReplaced => serializer.serialize_struct("SessionReplaced", 0)?.end(),
            Self::MaintenanceScheduled(body) | Self::MaintenanceStarted(body) => {
                body.serialize(serializer)
            }
            Self::MaintenanceCountdown(body) => body.serialize(serializer),
            Self::MaintenanceEnded(body) => body.serialize(serializer),
            Self::UpdateAnnounced(body) => body.serialize(serializer),
            Self::NoticePublished(body) => body.serialize(serializer),
            Self::NoticeWithdrawn(body) => body.serialize(serializer),
            Self::NoticeChanged(body) => body.serialize(serializer),
            Self::BannerChanged(body) => body.serialize(serializer),
            Self::Announcement(message) => message.serialize(serializer),
        }
    }
}

/// The word of a message from an operator or a game's server; its body is [`Message`].
pub const MESSAGE: &str = "message";
/// The word under which a member is told that it is kept out; its body is
/// [`Ban`](crate::members::Ban), and a close follows.
pub const BANNED: &str = "member.banned";
/// The word under which a range of numbers that expired is told; its body is [`Gap`].
pub const GAP: &str = "inbox.gap";

/// The body of the pushes `message` and `announcement`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// A heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub title: Option<Text<128>>,
    /// The text.
    #[schema(value_type = String, max_length = 2048)]
    pub text: Text<2048>,
}

/// The body of the push `inbox.gap`: numbers that expired before they could be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gap {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// A push of a member's inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InboxPush {
    /// Its number.
    pub seq: u64,
    /// Its word.
    #[schema(example = "message")]
    pub push: String,
    /// Its body.
    #[schema(value_type = Object)]
    pub body: Value,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub at: Micros,
}

/// The body of `inbox.list`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListRequest {
    /// Only what is behind this number; from the first that is not acknowledged if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many, 1 to 100; 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<u16>,
    /// Wait so long for a push if there is none, in seconds, 0 to 30; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 30)]
    pub wait_s: Option<u16>,
}

/// The answer to `inbox.list`. An expired range stands in it as the push `inbox.gap`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListReply {
    /// The pushes, in order.
    pub pushes: Vec<InboxPush>,
    /// The highest number there has been.
    pub seq: u64,
}

/// The body of `inbox.ack`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AckRequest {
    /// Everything up to this number has arrived.
    pub seq: u64,
}

/// The answer to `inbox.ack`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AckReply {
    /// What is acknowledged now.
    pub acked: u64,
}
