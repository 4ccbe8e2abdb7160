//! The versions of a game's client that are registered, by platform and store.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use protocol::client::{Platform, StoreName};
use protocol::launching::{ServiceWord, Update};
use protocol::words;
use serde::{Deserialize, Serialize};

use super::audience::Audience;
use super::localised::{Localised, address};
use super::number::{VersionNumber, Which};
use crate::office::Refused;

words! {
    /// What operators make of a version.
    VersionState {
        /// It is being tested.
        Test = "test",
        /// It is a beta.
        Beta = "beta",
        /// Its store reviews it.
        InReview = "in_review",
        /// It is in service.
        InService = "in_service",
        /// It is in service, and there is a newer one.
        UpdateRecommended = "update_recommended",
        /// It must be updated.
        UpdateRequired = "update_required",
        /// Its service has ended.
        Closed = "closed",
        /// It is kept out.
        Blocked = "blocked",
    }
}

impl VersionState {
    /// What a client of such a version is told.
    #[must_use]
    pub fn service(self) -> ServiceWord {
        match self {
            Self::Test => ServiceWord::Test,
            Self::Beta => ServiceWord::Beta,
            Self::InReview => ServiceWord::InReview,
            Self::InService => ServiceWord::InService,
            Self::UpdateRecommended => ServiceWord::UpdateRecommended,
            Self::UpdateRequired => ServiceWord::UpdateRequired,
            Self::Closed => ServiceWord::Closed,
            Self::Blocked => ServiceWord::Blocked,
        }
    }
}

/// A registered version, as its document says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The version, or all that are not registered themselves.
    pub version: Which,
    /// The system it is for.
    pub platform: Platform,
    /// The store it is in; `None` stands for every store in which it is not registered itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreName>,
    /// How it stands.
    pub state: VersionState,
    /// What its players are told of it.
    #[serde(default)]
    pub message: Localised,
    /// Where it is to be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where it is served, if not where all are: a websocket's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_address: Option<String>,
}

impl Version {
    /// The name under which it is registered once in its game.
    #[must_use]
    pub fn handle(&self) -> String {
        let store = self.store.map_or("any", StoreName::word);
        format!("{}/{store}/{}", self.platform.word(), self.version.canonical())
    }

    /// # Errors
    /// `Invalid`, naming the field.
    pub(crate) fn check(&self) -> Result<(), Refused> {
        self.message.check("message")?;
        address("url", self.url.as_deref(), &["https", "http", "market", "itms-apps"])?;
        address("server_address", self.server_address.as_deref(), &["wss", "ws"])
    }
}

/// The versions of one game.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Versions(HashMap<(Platform, Option<StoreName>), Shelf>);

/// Those of a platform and a store.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shelf {
    numbered: BTreeMap<VersionNumber, Arc<Version>>,
    /// What holds for those that have no place of their own.
    any: Option<Arc<Version>>,
}

impl Versions {
    pub(crate) fn put(&mut self, version: Version) {
        let shelf = self.0.entry((version.platform, version.store)).or_default();
        match version.version.clone() {
            Which::One(number) => drop(shelf.numbered.insert(number, Arc::new(version))),
            Which::Any => shelf.any = Some(Arc::new(version)),
        }
    }

    /// Where an audience's version is looked for: in its own store first.
    fn shelves(&self, audience: &Audience) -> impl Iterator<Item = &Shelf> {
        let own = audience.store.map(|store| (audience.platform, Some(store)));
        let any = (audience.platform, None);
        own.into_iter().chain([any]).filter_map(|shelf| self.0.get(&shelf))
    }

    /// What is registered of the audience's version: by its number, or else of any.
    #[must_use]
    pub fn of(&self, audience: &Audience) -> Option<&Arc<Version>> {
        let numbered = |number| self.shelves(audience).find_map(|it| it.numbered.get(number));
        let any = || self.shelves(audience).find_map(|shelf| shelf.any.as_ref());
        audience.version.as_ref().and_then(numbered).or_else(any)
    }

