//! How a request is read and how a refusal is told.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::error::{ErrorBody, ErrorCode};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::Simulators;
use super::issuer::Issuer;

/// A refusal: `{"err": {...}}` with the status of its code.
pub(super) struct Refused(ErrorBody);

impl From<ErrorBody> for Refused {
    fn from(error: ErrorBody) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.http_status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(json!({ "err": self.0 }))).into_response()
    }
}

/// The issuer that the address names.
pub(super) struct Played(pub(super) Arc<Issuer>);

impl FromRequestParts<Simulators> for Played {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &Simulators) -> Result<Self, Refused> {
        let word = Path::<String>::from_request_parts(parts, state).await.ok();
        let issuer = word.as_ref().and_then(|Path(word)| state.issuer(word));
        let unknown = || {
            let message = "the simulated issuers are google and apple";
            Refused(ErrorBody::new(ErrorCode::ProviderUnknown, message))
        };
        issuer.cloned().map(Self).ok_or_else(unknown)
    }
}

/// The body of a request, which is JSON. None at all is as good as `{}`.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let json = is_json(request.headers());
        let body = Bytes::from_request(request, state).await.map_err(|error| unread(&error))?;
        if body.is_empty() {
            return Ok(Self(read(b"{}")?));
        }
        if !json {
            let message = "the body has to be application/json";
            return Err(ErrorBody::new(ErrorCode::BodyMediaType, message).into());
        }
        Ok(Self(read(&body)?))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn unread(error: &BytesRejection) -> ErrorBody {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ErrorBody::new(ErrorCode::BodyTooLarge, "the body is larger than the limit")
    } else {
        ErrorBody::invalid("", "could not be read")
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ErrorBody> {
    // Serde would fill a struct from a list as well, by position.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(ErrorBody::invalid("", "is not a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        match path.as_str() {
            "." => ErrorBody::invalid("", format!("is not understood: {}", error.inner())),
            field => ErrorBody::invalid(field, error.inner()),
        }
    })?;
    json.end().map_err(|error| ErrorBody::invalid("", format!("is not understood: {error}")))?;
    Ok(value)
}
