//! Clients who note when they hear something, by the clock that all processes share.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use loadtest::frame::Incoming;
use protocol::operation::Operation;
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use super::player::Player;
use crate::Fault;

/// The present time, in microseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// What a client noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Noted {
    /// When it heard the push that it waited for.
    pub(crate) heard: i64,
    /// When it was closed, if it waited for that.
    pub(crate) closed: i64,
}

/// A question and its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Pulse {
    /// When it was due to be asked.
    pub(crate) due: i64,
    /// How long after that it was answered, in microseconds.
    pub(crate) took: i64,
}

impl Player {
    /// Hears pushes until one has this word, and notes when.
    pub(super) async fn hark(&mut self, word: &str) -> Result<i64, Fault> {
        loop {
            match self.line.hear().await? {
                Incoming::Push(push) if push.word == word => return Ok(now()),
                Incoming::Push(_) => {}
                Incoming::Answer { id, .. } => {
                    return Err(format!("an answer to {id} where {word} was due").into());
                }
            }
        }
    }

    /// Hears the push, then is closed with that code.
    pub(super) async fn hark_closed(&mut self, word: &str, code: u16) -> Result<Noted, Fault> {
        let heard = self.hark(word).await?;
        match self.line.socket.next().await.transpose()? {
            Some(Message::Close(Some(close))) if u16::from(close.code) == code => {
                Ok(Noted { heard, closed: now() })
            }
            other => Err(format!("{other:?} where a close with {code} was due").into()),
        }
    }

    /// Asks `session.ping` each `period`, so often, whether or not the one before was answered in
    /// time: what is late makes the next late, and that counts.
    pub(super) async fn pulse(
        &mut self,
        first: Duration,
        period: Duration,
        times: u32,
    ) -> Result<Vec<Pulse>, Fault> {
        let (began, began_at) = (Instant::now() + first, now() + micros(first));
        let mut all = Vec::with_capacity(usize::try_from(times)?);
        for number in 0..times {
            sleep_until(began + period * number).await;
            self.line.last_id += 1;
            let id = self.line.last_id;
            let request = self.line.request(id, Operation::SessionPing, &json!({}))?;
            self.line.socket.send(request).await?;
            loop {
                match self.line.hear().await? {
                    Incoming::Push(_) => {}
                    Incoming::Answer { id: answered, outcome: Ok(_) } if answered == id => break,
                    other @ Incoming::Answer { .. } => {
                        return Err(format!("{other:?} where a pong was due").into());
                    }
                }
            }
            let due = began_at + micros(period * number);
            all.push(Pulse { due, took: now() - due });
        }
        Ok(all)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