    /// The newest version in service that the audience can have.
    #[must_use]
    pub fn latest(&self, audience: &Audience) -> Option<&Arc<Version>> {
        let in_service = |version: &&Arc<Version>| version.state == VersionState::InService;
        self.shelves(audience).find_map(|shelf| shelf.numbered.values().rev().find(in_service))
    }

    /// How a client's version stands; `None` if it is not registered and others of its platform
    /// are.
    #[must_use]
    pub fn service(&self, audience: &Audience) -> Option<ServiceWord> {
        if !self.0.keys().any(|(platform, _)| *platform == audience.platform) {
            return Some(ServiceWord::InService);
        }
        self.of(audience).map(|version| version.state.service())
    }

    /// What the players of an audience are told of their version.
    #[must_use]
    pub fn message(&self, audience: &Audience, default: Option<&str>) -> Option<String> {
        let version = self.of(audience)?;
        version.message.told(audience.lang.as_deref(), default).map(str::to_owned)
    }

    /// The update that there is for an audience, in whose words its version says it.
    #[must_use]
    pub fn update(&self, audience: &Audience, default: Option<&str>) -> Update {
        let (own, latest) = (self.of(audience), self.latest(audience));
        let url = |version: &Arc<Version>| version.url.clone();
        Update {
            latest: latest.map(|latest| latest.version.to_string()),
            url: latest.and_then(url).or_else(|| own.and_then(url)),
            message: self.message(audience, default),
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::client::Client;
    use serde_json::json;

    use super::*;

    fn versions(all: &[(&str, &str, Option<&str>, &str)]) -> Versions {
        let mut versions = Versions::default();
        for (version, platform, store, state) in all {
            let body = json!({
                "version": version, "platform": platform, "store": store, "state": state,
            });
            versions.put(serde_json::from_value(body).unwrap());
        }
        versions
    }

    fn word(versions: &Versions, version: &str, platform: &str) -> Option<&'static str> {
        let client = json!({ "version": version, "platform": platform, "store": "google_play" });
        let client: Client = serde_json::from_value(client).unwrap();
        let audience = Audience::of(&"demo".parse().unwrap(), &client, None);
        versions.service(&audience).map(ServiceWord::word)
    }

    #[test]
    fn a_platform_of_which_nothing_is_registered_is_in_service() {
        let all = versions(&[("1.0", "android", Some("one_store"), "in_service")]);
        assert_eq!(word(&all, "1.0", "android"), None, "it is of another store");
        assert_eq!(word(&all, "1.0", "ios"), Some("in_service"));
        assert_eq!(word(&versions(&[]), "banana", "android"), Some("in_service"));
    }

    #[test]
    fn any_is_whatever_is_not_registered_itself_in_its_own_store_first() {
        let all = versions(&[
            ("any", "android", None, "update_recommended"),
            ("1.0", "android", None, "blocked"),
            ("2.0", "android", Some("google_play"), "beta"),
        ]);
        for (version, state) in [
            ("1.0.0", "blocked"),
            ("2.0", "beta"),
            ("3", "update_recommended"),
            ("x", "update_recommended"),
        ] {
            assert_eq!(word(&all, version, "android"), Some(state), "{version}");
        }
        let all = versions(&[
            ("any", "android", None, "closed"),
            ("any", "android", Some("google_play"), "update_required"),
            ("1.0", "android", None, "in_service"),
        ]);
        assert_eq!(word(&all, "1.0", "android"), Some("in_service"), "a number says more");
        assert_eq!(word(&all, "0.9", "android"), Some("update_required"));
    }

    #[test]
    fn of_versions_only_numbers_and_any_are_spoken() {
        let which = |text: &str| serde_json::from_value::<Which>(json!(text));
        assert_eq!(which("any").unwrap(), Which::Any);
        assert_eq!(json!(which("1.20.0").unwrap()), json!("1.20.0"));
        for text in ["Any", "all", "", "1.x", "*"] {
            let error = which(text).unwrap_err().to_string();
            assert!(error.contains("`any`") && error.contains(&format!("`{text}`")), "{error}");
        }
    }
}
