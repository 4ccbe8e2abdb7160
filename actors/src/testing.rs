//! What tests of whole domains stand on: embedded storage in a folder of their own, and a
//! clock that they move.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::client::Platform;
use protocol::ids::{LoginId, MemberId};
use storage::clock::{Clock, ManualClock, Micros};
use storage::config::StorageSettings;
use storage::identity::{IdentityKey, LoginOutcome, LoginWrite, Proof};
use storage::open::Storage;
use storage::sessions::{Device, NewLogin};
use tempfile::TempDir;

use crate::identity::keyring::Keyring;
use crate::identity::tokens::{AccessTokens, Caller};
use crate::random;

/// Storage, keys and a clock.
pub(crate) struct Ground {
    pub(crate) folder: TempDir,
    pub(crate) storage: Storage,
    pub(crate) clock: Arc<ManualClock>,
}

impl Ground {
    /// With the storage actors not yet started.
    pub(crate) fn new() -> Self {
        Self::over(|data| Storage::embedded(data, &StorageSettings::default()).unwrap())
    }

    /// The same over another storage, in that folder.
    pub(crate) fn over(open: impl FnOnce(&Path) -> Storage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = open(&folder.path().join("data"));
        let clock = Arc::new(ManualClock::new(Micros::from_seconds(1_800_000_000)));
        Self { folder, storage, clock }
    }

    pub(crate) fn tokens(&self) -> AccessTokens {
        let keys = self.folder.path().join("keys");
        Keyring::prepare(&keys, self.clock.now(), false).unwrap();
        let life = Duration::from_secs(900);
        AccessTokens::open(keys, false, "http://here".into(), life, self.clock.clone()).unwrap()
    }

    /// Logs a person in who is named by a number, and says who is calling then.
    pub(crate) async fn log_in(&self, person: u16) -> Caller {
        self.log_in_to("demo", person).await
    }

    /// The same to a game of that word.
    pub(crate) async fn log_in_to(&self, app: &str, person: u16) -> Caller {
        let (now, other) = (self.clock.now(), i64::from(app != "demo"));
        let login = NewLogin {
            id: LoginId(random::uuid(now)),
            provider: "test".into(),
            device: Device {
                platform: Platform::Linux,
                store: None,
                name: None,
                version: "1".into(),
                said: Box::default(),
            },
            tag: random::bytes(),
            token: random::bytes(),
            expires_at: now.after(Duration::from_secs(3600)),
            now,
        };
        let app: protocol::ids::AppId = app.parse().unwrap();
        let write = LoginWrite {
            key: IdentityKey {
                app: app.clone(),
                provider: "test".into(),
                subject: person.to_string(),
            },
            proof: Proof::Vouched,
            nonce: None,
            // Another game's members are others.
            candidate: MemberId::compose(person, now.0 / 1_000 + other, person),
            login: login.clone(),
        };
        let LoginOutcome::LoggedIn { member, .. } =
            self.storage.identity.login(write).await.unwrap()
        else {
            panic!("the login is refused")
        };
        Caller {
            app,
            member: member.id,
            login: login.id,
            expires_at: login.expires_at,
            client: None,
        }
    }
}
