//! What becomes of a frame: read, matched to an operation, answered now or when it is done.

use std::time::Duration;

use actors::sessions::replies::{Begun, Recorder, finished, joined};
use protocol::close::{CloseCode, CloseReason};
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::frame::{ClientFrame, FrameFault, RequestFrame};
use protocol::operation::{Effect, Operation, Request};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::{Connection, End, senseless};
use crate::ws::outbound::Closing;
use crate::ws::phase::{Phase, not_open};

impl Connection {
    pub(super) fn on_message(&mut self, message: Message) -> Result<(), End> {
        self.heard = Instant::now();
        match (message, self.format) {
            (Message::Text(text), Format::Json) => self.on_frame(text.as_bytes()),
            (Message::Binary(bytes), Format::Msgpack) => self.on_frame(&bytes),
            (Message::Text(_), Format::Msgpack) | (Message::Binary(_), Format::Json) => {
                Err(senseless("a frame of the other kind than the subprotocol's"))
            }
            // A ping's pong is written by tungstenite, and goes out with the next flush.
            (Message::Ping(_) | Message::Pong(_), _) => Ok(()),
            // tungstenite answers it with the next flush; the stream ends then.
            (Message::Close(_), _) => {
                self.left = true;
                Ok(())
            }
            (Message::Frame(_), _) => Ok(()),
        }
    }

    fn on_frame(&mut self, frame: &[u8]) -> Result<(), End> {
        if let Phase::Unopened { deadline, .. } = &mut self.phase
            && self.ids.highest() == 0
        {
            // The first frame has come; now the open must come in time.
            *deadline = self.began + Duration::from_secs(self.gate.settings.open_timeout_s);
            self.due = *deadline;
        }
        match ClientFrame::read(self.format, frame) {
            Ok(ClientFrame::Ack(seq)) => {
                // Before the open there is nothing that could have arrived.
                if let Phase::Open(session) = &mut self.phase {
                    session.inbox.ack(seq);
                }
                Ok(())
            }
            Ok(ClientFrame::Request(request)) => match self.count() {
                Ok(()) => self.on_request(request),
                Err(error) => self.turn_away(request.id, error),
            },
            Err(FrameFault::Senseless(reason)) => Err(senseless(reason)),
            Err(FrameFault::Request { id, reason }) => match self.count() {
                Ok(()) => {
                    self.stale(id).unwrap_or_else(|| self.refuse(id, FrameFault::error(reason)))
                }
                Err(error) => self.turn_away(id, error),
            },
        }
    }

    /// Counts a request against the rate of its login, or of its address while there is none.
    fn count(&mut self) -> Result<(), ErrorBody> {
        match &self.phase {
            Phase::Open(session) => self.gate.count(self.client, &session.caller)?,
            Phase::Unopened { .. } | Phase::Opening { .. } => {
                self.gate.limits.of(self.client).address(self.client)?;
            }
        }
        self.over_rate = self.over_rate.saturating_sub(1);
        Ok(())
    }

    /// Answers a request over the rate. Its id is not used by it: the client may send it again.
    /// A client that goes on and on is closed.
    fn turn_away(&mut self, id: u64, error: ErrorBody) -> Result<(), End> {
        if self.ids.is_fresh(id) {
            self.ids.allow_again(id);
        }
        self.over_rate += 1;
        if self.over_rate >= self.gate.limits.of(self.client).refusals() {
            let retry_after_ms = error.retry_after_ms;
            let reason = CloseReason { retry_after_ms, ..CloseReason::default() };
            self.begin_close(Box::new(Closing { code: CloseCode::RateLimited, reason, after: 0 }));
        }
        self.refuse(id, error)
    }

    fn on_request(&mut self, frame: RequestFrame<'_>) -> Result<(), End> {
        let id = frame.id;
        let Some(operation) = Operation::parse(&frame.op) else {
            return self.stale(id).unwrap_or_else(|| {
                let message = format!("there is no operation `{}`", shortened(&frame.op));
                self.refuse(id, ErrorBody::new(ErrorCode::OpUnknown, message))
            });
        };
        let begun = match (&self.phase, operation.effect()) {
            (Phase::Open(session), Effect::Changes) if !self.in_flight_ids.contains(&id) => {
                Some(self.gate.node.sessions.replies().begin(session.session, id))
            }
            (Phase::Open(_) | Phase::Unopened { .. } | Phase::Opening { .. }, _) => None,
        };
        let recorder = match begun {
            // It was sent before, on this connection or on one that is gone.
            Some(Begun::Kept(outcome)) => {
                self.ids.met(id);
                return self.answer(id, operation, outcome.as_ref().clone());
            }
            Some(Begun::Pending(answer)) => {
                self.ids.met(id);
                self.fly(id, operation, joined(answer));
                return Ok(());
            }
            Some(Begun::Fresh(recorder)) => Some(recorder),
            None => None,
        };
        if let Some(stale) = self.stale(id) {
            return stale;
        }
        self.on_operation(id, operation, frame.body, recorder)
    }

    fn on_operation(
        &mut self,
        id: u64,
        operation: Operation,
        body: &[u8],
        recorder: Option<Recorder>,
    ) -> Result<(), End> {
        match operation.decode(self.format, body) {
            Err(error) => self.answer(id, operation, Err(error)),
            Ok(Request::Public(request)) => {
                let (gate, client, origin) = (self.gate.clone(), self.client, self.origin.clone());
                let work = async move { gate.public(client, origin.as_deref(), request).await };
                self.fly(id, operation, finished(work, recorder));
                Ok(())
            }
            Ok(Request::Connection(request)) => self.on_connection_request(id, operation, request),
            Ok(Request::Member(request)) => {
                let Phase::Open(session) = &self.phase else {
                    return self.answer(id, operation, Err(not_open()));
                };
                let caller = session.caller.clone();
                match self.gate.member(self.client, self.origin.as_deref(), caller, request) {
                    // Only what changes something has to outlive the connection.
                    Ok(answer) if recorder.is_some() => {
                        self.fly(id, operation, finished(answer, recorder));
                        Ok(())
                    }
                    Ok(answer) => {
                        self.fly(id, operation, answer);
                        Ok(())
                    }
                    Err(error) => self.answer(id, operation, Err(error)),
                }
            }
        }
    }

    /// What becomes of an id that was used before; `None` for one that is to be done, which
    /// from now on counts as used.
    fn stale(&mut self, id: u64) -> Option<Result<(), End>> {
        if self.ids.use_up(id) {
            return None;
        }
        if self.in_flight_ids.contains(&id) {
            // It joins the request in flight: one answer is for both.
            return Some(Ok(()));
        }
        let message = format!("id {id} is not above {}, the highest so far", self.ids.highest());
        Some(self.refuse(id, ErrorBody::new(ErrorCode::FrameStaleId, message)))
    }
}

/// A name that a client made up, short enough to be said back to it.
fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}
