//! Whose connection it is: the client's address, from trusted proxies alone, and what an
//! address is counted by.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::header::{FORWARDED, HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ipnet::IpNet;
use rfc7239::{Forwarded, NodeIdentifier, NodeName};
use sha2::{Digest, Sha256};

use crate::config::{ForwardedHeader, GatewaySettings};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What clients are counted by: an IPv4 address, or the /64 of an IPv6 address, of which a
/// single household has all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address(IpAddr);

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = u128::from(v6) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(network))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl Address {
    /// A word for it that other nodes know it by, and that does not show it at a glance.
    pub(super) fn word(&self) -> String {
        let digest = match self.0 {
            IpAddr::V4(address) => Sha256::digest(address.octets()),
            IpAddr::V6(address) => Sha256::digest(address.octets()),
        };
        URL_SAFE_NO_PAD.encode(&digest[..16])
    }
}

/// The proxies whose word about a client's address counts.
#[derive(Debug)]
pub(super) struct Proxies {
    trusted: Vec<IpNet>,
    header: ForwardedHeader,
    /// Whether it was said that somebody who looks like a proxy is not trusted.
    warned: AtomicBool,
}

impl Proxies {
    pub(super) fn new(settings: &GatewaySettings) -> Self {
        let trusted = settings.trusted_proxies.clone();
        Self { trusted, header: settings.forwarded_header, warned: AtomicBool::new(false) }
    }

    /// Whether a connection from this address is a proxy's.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// The client's address: the peer's, unless the peer is a trusted proxy that names
    /// another. Proxies add what they saw on the right, so the right-most address that is no
    /// trusted proxy's is the client's; what stands left of it is the client's own word.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            self.suspect(peer, headers);
            return peer;
        }
        match self.named(headers) {
            Ok(named) => named.unwrap_or(peer),
            Err(Malformed) => {
                metrics::counter!("daemun_forwarded_malformed_total").increment(1);
                peer
            }
        }
    }

    /// A proxy that nobody named makes all players one address, so an operator is told of it
    /// once. Who comes from outside and writes the header is no proxy of ours.
    fn suspect(&self, peer: IpAddr, headers: &HeaderMap) {
        if is_inside(peer)
            && headers.contains_key(self.header.name())
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                proxy = %peer,
                "{peer} forwards requests but is not in gateway.trusted_proxies: all that come \
                 through it count as one address"
            );
        }
    }

    /// The address that the header names, if there is one.
    fn named(&self, headers: &HeaderMap) -> Result<Option<IpAddr>, Malformed> {
        let mut nearest = None;
        for line in headers.get_all(self.header.name()).iter().rev() {
            let line = line.to_str().map_err(|_| Malformed)?;
            // Quotes are not looked at: one that a client leaves open would hide what the
            // proxies behind it have added.
            for entry in line.rsplit(',') {
                let address = match self.header {
                    ForwardedHeader::XForwardedFor => entry_of_list(entry.trim())?,
                    ForwardedHeader::Forwarded => element(entry.trim())?,
                };
                nearest = Some(address);
                if !self.trusts(address) {
                    return Ok(nearest);
                }
            }
        }
        // Every one is trusted: the farthest of them is who began it.
        Ok(nearest)
    }
}

impl ForwardedHeader {
    fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => X_FORWARDED_FOR,
            Self::Forwarded => FORWARDED,
        }
    }
}

/// Whether an address is of a private network or this machine, where proxies are.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback(),
    }
}

/// A header that a trusted proxy did not write as it should have.
#[derive(Debug, PartialEq, Eq)]
struct Malformed;

/// An entry of `X-Forwarded-For`: an address, with a port in some proxies' dialect.
fn entry_of_list(entry: &str) -> Result<IpAddr, Malformed> {
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse::<IpAddr>();
    let with_port = || entry.parse::<std::net::SocketAddr>().map(|address| address.ip());
    address.or_else(|_| with_port()).map(|address| address.to_canonical()).map_err(|_| Malformed)
}

