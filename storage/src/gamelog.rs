//! The game log: what players did, for those who ask later.
//!
//! A record is handed over and forgotten; nobody waits for the log.

mod event;

use std::sync::Arc;

use async_trait::async_trait;
use protocol::ids::{AppId, MemberId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Micros;
use crate::error::Result;

pub use event::{Event, Keep};

/// A record to be kept. Its id is made at the source, so that writing it twice is harmless. What may
/// have to be said again, because whoever was to say it may have died, has an id that follows from
/// what it tells.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    /// A UUID, of version 7 unless it follows from what is told.
    pub id: Uuid,
    /// When it happened.
    pub at: Micros,
    /// In which game.
    pub app: AppId,
    /// To whom, when it is known.
    pub member: Option<MemberId>,
    /// What happened.
    pub event: Event,
}

impl LogRecord {
    /// The record as it is kept.
    #[must_use]
    pub fn kept(&self) -> KeptRecord {
        KeptRecord {
            id: self.id,
            at: self.at,
            app: self.app.clone(),
            member: self.member,
            kind: self.event.kind().to_owned(),
            fields: self.event.fields(),
        }
    }
}

/// A record as it is kept. Its kind is a word, so that a program hands on what a newer one
/// wrote into its spool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRecord {
    /// Its id.
    pub id: Uuid,
    /// When it happened.
    pub at: Micros,
    /// In which game.
    pub app: AppId,
    /// To whom.
    pub member: Option<MemberId>,
    /// What happened.
    pub kind: String,
    /// The event's own fields.
    pub fields: serde_json::Value,
}

/// Whose records, or which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// What happened to a member.
    Member(MemberId),
    /// What is of a kind, as [`Event::kind`] calls it.
    Kind(String),
}

/// Where a list of records begins: at a moment, or behind a record of that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// The moment.
    pub at: Micros,
    /// The id of the record of that moment behind which it goes on.
    pub after: Option<Uuid>,
}

impl From<Micros> for Since {
    fn from(at: Micros) -> Self {
        Self { at, after: None }
    }
}

impl From<&KeptRecord> for Since {
    /// Behind a record: what a list that ended with it has next.
    fn from(last: &KeptRecord) -> Self {
        Self { at: last.at, after: Some(last.id) }
    }
}

/// What a backend did with one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept, durably.
    Kept,
    /// It will never be kept, for this reason, however often it is tried: it is set aside. The
    /// reason names no field's content, for it goes to the log.
    Refused(String),
    /// It is not kept this time, and the cause seems to be its own; it may be tried again. The
    /// reason names no field's content.
    Failed(String),
}

/// What a backend does for the game log.
#[async_trait]
pub trait GamelogDuty: Send + Sync {
    /// Whether what it keeps is durable on this machine's own disk, with no server that may be
    /// gone. Records then go to it straight, for a spool beside it would hold them twice.
    fn is_local(&self) -> bool;
    /// Keeps records, each for itself; one that is there already is left alone. Answers with
    /// a verdict for each, in their order.
    ///
    /// An error says that any of them may not be kept and that all may be tried again. An
    /// attempt may be abandoned, and is then repeated: it must not matter that it went on.
    async fn append(&self, records: Arc<[KeptRecord]>) -> Result<Vec<Verdict>>;
    /// What happened in a game from `since` on, the oldest first, what is of one moment by its
    /// ids, at most `limit`.
    async fn list(&self, app: AppId, of: Of, since: Since, limit: usize)
    -> Result<Vec<KeptRecord>>;
}
