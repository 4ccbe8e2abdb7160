//! A key of a game's server, as the game's settings say.

use std::collections::BTreeSet;
use std::path::PathBuf;

use protocol::game_servers::Scope;
use serde::{Deserialize, Serialize};
use storage::clock::Micros;

/// The most keys of one game: rotating takes two of each.
const MOST: usize = 16;
/// The longest id, in bytes.
const ID_BYTES: usize = 64;

/// One key. The secret is in a file: a game's settings are a row of the database, and the
/// database alone shall open no door.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerKeySettings {
    /// By which requests name it: 1 to 64 letters, digits, `.`, `_` and `-`.
    pub id: String,
    /// The file that holds its secret and nothing else: a line of 32 bytes or more.
    pub secret_file: PathBuf,
    /// What it may be used for; at least one.
    pub scopes: Vec<Scope>,
    /// When it stops to be good; unset: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Micros>,
}

impl ServerKeySettings {
    /// Everything that cannot be used of a game's keys: the key's place, the field, and what is
    /// wrong with it. Files are not looked at.
    #[must_use]
    pub fn problems(keys: &[Self]) -> Vec<(usize, &'static str, String)> {
        let (mut problems, mut ids) = (Vec::new(), BTreeSet::new());
        for (place, key) in keys.iter().enumerate() {
            let mut wrong = |field, reason: &str| problems.push((place, field, reason.to_owned()));
            if !is_id(&key.id) {
                wrong("id", "expected 1 to 64 letters, digits, `.`, `_` or `-`");
            } else if !ids.insert(&key.id) {
                wrong("id", "names two keys of this game");
            }
            if key.secret_file.as_os_str().is_empty() {
                wrong("secret_file", "must not be empty");
            }
            if key.scopes.is_empty() {
                wrong("scopes", "at least one is needed");
            }
            if place == MOST {
                wrong("id", "is of one key more than the 16 that a game may have");
            }
        }
        problems
    }
}

fn is_id(id: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=ID_BYTES).contains(&id.len()) && id.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> ServerKeySettings {
        ServerKeySettings {
            id: id.into(),
            secret_file: "a".into(),
            scopes: vec![Scope::Wallet],
            not_after: None,
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert_eq!(ServerKeySettings::problems(&[key("a"), key("b.B-2_")]), []);
        let wrong = [ServerKeySettings::default(), key("a"), key("a"), key("a b")];
        let said = ServerKeySettings::problems(&wrong);
        let said: Vec<_> = said.iter().map(|(place, field, _)| (*place, *field)).collect();
        assert_eq!(said, [(0, "id"), (0, "secret_file"), (0, "scopes"), (2, "id"), (3, "id")]);
    }

    #[test]
    fn a_game_has_sixteen_keys_and_no_more() {
        let keys: Vec<_> = (0..18).map(|n| key(&n.to_string())).collect();
        assert_eq!(ServerKeySettings::problems(&keys[..16]), []);
        assert_eq!(ServerKeySettings::problems(&keys).len(), 1, "it is said once");
    }

    #[test]
    fn a_scope_that_there_is_not_is_an_error() {
        let read = |scope: &str| {
            let key = serde_json::json!({"id": "a", "secret_file": "b", "scopes": [scope]});
            serde_json::from_value::<ServerKeySettings>(key)
        };
        assert!(read("wallet").is_ok() && read("everything").is_err());
    }
}
