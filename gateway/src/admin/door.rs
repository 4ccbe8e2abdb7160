//! Under which names the listener is reached, and what every answer says to a browser.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::middleware::Next;
use axum::response::Response;
use protocol::operators::refusal::{OperatorCode, Refusal};

use super::answer;

/// Under which names the listener is reached. A clone is the same.
#[derive(Clone)]
pub struct Door(Arc<Names>);

struct Names {
    /// What a `Host` may say.
    hosts: Vec<String>,
    /// What an `Origin` may say.
    origins: Vec<String>,
    /// Whether browsers come by TLS alone.
    tls: bool,
}

impl Door {
    /// Of a listener at that address, which operators reach at `url` when that is set.
    #[must_use]
    pub fn new(address: SocketAddr, url: Option<&str>) -> Self {
        let mut hosts = vec![address.to_string()];
        if address.ip().is_loopback() || address.ip().is_unspecified() {
            let names = ["localhost", "127.0.0.1", "[::1]"];
            hosts.extend(names.map(|name| format!("{name}:{}", address.port())));
        }
        let mut origins: Vec<String> = hosts.iter().map(|host| format!("http://{host}")).collect();
        let url = url.map(|url| url.trim_end_matches('/').to_ascii_lowercase());
        let tls = url.as_deref().is_some_and(|url| url.starts_with("https://"));
        if let Some(url) = url {
            hosts.extend(url.split_once("://").map(|(_, host)| host.to_owned()));
            origins.push(url);
        }
        Self(Arc::new(Names { hosts, origins, tls }))
    }

    /// Whether a page of this origin is this API's own.
    #[must_use]
    pub fn is_own(&self, origin: &str) -> bool {
        self.0.origins.iter().any(|own| own.eq_ignore_ascii_case(origin))
    }

    fn is_host(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        host.to_str()
            .is_ok_and(|host| self.0.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)))
    }
}

/// Lets in who asks under a name of ours. Another's name that leads here is an attack on whoever
/// sits before the browser (DNS rebinding).
pub(super) async fn known_host(State(door): State<Door>, request: Request, next: Next) -> Response {
    if door.is_host(request.headers()) {
        return next.run(request).await;
    }
    let message = "this API is not reached under this name: see gateway.admin_url";
    answer::response(Err(Refusal::new(OperatorCode::Host, message)))
}

/// Nothing of an answer is run, framed, kept or guessed at.
const GUARDS: [(HeaderName, HeaderValue); 5] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// A year.
const TLS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Every answer, with what it tells a browser.
pub(super) async fn guarded(State(door): State<Door>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in GUARDS {
        headers.insert(name, value);
    }
    // The page of documents says for itself what it needs.
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    if door.0.tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, TLS_ALONE);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(address: &str, url: Option<&str>) -> Door {
        Door::new(address.parse().unwrap(), url)
    }

    fn answers(door: &Door, host: &str) -> bool {
        door.is_host(&HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).unwrap())]))
    }

    #[test]
    fn a_listener_is_reached_under_its_own_names_alone() {
        let here = door("127.0.0.1:7352", None);
        for host in ["127.0.0.1:7352", "localhost:7352", "LOCALHOST:7352", "[::1]:7352"] {
            assert!(answers(&here, host), "{host}");
        }
        for host in ["", "localhost", "localhost:7350", "evil.example:7352", "127.0.0.2:7352"] {
            assert!(!answers(&here, host), "{host}");
        }
        assert!(here.is_own("http://localhost:7352") && !here.is_own("https://localhost:7352"));
        assert!(!here.is_own("null") && !here.is_own("http://localhost:7350"));

        let behind = door("0.0.0.0:7352", Some("https://Admin.example.com/"));
        assert!(answers(&behind, "admin.example.com") && answers(&behind, "localhost:7352"));
        assert!(behind.is_own("https://admin.example.com"));
        assert!(!behind.is_own("http://admin.example.com"));
        let inside = door("10.0.0.5:7352", None);
        assert!(answers(&inside, "10.0.0.5:7352") && !answers(&inside, "localhost:7352"));
        // Of two hosts, a proxy in between might have read the other.
        let twice = HeaderMap::from_iter([(HOST, HeaderValue::from_static("10.0.0.5:7352"))]);
        let mut both = twice.clone();
        both.append(HOST, HeaderValue::from_static("10.0.0.5:7352"));
        assert!(inside.is_host(&twice) && !inside.is_host(&both));
    }
}
