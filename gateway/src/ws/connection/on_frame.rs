//! What becomes of a frame: read, matched to an operation, answered now or when it is done.

use std::sync::Arc;
use std::time::Duration;

use actors::sessions::replies::{Begun, Recorder};
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::frame::{ClientFrame, FrameFault, RequestFrame};
use protocol::operation::{Effect, Operation, Request};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::{Connection, End, Outcome, RESENT, failed, senseless};
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
        if let Phase::Unopened { deadline } = &mut self.phase
            && self.highest == 0
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
            Ok(ClientFrame::Request(request)) => self.on_request(request),
            Err(FrameFault::Senseless(reason)) => Err(senseless(reason)),
            Err(FrameFault::Request { id, reason }) => match self.stale(id) {
                Some(stale) => stale,
                None => self.refuse(id, FrameFault::error(reason)),
            },
        }
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
                self.highest = self.highest.max(id);
                return self.answer(id, operation, outcome.as_ref().clone());
            }
            Some(Begun::Pending(answer)) => {
                self.highest = self.highest.max(id);
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
                let (node, origin) = (self.gate.node.clone(), self.origin.clone());
                let work = async move { node.public(origin.as_deref(), request).await };
                self.fly(id, operation, finished(work, recorder));
                Ok(())
            }
            Ok(Request::Connection(request)) => self.on_connection_request(id, operation, request),
            Ok(Request::Member(request)) => {
                let Phase::Open(session) = &self.phase else {
                    return self.answer(id, operation, Err(not_open()));
                };
                let caller = session.caller.clone();
                match self.gate.node.member(self.origin.as_deref(), caller, request) {
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

    /// Remembers an id that was seen after a resume, for as long as earlier ones may come.
    fn note(&mut self, id: u64) {
        if let Some(seen) = &mut self.resent {
            seen.push(id);
            if seen.len() == RESENT {
                self.resent = None;
            }
        }
    }

    /// What becomes of an id that was used before; `None` for one that is to be done, which
    /// from now on counts as used.
    fn stale(&mut self, id: u64) -> Option<Result<(), End>> {
        if id > self.highest {
            self.highest = id;
            self.note(id);
            return None;
        }
        if let Some(at) = self.again.iter().position(|again| *again == id) {
            self.again.swap_remove(at);
            return None;
        }
        if self.resent.as_ref().is_some_and(|seen| !seen.contains(&id)) {
            self.note(id);
            return None;
        }
        if self.in_flight_ids.contains(&id) {
            // It joins the request in flight: one answer is for both.
            return Some(Ok(()));
        }
        let message = format!("id {id} is not above {}, the highest so far", self.highest);
        Some(self.refuse(id, ErrorBody::new(ErrorCode::FrameStaleId, message)))
    }
}

/// Does the work in a task of its own, so that it is finished and its outcome kept even if
/// the client is gone.
fn finished(
    work: impl Future<Output = Outcome> + Send + 'static,
    recorder: Option<Recorder>,
) -> impl Future<Output = Outcome> + Send + 'static {
    let task = tokio::spawn(async move {
        let outcome = work.await;
        match recorder {
            Some(recorder) => recorder.finish(outcome).as_ref().clone(),
            None => outcome,
        }
    });
    async { task.await.unwrap_or_else(|_| Err(failed())) }
}

/// Waits for the answer of a request that was sent before.
async fn joined(mut answer: watch::Receiver<Option<Arc<Outcome>>>) -> Outcome {
    match answer.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.as_deref().cloned().unwrap_or_else(|| Err(failed())),
        // Whoever worked on it has gone without an outcome.
        Err(_) => Err(failed()),
    }
}

/// A name that a client made up, short enough to be said back to it.
fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}
