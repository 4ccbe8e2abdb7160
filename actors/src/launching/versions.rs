//! The versions of a game's client that are registered, by platform and store.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use protocol::client::{Platform, StoreName};
use protocol::launching::{ServiceWord, Update};
use protocol::words;
use serde::{Deserialize, Serialize};

use super::audience::Audience;
use super::localised::{Localised, address};
use super::number::VersionNumber;
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
    /// The version.
    pub version: VersionNumber,
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
pub struct Versions(HashMap<(Platform, Option<StoreName>), BTreeMap<VersionNumber, Arc<Version>>>);

impl Versions {
    pub(crate) fn put(&mut self, version: Version) {
        let shelf = self.0.entry((version.platform, version.store)).or_default();
        shelf.insert(version.version.clone(), Arc::new(version));
    }

    /// Where an audience's version is looked for: in its own store first.
    fn shelves(
        &self,
        audience: &Audience,
    ) -> impl Iterator<Item = &BTreeMap<VersionNumber, Arc<Version>>> {
        let own = audience.store.map(|store| (audience.platform, Some(store)));
        let any = (audience.platform, None);
        own.into_iter().chain([any]).filter_map(|shelf| self.0.get(&shelf))
    }

    /// The audience's version.
    #[must_use]
    pub fn of(&self, audience: &Audience) -> Option<&Arc<Version>> {
        let number = audience.version.as_ref()?;
        self.shelves(audience).find_map(|shelf| shelf.get(number))
    }

    /// The newest version in service that the audience can have.
    #[must_use]
    pub fn latest(&self, audience: &Audience) -> Option<&Arc<Version>> {
        let in_service = |version: &&Arc<Version>| version.state == VersionState::InService;
        self.shelves(audience).find_map(|shelf| shelf.values().rev().find(in_service))
    }

    /// How a client's version stands; `None` if it is not registered and others are.
    #[must_use]
    pub fn service(&self, audience: &Audience) -> Option<ServiceWord> {
        if self.0.is_empty() {
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
