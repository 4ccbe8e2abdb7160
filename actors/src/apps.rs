//! The games, as they are configured and as they are used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use protocol::ids::{AppId, MemberId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::game_servers::ServerKeySettings;
use crate::identity::oidc::OidcSettings;
use crate::purchases::catalogue::{Catalogue, ProductSettings};
use crate::purchases::settings::StoresSettings;
use crate::webhooks::WebhookSettings;

/// A game's settings, as TOML describes them and as its row keeps them.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppSettings {
    /// What people call the game; empty means its word.
    pub name: String,
    /// The web origins (`https://game.example`) whose pages may connect. Clients that are
    /// not browsers send none and need none.
    pub origins: Vec<String>,
    /// The language that players are told things in where their own is missing, a BCP 47 tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The identity providers that the game logs in by. The key is the provider's word on
    /// the wire; `kind` says how it is verified: `guest`, `google`, `apple` or `oidc`. The
    /// other fields are those of [`OidcSettings`]; `google` and `apple` know most of them.
    pub providers: BTreeMap<String, Value>,
    /// How many requests a minute one login may make; unset as the server is told. At least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// How many of them may come at once; unset as the server is told. At least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_burst: Option<u32>,
    /// By which keys the game's own servers are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_keys: Vec<ServerKeySettings>,
    /// Where the game's own server is told what happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookSettings>,
    /// The stores in which the game is sold.
    #[serde(skip_serializing_if = "StoresSettings::is_default")]
    pub stores: StoresSettings,
    /// What it sells there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub products: BTreeMap<String, ProductSettings>,
    /// The members whose purchases in a store's sandbox count, by their ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub testers: Vec<String>,
}

impl fmt::Debug for AppSettings {
    /// Providers are named and not shown, because nobody has looked yet at what is in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppSettings")
            .field("name", &self.name)
            .field("origins", &self.origins)
            .field("language", &self.language)
            .field("providers", &self.providers.keys().collect::<Vec<_>>())
            .field("server_keys", &self.server_keys)
            .field("webhook", &self.webhook)
            .field("requests_per_minute", &self.requests_per_minute)
            .field("requests_burst", &self.requests_burst)
            .field("stores", &self.stores)
            .field("products", &self.products.len())
            .field("testers", &self.testers.len())
            .finish()
    }
}

/// How an identity provider's credentials are verified.
#[derive(Clone, Debug, PartialEq)]
pub enum Provider {
    /// By a secret that the server made for the device.
    Guest,
    /// By an ID token.
    Oidc(Box<OidcSettings>),
}

/// A game, checked and ready for use.
#[derive(Clone, Debug)]
pub struct Game {
    /// Its word.
    pub id: AppId,
    /// Its name.
    pub name: String,
    /// Whose pages may connect.
    pub origins: Vec<String>,
    /// The language that players are told things in where their own is missing.
    pub language: Option<String>,
    /// How its players log in.
    pub providers: BTreeMap<String, Provider>,
    /// Where its own server is told what happened.
    pub webhook: Option<WebhookSettings>,
    /// How often its players may ask.
    pub rate: RequestRate,
    /// Where it is sold.
    pub stores: StoresSettings,
    /// What is sold.
    pub catalogue: Arc<Catalogue>,
    /// Whose purchases in a sandbox count.
    pub testers: BTreeSet<MemberId>,
}

/// How often one login may ask, where a game has its own mind about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestRate {
    /// How many requests a minute.
    pub per_minute: Option<u32>,
    /// How many of them at once.
    pub burst: Option<u32>,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", self.key())]
pub struct AppProblem {
    /// The way to it from the game's own table on. An element of an array is `[0]`.
    pub path: Vec<String>,
    /// What is wrong with it. Only where the type itself is wrong is the value quoted, in
    /// serde's own words.
    pub reason: String,
}

impl AppProblem {
    fn new(path: &[&str], reason: impl Into<String>) -> Self {
        Self {
            path: path.iter().map(|&segment| segment.to_owned()).collect(),
            reason: reason.into(),
        }
    }

    /// The problem seen from further out.
    fn under(mut self, outer: &[&str]) -> Self {
        self.path.splice(0..0, outer.iter().map(|&segment| segment.to_owned()));
        self
    }

