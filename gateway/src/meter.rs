//! What the doors count.

use metrics::Counter;
use protocol::close::CloseCode;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::operation::{Operation, Reply};

/// By which way a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The websocket.
    Socket,
    /// HTTP.
    Http,
    /// HTTP as the old SDKs speak it.
    Legacy,
}

impl Door {
    const ALL: [Self; 3] = [Self::Socket, Self::Http, Self::Legacy];

    fn word(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Http => "http",
            Self::Legacy => "legacy",
        }
    }
}

/// Counters that are looked up once.
pub struct Meter {
    /// Requests that succeeded, by door, then operation.
    good: [Vec<Counter>; Door::ALL.len()],
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

impl Meter {
    /// Registers the counters with the recorder that is installed now.
    #[must_use]
    pub fn new() -> Self {
        let counters =
            |door: Door| Operation::ALL.iter().map(|op| requests(door, op.name(), "ok")).collect();
        Self { good: Door::ALL.map(counters) }
    }

    /// Counts a request's outcome.
    pub fn request(&self, door: Door, operation: Operation, outcome: &Result<Reply, ErrorBody>) {
        match outcome {
            Ok(_) => {
                let counters = &self.good[door as usize];
                if let Some(counter) = counters.get(operation as usize) {
                    counter.increment(1);
                }
            }
            Err(error) => requests(door, operation.name(), error.code.word()).increment(1),
        }
    }

    /// Counts what was refused before it was a request for an operation.
    pub fn refused(&self, door: Door, code: ErrorCode) {
        requests(door, "none", code.word()).increment(1);
    }

    /// Counts how a websocket ended.
    pub fn closed(&self, code: Option<CloseCode>) {
        let word = code.map_or("gone", CloseCode::word);
        metrics::counter!("daemun_socket_closes_total", "code" => word).increment(1);
    }
}

fn requests(door: Door, op: &'static str, code: &'static str) -> Counter {
    metrics::counter!("daemun_requests_total", "door" => door.word(), "op" => op, "code" => code)
}
