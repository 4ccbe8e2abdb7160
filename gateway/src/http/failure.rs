//! Errors as HTTP answers: the code's own status, `{"err": {...}}`, `Retry-After`.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use protocol::codec::Format;
use protocol::error::ErrorBody;
use serde::Serialize;

/// An error to be answered.
#[derive(Debug)]
pub struct Failure(pub ErrorBody);

#[derive(Serialize)]
struct Body<'a> {
    err: &'a ErrorBody,
}

impl Failure {
    /// The body as JSON text, for an answer with a status of its own.
    #[must_use]
    pub fn body(&self) -> String {
        serde_json::to_string(&Body { err: &self.0 }).unwrap_or_default()
    }

    /// The answer in a format.
    #[must_use]
    pub fn response(&self, format: Format) -> Response {
        let status = StatusCode::from_u16(self.0.code.http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = answer(status, format, &Body { err: &self.0 });
        if let Some(ms) = self.0.retry_after_ms {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        }
        response
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.response(Format::Json)
    }
}

/// The media type of a format.
pub(super) fn media_type(format: Format) -> &'static str {
    match format {
        Format::Msgpack => "application/msgpack",
        Format::Json => "application/json",
    }
}

/// An answer with a body in a format.
pub(crate) fn answer(status: StatusCode, format: Format, body: &impl Serialize) -> Response {
    let mut bytes = Vec::with_capacity(256);
    if let Err(error) = format.encode(body, &mut bytes) {
        tracing::error!(%error, "an answer could not be written");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    (status, [(CONTENT_TYPE, media_type(format))], bytes).into_response()
}