    /// The key with dots: `providers.google.audiences`.
    #[must_use]
    pub fn key(&self) -> String {
        self.path.join(".").replace(".[", "[")
    }
}

impl AppSettings {
    /// Everything that cannot be used, so that one look is enough to mend it.
    #[must_use]
    pub fn problems(&self) -> Vec<AppProblem> {
        self.check().1
    }

    /// The providers that can be used, and everything that cannot.
    fn check(&self) -> (BTreeMap<String, Provider>, Vec<AppProblem>) {
        let mut problems = Vec::new();
        for (position, origin) in self.origins.iter().enumerate() {
            if !is_origin(origin) {
                problems.push(AppProblem::new(&["origins", &format!("[{position}]")], ORIGIN));
            }
        }
        if self.language.as_deref().is_some_and(|tag| !is_language(tag)) {
            problems.push(AppProblem::new(&["language"], LANGUAGE));
        }
        let rates = [
            ("requests_per_minute", self.requests_per_minute),
            ("requests_burst", self.requests_burst),
        ];
        for (key, _) in rates.into_iter().filter(|(_, number)| *number == Some(0)) {
            problems.push(AppProblem::new(&[key], "at least 1"));
        }
        for (place, field, reason) in ServerKeySettings::problems(&self.server_keys) {
            let path = ["server_keys", &format!("[{place}]"), field];
            problems.push(AppProblem::new(&path, reason));
        }
        let webhook = self.webhook.as_ref().map(WebhookSettings::problems).unwrap_or_default();
        problems.extend(
            webhook.into_iter().map(|(field, why)| AppProblem::new(&["webhook", field], why)),
        );
        let mut providers = BTreeMap::new();
        for (word, value) in &self.providers {
            match provider(value) {
                Ok(provider) => {
                    providers.insert(word.clone(), provider);
                }
                Err(found) => {
                    let outer = ["providers", word.as_str()];
                    problems.extend(found.into_iter().map(|problem| problem.under(&outer)));
                }
            }
        }
        problems.extend(
            self.stores
                .problems()
                .into_iter()
                .map(|(path, reason)| AppProblem::new(&path, reason).under(&["stores"])),
        );
        problems.extend(Catalogue::check(&self.products).1.into_iter().map(|wrong| {
            let path: Vec<&str> = wrong.path.iter().map(String::as_str).collect();
            AppProblem::new(&path, wrong.reason).under(&["products"])
        }));
        for (position, tester) in self.testers.iter().enumerate() {
            if tester.parse::<MemberId>().is_err() {
                let at = format!("[{position}]");
                problems.push(AppProblem::new(&["testers", &at], "expected a member's id"));
            }
        }
        (providers, problems)
    }
}

impl Game {
    /// Checks a game's settings.
    ///
    /// # Errors
    /// The first of [`AppSettings::problems`].
    pub fn new(id: AppId, settings: &AppSettings) -> Result<Self, AppProblem> {
        let (providers, problems) = settings.check();
        let origins = settings.origins.clone();
        let rate = RequestRate {
            per_minute: settings.requests_per_minute,
            burst: settings.requests_burst,
        };
        let name = match settings.name.as_str() {
            "" => id.to_string(),
            name => name.to_owned(),
        };
        match problems.into_iter().next() {
            Some(first) => Err(first),
            None => Ok(Self {
                id,
                name,
                webhook: settings.webhook.clone(),
                origins,
                language: settings.language.clone(),
                providers,
                rate,
                stores: settings.stores.clone(),
                catalogue: Arc::new(Catalogue::check(&settings.products).0),
                testers: settings.testers.iter().filter_map(|id| id.parse().ok()).collect(),
            }),
        }
    }

    /// Whether it trusts keys from plain HTTP on this machine, as the simulators serve them, or
    /// stores that are played here. Production does not serve such a game.
    #[must_use]
    pub fn is_for_development(&self) -> bool {
        let keys = self.providers.values().any(|provider| match provider {
            Provider::Guest => false,
            Provider::Oidc(settings) => settings.allow_insecure_loopback,
        });
        let webhook = self.webhook.as_ref().is_some_and(|it| it.allow_insecure_loopback);
        keys || webhook || self.stores.is_for_development()
    }

