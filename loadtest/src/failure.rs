//! What can go wrong between a client and the server, as the client sees it.

use std::fmt;
use std::time::Duration;

use protocol::close::CloseCode;
use protocol::error::{ErrorBody, ErrorCode};

/// Why a client did not get what it asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The server answered with an error of the contract.
    #[error("refused with {0}")]
    Refused(ErrorBody),
    /// The websocket was closed, or cut, before the answer came.
    #[error("the connection is closed: {0}")]
    Closed(Closed),
    /// The server did not let the websocket in.
    #[error("the upgrade was answered with HTTP {status}: {body}")]
    NotUpgraded {
        /// The HTTP status.
        status: u16,
        /// As much of the body as came together with the head.
        body: String,
    },
    /// Nothing listens there.
    #[error("nothing answers at {address}: {why}")]
    Unreachable {
        /// Where it was tried.
        address: String,
        /// What the system says.
        why: String,
    },
    /// Nothing came in time.
    #[error("{what} did not come within {} ms", after.as_millis())]
    Late {
        /// What was waited for.
        what: &'static str,
        /// How long.
        after: Duration,
    },
    /// What came is not what the contract says.
    #[error("not of the contract: {0}")]
    Strange(String),
    /// What was to be sent cannot be: an address that is none, a token with a line break.
    #[error("cannot be sent: {0}")]
    Unsendable(String),
}

impl Failure {
    /// The error the server answered with, if that is what happened.
    #[must_use]
    pub fn refused(&self) -> Option<&ErrorBody> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Closed(_)
            | Self::NotUpgraded { .. }
            | Self::Unreachable { .. }
            | Self::Late { .. }
            | Self::Strange(_)
            | Self::Unsendable(_) => None,
        }
    }

    /// The code of the error the server answered with, if that is what happened.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        self.refused().map(|error| error.code)
    }
}

/// How a websocket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The close frame's code, or one of the two that no frame carries.
    pub code: u16,
    /// The close frame's reason; empty when there was none.
    pub reason: String,
}

impl Closed {
    /// The code of a close frame that has none (RFC 6455, section 7.4.1).
    pub const NO_STATUS: u16 = 1005;
    /// The code of an end without a close frame (RFC 6455, section 7.4.1).
    pub const CUT: u16 = 1006;

    /// The TCP connection ended without a close frame.
    #[must_use]
    pub fn cut() -> Self {
        Self { code: Self::CUT, reason: String::new() }
    }

    /// Whether the close frame carried this code of the contract.
    #[must_use]
    pub fn is(&self, code: CloseCode) -> bool {
        self.code == code.number()
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.reason.as_str()) {
            (Self::CUT, _) => write!(f, "{} cut without a close frame", Self::CUT),
            (code, "") => write!(f, "{code}"),
            (code, reason) => write!(f, "{code} {reason}"),
        }
    }
}
