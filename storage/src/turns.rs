//! Whose turn it is: work that some node does now and then, and no two at once.

use std::time::Duration;

use async_trait::async_trait;

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;

/// What calls about this are kept in order by.
const KEY: Key = Key::Domain("turns");

/// What a backend does for turns.
#[async_trait]
pub trait TurnsDuty: Send + Sync {
    /// Takes the turn of `work` if it is due, and makes it due again `every` after `now`. Says
    /// whether it was. Work is known by its word, up to 128 bytes; what was never done is due.
    async fn take_turn(&self, work: String, now: Micros, every: Duration) -> Result<bool>;
}

/// The typed handle for turns.
#[derive(Clone)]
pub struct Turns(pub(crate) Records);

impl Turns {
    /// As [`TurnsDuty::take_turn`].
    ///
    /// # Errors
    /// See [`StorageError`](crate::error::StorageError). After `OutcomeUnknown` the turn may be
    /// over without anybody having had it.
    pub async fn take(&self, work: String, now: Micros, every: Duration) -> Result<bool> {
        self.0.call(KEY, move |it| async move { it.take_turn(work, now, every).await }).await
    }
}
