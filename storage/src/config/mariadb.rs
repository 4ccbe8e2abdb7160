//! Which MariaDB servers keep the truth, and which virtual shards each begins with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use protocol::ids::MemberId;
use serde::{Deserialize, Serialize};

/// The name of the server that `url` names.
pub const MAIN: &str = "main";

/// The servers of the truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MariaDbSettings {
    /// The address of the server [`MAIN`], `mysql://user:password@host:3306/database`: all that
    /// is needed when there is one.
    pub url: Option<ServerUrl>,
    /// More servers, each under a name of its own.
    pub servers: BTreeMap<String, ServerSettings>,
    /// Which server keeps what belongs to no member; the first by name when absent.
    pub home: Option<String>,
    /// How many connections to hold to read from each server, and as many to write. 1 to 1,024.
    pub connections: usize,
    /// A PEM file with the certificate authority that vouches for the servers. With it every
    /// connection uses TLS, and nobody else is believed.
    pub ca_file: Option<PathBuf>,
    /// How far a replica may lag behind its primary and still be read, in milliseconds. 1 to
    /// 60,000.
    pub replica_lag_ms: u64,
    /// Whether a server that starts brings the schema up to date by itself.
    pub migrate_at_start: bool,
}

impl Default for MariaDbSettings {
    fn default() -> Self {
        Self {
            url: None,
            servers: BTreeMap::new(),
            home: None,
            connections: 16,
            ca_file: None,
            replica_lag_ms: 5_000,
            migrate_at_start: false,
        }
    }
}

/// One server of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// Its address, `mysql://user:password@host:3306/database`.
    pub url: ServerUrl,
    /// Which virtual shards it begins with, as `0-511` or `0-99,200-299`; all when it is the
    /// only one that keeps any. From then on the servers themselves know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<String>,
    /// The server whose copy it is: what may be a little old is read from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_of: Option<String>,
}

/// A server's address. It may hold a password: it is shown without.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// Takes an address as it is.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole address, for whoever connects.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerUrl(hidden)")
    }
}

/// The servers by their parts, put together from settings that make sense.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Who keeps shards, by their names.
    pub primaries: Vec<Primary>,
    /// Copies, by their names.
    pub replicas: Vec<Replica>,
    /// The place of the primary that keeps what belongs to no member.
    pub home: usize,
}

/// A server that keeps shards.
#[derive(Debug, PartialEq, Eq)]
pub struct Primary {
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: ServerUrl,
    /// The shards that it begins with, first and last of each range.
    pub shards: Vec<(u16, u16)>,
}

/// A server that is the copy of another.
#[derive(Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: ServerUrl,
    /// The place of its primary among the primaries.
    pub of: usize,
}

/// A key below `storage.mariadb`, and what is wrong with its value.
type Wrong = (String, String);

impl MariaDbSettings {
    /// Whether any server is named.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.url.is_some() || !self.servers.is_empty()
    }

    /// The servers by their parts.
    ///
    /// # Errors
    /// All that makes no sense: each a key below this part, and what is wrong with it.
    pub fn plan(&self) -> Result<Plan, Vec<Wrong>> {
        let mut servers = self.servers.clone();
        if let Some(url) = self.url.clone() {
            let main = ServerSettings { url, shards: None, replica_of: None };
            if servers.insert(MAIN.to_owned(), main).is_some() {
                let twice = format!("names the server `{MAIN}`, and so does servers.{MAIN}");
                return Err(vec![("url".to_owned(), twice)]);
            }
        }
        let plan = parts(&servers)?;
        let home = match &self.home {
            None => 0,
            Some(name) => {
                plan.primaries.iter().position(|primary| primary.name == *name).ok_or_else(
                    || vec![("home".to_owned(), format!("`{name}` is none of the primaries"))],
                )?
            }
        };
        Ok(Plan { home, ..plan })
    }
}

