//! What is read of a request before it is known what it asks for, alike in every way in.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, ORIGIN};
use axum::http::{Extensions, Uri};
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};

use crate::accept::Remote;
use crate::gate::Gate;

/// How long a client may take to send a body whose head has come.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// When a client whose body did not come may try again, in milliseconds.
const AGAIN_MS: u64 = 1_000;

/// The body's format, by its content type; JSON when there is none.
pub(super) fn format(headers: &HeaderMap) -> Result<Format, ErrorBody> {
    match content_type(headers)?.as_deref() {
        None | Some("application/json") => Ok(Format::Json),
        Some("application/msgpack" | "application/vnd.msgpack") => Ok(Format::Msgpack),
        Some(other) => {
            let message = format!("`{other}` is neither application/json nor application/msgpack");
            Err(ErrorBody::new(ErrorCode::BodyMediaType, message))
        }
    }
}

/// The media type that the head names, in lower case and without its parameters.
///
/// # Errors
/// `body.media_type` for a body in an encoding.
pub(crate) fn content_type(headers: &HeaderMap) -> Result<Option<String>, ErrorBody> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|value| *value != "identity") {
        let message = format!("bodies in {encoding:?} are not read here");
        return Err(ErrorBody::new(ErrorCode::BodyMediaType, message));
    }
    Ok(headers.get(CONTENT_TYPE).map(|value| {
        let essence = value.to_str().unwrap_or("?").split(';').next().unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    }))
}

/// Reads a body of at most `limit` bytes, for a bounded time.
///
/// # Errors
/// `body.too_large`, or `body.late`.
pub(crate) async fn read(body: Body, limit: usize) -> Result<bytes::Bytes, ErrorBody> {
    read_within(BODY_TIMEOUT, body, limit).await
}

/// As [`read`], for as long as it may take.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_within(
    time: Duration,
    body: Body,
    limit: usize,
) -> Result<bytes::Bytes, ErrorBody> {
    let late =
        |_| ErrorBody::new(ErrorCode::BodyLate, "the body did not come in time").after_ms(AGAIN_MS);
    let read = tokio::time::timeout(time, to_bytes(body, limit)).await.map_err(late)?;
    read.map_err(|error| {
        use std::error::Error;
        if error.source().is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            let message = format!("the body is larger than {limit} bytes");
            ErrorBody::new(ErrorCode::BodyTooLarge, message)
        } else {
            ErrorBody::new(ErrorCode::BodyLate, "the body broke off").after_ms(AGAIN_MS)
        }
    })
}

/// Whose request it is.
pub(crate) fn client(gate: &Gate, extensions: &Extensions, headers: &HeaderMap) -> IpAddr {
    // The accept loop says of every request where it came from.
    let unknown = Remote(Ipv4Addr::UNSPECIFIED.into());
    let Remote(peer) = extensions.get().copied().unwrap_or(unknown);
    gate.limits.client(peer, headers)
}

/// The page that asks, when a browser says it.
pub(crate) fn origin(headers: &HeaderMap) -> Option<&str> {
    headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or("?"))
}

/// The access token of `Authorization: Bearer` (RFC 6750, section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The longest `Idempotency-Key`, in bytes.
pub(crate) const KEY_BYTES: usize = 255;

/// The `Idempotency-Key`, as it stands: draft-ietf-httpapi-idempotency-key-header puts it into
/// quotes, most clients do not, and here they are a part of it.
///
/// # Errors
/// `body.invalid`, naming the header.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ErrorBody> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let (key, another) = (keys.next(), keys.next());
    let wrong = |reason: String| Err(ErrorBody::invalid("Idempotency-Key", reason));
    let Some(key) = key.map(|key| key.as_bytes()) else { return Ok(None) };
    if another.is_some() {
        return wrong("is given more than once".into());
    }
    match std::str::from_utf8(key) {
        Ok(key) if key.bytes().all(|byte| matches!(byte, b' '..=b'~')) => match key.len() {
            1..=KEY_BYTES => Ok(Some(key)),
            _ => wrong(format!("is not between 1 and {KEY_BYTES} characters long")),
        },
        Ok(_) | Err(_) => wrong("holds something else than printable ASCII".into()),
    }
}

/// A credential in an address ends up in logs and histories, so it is not taken.
///
/// # Errors
/// `auth.in_query`.
pub(crate) fn refuse_credentials_in(uri: &Uri) -> Result<(), ErrorBody> {
    let credential = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        // No parameter of ours has an escaped name, so one that hides behind it is not ours.
        let hidden = name.contains('%');
        hidden || name.contains("token") || name.contains("secret") || name == "authorization"
    };
    if uri.query().unwrap_or_default().split('&').any(credential) {
        let message = "credentials do not belong into an address: send them in the body or header";
        return Err(ErrorBody::new(ErrorCode::AuthInQuery, message));
    }
    Ok(())
}
