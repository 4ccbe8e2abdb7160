//! What a player asks, and what is right to answer.

use loadtest::frame;
use protocol::ids::MemberId;
use protocol::members::{MeReply, MeRequest};
use protocol::operation::Operation;
use protocol::push::{ListReply, ListRequest};
use protocol::sessions::{PingReply, PingRequest};
use serde::Deserialize;
use serde_json::Value;

use crate::Fault;
use crate::clients::Question;

/// A question that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// With what is to come back.
    Ping(f64),
    Me,
    Inbox,
}

impl Asked {
    /// The request of this number.
    pub(super) fn of(question: Question, id: u64) -> Self {
        match question {
            Question::Mixed if id.is_multiple_of(2) => Self::Ping(id as f64),
            Question::Ping => Self::Ping(id as f64),
            Question::Mixed | Question::Me => Self::Me,
            Question::Inbox => Self::Inbox,
        }
    }

    pub(super) fn operation(self) -> Operation {
        match self {
            Self::Ping(_) => Operation::SessionPing,
            Self::Me => Operation::MemberMe,
            Self::Inbox => Operation::InboxList,
        }
    }

    pub(super) fn body(self) -> Result<Value, Fault> {
        Ok(match self {
            Self::Ping(t) => frame::value(&PingRequest { t: Some(t) })?,
            Self::Me => frame::value(&MeRequest {})?,
            Self::Inbox => frame::value(&ListRequest::default())?,
        })
    }

    /// # Errors
    /// When the answer is not the right one for this member.
    pub(super) fn check(self, member: MemberId, answer: &Value) -> Result<(), Fault> {
        let right = match self {
            Self::Ping(t) => PingReply::deserialize(answer)?.t == Some(t),
            Self::Me => {
                let me = MeReply::deserialize(answer)?;
                me.member.id == member && me.identities.len() == 1
            }
            Self::Inbox => ListReply::deserialize(answer)? == ListReply::default(),
        };
        if right { Ok(()) } else { Err(format!("{self:?} got {answer}").into()) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_ping_must_bring_its_own_back() {
        let member = MemberId::compose(1, MemberId::EPOCH_MS + 1, 1);
        let answer = |t: Value| json!({"t": t, "time": "2026-11-22T13:43:20.000000Z"});
        let asked = Asked::of(Question::Mixed, 8);
        assert!(asked.check(member, &answer(json!(8.0))).is_ok());
        assert!(asked.check(member, &answer(json!(9.0))).is_err());
        assert!(asked.check(member, &json!({"time": "2026-11-22T13:43:20.000000Z"})).is_err());
        assert!(asked.check(member, &json!({})).is_err());
    }

    #[test]
    fn an_inbox_that_has_something_was_not_asked_for() {
        let member = MemberId::compose(1, MemberId::EPOCH_MS + 1, 1);
        let asked = Asked::of(Question::Inbox, 1);
        assert!(asked.check(member, &json!({"pushes": [], "seq": 0})).is_ok());
        assert!(asked.check(member, &json!({"pushes": [], "seq": 1})).is_err());
    }
}
