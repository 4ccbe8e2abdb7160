//! The command line of a run.

mod values;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use hyper::Uri;

use super::desk::Access;
use super::plan::{Messages, Plan, Scenario};
use crate::dial::{Dialer, MOST_SOURCES};
use values::{count, duration, milliseconds, part, rate};

/// What the players do.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Players log in and open, then ask at a steady rate, whatever the server does.
    Steady(Common),
    /// New guests log in and open at a rate, until all have come.
    LoginStorm(Common),
    /// Every connection is cut at once, and every player comes back as the wire asks.
    ReconnectStorm {
        /// As in every scenario.
        #[command(flatten)]
        common: Common,
        /// Cut nothing: wait until the server is stopped or killed, and go on trying while it
        /// is away.
        #[arg(long)]
        by_server: bool,
        /// Numbered messages a second, over all players, that operators post meanwhile. They
        /// must come once and in order. Needs --data or --token-file.
        #[arg(long, value_name = "R", value_parser = rate)]
        pushes: Option<f64>,
        /// The server's data folder: its `private.json` says how to post them.
        #[arg(long, value_name = "DIR", requires = "pushes", conflicts_with = "token_file")]
        data: Option<PathBuf>,
        /// Instead, a file with the token of the listener that --private names.
        #[arg(long, value_name = "FILE", requires = "pushes")]
        token_file: Option<PathBuf>,
    },
    /// Some players stop reading while they go on asking; the others must not notice.
    SlowClients {
        /// As in every scenario.
        #[command(flatten)]
        common: Common,
        /// Which part of the players stops reading.
        #[arg(long, value_name = "PART", default_value = "0.1", value_parser = part)]
        slow_share: f64,
        /// Requests a second that each of those sends.
        #[arg(long, value_name = "R", default_value = "100", value_parser = rate)]
        slow_rate: f64,
    },
}

/// How frames are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// MessagePack, in binary frames.
    Msgpack,
    /// JSON, in text frames.
    Json,
}

/// What every scenario takes.
#[derive(Args, Debug)]
pub struct Common {
    /// How many players.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = count)]
    sessions: usize,
    /// Requests a second over all players; in a login storm, arrivals a second.
    #[arg(long, value_name = "R", default_value = "500", value_parser = rate)]
    rate: f64,
    /// How long, for example 90s, 2m or 500ms.
    #[arg(long, value_name = "D", default_value = "30s", value_parser = duration)]
    duration: Duration,
    /// How many players a second come in before the scenario begins.
    #[arg(long, value_name = "R", default_value = "500", value_parser = rate)]
    ramp: f64,
    /// The server's address.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7350")]
    server: String,
    /// The address of its private listener, where the metrics are.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7351")]
    private: String,
    /// Allows a server that is not on this machine. A load test of somebody else's server is
    /// an attack.
    #[arg(long)]
    i_own_this_server: bool,
    /// The game.
    #[arg(long, default_value = "demo")]
    app: String,
    /// How frames are written.
    #[arg(long, value_enum, default_value_t = Format::Msgpack)]
    format: Format,
    /// What chance is drawn from: the same seed asks the same at the same moments.
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// From how many loopback addresses the players come; by default enough for all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=i64::from(MOST_SOURCES)))]
    sources: Option<u8>,
    /// How long an answer may take before it counts as missing.
    #[arg(long, value_name = "D", default_value = "10s", value_parser = duration)]
    patience: Duration,
    /// How long a player goes on trying to get in, or back in.
    #[arg(long, value_name = "D", default_value = "60s", value_parser = duration)]
    give_up: Duration,
    /// The server's process: its processor time and memory are told beside this program's.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Ends with status 3 when a p99 that counts is above so many milliseconds.
    #[arg(long, value_name = "X", value_parser = milliseconds)]
    max_p99_ms: Option<Duration>,
    /// Writes the report there, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Arguments {
    /// Makes every choice, and says where the report is to be written.
    ///
    /// # Errors
    /// What is wrong, beginning with the flag.
    pub fn plan(self) -> Result<(Plan, Option<PathBuf>), String> {
        match self {
            Self::Steady(common) => common.plan(Scenario::Steady),
            Self::LoginStorm(common) => common.plan(Scenario::LoginStorm),
            Self::ReconnectStorm { common, by_server, pushes, data, token_file } => {
                let private = common.private.clone();
                let access = match (data, token_file) {
                    (Some(folder), _) => Some(Access::Folder(folder)),
                    (None, Some(file)) => Some(Access::Token { private, file }),
                    (None, None) => None,
                };
                let messages = match (pushes, access) {
                    (Some(rate), Some(access)) => {
                        access.check()?;
                        Some(Messages { rate, access })
                    }
                    (Some(_), None) => {
                        return Err("--pushes: give --data or --token-file, too".to_owned());
                    }
                    (None, _) => None,
                };
                let (plan, json) = common.plan(Scenario::ReconnectStorm { by_server })?;
                Ok((Plan { messages, ..plan }, json))
            }
            Self::SlowClients { common, slow_share: share, slow_rate: rate } => {
                if common.sessions < 2 {
                    return Err("--sessions: at least 2, one slow and one not".to_owned());
                }
                common.plan(Scenario::SlowClients { share, rate })
            }
        }
    }
}

impl Common {
    fn plan(self, scenario: Scenario) -> Result<(Plan, Option<PathBuf>), String> {
        let to = self.address("--server", &self.server)?;
        self.address("--private", &self.private)?;
        // Found out after the run, this would be found out too late.
        if let Some(folder) = self.json.as_deref().and_then(Path::parent)
            && !folder.as_os_str().is_empty()
            && !folder.is_dir()
        {
            return Err(format!("--json: there is no folder {}", folder.display()));
        }
        let plan = Plan {
            scenario,
            to,
            server: self.server,
            private: self.private,
            app: self.app,
            format: match self.format {
                Format::Msgpack => protocol::codec::Format::Msgpack,
                Format::Json => protocol::codec::Format::Json,
            },
            sessions: self.sessions,
            rate: self.rate,
            duration: self.duration,
            ramp: self.ramp,
            patience: self.patience,
            give_up: self.give_up,
            seed: self.seed,
            sources: self.sources.unwrap_or_else(|| Dialer::sources_for(self.sessions)),
            server_pid: self.server_pid,
            messages: None,
            max_p99: self.max_p99_ms,
        };
        Ok((plan, self.json))
    }

    /// The address of an `http://` URL, which names a port of this machine or is owned.
    fn address(&self, flag: &str, url: &str) -> Result<SocketAddr, String> {
        let wrong = || format!("{flag} {url}: not an address like http://127.0.0.1:7350");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let host = uri.host().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(wrong)?;
        let port = uri.port_u16().unwrap_or(80);
        let ip = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) => ip,
            Err(_) if host == "localhost" => Ipv4Addr::LOCALHOST.into(),
            // Names are not looked up: what one means may change between look and use.
            Err(_) => return Err(format!("{flag} {url}: give the address in numbers")),
        };
        if ip.is_loopback() || self.i_own_this_server {
            return Ok((ip, port).into());
        }
        Err(format!("{flag} {url}: not on this machine; is it yours? Then --i-own-this-server"))
    }
}
