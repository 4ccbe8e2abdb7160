//! Where a game is sold, as its settings say.
//!
//! Credentials are files, named here and read when the server starts: a game's settings are a
//! row of the database, and the database alone shall open no store.

use std::path::PathBuf;

use protocol::client::StoreName;
use serde::{Deserialize, Serialize};

use super::verdict::SandboxPolicy;
use crate::outside::check_url;

/// The stores of a game.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoresSettings {
    /// Whose purchases in a store's sandbox count. Default: `testers`.
    pub sandbox: SandboxPolicy,
    /// Apple's App Store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_store: Option<AppleSettings>,
    /// Google Play.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub google_play: Option<GooglePlaySettings>,
    /// ONE store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_store: Option<OneStoreSettings>,
}

/// How a game is registered at Apple.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppleSettings {
    /// The bundle id.
    pub bundle_id: String,
    /// The issuer id of App Store Connect's In-App Purchase keys.
    pub issuer_id: String,
    /// The id of one such key.
    pub key_id: String,
    /// The file of that key, as Apple gave it: `.p8`, PKCS #8 in PEM.
    pub key_file: PathBuf,
    /// Roots that are trusted in place of Apple's own, in PEM; for simulators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots_file: Option<PathBuf>,
    /// Where the App Store Server API is.
    pub api_base: String,
    /// Where its sandbox is.
    pub sandbox_api_base: String,
    /// Whether the addresses may be plain http to loopback; for simulators.
    pub allow_insecure_loopback: bool,
}

impl Default for AppleSettings {
    fn default() -> Self {
        Self {
            bundle_id: String::new(),
            issuer_id: String::new(),
            key_id: String::new(),
            key_file: PathBuf::new(),
            roots_file: None,
            api_base: "https://api.storekit.apple.com".into(),
            sandbox_api_base: "https://api.storekit-sandbox.apple.com".into(),
            allow_insecure_loopback: false,
        }
    }
}

/// How a game is registered at Google Play.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GooglePlaySettings {
    /// The package name.
    pub package_name: String,
    /// The file of the service account's key, as Google gave it: JSON.
    pub service_account_file: PathBuf,
    /// The audience of the Pub/Sub push subscription's tokens. Empty: notifications are refused.
    pub push_audience: String,
    /// The service account as which Pub/Sub pushes. Empty: notifications are refused.
    pub push_email: String,
    /// Who issues Pub/Sub's tokens.
    pub push_issuers: Vec<String>,
    /// Where the keys of those tokens are.
    pub push_jwks_url: String,
    /// Where the Android Publisher API is.
    pub api_base: String,
    /// Whether the addresses may be plain http to loopback; for simulators.
    pub allow_insecure_loopback: bool,
}

impl Default for GooglePlaySettings {
    fn default() -> Self {
        Self {
            package_name: String::new(),
            service_account_file: PathBuf::new(),
            push_audience: String::new(),
            push_email: String::new(),
            push_issuers: vec!["https://accounts.google.com".into(), "accounts.google.com".into()],
            push_jwks_url: "https://www.googleapis.com/oauth2/v3/certs".into(),
            api_base: "https://androidpublisher.googleapis.com".into(),
            allow_insecure_loopback: false,
        }
    }
}

/// How a game is registered at ONE store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneStoreSettings {
    /// The client id. The client's secret is in `client_secret_file`.
    pub client_id: String,
    /// The file that holds the client's secret and nothing else.
    pub client_secret_file: PathBuf,
    /// The file of the licence key, as the console shows it: RSA's public half in base64. It
    /// verifies notifications.
    pub license_file: PathBuf,
    /// Which market the game is sold on: `MKT_ONE` (Korea) or `MKT_GLB`.
    pub market: String,
    /// Where the API is.
    pub api_base: String,
    /// Where its sandbox is.
    pub sandbox_api_base: String,
    /// Whether the addresses may be plain http to loopback; for simulators.
    pub allow_insecure_loopback: bool,
}

