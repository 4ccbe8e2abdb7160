//! How an issuer's key set is answered.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use protocol::error::ErrorBody;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest delay, in milliseconds; far beyond the patience of any client.
const MAX_SLOW_MS: u64 = 60_000;

/// How an issuer's key set is answered. The default is good behaviour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Whether the connection breaks off in place of an answer.
    pub down: bool,
    /// How long every answer is held back, in milliseconds; at most 60000.
    #[schema(maximum = 60000)]
    pub slow_ms: u64,
    /// The status to answer with, 300 to 599 and without a body, in place of the keys.
    #[schema(minimum = 300, maximum = 599)]
    pub status: Option<u16>,
}

impl Behaviour {
    /// Checks what the types do not.
    pub(super) fn check(&self) -> Result<(), ErrorBody> {
        if self.slow_ms > MAX_SLOW_MS {
            return Err(ErrorBody::invalid("slow_ms", format!("is more than {MAX_SLOW_MS}")));
        }
        if self.status.is_some_and(|status| !(300..=599).contains(&status)) {
            return Err(ErrorBody::invalid("status", "is not one of 300 to 599"));
        }
        Ok(())
    }

    /// Waits as long as an answer is to be held back.
    pub(super) async fn hold(&self) {
        if self.slow_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.slow_ms)).await;
        }
    }

    /// What is answered in place of the keys, if anything.
    pub(super) fn failure(&self) -> Option<Response> {
        if self.down {
            return Some(broken_off());
        }
        let status = StatusCode::from_u16(self.status?).ok()?;
        Some(status.into_response())
    }
}

/// An answer whose body fails at once: the server then closes the connection, the nearest that a
/// handler gets to a machine that went away.
fn broken_off() -> Response {
    let gone = io::Error::from(io::ErrorKind::ConnectionReset);
    Body::from_stream(stream::iter([Err::<Bytes, _>(gone)])).into_response()
}
