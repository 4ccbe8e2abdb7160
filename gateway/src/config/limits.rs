//! Settings of how much the doors take, and from whom.

use serde::{Deserialize, Serialize};

use super::{
    bounds::{at_least, at_most},
    problem::Problem,
    schema::{Notes, Schema},
};

/// By how much development raises for loopback clients what was not set.
pub const RAISED: u32 = 100_000;
/// The most that any of these may be.
const MOST: u32 = 1_000_000;
/// Nobody is kept waiting at the door for longer, in milliseconds.
const LONGEST_WAIT_MS: u64 = 10_000;

const NOTES: &[(&str, &str)] = &[
    (
        "session_per_minute",
        "Requests a minute of one login, over its socket and HTTP together; by default 120. A game may have its own.",
    ),
    ("session_burst", "How many of them may come at once; by default 60. A game may have its own."),
    (
        "session_refusals",
        "Requests over the rate after which a socket is closed 4007, counted up by each that is refused and down by each that is not.",
    ),
    ("server_per_second", "Requests a second of one key of a game's server; by default 100."),
    ("server_burst", "How many of them may come at once; by default 500."),
    (
        "address_per_second",
        "Requests and connects a second of one address (an IPv6 /64) without a login; by default 50, because players of one mobile network share an address.",
    ),
    (
        "address_burst",
        "How many of them may come at once; by default 500, so that some 250 players behind one address come back at once when they were all cut off.",
    ),
    (
        "unopened_per_address",
        "WebSockets of one address that may be without an open session at a time; by default 20.",
    ),
    (
        "connecting_per_address",
        "Connections of one address that may be without a request at a time, but a trusted proxy's; by default 100.",
    ),
    ("logins_per_second", "Fresh logins a second on this node; by default 200."),
    (
        "opens_per_second",
        "Opened or resumed sessions, and refreshed logins, a second on this node; by default 2000.",
    ),
    (
        "cluster_logins_per_second",
        "Fresh logins a second on all nodes that share a Redis, and the most on one; by default 2000.",
    ),
    (
        "cluster_opens_per_second",
        "Opened or resumed sessions, and refreshed logins, a second on all nodes that share a Redis, and the most on one; by default 20000.",
    ),
    (
        "admission_wait_ms",
        "Milliseconds for which a login or an open may wait for its turn; who would wait longer is told at once; at most 10000.",
    ),
    (
        "requests_in_flight",
        "Requests this node answers at a time; by default 4096, as many as storage.queue_limit lets wait.",
    ),
    (
        "long_polls",
        "Long polls this node keeps waiting at a time, beside gateway.limits.requests_in_flight; by default 16384.",
    ),
];

/// How much the doors take, and from whom. From 1 to 1,000,000 each unless it says otherwise.
///
/// Those that may be unset have a default, and in development a [higher one](RAISED) for
/// clients on this machine; a value that is set holds for everyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitsSettings {
    /// Requests a minute of one login. Unset: 120.
    pub session_per_minute: Option<u32>,
    /// How many of them may come at once. Unset: 60.
    pub session_burst: Option<u32>,
    /// Requests over the rate after which a socket is closed. Default 120.
    pub session_refusals: u32,
    /// Requests a second of one key of a game's server. Unset: 100.
    pub server_per_second: Option<u32>,
    /// How many of them may come at once. Unset: 500.
    pub server_burst: Option<u32>,
    /// Requests and connects a second of one address without a login. Unset: 50.
    pub address_per_second: Option<u32>,
    /// How many of them may come at once. Unset: 500.
    pub address_burst: Option<u32>,
    /// WebSockets of one address without an open session. Unset: 20.
    pub unopened_per_address: Option<u32>,
    /// Connections of one address without a request. Unset: 100.
    pub connecting_per_address: Option<u32>,
    /// Fresh logins a second. Unset: 200.
    pub logins_per_second: Option<u32>,
    /// Opened or resumed sessions, and refreshed logins, a second. Unset: 2000.
    pub opens_per_second: Option<u32>,
    /// Fresh logins a second on all nodes together. Unset: 2000.
    pub cluster_logins_per_second: Option<u32>,
    /// Opened or resumed sessions, and refreshed logins, a second on all nodes together.
    /// Unset: 20000.
    pub cluster_opens_per_second: Option<u32>,
    /// Milliseconds for which one of these may wait for its turn. Default 2000; 0 to 10,000.
    pub admission_wait_ms: u64,
    /// Requests that are answered at a time. Unset: 4096.
    pub requests_in_flight: Option<u32>,
    /// Long polls that wait at a time. Unset: 16384.
    pub long_polls: Option<u32>,
}

impl Default for LimitsSettings {
    fn default() -> Self {
        Self {
            session_per_minute: None,
            session_burst: None,
            session_refusals: 120,
            server_per_second: None,
            server_burst: None,
            address_per_second: None,
            address_burst: None,
            unopened_per_address: None,
            connecting_per_address: None,
            logins_per_second: None,
            opens_per_second: None,
            cluster_logins_per_second: None,
            cluster_opens_per_second: None,
            admission_wait_ms: 2_000,
            requests_in_flight: None,
            long_polls: None,
        }
    }
}

