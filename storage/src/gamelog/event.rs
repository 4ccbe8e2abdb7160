//! What the game log is told: each kind with its fields.

use protocol::client::{Platform, StoreName};
use protocol::close::CloseCode;
use protocol::error::ErrorCode;
use protocol::ids::LoginId;
use protocol::purchases::{Environment, PurchaseState};
use uuid::Uuid;

use crate::clock::Micros;
use crate::members::By;
use crate::sessions::EndedBy;
use crate::wallet::{Cause, Line};

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
        by: EndedBy,
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
    /// The game's server gave a member something, or took it.
    WalletMoved {
        /// The transfer's id.
        transfer: Uuid,
        /// Why.
        cause: Cause,
        /// What was moved.
        lines: Vec<Line>,
        /// The id of the key with which the server asked.
        key: String,
    },
    /// A session was opened.
    SessionOpened {
        /// By which login.
        login: LoginId,
    },
    /// A session goes on, on another connection.
    SessionResumed {
        /// Of which login.
        login: LoginId,
        /// The number of the last push that the client has.
        seq: u64,
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
    /// A provider's account became a member's.
    IdentityLinked {
        /// Which provider's.
        provider: String,
    },
    /// Pushes of a member's inbox went out to a client. They may never have arrived.
    PushSent {
        /// To which login.
        login: LoginId,
        /// The number of the first of them.
        from: u64,
        /// The number of the last of them.
        to: u64,
    },
    /// A client has all pushes up to a number.
    PushAcknowledged {
        /// Of which login.
        login: LoginId,
        /// The number.
        seq: u64,
    },
    /// Somebody of the publisher sent a member a message. Its words are in the member's inbox.
    MemberMessaged {
        /// The number of the push.
        seq: u64,
        /// By whom.
        by: By,
    },
    /// A member is about to buy something.
    PurchaseReserved {
        /// The intention.
        reservation: Uuid,
        /// The product, as the catalogue calls it.
        product: String,
        /// Where.
        store: StoreName,
    },
    /// A member showed evidence of a purchase that was not shown before.
    PurchaseSubmitted {
        /// Where it was bought.
        store: StoreName,
        /// The intention that it fulfils; absent when its client named none.
        reservation: Option<Uuid>,
    },
    /// Evidence of a purchase was refused.
    PurchaseRefused {
        /// Where it is said to have been bought.
        store: StoreName,
        /// Why, in a word.
        reason: String,
    },
    /// Somebody of the publisher wants a store asked once more about evidence that was parked.
    PurchaseRetried {
        /// Which store.
        store: StoreName,
        /// By whom.
        by: By,
    },
    /// A purchase stands otherwise than before.
    PurchaseChanged {
        /// Which purchase.
        purchase: Uuid,
        /// How it stands now.
        state: PurchaseState,
        /// Where it was bought.
        store: StoreName,
        /// Whether money was paid.
        environment: Environment,
        /// The product, as the catalogue calls it; absent when it does not know it.
        product: Option<String>,
        /// How much of it was given back, in hundredths of a percent.
        refunded_bp: u16,
    },
    /// The game took what a purchase grants.
    PurchaseConsumed {
        /// Which purchase.
        purchase: Uuid,
        /// Whether the game's own server said so, and not its client.
        by_server: bool,
    },
    /// Notices and banners were shown to a player.
    ContentSeen {
        /// To which login.
        login: LoginId,
        /// Which.
        contents: Vec<Uuid>,
    },
    /// A player clicked a notice or banner.
    ContentClicked {
        /// Of which login.
        login: LoginId,
        /// Which.
        content: Uuid,
    },
    /// A player put a notice or banner away.
    ContentDismissed {
        /// Of which login.
        login: LoginId,
        /// Which.
        content: Uuid,
        /// Until when; absent when it is for good.
        until: Option<Micros>,
    },
    /// Somebody of the publisher told everyone who plays on one node.
    AppAnnounced {
        /// How many connections were told.
        told: u64,
        /// By whom.
        by: By,
    },
}

