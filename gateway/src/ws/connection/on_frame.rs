//! What becomes of a frame: read, matched to an operation, answered now or when it is done.

use std::time::Duration;

use actors::sessions::ids::{Met, Used};
use actors::sessions::replies::{Recorder, finished, joined};
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
            && self.ids.untouched()
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
                Ok(()) => match self.ids.meet(id) {
                    Ok(()) => self.refuse(id, FrameFault::error(reason)),
                    Err(used) => self.on_used(id, used),
                },
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
        self.ids.turned_away(id);
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
            if let Err(used) = self.ids.meet(id) {
                return self.on_used(id, used);
            }
            let message = format!("there is no operation `{}`", shortened(&frame.op));
            return self.refuse(id, ErrorBody::new(ErrorCode::OpUnknown, message));
        };
        let met = match (&self.phase, operation.effect()) {
            (Phase::Open(session), Effect::Changes) => {
                let replies = self.gate.node.sessions.replies();
                self.ids.meet_keeping(id, replies, session.session).map(Some)
            }
            (Phase::Open(_) | Phase::Unopened { .. } | Phase::Opening { .. }, _) => {
                self.ids.meet(id).map(|()| None)
            }
        };
        match met {
            Ok(None) => self.on_operation(id, operation, frame.body, None),
            Ok(Some(Met::New(recorder))) => {
                self.on_operation(id, operation, frame.body, Some(recorder))
            }
            // It was sent before, on this connection or on one that is gone.
            Ok(Some(Met::Kept(outcome))) => self.answer(id, operation, outcome.as_ref().clone()),
            Ok(Some(Met::Joins(answer))) => {
                self.fly(id, operation, joined(answer));
                Ok(())
            }
            Err(used) => self.on_used(id, used),
        }
    }

    /// What is said to a request that is not done.
    fn on_used(&mut self, id: u64, used: Used) -> Result<(), End> {
        match used {
            // The answer to come is for both.
            Used::InFlight => Ok(()),
            Used::Stale(highest) => {
                let message = format!("id {id} is not above {highest}, the highest so far");
                self.refuse(id, ErrorBody::new(ErrorCode::FrameStaleId, message))
            }
        }
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
}

/// A name that a client made up, short enough to be said back to it.
fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}
