//! `GET /images/{hash}.{extension}`: operators' images, for everybody.
//!
//! What is at such an address never changes, for the address is the digest of what is there: it
//! may be kept for as long as anybody likes. It needs no login, says nothing of who asks, and is
//! for the pages of every origin.

mod range;

use actors::content::images::MediaType;
use actors::fault;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use protocol::error::{ErrorBody, ErrorCode};
use storage::images::ImageHash;
use tower_http::cors::{Any, CorsLayer};

use crate::gate::Gate;
use crate::http::{Failure, client, refuse_credentials_in};
use range::Part;

/// A year, which is as long as anybody keeps anything.
const KEEP: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// It is shown, and nothing in it is run or fetched.
const NOTHING: HeaderValue =
    HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");

/// The routes.
pub(crate) fn router(gate: &Gate) -> Router {
    Router::new()
        .route("/images/{file}", get(image).fallback(another_method))
        .layer(everybody())
        .with_state(gate.clone())
}

/// Pages of every origin may read it: it is public, and nobody's credentials are sent with it.
fn everybody() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([RANGE, IF_NONE_MATCH, IF_RANGE, IF_MODIFIED_SINCE])
        .expose_headers([ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG])
}

async fn another_method(method: Method) -> Response {
    let message = format!("images are asked for with GET, not {method}");
    Failure(ErrorBody::new(ErrorCode::OpMethod, message)).into_response()
}

async fn image(
    State(gate): State<Gate>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // A path that is not UTF-8 names nothing.
    let file = path.map(|Path(file)| file).unwrap_or_default();
    let (head, _) = request.into_parts();
    let response = match found(&gate, &file, &head).await {
        Ok(found) => found.response(&head.method, &head.headers),
        Err(error) => Failure(error).into_response(),
    };
    let status = response.status().as_str().to_owned();
    metrics::counter!("daemun_images_served_total", "status" => status).increment(1);
    response
}

/// An image that is asked for.
struct Found {
    media_type: MediaType,
    tag: String,
    bytes: Bytes,
}

async fn found(gate: &Gate, file: &str, head: &Parts) -> Result<Found, ErrorBody> {
    refuse_credentials_in(&head.uri)?;
    let address = client(gate, &head.extensions, &head.headers);
    let tier = gate.limits.of(address);
    tier.address(address)?;
    let _share = tier.share()?;
    let unknown = || ErrorBody::new(ErrorCode::OpUnknown, "there is no such image");
    let (hash, extension) = file.split_once('.').ok_or_else(unknown)?;
    let hash: ImageHash = hash.parse().map_err(|_| unknown())?;
    let media_type = MediaType::of_extension(extension).ok_or_else(unknown)?;
    let found = gate.node.storage.images.get(hash).await;
    let bytes = found.map_err(|error| fault::of_storage(&error))?.ok_or_else(unknown)?;
    // It is an image of ours, so its first bytes say what it is.
    if MediaType::of(&bytes) != Some(media_type) {
        return Err(unknown());
    }
    Ok(Found { media_type, tag: format!("\"{hash}\""), bytes })
}

impl Found {
    /// In the order of RFC 9110, section 13.2.2: what need not be sent, then what part of it is.
    fn response(self, method: &Method, headers: &HeaderMap) -> Response {
        let whole = self.bytes.len();
        if range::is_known(headers, &self.tag) {
            return self.with_head(StatusCode::NOT_MODIFIED, Body::empty());
        }
        match range::asked(method, headers, &self.tag, whole) {
            Part::Whole => {
                let body = Body::from(self.bytes.clone());
                self.with_type(StatusCode::OK, body)
            }
            Part::Bytes(part) => {
                let said = format!("bytes {}-{}/{whole}", part.start(), part.end());
                let body = Body::from(self.bytes.slice(part));
                with_range(self.with_type(StatusCode::PARTIAL_CONTENT, body), &said)
            }
            Part::Nowhere => {
                let error = ErrorBody::invalid("Range", format!("is outside of its {whole} bytes"));
                let body = Body::from(Failure(error).body());
                let status = StatusCode::RANGE_NOT_SATISFIABLE;
                let response = (status, [(CONTENT_TYPE, "application/json")], body);
                with_range(response.into_response(), &format!("bytes */{whole}"))
            }
        }
    }

    fn with_type(self, status: StatusCode, body: Body) -> Response {
        let media_type = HeaderValue::from_static(self.media_type.word());
        let mut response = self.with_head(status, body);
        response.headers_mut().insert(CONTENT_TYPE, media_type);
        response
    }

    fn with_head(self, status: StatusCode, body: Body) -> Response {
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::try_from(self.tag) {
            headers.insert(ETAG, tag);
        }
        headers.insert(CACHE_CONTROL, KEEP);
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_SECURITY_POLICY, NOTHING);
        let policy = HeaderName::from_static("cross-origin-resource-policy");
        headers.insert(policy, HeaderValue::from_static("cross-origin"));
        response
    }
}

fn with_range(mut response: Response, said: &str) -> Response {
    if let Ok(said) = HeaderValue::try_from(said) {
        response.headers_mut().insert(CONTENT_RANGE, said);
    }
    response
}