    /// Whether its own server is told of its members' purchases.
    #[must_use]
    pub fn tells_of_purchases(&self) -> bool {
        self.webhook.is_some()
    }

    /// Whether a page of this origin may speak for the game.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == origin)
    }
}

/// What is said of a language that is none.
const LANGUAGE: &str = "expected a language such as \"ko\" or \"pt-BR\"";

/// Whether it looks like a BCP 47 tag.
fn is_language(tag: &str) -> bool {
    let of_tag = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (2..=35).contains(&tag.len()) && tag.bytes().all(of_tag)
}

/// What is said of an origin that is none.
const ORIGIN: &str = "expected scheme://host or scheme://host:port in lower case, without a path \
    or the scheme's own port, such as \"https://play.example.com\"";

/// Whether a browser could send this as its `Origin` (RFC 6454, section 6.2). Origins are
/// compared byte by byte, so any other form would never let a page in.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address are inside its brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    is_scheme(scheme) && is_host(host) && port.is_none_or(|port| is_port(scheme, port))
}

/// Any scheme, because pages inside an app have their own: `capacitor://localhost`.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'))
}

fn is_host(text: &str) -> bool {
    if let Some(address) = text.strip_prefix('[') {
        let address = address.strip_suffix(']').filter(|a| !a.contains(char::is_uppercase));
        return address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    // An international name is sent in its ASCII form.
    let allowed = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    !text.is_empty() && text.bytes().all(allowed)
}

fn is_port(scheme: &str, text: &str) -> bool {
    let own = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let port = text.parse::<u16>().ok().filter(|port| port.to_string() == text);
    port.is_some_and(|port| port != 0 && Some(port) != own)
}

fn provider(value: &Value) -> Result<Provider, Vec<AppProblem>> {
    let one = |path: &[&str], reason: &str| vec![AppProblem::new(path, reason)];
    let mut fields = value.as_object().cloned().ok_or_else(|| one(&[], "expected a table"))?;
    let kind = fields.remove("kind");
    let preset = match kind.as_ref().map(Value::as_str) {
        Some(Some("guest")) => return guest(&fields),
        Some(Some("google")) => OidcSettings::google(Vec::new()),
        Some(Some("apple")) => OidcSettings::apple(Vec::new()),
        Some(Some("oidc")) => OidcSettings::default(),
        Some(_) => return Err(one(&["kind"], "expected guest, google, apple or oidc")),
        None => return Err(one(&["kind"], "missing; expected guest, google, apple or oidc")),
    };
    // What the preset knows holds unless the game says otherwise.
    let mut merged = match serde_json::to_value(preset) {
        Ok(Value::Object(known)) => known,
        Ok(_) | Err(_) => Map::new(),
    };
    let mistyped: Vec<_> =
        fields.iter().filter_map(|(field, value)| mistyped(field, value)).collect();
    if !mistyped.is_empty() {
        return Err(mistyped);
    }
    merged.extend(fields);
    let settings: OidcSettings = serde_json::from_value(Value::Object(merged))
        .map_err(|error| one(&[], &error.to_string()))?;
    settings.check().map_err(|wrong| match wrong.split_once(": ") {
        Some((field, reason)) => one(&[field], reason),
        None => one(&[], &wrong),
    })?;
    Ok(Provider::Oidc(Box::new(settings)))
}

fn guest(fields: &Map<String, Value>) -> Result<Provider, Vec<AppProblem>> {
    let reason = "a guest provider has no settings but kind";
    match fields.keys().map(|field| AppProblem::new(&[field], reason)).collect::<Vec<_>>() {
        none if none.is_empty() => Ok(Provider::Guest),
        problems => Err(problems),
    }
}

/// Reads one field by itself, because serde's message does not say which field it is about.
fn mistyped(field: &str, value: &Value) -> Option<AppProblem> {
    let alone = Map::from_iter([(field.to_owned(), value.clone())]);
    let error = serde_json::from_value::<OidcSettings>(Value::Object(alone)).err()?;
    Some(AppProblem::new(&[field], error.to_string()))
}

#[cfg(test)]
mod tests;
