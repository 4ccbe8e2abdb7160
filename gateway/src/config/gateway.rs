//! Settings of the listeners and of the connections behind them.

use std::net::SocketAddr;

use axum::http::Uri;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    bounds::at_least,
    limits::LimitsSettings,
    problem::Problem,
    redact::shown,
    schema::{Notes, Schema},
    under,
};

/// No frame may be allowed to grow beyond this: 1 MiB.
pub const LARGEST_FRAME_LIMIT_BYTES: usize = 1024 * 1024;

const NOTES: &[(&str, &str)] = &[
    ("listen", "Address and port for players: WebSocket, HTTP and hooks."),
    (
        "private",
        "Address and port for metrics, health and, in development, the simulators' controls.",
    ),
    ("admin", "Address and port for operators: their API and its pages."),
    (
        "admin_url",
        "Address at which operators reach the admin listener when it is not its own, such as that of a proxy with TLS in front of it.",
    ),
    ("frame_limit_bytes", "Largest frame a client may send, in bytes; at most 1048576."),
    ("header_timeout_s", "Seconds a client may take to send a request's head."),
    ("first_frame_timeout_s", "Seconds an upgraded connection may wait before its first frame."),
    ("open_timeout_s", "Seconds a connection may stay without an open session."),
    ("heartbeat_s", "Seconds between two heartbeats."),
    ("in_flight_per_connection", "Requests one connection may have unanswered at a time."),
    (
        "outbound_limit_bytes",
        "Bytes that may wait for a slow client before it is closed; at least frame_limit_bytes.",
    ),
    ("max_connections", "Connections accepted at a time; the next is refused."),
    (
        "trusted_proxies",
        "Networks, such as 10.0.0.0/8, whose connections are proxies' and say whose they are in forwarded_header; every other client is known by its own address.",
    ),
    (
        "forwarded_header",
        "The header that trusted proxies write: \"x-forwarded-for\" or \"forwarded\". The other is not looked at: a proxy may pass it on as a client sent it.",
    ),
    ("drain_s", "Seconds a stopping server gives its connections to leave; 0 stops at once."),
    (
        "docs",
        "Whether the API documentation is served; by default on in development and off in production.",
    ),
    (
        "simulators",
        "Whether simulated providers and stores run; by default on in development, never in production.",
    ),
];

/// Where the server listens, and what one connection may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewaySettings {
    /// Address and port for players. Default `127.0.0.1:7350`; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address and port for metrics, health and, in development, the simulators' controls.
    /// Default `127.0.0.1:7351`; port 0 takes a free one.
    pub private: SocketAddr,
    /// Address and port for operators. Default `127.0.0.1:7352`; port 0 takes a free one.
    pub admin: SocketAddr,
    /// Address at which operators reach that listener, `https://` unless it is this machine.
    /// Unset: they reach it at its own address.
    pub admin_url: Option<String>,
    /// Largest frame a client may send, in bytes. Default 65536; from 1 to
    /// [`LARGEST_FRAME_LIMIT_BYTES`].
    pub frame_limit_bytes: usize,
    /// Seconds a client may take to send a request's head. Default 5; at least 1.
    pub header_timeout_s: u64,
    /// Seconds an upgraded connection may wait before its first frame. Default 10; at least 1.
    pub first_frame_timeout_s: u64,
    /// Seconds a connection may stay without an open session. Default 120; at least
    /// `first_frame_timeout_s`.
    pub open_timeout_s: u64,
    /// Seconds between two heartbeats. Default 25; at least 1.
    pub heartbeat_s: u64,
    /// Requests one connection may have unanswered at a time. Default 32; at least 1.
    pub in_flight_per_connection: usize,
    /// Bytes that may wait for a slow client before it is closed. Default 262144; at least
    /// `frame_limit_bytes`.
    pub outbound_limit_bytes: usize,
    /// Connections accepted at a time. Default 100000; at least 1.
    pub max_connections: usize,
    /// Networks of the proxies that say whose a connection is. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it. Default [`ForwardedHeader::XForwardedFor`].
    pub forwarded_header: ForwardedHeader,
    /// Seconds a stopping server gives its connections to leave. Default 30; 0 stops at once.
    pub drain_s: u64,
    /// Whether the API documentation is served. Unset: on in development, off in production.
    pub docs: Option<bool>,
    /// Whether simulated providers and stores run. Unset: on in development, off in production,
    /// where they may not be switched on.
    pub simulators: Option<bool>,
    /// How much is taken, and from whom.
    pub limits: LimitsSettings,
}

