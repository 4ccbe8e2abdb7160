//! The game log: what players did, for those who ask later.
//!
//! A record is handed over and forgotten; nobody waits for the log.

use async_trait::async_trait;
use protocol::client::Platform;
use protocol::close::CloseCode;
use protocol::error::ErrorCode;
use protocol::ids::{AppId, LoginId, MemberId};
use serde::Serialize;
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

/// A record as it was kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
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

/// What a backend does for the game log.
#[async_trait]
pub trait GamelogDuty: Send + Sync {
    /// Keeps records; one that is there already is left alone.
    async fn append(&self, records: Vec<LogRecord>) -> Result<()>;
    /// What happened to a member from `since` on, the oldest first, at most `limit`.
    async fn of_member(
        &self,
        app: AppId,
        member: MemberId,
        since: Micros,
        limit: usize,
    ) -> Result<Vec<KeptRecord>>;
}
