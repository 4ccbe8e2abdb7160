//! The games.

use async_trait::async_trait;
use protocol::ids::AppId;

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;

/// What calls about this are kept in order by.
const KEY: Key = Key::Domain("apps");

/// A game as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its word.
    pub id: AppId,
    /// Its settings, as the JSON their owner wrote.
    pub settings: String,
    /// Rises by one with each change.
    pub version: i64,
}

/// A game as the configuration file describes it.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Its word.
    pub id: AppId,
    /// Its settings, as JSON.
    pub settings: String,
    /// A digest of the description. A row is written again only when the description
    /// changed since it was last sown, so what operators changed stays.
    pub digest: Vec<u8>,
    /// The present time.
    pub now: Micros,
}

/// What a backend does for games.
#[async_trait]
pub trait AppsDuty: Send + Sync {
    /// Every game, in the order of their words.
    async fn list(&self) -> Result<Vec<App>>;
    /// Writes the game unless this very description was sown before. Says whether it wrote.
    async fn seed(&self, seed: Seed) -> Result<bool>;
}

/// The typed handle for games.
#[derive(Clone)]
pub struct Apps(pub(crate) Records);

impl Apps {
    /// As [`AppsDuty::list`].
    ///
    /// # Errors
    /// See [`StorageError`](crate::error::StorageError).
    pub async fn list(&self) -> Result<Vec<App>> {
        self.0.call(KEY, |backend| async move { backend.list().await }).await
    }

    /// As [`AppsDuty::seed`].
    ///
    /// # Errors
    /// See [`StorageError`](crate::error::StorageError).
    pub async fn seed(&self, seed: Seed) -> Result<bool> {
        self.0.call(KEY, |backend| async move { backend.seed(seed).await }).await
    }
}