/// An element of `Forwarded` (RFC 7239, section 4). One that does not name an address, such as
/// `for=unknown`, is of no use here.
fn element(element: &str) -> Result<IpAddr, Malformed> {
    let parsed = rfc7239::parse(element).next().ok_or(Malformed)?.map_err(|_| Malformed)?;
    match parsed {
        Forwarded {
            forwarded_for: Some(NodeIdentifier { name: NodeName::Ip(address), .. }),
            ..
        } => Ok(address.to_canonical()),
        Forwarded { .. } => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies(header: ForwardedHeader) -> Proxies {
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48"].map(|net| net.parse().unwrap());
        Proxies { trusted: trusted.into(), header, warned: AtomicBool::new(false) }
    }

    fn seen(header: ForwardedHeader, peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        proxies(header).client(ip(peer), &headers).to_string()
    }

    fn x(peer: &str, lines: &[&'static str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        seen(ForwardedHeader::XForwardedFor, peer, &lines)
    }

    fn f(peer: &str, lines: &[&'static str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
        seen(ForwardedHeader::Forwarded, peer, &lines)
    }

    #[test]
    fn who_is_no_trusted_proxy_speaks_for_nobody() {
        assert_eq!(x("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(f("203.0.113.9", &["for=198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn a_proxy_that_nobody_named_is_noticed_once() {
        let nobody = Proxies::new(&GatewaySettings::default());
        let warned = || nobody.warned.load(Ordering::Relaxed);
        let mut headers = HeaderMap::new();
        assert_eq!(nobody.client(ip("10.0.0.1"), &headers), ip("10.0.0.1"));
        headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.1"));
        assert_eq!(nobody.client(ip("203.0.113.9"), &headers), ip("203.0.113.9"));
        assert!(!warned(), "a stranger may write what it likes");
        assert_eq!(nobody.client(ip("10.0.0.1"), &headers), ip("10.0.0.1"));
        assert!(warned());
    }

    #[test]
    fn the_right_most_address_that_is_no_proxys_is_the_clients() {
        assert_eq!(x("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        // What the client said itself stands on the left.
        assert_eq!(x("10.0.0.1", &["6.6.6.6, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(x("10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(x("10.0.0.1", &["6.6.6.6", "198.51.100.1", "10.0.0.2"]), "198.51.100.1");
        // Nonsense of the client's own, left of what counts, harms nobody.
        assert_eq!(x("10.0.0.1", &["\"; for=, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(x("::ffff:10.0.0.1", &["::ffff:198.51.100.1"]), "198.51.100.1");
        assert_eq!(x("2001:db8:1::5", &["2001:db8:2::7"]), "2001:db8:2::7");
        assert_eq!(x("10.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(x("10.0.0.1", &["[2001:db8:2::7]:4711"]), "2001:db8:2::7");
        assert_eq!(x("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(x("10.0.0.1", &[]), "10.0.0.1");

        assert_eq!(f("10.0.0.1", &["for=198.51.100.1"]), "198.51.100.1");
        assert_eq!(f("10.0.0.1", &["for=6.6.6.6, for=198.51.100.1;proto=https"]), "198.51.100.1");
        assert_eq!(f("10.0.0.1", &["For=\"[2001:db8:2::7]:4711\""]), "2001:db8:2::7");
        // A quote that the client left open does not swallow what the proxy added.
        assert_eq!(f("10.0.0.1", &["for=\"6.6.6.6, for=198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn one_header_alone_is_listened_to() {
        // Whichever a proxy does not write, it may pass on as the client sent it.
        let both = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(seen(ForwardedHeader::XForwardedFor, "10.0.0.1", &both), "198.51.100.1");
        assert_eq!(seen(ForwardedHeader::Forwarded, "10.0.0.1", &both), "6.6.6.6");
        assert_eq!(seen(ForwardedHeader::Forwarded, "10.0.0.1", &both[1..]), "10.0.0.1");
    }

    #[test]
    fn a_malformed_header_leaves_the_peer() {
        for line in ["", "unknown", "198.51.100.1,", "198.51.100.1, nonsense", "198.51.100.300"] {
            assert_eq!(x("10.0.0.1", &[line]), "10.0.0.1", "{line}");
        }
        for line in ["", "for", "for=unknown", "for=_hidden", "by=198.51.100.1", "proto=https"] {
            assert_eq!(f("10.0.0.1", &[line]), "10.0.0.1", "{line}");
        }
    }

    #[test]
    fn addresses_are_counted_by_the_network_that_one_household_has() {
        let same = |one, other| Address::from(ip(one)) == Address::from(ip(other));
        assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
        assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(same("198.51.100.1", "::ffff:198.51.100.1"));
        assert!(!same("198.51.100.1", "198.51.100.2"));
    }
}
