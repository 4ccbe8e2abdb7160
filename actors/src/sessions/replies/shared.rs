//! Kept replies that other nodes know of: written where they can read them, and read back.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::codec::Format;
use protocol::error::ErrorBody;
use protocol::operation::Operation;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use storage::replies::{RepliesDuty, SharedReply};
use tokio::sync::mpsc;

use super::Outcome;
use super::known::{Id, Key, Space};

/// The most answers that wait to be told. Beyond it they are not: the operation's own
/// idempotency answers then.
pub(super) const UNTOLD: usize = 1024;

/// What is told of an answer.
pub(super) struct Told {
    pub(super) space: Space,
    pub(super) id: Id,
    pub(super) outcome: Arc<Outcome>,
    /// What is forgotten with it.
    pub(super) forgotten: Vec<Id>,
}

/// An answer as it is written. It holds nothing that the client was not sent.
#[derive(Serialize, Deserialize)]
struct Written {
    /// What a key was used for; nothing of a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<String>,
    /// The operation's name, where it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    op: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ok: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    err: Option<ErrorBody>,
}

impl Space {
    fn word(self) -> String {
        match self {
            Self::Session(session) => session.to_string(),
            Self::Login(login) => login.to_string(),
        }
    }
}

impl Id {
    fn word(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Key(key) => format!("key:{}", key.text),
        }
    }
}

fn write(id: &Id, outcome: &Outcome) -> Option<Vec<u8>> {
    let asked = match id {
        Id::Number(_) => None,
        Id::Key(key) => Some(URL_SAFE_NO_PAD.encode(key.asked)),
    };
    let written = match outcome {
        Ok(reply) => {
            let op = Some(reply.operation().name().to_owned());
            let ok = Some(serde_json::value::to_raw_value(reply).ok()?);
            Written { asked, op, ok, err: None }
        }
        Err(error) => Written { asked, op: None, ok: None, err: Some(error.clone()) },
    };
    serde_json::to_vec(&written).ok()
}

/// What was written, back; `None` for what another version wrote, or nobody.
fn read(id: &str, answer: &[u8]) -> Option<(Id, Outcome)> {
    let Written { asked, op, ok, err } = serde_json::from_slice(answer).ok()?;
    let id = match id.strip_prefix("key:") {
        None => Id::Number(id.parse().ok()?),
        Some(text) => {
            let asked = URL_SAFE_NO_PAD.decode(asked?).ok()?.try_into().ok()?;
            Id::Key(Key { text: text.into(), asked })
        }
    };
    let outcome = match (op, ok, err) {
        (Some(op), Some(ok), None) => {
            let body = ok.get().as_bytes();
            Ok(Operation::parse(&op)?.decode_reply(Format::Json, body).ok()?)
        }
        (None, None, Some(error)) => Err(error),
        _ => return None,
    };
    Some((id, outcome))
}

/// Tells the other nodes, one after the other, until nobody can be told any more.
pub(super) async fn tell(
    shared: Arc<dyn RepliesDuty>,
    mut untold: mpsc::Receiver<Told>,
    grace: Duration,
) {
    while let Some(Told { space, id, outcome, forgotten }) = untold.recv().await {
        let Some(answer) = write(&id, &outcome) else { continue };
        let reply = SharedReply { id: id.word(), answer };
        let forgotten = forgotten.iter().map(Id::word).collect();
        let name = match shared.keep(space.word(), reply, forgotten, grace).await {
            Ok(()) => "daemun_replies_told_total",
            Err(_) => "daemun_replies_untold_total",
        };
        metrics::counter!(name).increment(1);
    }
}

/// All that the nodes keep of a space. When they cannot be asked, or what they keep is not
/// readable, that is nothing.
pub(super) async fn all(shared: &dyn RepliesDuty, space: Space) -> Vec<(Id, Outcome)> {
    let found = shared.all(space.word()).await.unwrap_or_default();
    found.iter().filter_map(|reply| read(&reply.id, &reply.answer)).collect()
}

/// What the nodes keep of one request.
pub(super) async fn find(shared: &dyn RepliesDuty, space: Space, id: &Id) -> Option<(Id, Outcome)> {
    let word = id.word();
    let answer = shared.find(space.word(), word.clone()).await.ok()??;
    read(&word, &answer)
}

#[cfg(test)]
mod tests {
    use protocol::error::ErrorCode;
    use protocol::identity::LogoutReply;
    use protocol::operation::Reply;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_written_comes_back() {
        let key = |text| Id::Key(Key::new(text, Operation::AuthLogout, b"{}"));
        for id in [Id::Number(u64::MAX), key("a"), key("key:"), key("7")] {
            for outcome in [
                Ok(Reply::AuthLogout(LogoutReply { ended: 3 })),
                Err(ErrorBody::invalid("seq", "is odd")),
            ] {
                let written = write(&id, &outcome).unwrap();
                let (known, back) = read(&id.word(), &written).unwrap();
                assert_eq!((&known, &back), (&id, &outcome));
                assert!(known.asks_the_same_as(&id));
            }
        }
    }

    #[test]
    fn what_is_not_of_this_version_is_not_there() {
        let ok = Ok(Reply::AuthLogout(LogoutReply { ended: 3 }));
        let written = String::from_utf8(write(&Id::Number(1), &ok).unwrap()).unwrap();
        assert!(read("1", written.as_bytes()).is_some());
        for (from, to) in [("auth.logout", "auth.later"), ("\"ended\":3", "\"ended\":\"x\"")] {
            let other = written.replace(from, to);
            assert_ne!(other, written);
            assert!(read("1", other.as_bytes()).is_none(), "{other}");
        }
        assert!(read("one", written.as_bytes()).is_none());
        assert!(read("key:one", written.as_bytes()).is_none(), "it says not what it was for");
        let both = ErrorBody::new(ErrorCode::Internal, "x");
        let both = written.replacen(
            '{',
            &format!("{{\"err\":{},", serde_json::to_string(&both).unwrap()),
            1,
        );
        assert!(read("1", both.as_bytes()).is_none());
    }

    #[test]
    fn spaces_of_sessions_and_logins_are_told_apart() {
        let login = protocol::ids::LoginId(Uuid::from_u128(1));
        let session = protocol::ids::SessionId { login, open: 0 };
        assert_ne!(Space::Session(session).word(), Space::Login(login).word());
    }
}
