//! The games of the settings are written where they are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use actors::apps::AppSettings;
use sha2::{Digest, Sha256};
use storage::apps::Seed;
use storage::clock::Clock;
use storage::error::{Result, StorageError};
use storage::open::Storage;
use tokio::time::{Instant, sleep};

use super::StartError;

/// How long storage that does not answer well is asked again, all games together. What was begun
/// by then is still waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// The rest before it is asked again; it doubles with each.
const REST: Duration = Duration::from_millis(200);

pub(super) async fn seed(
    storage: &Storage,
    apps: &BTreeMap<String, AppSettings>,
    clock: &dyn Clock,
) -> Result<(), StartError> {
    let by = Instant::now() + PATIENCE;
    for (word, app) in apps {
        let id = word.parse().map_err(|error| StartError(format!("apps.{word}: {error}")))?;
        let settings = serde_json::to_string(app).map_err(|error| StartError(error.to_string()))?;
        let digest = Sha256::digest(&settings).to_vec();
        let seed = Seed { id, settings, digest, now: clock.now() };
        // The same description is written once, however often it is sown.
        let sown = persist(by, async || storage.apps.seed(seed.clone()).await).await;
        if sown.map_err(|error| StartError(format!("apps.{word}: {error}")))? {
            tracing::info!(app = word, "game {word} is written as the configuration describes it");
        }
    }
    Ok(())
}

/// Asks again while another try may mend it, and there is time to.
async fn persist<T>(by: Instant, mut ask: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let mut rest = REST;
    loop {
        match ask().await {
            Err(error) if may_be_mended(&error) && Instant::now() + rest < by => {
                tracing::warn!(%error, "the games are not written yet: {error}");
                sleep(rest).await;
                rest *= 2;
            }
            answer => return answer,
        }
    }
}

fn may_be_mended(error: &StorageError) -> bool {
    match error {
        StorageError::Overloaded
        | StorageError::Unavailable(_)
        | StorageError::OutcomeUnknown
        | StorageError::Locked
        | StorageError::Moved => true,
        StorageError::Replaced
        | StorageError::TooLong { .. }
        | StorageError::Corrupt(_)
        | StorageError::Setup(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it was asked, and what came of it, when it answers so at first and then well.
    async fn asked(error: StorageError, times: u32) -> (u32, Result<()>) {
        let mut count = 0;
        let by = Instant::now() + PATIENCE;
        let came = persist(by, async || {
            count += 1;
            if count <= times { Err(error.clone()) } else { Ok(()) }
        });
        let came = came.await;
        assert!(Instant::now() < by, "nobody rests beyond the end");
        (count, came)
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_try_may_mend_is_tried_for_so_long() {
        let away = StorageError::Unavailable("away".to_owned());
        for error in [StorageError::OutcomeUnknown, away, StorageError::Moved] {
            assert_eq!(asked(error.clone(), 1).await, (2, Ok(())));
            // Rests of 0.2 s, 0.4 s .. 6.4 s; the next would end after 25 s.
            assert_eq!(asked(error.clone(), 6).await, (7, Ok(())));
            assert_eq!(asked(error.clone(), u32::MAX).await, (7, Err(error)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_other_try_mends_is_said_at_once() {
        let corrupt = StorageError::Corrupt("app.settings".to_owned());
        assert_eq!(asked(corrupt.clone(), u32::MAX).await, (1, Err(corrupt)));
    }
}
