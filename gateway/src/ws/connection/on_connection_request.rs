//! Requests about the connection itself: open, ping, refresh, close.

use std::time::Duration;

use actors::node::Opened;
use actors::push::delivery::Delivery;
use futures_util::future::BoxFuture;
use protocol::close::CloseCode;
use protocol::error::ErrorBody;
use protocol::operation::{ConnectionRequest, Operation, Reply};
use protocol::sessions::{CloseReply, OpenRequest, PingReply};
use tokio::time::Instant;

use super::{Connection, End};
use crate::ws::outbound::Closing;
use crate::ws::phase::{OpenSession, Phase, already_open, not_open};

impl Connection {
    pub(super) fn on_connection_request(
        &mut self,
        id: u64,
        operation: Operation,
        request: ConnectionRequest,
    ) -> Result<(), End> {
        let outcome = match (request, &mut self.phase) {
            (ConnectionRequest::SessionOpen(request), Phase::Unopened { deadline, place }) => {
                let (deadline, place) = (*deadline, place.take());
                self.phase = Phase::Opening { id, opened: self.open(request), deadline, place };
                return Ok(());
            }
            (ConnectionRequest::SessionOpen(_), Phase::Open(_) | Phase::Opening { .. }) => {
                Err(already_open())
            }
            (ConnectionRequest::SessionPing(ping), Phase::Open(_)) => {
                Ok(Reply::SessionPing(PingReply { t: ping.t, time: self.gate.node.now() }))
            }
            (ConnectionRequest::SessionRefresh(request), Phase::Open(session)) => {
                self.gate.node.refresh(&session.caller, &request).map(|(caller, reply)| {
                    session.caller = caller;
                    session.warned = false;
                    Reply::SessionRefresh(reply)
                })
            }
            (ConnectionRequest::SessionClose(_), Phase::Open(_)) => {
                self.begin_close(Closing::now(CloseCode::Normal));
                let reply = Ok(Reply::SessionClose(CloseReply {}));
                return self.answer(id, operation, reply);
            }
            (
                ConnectionRequest::SessionPing(_)
                | ConnectionRequest::SessionRefresh(_)
                | ConnectionRequest::SessionClose(_),
                Phase::Unopened { .. } | Phase::Opening { .. },
            ) => Err(not_open()),
        };
        if matches!(outcome, Ok(Reply::SessionRefresh(_))) {
            self.schedule();
        }
        self.answer(id, operation, outcome)
    }

    fn open(&self, request: OpenRequest) -> BoxFuture<'static, Result<Opened, ErrorBody>> {
        let (gate, client, origin) = (self.gate.clone(), self.client, self.origin.clone());
        let connection = self.outbound.clone();
        Box::pin(async move { gate.open(client, origin.as_deref(), &request, connection).await })
    }

    pub(super) fn on_opened(
        &mut self,
        id: u64,
        outcome: Result<Opened, ErrorBody>,
    ) -> Result<(), End> {
        let outcome = match outcome {
            Ok(Opened { attachment, caller, delivered, reply }) => {
                self.next_ping =
                    Instant::now() + Duration::from_secs(self.gate.settings.heartbeat_s);
                self.ids.opened(reply.resumed);
                let session = OpenSession {
                    caller,
                    session: reply.session,
                    inbox: Delivery::new(delivered, reply.seq),
                    warned: false,
                    attachment,
                };
                self.phase = Phase::Open(Box::new(session));
                self.schedule();
                Ok(Reply::SessionOpen(reply))
            }
            Err(error) => {
                if let Phase::Opening { deadline, place, .. } = &mut self.phase {
                    let (deadline, place) = (*deadline, place.take());
                    self.phase = Phase::Unopened { deadline, place };
                }
                Err(error)
            }
        };
        self.answer(id, Operation::SessionOpen, outcome)
    }
}
