//! The limits that hold for some clients, and what one is told who is over them.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use actors::apps::RequestRate;
use actors::random;
use actors::sessions::is_long_poll;
use parking_lot::RwLock;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::LoginId;
use protocol::operation::{MemberRequest, PublicRequest};
use std::sync::Arc;
use storage::rates::Rates;

use super::address::Address;
use super::admission::Admission;
use super::budget::{Budget, Share};
use super::places::{Place, Places};
use super::rate::{Rate, per_minute, per_second};
use crate::config::Bounds;

/// About when a client whose turn nobody can foretell asks again, in milliseconds.
const AGAIN_MS: u64 = 1_000;

/// The most keys of a limit that the other nodes are told of at a time.
const TOLD: usize = 1_000;

/// So many a minute, and so many at once.
type Often = (u32, u32);

/// The limits that hold for some clients.
pub(crate) struct Tier {
    bounds: Bounds,
    sessions: Rate<LoginId>,
    /// By the keys of games' servers.
    servers: Rate<String>,
    /// Those of games with a rate of their own, by that rate.
    of_games: RwLock<HashMap<Often, Arc<Rate<LoginId>>>>,
    addresses: Rate<Address>,
    unopened: Places,
    connecting: Places,
    logins: Admission,
    opens: Admission,
    in_flight: Budget,
    long_polls: Budget,
}

impl Tier {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let patience = Duration::from_millis(bounds.admission_wait_ms);
        let admission = |rate, of_all| Admission::new(rate, of_all, patience);
        Self {
            bounds: *bounds,
            sessions: Rate::new(per_minute(bounds.session_per_minute, bounds.session_burst)),
            servers: Rate::new(per_second(bounds.server_per_second, bounds.server_burst)),
            of_games: RwLock::default(),
            addresses: Rate::new(per_second(bounds.address_per_second, bounds.address_burst)),
            unopened: Places::new(bounds.unopened_per_address),
            connecting: Places::new(bounds.connecting_per_address),
            logins: admission(bounds.logins_per_second, bounds.cluster_logins_per_second),
            opens: admission(bounds.opens_per_second, bounds.cluster_opens_per_second),
            in_flight: Budget::new(bounds.requests_in_flight),
            long_polls: Budget::new(bounds.long_polls),
        }
    }

    /// Counts a request of a login. `own` is what its game says.
    ///
    /// # Errors
    /// `limit.rate`.
    pub(crate) fn session(&self, login: LoginId, own: RequestRate) -> Result<(), ErrorBody> {
        let common = (self.bounds.session_per_minute, self.bounds.session_burst);
        let rate = (own.per_minute.unwrap_or(common.0), own.burst.unwrap_or(common.1));
        let checked = match rate == common {
            true => self.sessions.check(&login),
            false => self.of_game(rate).check(&login),
        };
        checked.map_err(|wait| over_rate("session", "this login asks too often", ms(wait)))
    }

    fn of_game(&self, rate: Often) -> Arc<Rate<LoginId>> {
        if let Some(known) = self.of_games.read().get(&rate) {
            return known.clone();
        }
        let new = || Arc::new(Rate::new(per_minute(rate.0, rate.1)));
        self.of_games.write().entry(rate).or_insert_with(new).clone()
    }

    /// Counts what comes from an address without a login.
    ///
    /// # Errors
    /// `limit.rate`.
    pub(crate) fn address(&self, client: IpAddr) -> Result<(), ErrorBody> {
        let checked = self.addresses.check(&client.into());
        // Behind an address there may be many, who should not all be back at once.
        let after = |wait| ms(wait) + random_below(AGAIN_MS);
        checked.map_err(|wait| over_rate("address", "this address asks too often", after(wait)))
    }

    /// Counts a request that is signed with a key of a game's server.
    ///
    /// # Errors
    /// `limit.rate`.
    pub(crate) fn server(&self, key: String) -> Result<(), ErrorBody> {
        let checked = self.servers.check(&key);
        checked.map_err(|wait| over_rate("server", "this key asks too often", ms(wait)))
    }

    /// A place for a websocket, until its session opens.
    ///
    /// # Errors
    /// `limit.rate`.
    pub(crate) fn unopened(&self, client: IpAddr) -> Result<Place, ErrorBody> {
        self.unopened.take(client.into()).ok_or_else(|| {
            counted("unopened");
            let message = "this address has too many connections without an open session";
            ErrorBody::new(ErrorCode::LimitRate, message).after_ms(spread(AGAIN_MS))
        })
    }

    pub(super) fn connecting(&self, peer: Address) -> Option<Place> {
        let place = self.connecting.take(peer);
        if place.is_none() {
            counted("connecting");
        }
        place
    }

    /// Waits until a request without a login has its turn, if it is of those that wait.
    ///
    /// # Errors
    /// `limit.overloaded`.
    pub(crate) async fn admit(&self, request: &PublicRequest) -> Result<(), ErrorBody> {
        match request {
            PublicRequest::AuthLogin(_) => self.admit_login().await,
            // Taking another's place is a login.
            PublicRequest::AuthRefresh(refresh) if refresh.take_over => self.admit_login().await,
            PublicRequest::AuthRefresh(_) => self.admit_open().await,
            PublicRequest::LaunchStatus(_)
            | PublicRequest::NoticeList(_)
            | PublicRequest::BannerList(_)
            | PublicRequest::AuthNonce(_) => Ok(()),
        }
    }

    async fn admit_login(&self) -> Result<(), ErrorBody> {
        self.logins.enter().await.map_err(|wait| too_many("logins", "too many log in", wait))
    }

    /// Waits until somebody who is known already has its turn.
    ///
    /// # Errors
    /// `limit.overloaded`.
    pub(crate) async fn admit_open(&self) -> Result<(), ErrorBody> {
        self.opens.enter().await.map_err(|wait| too_many("opens", "too many come back", wait))
    }

    /// A share of what the node does at once, held while a request is answered.
    ///
    /// # Errors
    /// `limit.overloaded`.
    pub(crate) fn share(&self) -> Result<Share, ErrorBody> {
        self.in_flight.take().ok_or_else(|| busy("in_flight", "the server is busy"))
    }

    /// The same for a member's request. One that mostly waits has a budget of its own.
    ///
    /// # Errors
    /// `limit.overloaded`.
    pub(crate) fn share_for(&self, request: &MemberRequest) -> Result<Share, ErrorBody> {
        if !is_long_poll(request) {
            return self.share();
        }
        self.long_polls.take().ok_or_else(|| busy("long_polls", "too many wait for a push"))
    }

    /// How many refused requests close a socket.
    pub(crate) fn refusals(&self) -> u32 {
        self.bounds.session_refusals
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.taken()
    }

    pub(super) fn long_polls(&self) -> usize {
        self.long_polls.taken()
    }

    /// Tells the other nodes how many came in here and who passed often, and learns from them
    /// what was so there.
    ///
    /// # Errors
    /// `Unavailable` when they cannot be told: what was to be told is not told again.
    pub(super) async fn exchange(&self, name: &str, rates: &Rates) -> storage::error::Result<()> {
        let admissions = [(&self.logins, "logins"), (&self.opens, "opens")];
        let came = admissions.map(|(admission, of)| admission.untold(format!("{name}:{of}")));
        for ((admission, _), ahead) in admissions.iter().zip(rates.pass(came.into()).await?) {
            admission.learn(ahead);
        }
        let session = |of: &str| format!("{name}:session:{of}");
        tell(&self.addresses, rates, |address| format!("{name}:address:{}", address.word()))
            .await?;
        tell(&self.sessions, rates, |login| session(&login.to_string())).await?;
        tell(&self.servers, rates, |key| format!("{name}:server:{key}")).await?;
        let of_games: Vec<_> =
            self.of_games.read().iter().map(|it| (*it.0, it.1.clone())).collect();
        for ((minute, burst), rate) in of_games {
            // A game may change its rate: the old one's count is not the new one's.
            tell(&rate, rates, |login| session(&format!("{minute}:{burst}:{login}"))).await?;
        }
        Ok(())
    }

    pub(super) fn sweep(&self) {
        self.sessions.sweep();
        self.servers.sweep();
        self.addresses.sweep();
        self.of_games.write().retain(|_, rate| {
            rate.sweep();
            rate.len() > 0
        });
    }
}