impl Event {
    /// Every kind, as it is kept; docs/gamelog.md says what each is.
    pub const KINDS: &[&str] = &[
        "login",
        "login_refused",
        "took_over",
        "logout",
        "identity_linked",
        "member_banned",
        "member_unbanned",
        "member_messaged",
        "wallet_moved",
        "session_opened",
        "session_resumed",
        "session_closed",
        "push_sent",
        "push_acknowledged",
        "content_seen",
        "content_clicked",
        "content_dismissed",
        "purchase_reserved",
        "purchase_submitted",
        "purchase_refused",
        "purchase_retried",
        "purchase_changed",
        "purchase_consumed",
        "app_announced",
    ];

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
            Self::WalletMoved { .. } => "wallet_moved",
            Self::SessionOpened { .. } => "session_opened",
            Self::SessionResumed { .. } => "session_resumed",
            Self::SessionClosed { .. } => "session_closed",
            Self::IdentityLinked { .. } => "identity_linked",
            Self::PushSent { .. } => "push_sent",
            Self::PushAcknowledged { .. } => "push_acknowledged",
            Self::MemberMessaged { .. } => "member_messaged",
            Self::ContentSeen { .. } => "content_seen",
            Self::ContentClicked { .. } => "content_clicked",
            Self::ContentDismissed { .. } => "content_dismissed",
            Self::PurchaseReserved { .. } => "purchase_reserved",
            Self::PurchaseSubmitted { .. } => "purchase_submitted",
            Self::PurchaseRefused { .. } => "purchase_refused",
            Self::PurchaseRetried { .. } => "purchase_retried",
            Self::PurchaseChanged { .. } => "purchase_changed",
            Self::PurchaseConsumed { .. } => "purchase_consumed",
            Self::AppAnnounced { .. } => "app_announced",
        }
    }

    /// What becomes of it when there is no room.
    #[must_use]
    pub fn keep(&self) -> Keep {
        match self {
            Self::MemberBanned { .. }
            | Self::MemberUnbanned { .. }
            | Self::WalletMoved { .. }
            | Self::IdentityLinked { .. }
            | Self::MemberMessaged { .. }
            | Self::PurchaseSubmitted { .. }
            | Self::PurchaseRefused { .. }
            | Self::PurchaseRetried { .. }
            | Self::PurchaseChanged { .. }
            | Self::PurchaseConsumed { .. }
            | Self::AppAnnounced { .. } => Keep::Always,
            Self::LoggedIn { .. }
            | Self::LoginRefused { .. }
            | Self::TookOver { .. }
            | Self::LoggedOut { .. }
            | Self::SessionOpened { .. }
            | Self::SessionResumed { .. }
            | Self::SessionClosed { .. }
            | Self::PushSent { .. }
            | Self::PushAcknowledged { .. }
            | Self::ContentSeen { .. }
            | Self::ContentClicked { .. }
            | Self::ContentDismissed { .. }
            | Self::PurchaseReserved { .. } => Keep::WhenThereIsRoom,
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
            Self::WalletMoved { transfer, cause, lines, key } => {
                let item = |line: &Line| json!({"item": line.item, "amount": line.delta});
                let items: Vec<_> = lines.iter().map(item).collect();
                json!({"transfer": transfer, "cause": cause, "items": items, "key": key})
            }
            Self::SessionClosed { login, code, open_ms } => json!({
                "login": login, "code": code.map(CloseCode::word), "open_ms": open_ms,
            }),
            Self::IdentityLinked { provider } => json!({"provider": provider}),
            Self::SessionResumed { login, seq } | Self::PushAcknowledged { login, seq } => {
                json!({"login": login, "seq": seq})
            }
            Self::PushSent { login, from, to } => json!({"login": login, "from": from, "to": to}),
            Self::ContentSeen { login, contents } => json!({"login": login, "contents": contents}),
            Self::ContentClicked { login, content } => json!({"login": login, "content": content}),
            Self::ContentDismissed { login, content, until } => {
                json!({"login": login, "content": content, "until": until})
            }
            Self::MemberMessaged { seq, by } => json!({"seq": seq, "by": by}),
            Self::PurchaseReserved { reservation, product, store } => json!({
                "reservation": reservation, "product": product, "store": store,
            }),
            Self::PurchaseSubmitted { store, reservation } => {
                json!({"store": store, "reservation": reservation})
            }
            Self::PurchaseRefused { store, reason } => json!({"store": store, "reason": reason}),
            Self::PurchaseRetried { store, by } => json!({"store": store, "by": by}),
            Self::PurchaseChanged { purchase, state, store, environment, product, refunded_bp } => {
                json!({
                    "purchase": purchase, "state": state, "store": store,
                    "environment": environment, "product": product, "refunded_bp": refunded_bp,
                })
            }
            Self::PurchaseConsumed { purchase, by_server } => {
                json!({"purchase": purchase, "by_server": by_server})
            }
            Self::AppAnnounced { told, by } => json!({"told": told, "by": by}),
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
            | "session_resumed" | "session_closed" | "push_sent" | "push_acknowledged"
            | "content_seen" | "content_clicked" | "content_dismissed" | "purchase_reserved" => {
                Self::WhenThereIsRoom
            }
            _ => Self::Always,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCS: &str = include_str!("../../../docs/gamelog.md");

    /// The page has a row for each kind, and says of it what becomes of it.
    #[test]
    fn the_page_has_every_kind() {
        for kind in Event::KINDS {
            let row = DOCS.lines().find(|line| line.starts_with(&format!("| `{kind}` |")));
            let word = match Keep::of(kind) {
                Keep::Always => "| kept |",
                Keep::WhenThereIsRoom => "| dropped, counted |",
            };
            assert!(row.is_some_and(|row| row.ends_with(word)), "{kind}: {row:?}");
        }
        let rows = DOCS.lines().filter(|line| line.starts_with("| `"));
        assert_eq!(rows.count(), Event::KINDS.len());
    }
}
