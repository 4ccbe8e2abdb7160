//! The identity domain's own settings.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How long logins last, and where the keys are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentitySettings {
    /// The folder of the signing keys; `keys` in the data folder unless said otherwise.
    /// Nodes of one cluster share it.
    pub keys_dir: Option<PathBuf>,
    /// The file of the key under which operators' second factors are kept; without one they are
    /// not encrypted. Nodes of one database have the same.
    pub operator_key_file: Option<PathBuf>,
    /// The file of the key before it, while second factors are kept under that.
    pub operator_previous_key_file: Option<PathBuf>,
    /// How long an access token is good, in seconds: 60 to 86400.
    pub access_token_s: u64,
    /// How long a refresh token is good, in seconds, counted from its last exchange.
    pub refresh_token_s: u64,
    /// For how long an exchange whose answer was lost is answered again alike, in seconds.
    pub refresh_repeat_s: u64,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            keys_dir: None,
            operator_key_file: None,
            operator_previous_key_file: None,
            access_token_s: 15 * 60,
            refresh_token_s: 30 * 24 * 3600,
            refresh_repeat_s: 60,
        }
    }
}
