//! What an operator is answered.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderValue, RETRY_AFTER, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use protocol::error::{ErrorBody, ErrorCode};
use protocol::operators::refusal::Refusal;
use serde::Serialize;
use serde_json::{Value, json};

use super::COOKIE;

/// How long a browser keeps the cookie, in seconds: as long as a session can last.
const COOKIE_S: u32 = 12 * 3600;

/// An answer.
pub(super) struct Answer {
    status: StatusCode,
    body: Value,
    version: Option<i64>,
    cookie: Option<String>,
}

impl Answer {
    /// This, and it is all.
    pub(super) fn of(said: &impl Serialize) -> Result<Self, Refusal> {
        let failed = |error: serde_json::Error| {
            ErrorBody::new(ErrorCode::Internal, format!("an answer could not be written: {error}"))
        };
        let body = serde_json::to_value(said).map_err(failed)?;
        Ok(Self { status: StatusCode::OK, body, version: None, cookie: None })
    }

    /// It was made.
    pub(super) fn made(self) -> Self {
        Self { status: StatusCode::CREATED, ..self }
    }

    /// It has this version.
    pub(super) fn at(self, version: i64) -> Self {
        Self { version: Some(version), ..self }
    }

    /// The browser is in a session from now on.
    pub(super) fn with_session(self, token: &str) -> Self {
        Self { cookie: Some(cookie(token, COOKIE_S)), ..self }
    }

    /// The browser is in no session any more.
    pub(super) fn without_session(self) -> Self {
        Self { cookie: Some(cookie("", 0)), ..self }
    }
}

fn cookie(token: &str, age_s: u32) -> String {
    format!("{COOKIE}={token}; Path=/; Max-Age={age_s}; Secure; HttpOnly; SameSite=Strict")
}

/// What goes out.
pub(super) fn response(outcome: Result<Answer, Refusal>) -> Response {
    match outcome {
        Ok(answer) => good(answer),
        Err(refusal) => bad(&refusal),
    }
}

fn good(answer: Answer) -> Response {
    let Answer { status, body, version, cookie } = answer;
    let mut response = written(status, &json!({ "ok": body }));
    let version = version.and_then(|version| HeaderValue::try_from(format!("\"{version}\"")).ok());
    if let Some(tag) = version {
        response.headers_mut().insert(ETAG, tag);
    }
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn bad(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.code.http_status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = written(status, &json!({ "err": refusal }));
    if let Some(ms) = refusal.retry_after_ms {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
    }
    response
}

fn written(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