/// Where a trusted proxy says whose a connection is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, which nobody has written down and everybody writes.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7350)),
            private: SocketAddr::from(([127, 0, 0, 1], 7351)),
            admin: SocketAddr::from(([127, 0, 0, 1], 7352)),
            admin_url: None,
            frame_limit_bytes: 65_536,
            header_timeout_s: 5,
            first_frame_timeout_s: 10,
            open_timeout_s: 120,
            heartbeat_s: 25,
            in_flight_per_connection: 32,
            outbound_limit_bytes: 262_144,
            max_connections: 100_000,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            drain_s: 30,
            docs: None,
            simulators: None,
            limits: LimitsSettings::default(),
        }
    }
}

impl Schema for GatewaySettings {
    fn sample() -> Self {
        let proxies = [10, 0, 0, 0].into();
        Self {
            admin_url: Some("https://admin.example.com".to_owned()),
            trusted_proxies: IpNet::new(proxies, 8).into_iter().collect(),
            docs: Some(true),
            simulators: Some(false),
            limits: LimitsSettings::sample(),
            ..Self::default()
        }
    }

    fn notes() -> Notes {
        Notes::new(NOTES).with("limits", LimitsSettings::notes())
    }

    fn validate(&self) -> Vec<Problem> {
        let mut problems = self.zeros();
        if collide(self.listen, self.private) {
            let message = format!(
                "{} takes the port that gateway.listen, {}, takes; give the private listener its own",
                self.private, self.listen
            );
            problems.push(Problem::new("private", message));
        }
        let others = [("gateway.listen", self.listen), ("gateway.private", self.private)];
        for (other, address) in others.into_iter().filter(|(_, it)| collide(*it, self.admin)) {
            let message = format!(
                "{} takes the port that {other}, {address}, takes; give the admin listener its own",
                self.admin
            );
            problems.push(Problem::new("admin", message));
        }
        if let Some(url) = self.admin_url.as_deref().filter(|url| !is_origin_of_operators(url)) {
            let message = format!(
                "expected https:// and a host and nothing behind it, such as \"https://admin.example.com\" (http:// only for this machine), found {}",
                shown(&url.into(), false)
            );
            problems.push(Problem::new("admin_url", message));
        }
        if self.frame_limit_bytes > LARGEST_FRAME_LIMIT_BYTES {
            let message = format!(
                "at most {LARGEST_FRAME_LIMIT_BYTES} bytes, found {}",
                self.frame_limit_bytes
            );
            problems.push(Problem::new("frame_limit_bytes", message));
        }
        if self.outbound_limit_bytes != 0 && self.outbound_limit_bytes < self.frame_limit_bytes {
            let message = format!(
                "at least gateway.frame_limit_bytes, {}, or the largest frame could never be sent; found {}",
                self.frame_limit_bytes, self.outbound_limit_bytes
            );
            problems.push(Problem::new("outbound_limit_bytes", message));
        }
        if self.open_timeout_s != 0 && self.open_timeout_s < self.first_frame_timeout_s {
            let message = format!(
                "at least gateway.first_frame_timeout_s, {}, found {}",
                self.first_frame_timeout_s, self.open_timeout_s
            );
            problems.push(Problem::new("open_timeout_s", message));
        }
        problems.extend(under("limits", &self.limits));
        problems
    }
}

impl GatewaySettings {
    fn zeros(&self) -> Vec<Problem> {
        let problems = [
            at_least("frame_limit_bytes", self.frame_limit_bytes, 1),
            at_least("header_timeout_s", self.header_timeout_s, 1),
            at_least("first_frame_timeout_s", self.first_frame_timeout_s, 1),
            at_least("open_timeout_s", self.open_timeout_s, 1),
            at_least("heartbeat_s", self.heartbeat_s, 1),
            at_least("in_flight_per_connection", self.in_flight_per_connection, 1),
            at_least("outbound_limit_bytes", self.outbound_limit_bytes, 1),
            at_least("max_connections", self.max_connections, 1),
        ];
        problems.into_iter().flatten().collect()
    }
}

/// Whether a browser that is there keeps the session's cookie, which is for TLS or this machine.
fn is_origin_of_operators(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let plain = url.matches('/').count() == 2 && !url.contains(['?', '#', '@']);
    plain
        && !host.is_empty()
        && (uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && here))
}

/// Whether two listeners would ask for one port: the wildcard address takes it on all of them.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let same_host =
        one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && same_host
}
