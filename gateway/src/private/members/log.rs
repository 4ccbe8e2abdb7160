//! What is shown of the game log.

use actors::fault;
use protocol::error::ErrorBody;
use protocol::ids::{AppId, MemberId};
use protocol::time::Micros;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::gamelog::{KeptRecord, Of, Since};
use uuid::Uuid;

use super::Desk;

/// The most records of a page.
const MOST: usize = 1000;

/// The body of `/commands/gamelog`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogQuery {
    /// The game.
    pub app: AppId,
    /// Whose records, or which.
    #[serde(flatten)]
    pub of: LogOf,
    /// From when on.
    pub since: Micros,
    /// Behind which record of that very moment.
    pub after: Option<Uuid>,
    /// The most records, from 1 to 1000.
    pub limit: usize,
}

/// Whose records are asked for, or which.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogOf {
    /// What happened to this member.
    Member(MemberId),
    /// What is of this kind.
    Kind(String),
}

impl From<LogOf> for Of {
    fn from(of: LogOf) -> Self {
        match of {
            LogOf::Member(member) => Self::Member(member),
            LogOf::Kind(kind) => Self::Kind(kind),
        }
    }
}

/// The answer to `/commands/gamelog`.
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
    /// To whom; null when that is not known, or nobody.
    pub member: Option<MemberId>,
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
        let LogQuery { app, of, since, after, limit } = query;
        if !(1..=MOST).contains(&limit) {
            return Err(ErrorBody::invalid("limit", "is not from 1 to 1000"));
        }
        let since = Since { at: since, after };
        // One more says whether this is the last page.
        let found = self.storage.gamelog.list(app, of.into(), since, limit + 1).await;
        let mut found = found.map_err(|error| fault::of_storage(&error))?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more);
        let next = next.map(|last| PageStart { since: last.at, after: last.id });
        Ok(LogPage { records: found.into_iter().map(shown).collect(), next })
    }
}

fn shown(KeptRecord { id, at, app: _, member, kind, fields }: KeptRecord) -> ShownRecord {
    ShownRecord { id, at, member, kind, fields }
}