fn parts(servers: &BTreeMap<String, ServerSettings>) -> Result<Plan, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let mut addresses: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, server) in servers {
        if let Some(other) = addresses.insert(server.url.expose(), name) {
            let what = format!("is the address of `{other}` too: name each server once");
            wrong.push((format!("servers.{name}.url"), what));
        }
    }
    let mut plan = Plan::default();
    let alone = servers.values().filter(|server| server.replica_of.is_none()).count() == 1;
    for (name, server) in servers.iter().filter(|(_, server)| server.replica_of.is_none()) {
        let shards = match &server.shards {
            None if alone => Ok(vec![(0, MemberId::SHARDS - 1)]),
            None => Ok(Vec::new()),
            Some(text) => ranges(text),
        };
        match shards {
            Ok(shards) => {
                let (name, url) = (name.clone(), server.url.clone());
                plan.primaries.push(Primary { name, url, shards });
            }
            Err(why) => wrong.push((format!("servers.{name}.shards"), why)),
        }
    }
    for (name, server) in servers {
        let Some(of) = &server.replica_of else { continue };
        match primary(servers, name, of) {
            Ok(primary) => {
                let place = plan.primaries.iter().position(|it| it.name == primary);
                // One whose own settings are wrong is told of already.
                plan.replicas.extend(place.map(|of| {
                    let (name, url) = (name.clone(), server.url.clone());
                    Replica { name, url, of }
                }));
            }
            Err(problem) => wrong.push(problem),
        }
    }
    if wrong.is_empty()
        && let Err(why) = whole(&plan)
    {
        wrong.push(("servers".to_owned(), why));
    }
    if wrong.is_empty() { Ok(plan) } else { Err(wrong) }
}

/// The primary that `name`, a replica of `of`, is a copy of.
fn primary<'a>(
    servers: &'a BTreeMap<String, ServerSettings>,
    name: &'a str,
    of: &'a str,
) -> Result<&'a str, Wrong> {
    let key = |key: &str| format!("servers.{name}.{key}");
    if servers.get(name).is_some_and(|server| server.shards.is_some()) {
        let names = "a replica keeps the shards of its primary and names none";
        return Err((key("shards"), names.to_owned()));
    }
    let mut seen = BTreeSet::from([name]);
    let mut next = of;
    while let Some(server) = servers.get(next) {
        if !seen.insert(next) {
            return Err((key("replica_of"), format!("goes in a circle over `{next}`")));
        }
        match &server.replica_of {
            Some(further) => next = further,
            None if next == of => return Ok(next),
            None => {
                let what = format!("`{of}` is a replica itself: name `{next}`");
                return Err((key("replica_of"), what));
            }
        }
    }
    Err((key("replica_of"), format!("`{next}` is no server here")))
}

/// Whether every shard is begun with by one server.
fn whole(plan: &Plan) -> Result<(), String> {
    let mut all: Vec<(u16, u16, &str)> = Vec::new();
    for primary in &plan.primaries {
        let name = primary.name.as_str();
        all.extend(primary.shards.iter().map(|(first, last)| (*first, *last, name)));
    }
    all.sort_unstable();
    let mut next = 0;
    let mut before = "";
    for (first, last, name) in all {
        if first > next {
            return Err(format!("shards {next} to {} are given to nobody", first - 1));
        }
        if first < next {
            let end = last.min(next - 1);
            return Err(format!("shards {first} to {end} are given to `{before}` and to `{name}`"));
        }
        (next, before) = (last + 1, name);
    }
    if next < MemberId::SHARDS {
        return Err(format!("shards {next} to {} are given to nobody", MemberId::SHARDS - 1));
    }
    Ok(())
}

/// Reads `0-99,200-299`.
fn ranges(text: &str) -> Result<Vec<(u16, u16)>, String> {
    let last = MemberId::SHARDS - 1;
    let range = |part: &str| -> Option<(u16, u16)> {
        let part = part.trim();
        let (first, end) = part.split_once('-').unwrap_or((part, part));
        let (first, end) = (first.trim().parse().ok()?, end.trim().parse().ok()?);
        (first <= end && end <= last).then_some((first, end))
    };
    text.split(',')
        .map(|part| {
            range(part).ok_or_else(|| {
                format!("expected ranges within 0-{last}, such as \"0-511\", found {text:?}")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
