//! Who is told what: clients that nothing here tells apart are one *audience*.
//!
//! What players are told of versions and maintenance hangs on the game, platform, store, version,
//! country and language, and on whether the client tests. Connections of one audience share it,
//! so that what many are told is decided once for all of them, and costs each a pointer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use protocol::client::{Client, Platform, StoreName};
use protocol::ids::AppId;
use protocol::text::Text;
use serde::{Deserialize, Serialize};

use super::number::VersionNumber;

/// Clients that are told the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Audience {
    /// The game.
    pub app: AppId,
    /// The system.
    pub platform: Platform,
    /// Where it was installed from.
    pub store: Option<StoreName>,
    /// The version, if it is one.
    pub version: Option<VersionNumber>,
    /// The country, in capitals.
    pub country: Option<Text<2>>,
    /// The language.
    pub lang: Option<Text<35>>,
    /// By what it was let in during a maintenance when it came; `None` of who was no tester.
    pub badge: Option<Badge>,
}

/// By what a tester is known. Whoever shows one is an audience with few others: the list of testers
/// may be changed while he is here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Badge {
    /// The installation's own id.
    pub device_id: Option<Text<64>>,
    /// The address that he came from.
    pub from: IpAddr,
}

impl Audience {
    /// The audience of a client.
    #[must_use]
    pub fn of(app: &AppId, client: &Client, badge: Option<Badge>) -> Self {
        let capitals = |country: &Text<2>| Text::new(&country.to_ascii_uppercase()).ok();
        Self {
            app: app.clone(),
            platform: client.platform,
            store: client.store,
            version: client.version.parse().ok(),
            country: client.country.as_ref().and_then(capitals),
            lang: client.lang.clone(),
            badge,
        }
    }

    /// Whether it was a tester when it came.
    #[must_use]
    pub fn came_as_tester(&self) -> bool {
        self.badge.is_some()
    }
}

/// Who asks: a client, from where.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The client.
    pub client: &'a Client,
    /// The address that it comes from.
    pub from: IpAddr,
}

/// What an access token says of the client that it was given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientClaim {
    /// The platform.
    #[serde(rename = "p")]
    pub platform: Platform,
    /// The store.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreName>,
    /// The version.
    #[serde(rename = "v")]
    pub version: Text<32>,
    /// The country.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Text<2>>,
    /// The language.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<Text<35>>,
    /// The installation's own id.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<Text<64>>,
}

impl From<&Client> for ClientClaim {
    fn from(client: &Client) -> Self {
        Self {
            platform: client.platform,
            store: client.store,
            version: client.version.clone(),
            country: client.country.clone(),
            lang: client.lang.clone(),
            device_id: client.device_id.clone(),
        }
    }
}

impl From<&ClientClaim> for Client {
    fn from(claim: &ClientClaim) -> Self {
        Self {
            app: None,
            version: claim.version.clone(),
            platform: claim.platform,
            store: claim.store,
            device: None,
            device_id: claim.device_id.clone(),
            lang: claim.lang.clone(),
            country: claim.country.clone(),
        }
    }
}

/// How many audiences are kept at least before those that nobody is of are looked for.
const FEW: usize = 64;

/// The audiences of those who are connected.
#[derive(Default)]
pub(crate) struct Audiences(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    all: HashMap<Audience, Weak<Audience>>,
    /// With how many it is looked for those that are gone.
    sweep_at: usize,
}

impl Audiences {
    /// The one that all who are alike share. Those that nobody is of any more are forgotten
    /// whenever their number has doubled.
    pub(crate) fn share(&self, audience: Audience) -> Arc<Audience> {
        let mut kept = self.0.lock();
        if let Some(shared) = kept.all.get(&audience).and_then(Weak::upgrade) {
            return shared;
        }
        if kept.all.len() >= kept.sweep_at.max(FEW) {
            kept.all.retain(|_, weak| weak.strong_count() > 0);
            kept.sweep_at = 2 * kept.all.len();
        }
        let shared = Arc::new(audience.clone());
        kept.all.insert(audience, Arc::downgrade(&shared));
        shared
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.0.lock().all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(version: &str) -> Client {
        Client {
            app: None,
            version: Text::new(version).unwrap(),
            platform: Platform::Android,
            store: None,
            device: Some(Text::new("a phone").unwrap()),
            device_id: Some(Text::new("7").unwrap()),
            lang: None,
            country: Some(Text::new("kr").unwrap()),
        }
    }

    #[test]
    fn who_is_alike_shares_one_and_who_is_gone_is_forgotten() {
        let (audiences, app) = (Audiences::default(), "demo".parse().unwrap());
        let share = |version: &str| audiences.share(Audience::of(&app, &client(version), None));
        let one = share("1.0");
        assert!(Arc::ptr_eq(&one, &share("1.0")));
        assert!(!Arc::ptr_eq(&one, &share("1.0.1")));
        assert_eq!(one.country.as_deref(), Some("KR"));
        for number in 0..10 * FEW {
            share(&format!("2.{number}"));
        }
        assert!(audiences.count() <= FEW, "{}", audiences.count());
        assert!(Arc::ptr_eq(&one, &share("1.0")), "who is there stays");
    }
}
