//! The server's settings: defaults, then a TOML file, then `DAEMUN_*` variables, then flags.
//!
//! [`Settings`] only composes: each part owns its type, its notes and its rules, and stands under
//! its own section. The layering knows nothing about the parts; it reads their keys from
//! [`Schema::sample`].
//!
//! In a variable's name `__` stands between levels: `DAEMUN_GATEWAY__LISTEN` is `gateway.listen`.
//! Case does not matter, dashes and underscores are one, and an empty value counts as not set.
//! A variable whose key ends with `_FILE` names a file in which the value stands.
//!
//! A value is a secret when its key speaks of a secret, password, passphrase, token, credential
//! or key. No error and no table shows it, nor the user and password of a URL.

mod bounds;
mod problem;
mod schema;

mod apps;
mod flags;
mod gateway;
mod limits;
mod identity;
mod log;
mod rules;
mod sessions;
mod storage;

mod layers;

mod decode;
mod explain;
mod nearest;
mod redact;
mod shape;
mod template;
mod toml_source;
mod tree;
mod unknown;
mod variable_files;
mod variable_names;
mod variables;
mod wording;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use ::storage::config::StorageSettings;
use actors::{apps::AppSettings, identity::IdentitySettings, sessions::SessionsSettings};
use serde::{Deserialize, Serialize};

pub(crate) use self::limits::Bounds;
pub use self::{
    explain::Effective,
    flags::Flags,
    gateway::{ForwardedHeader, GatewaySettings, LARGEST_FRAME_LIMIT_BYTES},
    layers::{Layers, Loaded},
    limits::{LimitsSettings, RAISED},
    log::{LogFormat, LogSettings},
    problem::{ConfigError, Problem},
    schema::{Notes, Schema},
    template::default_toml,
    variables::FlagValue,
};

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "daemun.toml";

const NOTES: &[(&str, &str)] = &[
    (
        "mode",
        "\"development\" or \"production\"; production refuses what is only fit for trying things out.",
    ),
    ("data", "Directory of the server's data; it is made if it is missing."),
    (
        "public_url",
        "Address at which players reach the server; by default made from gateway.listen, required in production.",
    ),
];

/// Everything the server can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How the server runs. Default [`Mode::Development`].
    pub mode: Mode,
    /// Directory of the server's data, relative to the working directory. Default `./daemun-data`.
    pub data: PathBuf,
    /// Address at which players reach the server, `http://` or `https://`. Unset:
    /// [`Settings::public_url`] makes it from `gateway.listen`; production has to set it.
    pub public_url: Option<String>,
    /// Listeners and connections.
    pub gateway: GatewaySettings,
    /// The log.
    pub log: LogSettings,
    /// Logins: how long they last, and where the signing keys are.
    pub identity: IdentitySettings,
    /// Sessions.
    pub sessions: SessionsSettings,
    /// The storage layer.
    pub storage: StorageSettings,
    /// The games served, by their [`AppId`](protocol::ids::AppId). Default none.
    pub apps: BTreeMap<String, AppSettings>,
}

/// How the server runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// On one's own machine: documentation and simulators are on unless switched off.
    #[default]
    Development,
    /// For players: documentation is off unless switched on, simulators are not allowed.
    Production,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            data: PathBuf::from("./daemun-data"),
            public_url: None,
            gateway: GatewaySettings::default(),
            log: LogSettings::default(),
            identity: IdentitySettings::default(),
            sessions: SessionsSettings::default(),
            storage: StorageSettings::default(),
            apps: BTreeMap::new(),
        }
    }
}

/// Where the parts are composed: a new part is a field, a default, and one line in each of these
/// three functions.
impl Schema for Settings {
    fn sample() -> Self {
        Self {
            public_url: Some("https://play.example.com".to_owned()),
            gateway: GatewaySettings::sample(),
            log: LogSettings::sample(),
            identity: IdentitySettings::sample(),
            sessions: SessionsSettings::sample(),
            storage: StorageSettings::sample(),
            apps: BTreeMap::from([("*".to_owned(), AppSettings::sample())]),
            ..Self::default()
        }
    }

    fn notes() -> Notes {
        Notes::new(NOTES)
            .with("gateway", GatewaySettings::notes())
            .with("log", LogSettings::notes())
            .with("identity", IdentitySettings::notes())
            .with("sessions", SessionsSettings::notes())
            .with("storage", StorageSettings::notes())
            .with("apps.*", AppSettings::notes())
    }

    fn validate(&self) -> Vec<Problem> {
        let mut problems = rules::across_parts(self);
        problems.extend(under("gateway", &self.gateway));
        problems.extend(under("log", &self.log));
        problems.extend(under("identity", &self.identity));
        problems.extend(under("sessions", &self.sessions));
        problems.extend(under("storage", &self.storage));
        for (key, app) in &self.apps {
            problems.extend(under(&tree::dotted(&["apps".to_owned(), key.clone()]), app));
        }
        problems
    }
}

fn under(section: &str, part: &impl Schema) -> Vec<Problem> {
    let problems = part.validate().into_iter();
    problems.map(|problem| problem.under(section)).collect()
}

impl Settings {
    /// Reads the file that `flags` or `DAEMUN_CONFIG` name, or `daemun.toml` if it is in the
    /// working directory; lays the environment and the flags over it; and checks the result.
    ///
    /// `env` is the process's environment, usually `std::env::vars_os()`.
    ///
    /// # Errors
    /// [`ConfigError::File`] when the file cannot be read, and [`ConfigError::Problems`] with
    /// everything that is wrong in any layer.
    pub fn load<K, V>(
        flags: &Flags,
        env: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Loaded<Self>, ConfigError>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let loaded = Self::layers(flags, env)?.load::<Self>()?;
        loaded.check()?;
        Ok(loaded)
    }

    /// The layers that [`Settings::load`] merges, for callers that want to look at settings that
    /// break the rules.
    ///
    /// # Errors
    /// [`ConfigError::File`] when the file cannot be read.
    pub fn layers<K, V>(
        flags: &Flags,
        env: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Layers, ConfigError>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let env: Vec<(OsString, OsString)> =
            env.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let layers = match flags.config.clone().or_else(|| file_variable(&env)) {
            Some(path) => Layers::new().file(path)?,
            None => Layers::new().file_if_present(DEFAULT_FILE)?,
        };
        Ok(layers.env(env).flags(flags.values()))
    }

    /// The address at which players reach the server, without a slash at the end.
    pub fn public_url(&self) -> String {
        let listen = self.gateway.listen;
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            // No one can connect to the wildcard address, and it listens on the loopback too.
            None if listen.ip().is_unspecified() => {
                let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port());
                format!("http://{loopback}")
            }
            None => format!("http://{listen}"),
        }
    }

    /// Whether the API documentation is served.
    pub fn docs(&self) -> bool {
        self.gateway.docs.unwrap_or(self.mode == Mode::Development)
    }

    /// Whether simulated providers and stores run.
    pub fn simulators(&self) -> bool {
        self.gateway.simulators.unwrap_or(self.mode == Mode::Development)
    }
}

fn file_variable(env: &[(OsString, OsString)]) -> Option<PathBuf> {
    let named = |name: &OsString| name.to_str().is_some_and(variable_names::is_file_variable);
    env.iter()
        .find(|(name, value)| named(name) && !value.is_empty())
        .map(|(_, value)| PathBuf::from(value))
}