/// What holds for some clients: every limit has its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) session_per_minute: u32,
    pub(crate) session_burst: u32,
    pub(crate) session_refusals: u32,
    pub(crate) server_per_second: u32,
    pub(crate) server_burst: u32,
    pub(crate) address_per_second: u32,
    pub(crate) address_burst: u32,
    pub(crate) unopened_per_address: u32,
    pub(crate) connecting_per_address: u32,
    pub(crate) logins_per_second: u32,
    pub(crate) opens_per_second: u32,
    pub(crate) cluster_logins_per_second: u32,
    pub(crate) cluster_opens_per_second: u32,
    pub(crate) admission_wait_ms: u64,
    pub(crate) requests_in_flight: u32,
    pub(crate) long_polls: u32,
}

impl LimitsSettings {
    /// What holds for everyone.
    pub(crate) fn bounds(&self) -> Bounds {
        self.times(1)
    }

    /// What holds in development for clients on this machine.
    pub(crate) fn raised(&self) -> Bounds {
        self.times(RAISED)
    }

    fn times(&self, times: u32) -> Bounds {
        let or = |set: Option<u32>, default: u32| set.unwrap_or(default.saturating_mul(times));
        Bounds {
            session_per_minute: or(self.session_per_minute, 120),
            session_burst: or(self.session_burst, 60),
            session_refusals: self.session_refusals,
            server_per_second: or(self.server_per_second, 100),
            server_burst: or(self.server_burst, 500),
            address_per_second: or(self.address_per_second, 50),
            address_burst: or(self.address_burst, 500),
            unopened_per_address: or(self.unopened_per_address, 20),
            connecting_per_address: or(self.connecting_per_address, 100),
            logins_per_second: or(self.logins_per_second, 200),
            opens_per_second: or(self.opens_per_second, 2_000),
            cluster_logins_per_second: or(self.cluster_logins_per_second, 2_000),
            cluster_opens_per_second: or(self.cluster_opens_per_second, 20_000),
            admission_wait_ms: self.admission_wait_ms,
            requests_in_flight: or(self.requests_in_flight, 4_096),
            long_polls: or(self.long_polls, 16_384),
        }
    }
}

impl Schema for LimitsSettings {
    fn sample() -> Self {
        let bounds = Self::default().bounds();
        Self {
            session_per_minute: Some(bounds.session_per_minute),
            session_burst: Some(bounds.session_burst),
            server_per_second: Some(bounds.server_per_second),
            server_burst: Some(bounds.server_burst),
            address_per_second: Some(bounds.address_per_second),
            address_burst: Some(bounds.address_burst),
            unopened_per_address: Some(bounds.unopened_per_address),
            connecting_per_address: Some(bounds.connecting_per_address),
            logins_per_second: Some(bounds.logins_per_second),
            opens_per_second: Some(bounds.opens_per_second),
            cluster_logins_per_second: Some(bounds.cluster_logins_per_second),
            cluster_opens_per_second: Some(bounds.cluster_opens_per_second),
            requests_in_flight: Some(bounds.requests_in_flight),
            long_polls: Some(bounds.long_polls),
            ..Self::default()
        }
    }

    fn notes() -> Notes {
        Notes::new(NOTES)
    }

    fn validate(&self) -> Vec<Problem> {
        let numbers = [
            ("session_per_minute", self.session_per_minute),
            ("session_burst", self.session_burst),
            ("session_refusals", Some(self.session_refusals)),
            ("server_per_second", self.server_per_second),
            ("server_burst", self.server_burst),
            ("address_per_second", self.address_per_second),
            ("address_burst", self.address_burst),
            ("unopened_per_address", self.unopened_per_address),
            ("connecting_per_address", self.connecting_per_address),
            ("logins_per_second", self.logins_per_second),
            ("opens_per_second", self.opens_per_second),
            ("cluster_logins_per_second", self.cluster_logins_per_second),
            ("cluster_opens_per_second", self.cluster_opens_per_second),
            ("requests_in_flight", self.requests_in_flight),
            ("long_polls", self.long_polls),
        ];
        let set = numbers.into_iter().filter_map(|(key, number)| Some((key, number?)));
        set.filter_map(|(key, number)| at_least(key, number, 1).or(at_most(key, number, MOST)))
            .chain(at_most("admission_wait_ms", self.admission_wait_ms, LONGEST_WAIT_MS))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_holds_for_everyone_and_what_is_not_is_raised() {
        let settings = LimitsSettings { session_burst: Some(3), ..LimitsSettings::default() };
        assert_eq!(settings.bounds().session_burst, 3);
        assert_eq!(settings.raised().session_burst, 3);
        assert_eq!(settings.bounds().session_per_minute, 120);
        assert_eq!(settings.raised().session_per_minute, 12_000_000);
    }
}
