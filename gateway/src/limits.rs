//! Back-pressure at the door: how much is taken, and from whom.
//!
//! | what | bound | over it |
//! | --- | --- | --- |
//! | requests of a login, by socket and HTTP together | a rate | `limit.rate` |
//! | requests of a key of a game's server | a rate | `limit.rate` |
//! | requests and connects of an address without a login | a rate | `limit.rate` |
//! | websockets of an address without an open session | a number | `limit.rate` at the upgrade |
//! | connections of an address without a request | a number | dropped |
//! | connections of an address at the operators' listener | a number | dropped |
//! | fresh logins, opens and refreshes of the node, and of all nodes | a rate, and a short queue | `limit.overloaded` |
//! | requests that the node answers at once | a number | `limit.overloaded` |
//! | long polls that wait | a number | `limit.overloaded` |
//!
//! Whatever is refused here was not begun. In development, clients on this machine have
//! limits of their own, raised where none was set, so that a load test on one machine
//! measures the server and not its limiter.
//!
//! A node counts by itself. Where nodes share a Redis they tell each other twice a second who
//! passed the three rates often, a quarter of what may come at once or more: who asks on three nodes
//! gets a little more than one who asks on one, and not three times as much. And they tell each
//! other how many came in, for the database behind them is one. All else is a node's own, for it
//! guards the node.

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
use storage::rates::Rates;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::GatewaySettings;
use address::{Address, Proxies};
pub(crate) use places::Place;
use places::Places;
pub(crate) use tier::Tier;

/// The most connections of an address at the operators' listener.
const OPERATORS: u32 = 64;
/// How often what is full again is forgotten.
const SWEEP: Duration = Duration::from_secs(10);
/// How often the nodes tell each other who asks often.
const EXCHANGE: Duration = Duration::from_millis(500);

/// The limits of this node.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    proxies: Proxies,
    operators: Places,
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
            operators: Places::new(OPERATORS),
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

    /// A place for a connection of an operator, as long as it is there; a proxy's take none.
    ///
    /// # Errors
    /// The address has its fill of them.
    pub(crate) fn operator(&self, peer: IpAddr) -> Result<Option<Place>, TooMany> {
        if self.0.proxies.trusts(peer) {
            return Ok(None);
        }
        let place = self.0.operators.take(Address::from(peer));
        let refused = || {
            metrics::counter!("daemun_connections_refused_total").increment(1);
            TooMany
        };
        place.map(Some).ok_or_else(refused)
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

    /// Forgets now and then whoever has not asked for a while, and has the nodes count together
    /// who asks often, where they can.
    pub(crate) async fn keep(&self, rates: &Rates) {
        let mut sweep = interval(SWEEP);
        let mut exchange = interval(EXCHANGE);
        exchange.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = sweep.tick() => self.tiers().for_each(Tier::sweep),
                _ = exchange.tick(), if rates.is_shared() => self.exchange(rates).await,
            }
        }
    }

    /// Tells the other nodes who passed here often, and learns who passed there. Without them
    /// this node counts alone.
    async fn exchange(&self, rates: &Rates) {
        let named = ["everyone", "loopback"].into_iter().zip(self.tiers());
        for (name, tier) in named {
            if tier.exchange(name, rates).await.is_err() {
                metrics::counter!("daemun_rates_untold_total").increment(1);
            }
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
