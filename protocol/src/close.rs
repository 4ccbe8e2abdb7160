//! Every reason for which the server closes a websocket, in one table.
//!
//! 4000 to 4499: reconnect with back-off and jitter. 4500 to 4999: do not reconnect by
//! yourself. Below 4000 are the codes of RFC 6455, section 7.4.1.

use serde::Serialize;

use crate::time::Micros;

macro_rules! closes {
    ($($(#[$doc:meta])+ $code:ident $number:literal $word:literal;)+) => {
        /// Why a connection is closed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CloseCode { $($(#[$doc])+ $code,)+ }

        impl CloseCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$code,)+];

            /// The number in the close frame.
            #[must_use]
            pub fn number(self) -> u16 {
                match self { $(Self::$code => $number,)+ }
            }

            /// The word for it, as metrics and logs say it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$code => $word,)+ }
            }
        }
    };
}

closes! {
    /// The client's own `session.close`.
    Normal 1000 "normal";
    /// Broken framing (RFC 6455).
    Protocol 1002 "protocol";
    /// Text that is not UTF-8 (RFC 6455).
    NotUtf8 1007 "not_utf8";
    /// A frame over the limit (RFC 6455).
    TooBig 1009 "too_big";
    /// This node is going away; another takes over.
    Draining 4000 "draining";
    /// The client reads more slowly than it is sent to.
    SlowConsumer 4001 "slow_consumer";
    /// Neither a pong nor a frame came in one and a half heartbeats.
    NoPong 4002 "no_pong";
    /// The access token expired and was not refreshed.
    TokenExpired 4003 "token_expired";
    /// Something failed here.
    Internal 4004 "internal";
    /// No first frame or no `session.open` in time.
    NotOpenedInTime 4005 "not_opened_in_time";
    /// The node has more connections than it can serve.
    Overloaded 4006 "overloaded";
    /// The client goes on over its rate.
    RateLimited 4007 "rate_limited";
    /// A whole message makes no sense.
    BadFrame 4500 "bad_frame";
    /// The token is not good.
    Unauthenticated 4501 "unauthenticated";
    /// A newer login of this member took its place.
    Replaced 4502 "replaced";
    /// Sent away by an operator or a game server.
    Kicked 4503 "kicked";
    /// The member is banned.
    Banned 4504 "banned";
    /// The member has withdrawn.
    Withdrawn 4505 "withdrawn";
    /// The game is under maintenance.
    Maintenance 4506 "maintenance";
    /// The client must be updated.
    UpdateRequired 4507 "update_required";
    /// The client's version is not registered.
    VersionUnknown 4508 "version_unknown";
    /// This login was ended by a logout.
    LoggedOut 4509 "logged_out";
    /// A newer connection of this session stands.
    Moved 4510 "moved";
}

impl CloseCode {
    /// Whether a client should connect again by itself.
    #[must_use]
    pub fn reconnect(self) -> bool {
        matches!(self.number(), 4000..=4499)
    }
}

/// What a close frame's reason carries, as JSON: at most 123 bytes (RFC 6455, 5.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CloseReason {
    /// The least time to wait before connecting again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// When to ask `launch.status` again, in milliseconds; of `maintenance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_after_ms: Option<u64>,
    /// From when on the member may come again; of `banned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Micros>,
}

impl CloseReason {
    /// The reason's text: the code's word, or JSON when there is advice to give.
    #[must_use]
    pub fn text(&self, code: CloseCode) -> String {
        if *self == Self::default() {
            return code.word().to_owned();
        }
        serde_json::to_string(self).unwrap_or_else(|_| code.word().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_their_own_and_reasons_fit_a_close_frame() {
        let mut seen = std::collections::HashSet::new();
        let longest = CloseReason {
            retry_after_ms: Some(u64::MAX),
            check_after_ms: Some(u64::MAX),
            until: Some("-009999-01-02T01:59:59.000001Z".parse().unwrap()),
        };
        for code in CloseCode::ALL {
            assert!(seen.insert(code.number()), "{}", code.word());
            assert!(longest.text(*code).len() <= 123);
        }
        assert!(CloseCode::Draining.reconnect() && !CloseCode::Replaced.reconnect());
        assert!(!CloseCode::Normal.reconnect());
    }
}
