//! Where a connection stands: before, during and after `session.open`.
//!
//! What a connection may ask for depends on its phase, and the phase's type has what the
//! answer needs: there is no member's request without a caller to make it for.

use actors::node::Opened;
use actors::push::delivery::Delivery;
use futures_util::future::BoxFuture;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::SessionId;
use tokio::time::Instant;

use crate::limits::Place;

/// A connection's phase.
pub(super) enum Phase {
    /// Nobody has logged in on it.
    Unopened {
        /// When the first frame, or the open, must have come.
        deadline: Instant,
        /// Its place among its address's connections without a session. In a box, because an
        /// open connection has none.
        place: Option<Box<Place>>,
    },
    /// `session.open` is being answered; nothing is read meanwhile.
    Opening {
        /// The request's id.
        id: u64,
        /// The answer to come.
        opened: BoxFuture<'static, Result<Opened, ErrorBody>>,
        /// Carried over, should it fail.
        deadline: Instant,
        /// Carried over, too.
        place: Option<Box<Place>>,
    },
    /// A session is open.
    Open(Box<OpenSession>),
}

/// What an open connection knows of its session.
pub(super) struct OpenSession {
    /// Whose it is, and until when.
    pub(super) caller: actors::identity::tokens::Caller,
    /// Its id: request ids and kept answers belong to it.
    pub(super) session: SessionId,
    /// The pushes that must arrive.
    pub(super) inbox: Delivery,
    /// Whether the client was told that its token ends soon.
    pub(super) warned: bool,
    /// The place in the member's slot.
    pub(super) attachment: actors::sessions::Attachment,
}

/// What a member's operation is told before `session.open`.
pub(super) fn not_open() -> ErrorBody {
    ErrorBody::new(ErrorCode::SessionNotOpen, "session.open comes first")
}

/// What a second `session.open` is told.
pub(super) fn already_open() -> ErrorBody {
    ErrorBody::new(ErrorCode::SessionAlreadyOpen, "this connection has its session")
}
