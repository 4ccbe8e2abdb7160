//! What is to be done to which server.

use std::net::SocketAddr;
use std::time::Duration;

use protocol::codec::Format;

use super::desk::Access;

/// What the players do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scenario {
    /// They come in gently, then ask at a steady rate.
    Steady,
    /// New guests come in at a rate, whether or not those before them are in yet.
    LoginStorm,
    /// All lose their connection at once, and come back.
    ReconnectStorm {
        /// Whether the server ends the connections (someone stops or kills it), instead of
        /// the players cutting them.
        by_server: bool,
    },
    /// Some stop reading while they go on asking; the others ask at a steady rate.
    SlowClients {
        /// Which part of the players stops reading, between 0 and 1.
        share: f64,
        /// How many requests a second each of those sends.
        rate: f64,
    },
}

impl Scenario {
    /// Its word on the command line and in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::LoginStorm => "login-storm",
            Self::ReconnectStorm { .. } => "reconnect-storm",
            Self::SlowClients { .. } => "slow-clients",
        }
    }
}

/// Messages that are posted to players.
#[derive(Clone, Debug, PartialEq)]
pub struct Messages {
    /// How many a second, over all players.
    pub rate: f64,
    /// How the server is asked to post them.
    pub access: Access,
}

/// A run, with every choice made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the players do.
    pub scenario: Scenario,
    /// The server's address, for example `http://127.0.0.1:7350`.
    pub server: String,
    /// The same, for sockets.
    pub to: SocketAddr,
    /// The address of its private listener, where the metrics are.
    pub private: String,
    /// The game.
    pub app: String,
    /// How frames are written.
    pub format: Format,
    /// How many players.
    pub sessions: usize,
    /// Requests, or in a login storm arrivals, a second over all players.
    pub rate: f64,
    /// How long.
    pub duration: Duration,
    /// How many players a second come in before the scenario begins.
    pub ramp: f64,
    /// How long an answer may take.
    pub patience: Duration,
    /// How long a player goes on trying to get in, or back in.
    pub give_up: Duration,
    /// What chance is drawn from.
    pub seed: u64,
    /// From how many loopback addresses the players come.
    pub sources: u8,
    /// The server's process, when its cost is to be read.
    pub server_pid: Option<u32>,
    /// Messages that are posted meanwhile, if any are; in a reconnect storm alone.
    pub messages: Option<Messages>,
    /// The largest p99 that passes.
    pub max_p99: Option<Duration>,
}

impl Plan {
    /// The websocket's address.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("ws://{}/v1/ws", self.to)
    }

    /// How many of the players stop reading: the first so many.
    #[must_use]
    pub fn slow(&self) -> usize {
        match self.scenario {
            Scenario::SlowClients { share, .. } => {
                // Of two players or more at least one is slow and one is not.
                let many = (self.sessions as f64 * share).round();
                (many as usize).clamp(1, self.sessions.saturating_sub(1).max(1))
            }
            Scenario::Steady | Scenario::LoginStorm | Scenario::ReconnectStorm { .. } => 0,
        }
    }
}
