//! Where a game's own server is told what happened, as the game's settings say.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::outside::check_url;

/// A game's webhook. Secrets are files, read when the server starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where notices are sent, https.
    pub url: String,
    /// The file with the secret that signs: `whsec_` and 24 to 64 bytes in base64.
    pub secret_file: PathBuf,
    /// The file with the secret that signed before and still signs too, while the game's servers
    /// move from it to the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_secret_file: Option<PathBuf>,
    /// Whether the address may be plain http to loopback; for simulators.
    pub allow_insecure_loopback: bool,
}

impl WebhookSettings {
    /// Everything that cannot be used: the field, and what is wrong with it. Files are not looked
    /// at.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let url = check_url(&self.url, self.allow_insecure_loopback).err();
        let mut problems: Vec<_> = url.map(|wrong| ("url", wrong)).into_iter().collect();
        let empty = || "must not be empty".to_owned();
        if self.secret_file.as_os_str().is_empty() {
            problems.push(("secret_file", empty()));
        }
        if self.previous_secret_file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
            problems.push(("previous_secret_file", empty()));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_named() {
        let of = |url: &str, loopback| WebhookSettings {
            url: url.into(),
            secret_file: "a".into(),
            previous_secret_file: None,
            allow_insecure_loopback: loopback,
        };
        assert_eq!(of("https://game.example/hooks?a=b", false).problems(), []);
        assert_eq!(of("http://127.0.0.1:9/", true).problems(), []);
        let wrong = WebhookSettings {
            previous_secret_file: Some("".into()),
            secret_file: "".into(),
            ..of("http://127.0.0.1:9/", false)
        };
        let wrong: Vec<_> = wrong.problems().into_iter().map(|(field, _)| field).collect();
        assert_eq!(wrong, ["url", "secret_file", "previous_secret_file"]);
        assert_eq!(of("http://game.example/", true).problems()[0].1, "must be https");
    }
}
