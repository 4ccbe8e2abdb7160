//! What is due: a deadline, a heartbeat, the end of a token.

use std::time::Duration;

use actors::identity::tokens::LEEWAY;
use protocol::close::{CloseCode, CloseReason};
use protocol::frame::ServerFrame;
use protocol::push::Push;
use tokio::time::Instant;

use super::{Connection, End, WARNING};
use crate::ws::phase::Phase;

impl Connection {
    /// At most one thing is written at a time: what else is due is due at once after it.
    pub(super) fn on_time(&mut self) -> Result<(), End> {
        if let Some(closing) = self.closing.take() {
            return Err(End::Close(closing.code, closing.reason));
        }
        let (now, silence) = (Instant::now(), self.silence());
        match &mut self.phase {
            Phase::Unopened { deadline, .. } | Phase::Opening { deadline, .. } => {
                if now >= *deadline {
                    return Err(End::Close(CloseCode::NotOpenedInTime, CloseReason::default()));
                }
            }
            Phase::Open(session) => {
                let now_us = self.gate.node.now();
                let left = session.caller.expires_at.since(now_us);
                // The token is taken as long as it would be at the door.
                if session.caller.expires_at.after(LEEWAY) <= now_us {
                    return Err(End::Close(CloseCode::TokenExpired, CloseReason::default()));
                }
                if now - self.heard >= silence {
                    return Err(End::Close(CloseCode::NoPong, CloseReason::default()));
                }
                if left <= WARNING && !session.warned {
                    session.warned = true;
                    let push = Push::SessionExpiring { expires_s: left.as_secs() };
                    self.send(&ServerFrame::push(&push))?;
                } else if now >= self.next_ping {
                    self.next_ping = now + Duration::from_secs(self.gate.settings.heartbeat_s);
                    self.socket.ping();
                }
            }
        }
        self.schedule();
        Ok(())
    }

    /// Finds out what is due next.
    pub(super) fn schedule(&mut self) {
        if self.closing.is_some() {
            // The close has its own time, and nothing else counts any more.
            return;
        }
        self.due = match &self.phase {
            Phase::Unopened { deadline, .. } | Phase::Opening { deadline, .. } => *deadline,
            Phase::Open(session) => {
                let expires_at = session.caller.expires_at;
                let due = if session.warned {
                    expires_at.after(LEEWAY)
                } else {
                    expires_at.before(WARNING)
                };
                let warn = due.since(self.gate.node.now());
                let now = Instant::now();
                (now + warn).min(self.next_ping).min((self.heard + self.silence()).max(now))
            }
        };
    }

    /// How long a client may be silent.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_secs(self.gate.settings.heartbeat_s) * 3 / 2
    }
}
