//! Telling those who are connected what concerns them, an audience at a time.
//!
//! What is said to an audience is decided once, when its turn has come, encoded once for each
//! format, and shared. It goes at the pace of the [broadcasts](super::broadcast), but in lines of
//! its own, which are never refused and wait behind no announcement: the clock and operators wait
//! for nobody. Nor does a maintenance wait behind notices. What an audience is comes from its
//! clients, so there may be as many as connections: between a few that are judged others are served.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use protocol::close::{CloseCode, CloseReason};
use protocol::ids::AppId;
use protocol::push::Push;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::broadcast::{AT_ONCE, Broadcast, REST};
use super::{Connection, Sessions};
use crate::launching::audience::Audience;

/// How many bytes are said before the next rest, as far as they are known.
const BYTES_AT_ONCE: usize = 1024 * 1024;
/// How many audiences are judged before others are served.
const JUDGED_AT_ONCE: usize = 16;

/// Who speaks: each says one thing after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line {
    Launching,
    Content,
}

/// What an audience is told.
pub(crate) struct Word {
    /// What is said, in this order.
    pub(crate) pushes: Vec<Broadcast>,
    /// What is done then.
    pub(crate) close: Option<Close>,
}

/// How an audience is sent away.
pub(crate) struct Close {
    pub(crate) code: CloseCode,
    /// When to ask again: after so long at least, and at most so much later, each client at a
    /// moment of its own.
    pub(crate) check_after: Option<(Duration, Duration)>,
}

impl Word {
    /// To be said.
    pub(crate) fn push(push: Push) -> Self {
        Self::pushes(vec![push])
    }

    /// To be said one after the other.
    pub(crate) fn pushes(pushes: Vec<Push>) -> Self {
        Self { pushes: pushes.into_iter().map(Broadcast::new).collect(), close: None }
    }
}

impl Close {
    fn reason(&self) -> CloseReason {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let after = |(least, spread): (Duration, Duration)| {
            let random = u64::from_be_bytes(crate::random::bytes());
            ms(least).saturating_add(random % ms(spread).max(1))
        };
        CloseReason { check_after_ms: self.check_after.map(after), ..CloseReason::default() }
    }
}

impl Sessions {
    /// Tells each connection of a game, or of all, what `judge` says to its audience; returns how
    /// many were told anything. Those who wait without a session are none.
    pub(crate) async fn tell_audiences(
        &self,
        line: Line,
        app: Option<&AppId>,
        mut judge: impl FnMut(&Audience) -> Option<Arc<Word>> + Send,
    ) -> usize {
        // It is never closed.
        let Ok(_turn) = self.0.turns.of(line).acquire().await else { return 0 };
        let mut asked = 0;
        // By where it is: connections of one audience share it.
        let mut judged: HashMap<usize, (Arc<Audience>, Option<Arc<Word>>)> = HashMap::new();
        let (mut told, mut since_rest, mut bytes) = (0, 0, 0);
        for connections in self.0.registry.audiences(app) {
            for (audience, connection) in connections {
                let place = Arc::as_ptr(&audience).addr();
                let (_, word) = match judged.entry(place) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => {
                        let word = judge(&audience);
                        new.insert((audience, word))
                    }
                };
                let word = word.clone();
                if judged.len() == asked + JUDGED_AT_ONCE {
                    asked = judged.len();
                    yield_now().await;
                }
                let Some(word) = word else { continue };
                if since_rest == AT_ONCE || bytes >= BYTES_AT_ONCE {
                    sleep(REST).await;
                    (since_rest, bytes) = (0, 0);
                }
                say(connection.as_ref(), &word);
                bytes += word.pushes.iter().map(Broadcast::bytes).sum::<usize>();
                since_rest += 1;
                told += 1;
            }
        }
        told
    }
}

fn say(connection: &dyn Connection, word: &Word) {
    for push in &word.pushes {
        connection.broadcast(push);
    }
    if let Some(close) = &word.close {
        connection.close(close.code, close.reason());
    }
}
