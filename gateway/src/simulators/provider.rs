//! In what the providers differ, as far as a token or a key set shows it.

use std::time::Duration;

use actors::random;
use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// A provider that is played here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    Google,
    Apple,
}

impl Provider {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Google, Self::Apple];

    /// Its word in addresses and in a game's settings, where it is the `kind` as well.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Apple => "apple",
        }
    }

    /// The demo game's client id.
    pub(super) fn audience(self) -> &'static str {
        match self {
            Self::Google => "demo.apps.sim",
            Self::Apple => "com.example.demo",
        }
    }

    /// `Cache-Control` of the key set. Google allows some hours, fewer with each answer;
    /// Apple documents none, so whoever fetches falls back to a default.
    pub(super) fn cache_control(self) -> Option<HeaderValue> {
        match self {
            Self::Google => {
                let value = "public, max-age=21600, must-revalidate, no-transform";
                Some(HeaderValue::from_static(value))
            }
            Self::Apple => None,
        }
    }

    /// How long a token is good.
    pub(super) fn life(self) -> Duration {
        match self {
            Self::Google => Duration::from_secs(60 * 60),
            Self::Apple => Duration::from_secs(24 * 60 * 60),
        }
    }

    /// The id of a key, in the provider's own length, from the digest of the key.
    pub(super) fn kid(self, digest: [u8; 32]) -> String {
        match self {
            Self::Google => hex(&digest[..20]),
            Self::Apple => hex(&digest[..5]).to_uppercase(),
        }
    }

    /// A token's header.
    pub(super) fn header(self, kid: &str) -> Map<String, Value> {
        object(match self {
            Self::Google => json!({"alg": "RS256", "kid": kid, "typ": "JWT"}),
            Self::Apple => json!({"kid": kid, "alg": "RS256"}),
        })
    }

    /// What the claim `nonce` is when the game's server gave out `raw`. At Apple the app hands
    /// the digest to the SDK, by the convention that `NonceEcho::Sha256Hex` describes.
    pub(super) fn nonce(self, raw: &str) -> String {
        match self {
            Self::Google => raw.to_owned(),
            Self::Apple => hex(&Sha256::digest(raw)),
        }
    }

    /// The claims besides those of every ID token. One of them is random, because two tokens of
    /// a real provider are never the same.
    pub(super) fn own_claims(self, subject: &str, audience: &str) -> Map<String, Value> {
        let mailbox = hex(&Sha256::digest(subject)[..6]);
        object(match self {
            Self::Google => json!({
                "azp": audience,
                "email": format!("{mailbox}@gmail.example"),
                "email_verified": true,
                "name": "Simulated Player",
                "given_name": "Simulated",
                "jti": hex(&random::bytes::<20>()),
            }),
            Self::Apple => json!({
                "c_hash": URL_SAFE_NO_PAD.encode(random::bytes::<16>()),
                "email": format!("{mailbox}@privaterelay.example"),
                "email_verified": true,
                "is_private_email": true,
                "nonce_supported": true,
                "real_user_status": 2,
            }),
        })
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
