//! Which MongoDB keeps the game log.

use std::time::Duration;

use mongodb::error::ErrorKind;
use mongodb::options::ConnectionString;
use serde::{Deserialize, Serialize};

use super::ServerUrl;

/// The server of the game log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MongoDbSettings {
    /// Its address, `mongodb://user:password@host:27017/database`, with several hosts of one
    /// replica set if there are; the game log is in the data folder when absent.
    pub url: Option<ServerUrl>,
    /// For how many days a record is kept; 0 for ever. What is never dropped is kept for ever in
    /// any case. At most 36,500.
    pub retention_days: u32,
    /// Whether a server that starts brings the schema up to date by itself.
    pub migrate_at_start: bool,
}

impl Default for MongoDbSettings {
    fn default() -> Self {
        Self { url: None, retention_days: 400, migrate_at_start: false }
    }
}

impl MongoDbSettings {
    /// Whether a server is named.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.url.is_some()
    }

    /// How long a record is kept; `None` for ever.
    #[must_use]
    pub fn retention(&self) -> Option<Duration> {
        let day = Duration::from_secs(24 * 60 * 60);
        (self.retention_days > 0).then(|| day * self.retention_days)
    }

    /// Whether the address makes sense.
    ///
    /// # Errors
    /// The key below this part, and what is wrong with its value, without quoting it.
    pub fn check(&self) -> Result<(), (String, String)> {
        let Some(url) = &self.url else { return Ok(()) };
        let wrong = |what: &str| Err(("url".to_owned(), what.to_owned()));
        if url.expose().starts_with("mongodb+srv://") {
            return wrong("looks its hosts up in the DNS: name them, as mongodb://a,b,c/database");
        }
        match ConnectionString::parse(url.expose()) {
            Ok(parsed) if parsed.default_database.as_ref().is_some_and(|it| !it.is_empty()) => {
                Ok(())
            }
            Ok(_) => wrong("names no database: expected mongodb://user:password@host/database"),
            Err(error) => match error.kind.as_ref() {
                ErrorKind::InvalidArgument { message, .. } if is_harmless(url.expose()) => {
                    wrong(&format!("is no address of a MongoDB: {message}"))
                }
                _ => wrong(
                    "is no address of a MongoDB: expected mongodb://user:password@host/database",
                ),
            },
        }
    }
}

/// Whether a message about an address may be shown: it may quote a part, and of one with an
/// account nothing is quoted.
fn is_harmless(url: &str) -> bool {
    !url.contains('@')
}
