//! The games' keys, read from their files when a server starts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::game_servers::Scope;
use protocol::ids::AppId;
use storage::clock::Micros;

use super::settings::ServerKeySettings;
use super::signature::{Claimed, Signed};
use crate::apps::AppSettings;
use crate::secret_file;

/// The least bytes of a secret, which is used as it stands in its file: as many as the HMAC's own
/// output has (RFC 2104, section 3).
pub const SECRET_BYTES: usize = 32;

/// A key of a game.
pub(super) struct Key {
    pub(super) app: AppId,
    pub(super) id: String,
    pub(super) scopes: BTreeSet<Scope>,
    pub(super) not_after: Option<Micros>,
    secret: hmac::Key,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("app", &self.app).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Key {
    fn open(app: &AppId, settings: &ServerKeySettings) -> Result<Self, String> {
        let secret = secret_file::read(&settings.secret_file)?;
        if secret.len() < SECRET_BYTES {
            let file = settings.secret_file.display();
            return Err(format!("{file}: has less than {SECRET_BYTES} bytes"));
        }
        Ok(Self {
            app: app.clone(),
            id: settings.id.clone(),
            scopes: settings.scopes.iter().copied().collect(),
            not_after: settings.not_after,
            secret: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        })
    }

    /// Its name among all games' keys.
    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.app, self.id)
    }

    /// Whether a request was signed with it. Takes as long for whatever signature.
    ///
    /// # Errors
    /// `server.signature`.
    pub(super) fn verify(&self, claimed: &Claimed, signed: &Signed<'_>) -> Result<(), ErrorBody> {
        let content = claimed.content(signed);
        hmac::verify(&self.secret, content.as_bytes(), &claimed.signature).map_err(|_| {
            let message = "the signature is not the one of this request by this key";
            ErrorBody::new(ErrorCode::ServerSignature, message)
        })
    }
}

/// The keys of all games. A clone is the same keys.
#[derive(Clone, Debug, Default)]
pub struct Keys(Arc<BTreeMap<AppId, BTreeMap<String, Arc<Key>>>>);

impl Keys {
    /// Reads the secrets of every game's keys. This reads files, so it belongs where a thread may
    /// wait.
    ///
    /// # Errors
    /// Everything that is wrong, each with the setting that it is about.
    pub fn open(apps: &BTreeMap<String, AppSettings>) -> Result<Self, Vec<String>> {
        let (mut games, mut wrong) = (BTreeMap::new(), Vec::new());
        for (word, app) in apps {
            let Ok(id) = word.parse::<AppId>() else { continue };
            let mut keys = BTreeMap::new();
            for (place, settings) in app.server_keys.iter().enumerate() {
                match Key::open(&id, settings) {
                    Ok(key) => drop(keys.insert(key.id.clone(), Arc::new(key))),
                    Err(what) => {
                        wrong.push(format!("apps.{word}.server_keys[{place}].secret_file: {what}"));
                    }
                }
            }
            games.insert(id, keys);
        }
        if wrong.is_empty() { Ok(Self(Arc::new(games))) } else { Err(wrong) }
    }

    /// A game's key.
    ///
    /// # Errors
    /// `server.key`.
    pub(super) fn find(&self, app: &str, id: &str) -> Result<Arc<Key>, ErrorBody> {
        let app = app.parse::<AppId>().ok();
        let found = app.and_then(|app| self.0.get(&app)?.get(id).cloned());
        found.ok_or_else(|| ErrorBody::new(ErrorCode::ServerKey, "the game has no key of this id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apps(file: &std::path::Path) -> BTreeMap<String, AppSettings> {
        let key = ServerKeySettings {
            id: "main".into(),
            secret_file: file.into(),
            scopes: vec![Scope::Wallet],
            not_after: None,
        };
        let app = AppSettings { server_keys: vec![key], ..AppSettings::default() };
        BTreeMap::from([("demo".to_owned(), app)])
    }

    #[test]
    fn a_secret_of_32_bytes_will_do_and_one_of_31_will_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "x".repeat(32)).unwrap();
        let keys = Keys::open(&apps(&file)).unwrap();
        assert!(keys.find("demo", "main").is_ok());
        for (app, id) in [("demo", "other"), ("other", "main"), ("NO GAME", "main"), ("", "")] {
            assert_eq!(keys.find(app, id).unwrap_err().code, ErrorCode::ServerKey);
        }
        assert!(!format!("{keys:?}").contains("xxx"));
        std::fs::write(&file, format!(" {}\n", "x".repeat(31))).unwrap();
        let wrong = Keys::open(&apps(&file)).unwrap_err();
        assert_eq!(wrong.len(), 1);
        let (setting, reason) = wrong[0].split_once(": ").unwrap();
        assert_eq!(setting, "apps.demo.server_keys[0].secret_file");
        assert!(reason.ends_with("has less than 32 bytes"), "{reason}");
        let nowhere = Keys::open(&apps(&folder.path().join("nowhere"))).unwrap_err();
        assert!(nowhere[0].contains("nowhere: "), "{nowhere:?}");
    }
}
