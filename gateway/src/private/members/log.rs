//! What is shown of the game log.

use actors::fault;
use protocol::error::ErrorBody;
use protocol::ids::{AppId, MemberId};
use protocol::time::Micros;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::gamelog::{KeptRecord, Since};
use uuid::Uuid;

use super::Desk;

/// The most records of a page.
const MOST: usize = 1000;

/// The body of `/commands/gamelog/member`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogQuery {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// From when on.
    pub since: Micros,
    /// Behind which record of that very moment.
    pub after: Option<Uuid>,
    /// The most records, from 1 to 1000.
    pub limit: usize,
}

/// The answer to `/commands/gamelog/member`.
#[derive(Debug, Serialize)]
pub struct LogPage {
    /// What happened, the oldest first.
    pub records: Vec<ShownRecord>,
    /// Where the next page begins; null when this was the last.
    pub next: Option<PageStart>,
}

/// A record, as an operator is shown it.
#[derive(Debug, Serialize)]
pub struct ShownRecord {
    /// Its id.
    pub id: Uuid,
    /// When it happened.
    pub at: Micros,
    /// What happened.
    pub kind: String,
    /// The event's own fields.
    pub fields: Value,
}

/// Where a page begins.
#[derive(Debug, Serialize)]
pub struct PageStart {
    /// From when on.
    pub since: Micros,
    /// Behind which record of that moment.
    pub after: Uuid,
}

impl Desk {
    pub(super) async fn log(&self, query: LogQuery) -> Result<LogPage, ErrorBody> {
        let LogQuery { app, member, since, after, limit } = query;
        if !(1..=MOST).contains(&limit) {
            return Err(ErrorBody::invalid("limit", "is not from 1 to 1000"));
        }
        let since = Since { at: since, after };
        // One more says whether this is the last page.
        let found = self.storage.gamelog.of_member(app, member, since, limit + 1).await;
        let mut found = found.map_err(|error| fault::of_storage(&error))?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more);
        let next = next.map(|last| PageStart { since: last.at, after: last.id });
        Ok(LogPage { records: found.into_iter().map(shown).collect(), next })
    }
}

fn shown(KeptRecord { id, at, kind, fields, .. }: KeptRecord) -> ShownRecord {
    ShownRecord { id, at, kind, fields }
}
