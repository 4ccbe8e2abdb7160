//! Back-pressure at the door: how much is taken, and from whom.
//!
//! | what | bound | over it |
//! | --- | --- | --- |
//! | requests of a login, by socket and HTTP together | a rate | `limit.rate` |
//! | requests and connects of an address without a login | a rate | `limit.rate` |
//! | websockets of an address without an open session | a number | `limit.rate` at the upgrade |
//! | connections of an address without a request | a number | dropped |
//! | fresh logins, opens and refreshes of the node | a rate, and a short queue | `limit.overloaded` |
//! | requests that the node answers at once | a number | `limit.overloaded` |
//! | long polls that wait | a number | `limit.overloaded` |
//!
//! Whatever is refused here was not begun. In development, clients on this machine have
//! limits of their own, raised where none was set, so that a load test on one machine
//! measures the server and not its limiter. Everything is counted on this node alone.

mod address;
mod rate;
mod places;
mod admission;
mod budget;
mod tier;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;

use crate::config::GatewaySettings;
use address::{Address, Proxies};
pub(crate) use places::Place;
pub(crate) use tier::Tier;

/// How often what is full again is forgotten.
const SWEEP: Duration = Duration::from_secs(10);

/// The limits of this node.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    proxies: Proxies,
    everyone: Tier,
    /// What holds for clients on this machine, in development.
    loopback: Option<Tier>,
}

impl Limits {
    /// Limits as they are set; in `development` raised for clients on this machine.
    #[must_use]
    pub fn new(settings: &GatewaySettings, development: bool) -> Self {
        let (bounds, raised) = (settings.limits.bounds(), settings.limits.raised());
        Self(Arc::new(Inner {
            proxies: Proxies::new(settings),
            everyone: Tier::new(&bounds),
            // Where everything is set, there is nothing to raise.
            loopback: (development && raised != bounds).then(|| Tier::new(&raised)),
        }))
    }

    /// Whose a request is that a peer sends.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.0.proxies.client(peer, headers)
    }

    /// What holds for a client.
    pub(crate) fn of(&self, client: IpAddr) -> &Tier {
        match &self.0.loopback {
            Some(tier) if client.to_canonical().is_loopback() => tier,
            Some(_) | None => &self.0.everyone,
        }
    }

    /// A place for a connection on which no request has come. A proxy's connections are many
    /// clients', and take none.
    ///
    /// # Errors
    /// The address has its fill of them.
    pub(crate) fn connecting(&self, peer: IpAddr) -> Result<Option<Place>, TooMany> {
        if self.0.proxies.trusts(peer) {
            return Ok(None);
        }
        self.of(peer).connecting(Address::from(peer)).map(Some).ok_or(TooMany)
    }

    /// How many requests are being answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.tiers().map(Tier::in_flight).sum()
    }

    /// How many long polls wait.
    #[must_use]
    pub fn long_polls(&self) -> usize {
        self.tiers().map(Tier::long_polls).sum()
    }

    /// Forgets now and then whoever has not asked for a while.
    pub(crate) async fn keep(&self) {
        let mut tick = tokio::time::interval(SWEEP);
        loop {
            tick.tick().await;
            self.tiers().for_each(Tier::sweep);
        }
    }

    fn tiers(&self) -> impl Iterator<Item = &Tier> {
        [Some(&self.0.everyone), self.0.loopback.as_ref()].into_iter().flatten()
    }
}

/// An address has its fill of something.
#[derive(Debug)]
pub(crate) struct TooMany;

#[cfg(test)]
mod tests;
