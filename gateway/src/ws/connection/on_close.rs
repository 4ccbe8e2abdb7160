//! How a connection ends: what it still owes, and what is made of its end.

use std::time::Duration;

use protocol::close::CloseCode;
use tokio::time::Instant;

use super::{Connection, End};
use crate::ws::outbound::Closing;
use crate::ws::phase::Phase;

/// How long a closing connection waits for what is in flight and what is to be delivered.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

impl Connection {
    pub(super) fn begin_close(&mut self, closing: Box<Closing>) {
        if let Phase::Open(session) = &mut self.phase {
            session.inbox.look(closing.after);
        }
        self.closing = Some(closing);
        self.due = Instant::now() + CLOSE_GRACE;
    }

    /// The close, once everything that comes before it is done.
    pub(super) fn closed(&mut self) -> Option<Box<Closing>> {
        let (phase, answered) = (&self.phase, self.ids.in_flight() == 0);
        self.closing.take_if(|closing| {
            answered
                && match phase {
                    Phase::Open(session) => session.inbox.reached(closing.after),
                    // Nobody is there to deliver to.
                    Phase::Unopened { .. } => true,
                    Phase::Opening { .. } => false,
                }
        })
    }

    /// Counts and logs the end, gives up the session's place, and takes leave of the client.
    pub(super) async fn end(self, end: End) {
        let Self { gate, socket, phase, .. } = self;
        let code = match &end {
            End::Close(code, _) => Some(*code),
            End::Left => Some(CloseCode::Normal),
            End::Gone => None,
        };
        gate.meter.closed(code);
        if let Phase::Open(session) = phase {
            session.attachment.closed(code);
        }
        match end {
            End::Close(code, reason) => socket.close(code, reason).await,
            End::Left => socket.leave().await,
            End::Gone => {}
        }
    }
}
