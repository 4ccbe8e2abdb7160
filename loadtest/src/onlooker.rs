//! Looking on while a client and the server talk.

use protocol::codec::Format;
use serde_json::Value;

use crate::failure::Closed;

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    Out,
    /// From the server to the client.
    In,
}

/// What just crossed the door, secrets and all: an onlooker that shows it must hide them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// A whole websocket frame.
    Frame {
        /// Which way it went.
        way: Way,
        /// What it says.
        frame: &'a Value,
        /// How it was written.
        format: Format,
        /// How long its payload was.
        bytes: usize,
    },
    /// The websocket ended.
    Closed(&'a Closed),
    /// An HTTP request.
    Call {
        /// The address's path.
        path: &'a str,
        /// The token it carried.
        bearer: Option<&'a str>,
        /// Its body.
        body: &'a Value,
    },
    /// The answer to an HTTP request.
    Answer {
        /// The HTTP status.
        status: u16,
        /// Its body.
        body: &'a Value,
    },
}

/// Someone who is shown everything a client sends and gets.
pub trait Onlooker: Send + Sync {
    /// Called in the order of events, on the client's own task: be quick.
    fn see(&self, event: Event<'_>);
}
