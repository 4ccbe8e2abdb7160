//! The game log: what players did, for those who ask later.
//!
//! A record is handed over and forgotten; nobody waits for the log.

use std::sync::Arc;

use async_trait::async_trait;
use protocol::client::Platform;
use protocol::close::CloseCode;
use protocol::error::ErrorCode;
use protocol::ids::{AppId, LoginId, MemberId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Micros;
use crate::error::Result;
use crate::members::By;

/// What happened. Personal data is not in it: a member is named by its id alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A login succeeded.
    LoggedIn {
        /// By which provider.
        provider: String,
        /// Which login it became.
        login: LoginId,
        /// Whether it made the member.
        new_member: bool,
        /// From which system.
        platform: Platform,
    },
    /// A login was refused.
    LoginRefused {
        /// By which provider.
        provider: String,
        /// Why.
        code: ErrorCode,
    },
    /// A replaced login took the session back.
    TookOver {
        /// Which login it became.
        login: LoginId,
    },
    /// Logins were ended.
    LoggedOut {
        /// Which.
        logins: Vec<LoginId>,
        /// What ended them.
        by: crate::sessions::EndedBy,
    },
    /// A member is kept out. What the player is told may name people, so it is not here.
    MemberBanned {
        /// Which ban, of those that are kept with the member.
        ban: Uuid,
        /// Until when; absent when it has no end.
        until: Option<Micros>,
        /// By whom.
        by: By,
    },
    /// A member's ban was lifted before its end.
    MemberUnbanned {
        /// Which ban.
        ban: Uuid,
        /// By whom.
        by: By,
    },
    /// A session was opened.
    SessionOpened {
        /// By which login.
        login: LoginId,
    },
    /// A session's connection ended.
    SessionClosed {
        /// Of which login.
        login: LoginId,
        /// The close code; absent when the connection broke.
        code: Option<CloseCode>,
        /// How long it was open, in milliseconds.
        open_ms: u64,
    },
}

impl Event {
    /// The kind, as it is kept.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::LoggedIn { .. } => "login",
            Self::LoginRefused { .. } => "login_refused",
            Self::TookOver { .. } => "took_over",
            Self::LoggedOut { .. } => "logout",
            Self::MemberBanned { .. } => "member_banned",
            Self::MemberUnbanned { .. } => "member_unbanned",
            Self::SessionOpened { .. } => "session_opened",
            Self::SessionClosed { .. } => "session_closed",
        }
    }

    /// What becomes of it when there is no room.
    #[must_use]
    pub fn keep(&self) -> Keep {
        match self {
            Self::MemberBanned { .. } | Self::MemberUnbanned { .. } => Keep::Always,
            Self::LoggedIn { .. }
            | Self::LoginRefused { .. }
            | Self::TookOver { .. }
            | Self::LoggedOut { .. }
            | Self::SessionOpened { .. }
            | Self::SessionClosed { .. } => Keep::WhenThereIsRoom,
        }
    }

    /// The event's own fields, as JSON.
    #[must_use]
    pub fn fields(&self) -> serde_json::Value {
        use serde_json::json;
        match self {
            Self::LoggedIn { provider, login, new_member, platform } => json!({
                "provider": provider, "login": login, "new_member": new_member,
                "platform": platform,
            }),
            Self::LoginRefused { provider, code } => json!({"provider": provider, "code": code}),
            Self::TookOver { login } | Self::SessionOpened { login } => json!({"login": login}),
            Self::LoggedOut { logins, by } => json!({"logins": logins, "by": by}),
            Self::MemberBanned { ban, until, by } => {
                json!({"ban": ban, "until": until, "by": by})
            }
            Self::MemberUnbanned { ban, by } => json!({"ban": ban, "by": by}),
            Self::SessionClosed { login, code, open_ms } => json!({
                "login": login, "code": code.map(CloseCode::word), "open_ms": open_ms,
            }),
        }
    }
}

/// What becomes of a record when there is no room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It says who did what on whose authority, or what was paid: room is reserved for it.
    Always,
    /// It is dropped and counted.
    WhenThereIsRoom,
}

impl Keep {
    /// As [`Event::keep`], by the kind as it is kept. What another program logged is not dropped.
    #[must_use]
    pub fn of(kind: &str) -> Self {
        match kind {
            "login" | "login_refused" | "took_over" | "logout" | "session_opened"
            | "session_closed" => Self::WhenThereIsRoom,
            _ => Self::Always,
        }
    }
}

/// A record to be kept. Its id is made at the source, so that writing it twice is harmless.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    /// A UUID of version 7.
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
    /// What happened to a member from `since` on, the oldest first, those of one moment by their
    /// ids, at most `limit`.
    async fn of_member(
        &self,
        app: AppId,
        member: MemberId,
        since: Since,
        limit: usize,
    ) -> Result<Vec<KeptRecord>>;
}
