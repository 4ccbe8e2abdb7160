//! An operator's commands about what the games' own servers are told.

use actors::fault;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use protocol::error::ErrorBody;
use protocol::ids::{AppId, MemberId};
use protocol::time::Micros;
use serde::{Deserialize, Serialize};
use storage::outbox::{Notice, NoticesRead, Sent};

use super::Private;
use super::members::{Desk, Order, done};

/// How many are shown unless said otherwise.
const SHOWN: usize = 50;
/// How many are shown at most.
const MOST: usize = 1_000;

/// The body of `/commands/webhooks/list`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NoticesQuery {
    /// The game.
    pub app: AppId,
    /// Of this member alone.
    pub member: Option<MemberId>,
    /// `waiting`, `done` or `failed` alone.
    pub sent: Option<Sent>,
    /// Written before this moment.
    pub before: Option<Micros>,
    /// How many at most; 50 if absent, at most 1,000.
    pub limit: Option<usize>,
}

/// The body of `/commands/webhooks/replay`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplayCommand {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// The notice's number.
    pub seq: u64,
}

/// The answer to `/commands/webhooks/list`.
#[derive(Debug, Serialize)]
pub struct NoticesPage {
    /// The notices, the newest first.
    pub notices: Vec<ShownNotice>,
}

/// A notice, as an operator sees it.
#[derive(Debug, Serialize)]
pub struct ShownNotice {
    /// About which member.
    pub member: MemberId,
    /// Its number for that member.
    pub seq: u64,
    /// Its `webhook-id`.
    pub id: String,
    /// What happened.
    pub what: String,
    /// How it stands: `waiting`, `done` or `failed`.
    pub sent: Sent,
    /// How often it was sent in vain.
    pub tries: u32,
    /// Why the last try was in vain.
    pub why: Option<String>,
    /// When it was written.
    pub at: Micros,
}

/// The answer to `/commands/webhooks/replay`.
#[derive(Debug, Serialize)]
pub struct Replayed {
    /// That it is sent again.
    pub replayed: bool,
}

impl From<Notice> for ShownNotice {
    fn from(notice: Notice) -> Self {
        let Notice { app: _, member, seq, id, word, body: _, sent, tries, why, at } = notice;
        Self { member, seq, id: id.to_string(), what: word, sent, tries, why, at }
    }
}

impl Desk {
    pub(super) async fn notices(&self, query: NoticesQuery) -> Result<NoticesPage, ErrorBody> {
        let NoticesQuery { app, member, sent, before, limit } = query;
        let limit = limit.unwrap_or(SHOWN);
        if !(1..=MOST).contains(&limit) {
            return Err(ErrorBody::invalid("limit", format!("is not between 1 and {MOST}")));
        }
        let read = NoticesRead { app, member, sent, before, limit };
        let found = self.storage.outbox.notices(read).await;
        let mut found = found.map_err(|error| fault::of_storage(&error))?;
        // Each server gave as many.
        found.truncate(limit);
        Ok(NoticesPage { notices: found.into_iter().map(ShownNotice::from).collect() })
    }

    pub(super) async fn replay(&self, command: ReplayCommand) -> Result<Replayed, ErrorBody> {
        let ReplayCommand { app, member, seq } = command;
        let (outbox, now) = (&self.storage.outbox, self.clock.now());
        let replayed = outbox.replay(app, member, seq, now).await;
        match replayed.map_err(|error| fault::of_storage(&error))? {
            true => Ok(Replayed { replayed: true }),
            false => {
                let reason =
                    format!("names no webhook of member {member} that was taken or set aside");
                Err(ErrorBody::invalid("seq", reason))
            }
        }
    }
}

pub(super) async fn list(
    State(private): State<Private>,
    Json(query): Json<NoticesQuery>,
) -> Response {
    done(&private, Order::Notices(query)).await
}

pub(super) async fn replay(
    State(private): State<Private>,
    Json(command): Json<ReplayCommand>,
) -> Response {
    done(&private, Order::Replay(command)).await
}