impl Default for OneStoreSettings {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            client_secret_file: PathBuf::new(),
            license_file: PathBuf::new(),
            market: "MKT_ONE".into(),
            api_base: "https://iap-apis.onestore.net".into(),
            sandbox_api_base: "https://sbpp.onestore.net".into(),
            allow_insecure_loopback: false,
        }
    }
}

impl StoresSettings {
    /// Whether nothing is said of stores.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Where the game is sold.
    pub fn names(&self) -> impl Iterator<Item = StoreName> {
        let sold = [
            (StoreName::AppStore, self.app_store.is_some()),
            (StoreName::GooglePlay, self.google_play.is_some()),
            (StoreName::OneStore, self.one_store.is_some()),
        ];
        sold.into_iter().filter_map(|(name, sold)| sold.then_some(name))
    }

    /// Whether any store is one that this machine plays itself. Production serves no such game.
    #[must_use]
    pub fn is_for_development(&self) -> bool {
        let apple = self
            .app_store
            .as_ref()
            .is_some_and(|apple| apple.allow_insecure_loopback || apple.roots_file.is_some());
        let google = self.google_play.as_ref().is_some_and(|google| google.allow_insecure_loopback);
        apple || google || self.one_store.as_ref().is_some_and(|one| one.allow_insecure_loopback)
    }

    /// Everything that cannot be used: the way to it, and what is wrong with it. Files are not
    /// looked at.
    #[must_use]
    pub fn problems(&self) -> Vec<(Vec<&'static str>, String)> {
        let of = |store: &'static str, found: Vec<(&'static str, String)>| {
            found.into_iter().map(move |(field, reason)| (vec![store, field], reason))
        };
        let apple = self.app_store.as_ref().map(AppleSettings::problems).unwrap_or_default();
        let google = self.google_play.as_ref().map(GooglePlaySettings::problems);
        let one = self.one_store.as_ref().map(OneStoreSettings::problems);
        of("app_store", apple)
            .chain(of("google_play", google.unwrap_or_default()))
            .chain(of("one_store", one.unwrap_or_default()))
            .collect()
    }
}

