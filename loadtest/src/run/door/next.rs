//! What a client does after a failure, as the wire asks.

use std::io::{self, ErrorKind};
use std::time::Duration;

use protocol::error::{ErrorBody, ErrorCode};
use serde::Deserialize;

use crate::failure::{Closed, Failure};
use crate::run::back_off::advice;

/// What to do after a failure.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Try again, not sooner than the server says.
    Again(Option<Duration>),
    /// The same, and count that the server has too much to do.
    Shed(Option<Duration>),
    /// Try again, and complain.
    Late,
    /// Complain, and give up.
    Never,
}

/// What to do after this one.
pub(super) fn next(failure: &Failure) -> Next {
    match failure {
        Failure::Refused(error) if sheds(error) => Next::Shed(after(error.retry_after_ms)),
        Failure::NotUpgraded { status: 429 | 503, body } => Next::Shed(after(retry_after_ms(body))),
        Failure::Closed(closed) if may_come_back(closed) => Next::Again(advice(closed)),
        Failure::Unreachable { .. } => Next::Again(None),
        Failure::Late { .. } => Next::Late,
        Failure::Refused(_)
        | Failure::NotUpgraded { .. }
        | Failure::Closed(_)
        | Failure::Strange(_)
        | Failure::Unsendable(_) => Next::Never,
    }
}

/// Whether an error says that the server, or its limiter, has enough.
pub(in crate::run) fn sheds(error: &ErrorBody) -> bool {
    matches!(error.code, ErrorCode::LimitOverloaded | ErrorCode::LimitRate)
}

/// Whether the wire asks a client to come back after this end.
pub(in crate::run) fn may_come_back(closed: &Closed) -> bool {
    closed.code == Closed::CUT || matches!(closed.code, 4000..=4499)
}

fn after(ms: Option<u64>) -> Option<Duration> {
    ms.map(Duration::from_millis)
}

/// The advice in the body of a refused upgrade, if as much of it came.
fn retry_after_ms(body: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Refusal {
        err: ErrorBody,
    }
    serde_json::from_str::<Refusal>(body).ok()?.err.retry_after_ms
}

/// What a connection that could not be made says of the server.
pub(super) fn unreachable(server: &str, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::TimedOut => {
            Failure::Unreachable { address: server.to_owned(), why: error.to_string() }
        }
        // The fault is on this side: no port, no file is left.
        _ => Failure::Unsendable(format!("no connection to {server}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_come_again_does_and_says_why_if_not() {
        let closed = |code, reason: &str| Failure::Closed(Closed { code, reason: reason.into() });
        let second = Some(Duration::from_secs(1));
        let error = |code| ErrorBody::new(code, "").after_ms(1_000);
        let body = serde_json::json!({ "err": error(ErrorCode::LimitOverloaded) }).to_string();
        for (failure, due) in [
            (Failure::Refused(error(ErrorCode::LimitOverloaded)), Next::Shed(second)),
            (Failure::Refused(error(ErrorCode::LimitRate)), Next::Shed(second)),
            (Failure::Refused(error(ErrorCode::Internal)), Next::Never),
            (Failure::NotUpgraded { status: 503, body }, Next::Shed(second)),
            (Failure::NotUpgraded { status: 503, body: "half a bo".into() }, Next::Shed(None)),
            (Failure::NotUpgraded { status: 403, body: String::new() }, Next::Never),
            (closed(4000, r#"{"retry_after_ms":1000}"#), Next::Again(second)),
            (closed(1006, ""), Next::Again(None)),
            (closed(4502, "replaced"), Next::Never),
            (closed(1002, ""), Next::Never),
            (Failure::Late { what: "it", after: Duration::ZERO }, Next::Late),
            (Failure::Strange(String::new()), Next::Never),
        ] {
            assert_eq!(next(&failure), due, "{failure}");
        }
    }

    #[test]
    fn a_port_that_is_not_left_is_not_the_servers_fault() {
        let of = |kind: ErrorKind| unreachable("there", &kind.into());
        assert!(matches!(of(ErrorKind::ConnectionRefused), Failure::Unreachable { .. }));
        assert!(matches!(of(ErrorKind::AddrNotAvailable), Failure::Unsendable(_)));
    }
}