async fn tell<K: Hash + Eq + Clone>(
    rate: &Rate<K>,
    rates: &Rates,
    name: impl Fn(&K) -> String,
) -> storage::error::Result<()> {
    let (keys, passed): (Vec<K>, _) = rate.untold(TOLD, name).into_iter().unzip();
    for (key, ahead) in keys.iter().zip(rates.pass(passed).await?) {
        rate.learn(key, ahead);
    }
    Ok(())
}

fn over_rate(limit: &'static str, message: &str, after_ms: u64) -> ErrorBody {
    counted(limit);
    ErrorBody::new(ErrorCode::LimitRate, message).after_ms(after_ms)
}

/// Who is told how long the line is comes back a little later than that, each by its own.
fn too_many(limit: &'static str, message: &str, wait: Duration) -> ErrorBody {
    counted(limit);
    let ms = ms(wait);
    ErrorBody::new(ErrorCode::LimitOverloaded, message).after_ms(ms + random_below(ms / 4))
}

fn busy(limit: &'static str, message: &str) -> ErrorBody {
    counted(limit);
    ErrorBody::new(ErrorCode::LimitOverloaded, message).after_ms(spread(AGAIN_MS))
}

fn counted(limit: &'static str) {
    metrics::counter!("daemun_limited_total", "limit" => limit).increment(1);
}

/// In whole milliseconds, rather too late than too soon.
fn ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Between half of it and once and a half.
fn spread(ms: u64) -> u64 {
    ms / 2 + random_below(ms)
}

fn random_below(bound: u64) -> u64 {
    u64::from_be_bytes(random::bytes()) % bound.max(1)
}
