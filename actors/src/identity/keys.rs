//! The providers' public keys (JSON Web Key Sets, RFC 7517), fetched by URL and kept.
//!
//! Four rules keep a provider's bad hour, or a herd of forged tokens, from becoming ours:
//!
//! 1. A set is fresh for the `max-age` that it came with, between 5 minutes and 24 hours;
//!    1 hour if it says nothing.
//! 2. A stale set, or a key id that the set lacks, asks for a fetch: one in flight at a time for
//!    a URL, at least 10 s from one start to the next. Some providers block whoever asks more.
//! 3. A fetch that fails leaves the last good keys in use for 24 hours after they turned stale.
//! 4. An unknown key id is `Rejected` only to the caller whose own fetch came back good. To all
//!    others the set in hand may be too old to know, so they get `Unavailable` and may try again.

mod fetch;
mod jwk;
mod source;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use metrics::counter;
use parking_lot::Mutex;
use storage::clock::Clock;
use tokio::sync::watch;
use tracing::warn;

pub use self::jwk::PublicKey;
use self::source::{Landing, Source, Step, Takeoff};
use super::provider::Refusal;
use crate::outside;

/// The key sets of all providers, by URL. A clone shares the same sets.
///
/// URLs come from configuration alone, never from a token, so their number is bounded.
#[derive(Clone)]
pub struct KeyCache {
    shared: Arc<Shared>,
}

struct Shared {
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    sources: Mutex<HashMap<String, Arc<Source>>>,
}

impl KeyCache {
    /// An empty cache that fetches with `client`, which should be [`outside::http_client`]'s, and takes
    /// the time from `clock`.
    #[must_use]
    pub fn new(client: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        // The signature library picks its cryptography by its crate features and panics at the
        // first use if another crate in the build changes them. Naming it here takes that
        // choice away; an error only says that it is named already.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let sources = Mutex::default();
        Self { shared: Arc::new(Shared { client, clock, sources }) }
    }

    /// The key that the set at `url` holds under `kid`, fetched if need be.
    ///
    /// Waits for at most one fetch (5 s). Dropping the future does not stop a fetch that others
    /// wait for.
    ///
    /// # Errors
    /// - [`Refusal::Rejected`]: a set fetched for this very call has no such key.
    /// - [`Refusal::Unavailable`]: no set to judge by, or it is too early to ask for a newer one.
    pub async fn key(&self, url: &str, kid: &str) -> Result<Arc<PublicKey>, Refusal> {
        let source = self.source(url);
        match source.ask(kid, self.shared.clock.now()) {
            Step::Known(key) => Ok(key),
            Step::TooSoon(refusal) => Err(refusal),
            Step::Join(flight) => {
                landing(flight).await;
                source.settle(kid, self.shared.clock.now(), false)
            }
            Step::Fetch(takeoff, flight) => {
                self.fetch(url.to_owned(), Arc::clone(&source), takeoff);
                let good = landing(flight).await == Landing::Good;
                source.settle(kid, self.shared.clock.now(), good)
            }
        }
    }

    fn source(&self, url: &str) -> Arc<Source> {
        let mut sources = self.shared.sources.lock();
        match sources.get(url) {
            Some(source) => Arc::clone(source),
            None => Arc::clone(sources.entry(url.to_owned()).or_default()),
        }
    }

    /// Fetches in a task of its own, so that the fetch outlives the caller who caused it.
    fn fetch(&self, url: String, source: Arc<Source>, takeoff: Takeoff) {
        let client = self.shared.client.clone();
        tokio::spawn(async move {
            let fetched = fetch::key_set(&client, &url).await;
            let outcome = if fetched.is_ok() { "good" } else { "failed" };
            counter!("daemun_identity_key_fetches_total", "outcome" => outcome).increment(1);
            if let Err(error) = &fetched {
                // The host alone: a URL from the configuration may hold a secret in its path.
                let host = outside::host(&url);
                warn!(host, %error, "the keys of {host} could not be fetched");
            }
            source.land(takeoff, fetched.ok());
        });
    }
}

/// Waits for the fetch. One that vanished (its runtime is going down) counts as failed.
async fn landing(mut flight: watch::Receiver<Landing>) -> Landing {
    flight.wait_for(|landing| *landing != Landing::InAir).await.map_or(Landing::Failed, |l| *l)
}
