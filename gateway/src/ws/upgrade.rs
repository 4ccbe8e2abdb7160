//! From an HTTP request to a websocket (RFC 6455, section 4.2).

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::response::{IntoResponse, IntoResponseParts, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::connection::{self, Peer};
use crate::accept::Place;
use crate::gate::Gate;
use crate::http::{Failure, client, refuse_credentials_in};
use crate::limits;
use crate::meter::Door;
use crate::patient::Patient;

/// `GET /v1/ws`.
pub async fn upgrade(State(gate): State<Gate>, mut request: Request) -> Response {
    match check(&gate, &mut request) {
        Ok(offer) => switch(gate, offer),
        Err(refusal) => *refusal,
    }
}

/// A handshake that may go on.
struct Offer {
    accept: String,
    format: Format,
    /// Whether the client offered subprotocols, so that one must be chosen.
    chosen: bool,
    origin: Option<Box<str>>,
    on_upgrade: OnUpgrade,
    place: Option<Place>,
    client: IpAddr,
    unopened: limits::Place,
}

fn check(gate: &Gate, request: &mut Request) -> Result<Offer, Box<Response>> {
    let refuse =
        |code, message: &str| Box::new(Failure(ErrorBody::new(code, message)).into_response());
    let failed = |error: ErrorBody| Box::new(Failure(error).into_response());
    let client = client(gate, request.extensions(), request.headers());
    let limited = |error: ErrorBody| {
        gate.meter.refused(Door::Socket, error.code);
        failed(error)
    };
    gate.limits.of(client).address(client).map_err(limited)?;
    refuse_credentials_in(request.uri()).map_err(failed)?;
    let headers = request.headers();
    if !has_token(headers, &UPGRADE, "websocket") || !has_token(headers, &CONNECTION, "upgrade") {
        let headers = [(UPGRADE, "websocket"), (CONNECTION, "Upgrade")];
        let error = ErrorBody::new(ErrorCode::OpMethod, "this address speaks websocket");
        return Err(Box::new(upgrade_required(headers, error)));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let error = ErrorBody::new(ErrorCode::OpMethod, "websocket version 13 is spoken here");
        let headers = [(SEC_WEBSOCKET_VERSION, "13")];
        return Err(Box::new(upgrade_required(headers, error)));
    }
    let accept = headers
        .get(SEC_WEBSOCKET_KEY)
        .map(|key| derive_accept_key(key.as_bytes()))
        .ok_or_else(|| refuse(ErrorCode::FrameBad, "Sec-WebSocket-Key is missing"))?;
    let (format, chosen) = format(headers).ok_or_else(|| {
        refuse(
            ErrorCode::FrameBad,
            "none of the offered subprotocols is spoken here: daemun.v1.msgpack, daemun.v1.json",
        )
    })?;
    let origin = match headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or("?")) {
        Some(origin) if !gate.node.knows_origin(origin) => {
            metrics::counter!("daemun_origins_refused_total").increment(1);
            let message = format!("no game here knows pages of {origin}");
            return Err(refuse(ErrorCode::OriginRefused, &message));
        }
        origin => origin.map(Box::from),
    };
    if gate.draining() {
        let error = ErrorBody::new(ErrorCode::LimitOverloaded, "this node is going away");
        return Err(Box::new(Failure(error.after_ms(1_000)).into_response()));
    }
    let unopened = gate.limits.of(client).unopened(client).map_err(limited)?;
    let on_upgrade = request
        .extensions_mut()
        .remove::<OnUpgrade>()
        .ok_or_else(|| refuse(ErrorCode::FrameBad, "this connection cannot be upgraded"))?;
    let place = request.extensions_mut().remove::<Place>();
    Ok(Offer { accept, format, chosen, origin, on_upgrade, place, client, unopened })
}

/// 426 and what to upgrade to (RFC 9110, section 15.5.22).
fn upgrade_required(headers: impl IntoResponseParts, error: ErrorBody) -> Response {
    let body = [(CONTENT_TYPE, "application/json")];
    (StatusCode::UPGRADE_REQUIRED, headers, body, Failure(error).body()).into_response()
}

/// Whether a comma-separated header holds a token, in either case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// The first offered subprotocol that is spoken here, and whether any was offered: JSON
/// when none was, `None` when none of those offered is known.
fn format(headers: &HeaderMap) -> Option<(Format, bool)> {
    let mut offered = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .peekable();
    if offered.peek().is_none() {
        return Some((Format::Json, false));
    }
    offered.find_map(|name| Format::of_subprotocol(name.trim())).map(|format| (format, true))
}

fn switch(gate: Gate, offer: Offer) -> Response {
    let Offer { accept, format, chosen, origin, on_upgrade, place, client, unopened } = offer;
    let mut headers = HeaderMap::new();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if chosen {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(format.subprotocol()));
    }
    tokio::spawn(async move {
        match on_upgrade.await.map(socket) {
            // A task of its own: this one is as large as hyper's part of the way.
            Ok(Some((stream, early))) => {
                let unopened = Box::new(unopened);
                let peer = Peer { stream, early, format, origin, place, client, unopened };
                tokio::spawn(connection::serve(gate, Box::new(peer)));
            }
            Ok(None) => tracing::error!("an upgraded connection is not a TCP stream"),
            Err(error) => tracing::debug!(%error, "a client left during the upgrade"),
        }
    });
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// The bare socket, without hyper around it, and what was read past the request.
fn socket(upgraded: Upgraded) -> Option<(TcpStream, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<Patient>>().ok()?;
    Some((parts.io.into_inner().into_inner(), parts.read_buf.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offering(protocols: &[&'static str]) -> Option<(Format, bool)> {
        let mut headers = HeaderMap::new();
        for protocol in protocols {
            headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        format(&headers)
    }

    #[test]
    fn the_first_subprotocol_that_is_spoken_is_chosen() {
        assert_eq!(offering(&[]), Some((Format::Json, false)));
        assert_eq!(offering(&["x, daemun.v1.msgpack"]), Some((Format::Msgpack, true)));
        assert_eq!(offering(&["daemun.v1.json", "daemun.v1.msgpack"]), Some((Format::Json, true)));
        assert_eq!(offering(&["graphql-ws"]), None);
    }

    #[test]
    fn header_tokens_are_read_in_lists_and_either_case() {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        assert!(has_token(&headers, &CONNECTION, "upgrade"));
        assert!(!has_token(&headers, &UPGRADE, "websocket"));
    }
}