type Problems = Vec<(&'static str, String)>;

impl AppleSettings {
    fn problems(&self) -> Problems {
        let mut problems = Vec::new();
        filled(&mut problems, "bundle_id", &self.bundle_id);
        filled(&mut problems, "issuer_id", &self.issuer_id);
        filled(&mut problems, "key_id", &self.key_id);
        filled(&mut problems, "key_file", &self.key_file.to_string_lossy());
        let loopback = self.allow_insecure_loopback;
        base(&mut problems, "api_base", &self.api_base, loopback);
        base(&mut problems, "sandbox_api_base", &self.sandbox_api_base, loopback);
        problems
    }
}

impl GooglePlaySettings {
    fn problems(&self) -> Problems {
        let mut problems = Vec::new();
        filled(&mut problems, "package_name", &self.package_name);
        let file = self.service_account_file.to_string_lossy();
        filled(&mut problems, "service_account_file", &file);
        if self.push_audience.is_empty() != self.push_email.is_empty() {
            let reason = "push_audience and push_email go together".to_owned();
            problems.push(("push_email", reason));
        }
        if self.push_issuers.is_empty() || self.push_issuers.iter().any(String::is_empty) {
            problems.push(("push_issuers", "expected at least one, none of them empty".into()));
        }
        let loopback = self.allow_insecure_loopback;
        base(&mut problems, "push_jwks_url", &self.push_jwks_url, loopback);
        base(&mut problems, "api_base", &self.api_base, loopback);
        problems
    }
}

impl OneStoreSettings {
    fn problems(&self) -> Problems {
        let mut problems = Vec::new();
        filled(&mut problems, "client_id", &self.client_id);
        let file = self.client_secret_file.to_string_lossy();
        filled(&mut problems, "client_secret_file", &file);
        filled(&mut problems, "license_file", &self.license_file.to_string_lossy());
        // With another market the store knows none of the game's purchases.
        if !["MKT_ONE", "MKT_GLB"].contains(&self.market.as_str()) {
            problems.push(("market", "expected MKT_ONE or MKT_GLB".into()));
        }
        let loopback = self.allow_insecure_loopback;
        base(&mut problems, "api_base", &self.api_base, loopback);
        base(&mut problems, "sandbox_api_base", &self.sandbox_api_base, loopback);
        problems
    }
}

fn filled(problems: &mut Problems, field: &'static str, text: &str) {
    if text.trim().is_empty() {
        problems.push((field, "must not be empty".into()));
    }
}

/// An address to which paths are added.
fn base(problems: &mut Problems, field: &'static str, url: &str, loopback: bool) {
    let wrong = match check_url(url, loopback) {
        Ok(()) if url.ends_with('/') => Some("must not end with a slash".to_owned()),
        Ok(()) if url.contains('?') => Some("must not have a query".to_owned()),
        Ok(()) => None,
        Err(wrong) => Some(wrong),
    };
    problems.extend(wrong.map(|wrong| (field, wrong)));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(value: Value) -> Vec<String> {
        let settings: StoresSettings = serde_json::from_value(value).unwrap();
        let problems = settings.problems();
        problems.iter().map(|(path, reason)| format!("{}: {reason}", path.join("."))).collect()
    }

    fn apple(field: &str, value: Value) -> Value {
        let mut apple = json!({
            "bundle_id": "a", "issuer_id": "b", "key_id": "c", "key_file": "d",
        });
        apple[field] = value;
        json!({ "app_store": apple })
    }

    #[test]
    fn without_stores_nothing_is_wrong_and_nothing_is_for_development() {
        let none = StoresSettings::default();
        assert!(none.is_default() && none.problems().is_empty() && !none.is_for_development());
        assert_eq!(none.sandbox, SandboxPolicy::Testers);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            said(json!({"app_store": {}, "google_play": {}, "one_store": {}})),
            [
                "app_store.bundle_id: must not be empty",
                "app_store.issuer_id: must not be empty",
                "app_store.key_id: must not be empty",
                "app_store.key_file: must not be empty",
                "google_play.package_name: must not be empty",
                "google_play.service_account_file: must not be empty",
                "one_store.client_id: must not be empty",
                "one_store.client_secret_file: must not be empty",
                "one_store.license_file: must not be empty",
            ]
        );
        assert!(said(apple("bundle_id", json!("x"))).is_empty());
    }

    #[test]
    fn addresses_are_https_without_a_slash_at_the_end() {
        let says = |url: &str| said(apple("api_base", json!(url)));
        assert_eq!(says("http://store.example"), ["app_store.api_base: must be https"]);
        assert_eq!(
            says("https://store.example/"),
            ["app_store.api_base: must not end with a slash"]
        );
        assert_eq!(says("https://store.example?a"), ["app_store.api_base: must not have a query"]);
        assert_eq!(
            says("http://127.0.0.1:1"),
            ["app_store.api_base: must be https; http to loopback needs allow_insecure_loopback"]
        );
    }

    #[test]
    fn a_store_that_this_machine_plays_is_for_development() {
        let for_development = |value| {
            let settings: StoresSettings = serde_json::from_value(value).unwrap();
            settings.is_for_development()
        };
        assert!(!for_development(apple("bundle_id", json!("x"))));
        assert!(for_development(apple("roots_file", json!("x"))));
        assert!(for_development(apple("allow_insecure_loopback", json!(true))));
        for store in ["google_play", "one_store"] {
            assert!(for_development(json!({store: {"allow_insecure_loopback": true}})));
            assert!(!for_development(json!({ store: {} })));
        }
    }

    #[test]
    fn pushes_are_proven_by_audience_and_email_together() {
        let google = json!({"google_play": {
            "package_name": "a", "service_account_file": "b", "push_audience": "c",
        }});
        assert_eq!(
            said(google),
            ["google_play.push_email: push_audience and push_email go together"]
        );
    }

    #[test]
    fn an_unknown_key_and_an_unknown_policy_are_errors() {
        for wrong in [
            json!({"sandbox": "some"}),
            json!({"app_store": {"bundle": "x"}}),
            json!({"steam": {}}),
        ] {
            assert!(serde_json::from_value::<StoresSettings>(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
