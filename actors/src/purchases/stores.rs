//! The stores of one game, opened.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use metrics::counter;
use protocol::client::StoreName;
use storage::clock::Clock;

use super::apple::Apple;
use super::google_play::GooglePlay;
use super::one_store::OneStore;
use super::settings::StoresSettings;
use super::verdict::{Question, SandboxPolicy, Verdict};
use super::verifier::Store;
use crate::identity::keys::KeyCache;

/// The largest file of credentials, in bytes; real ones have 2 to 3 KiB.
const MAX_FILE: u64 = 64 * 1024;

/// What every store needs.
#[derive(Clone)]
pub struct Parts {
    /// Asks stores; [`crate::outside::http_client`]'s.
    pub client: reqwest::Client,
    /// The keys of those who push.
    pub keys: KeyCache,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A store cannot be opened. Shows nothing of what is in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stores.{}: {reason}", path.join("."))]
pub struct StoreProblem {
    /// The setting, from the game's `stores` on.
    pub path: Vec<String>,
    /// What is wrong.
    pub reason: String,
}

impl StoreProblem {
    pub(super) fn new(path: &[&str], reason: impl Into<String>) -> Self {
        let path = path.iter().map(|&name| name.to_owned()).collect();
        Self { path, reason: reason.into() }
    }
}

/// Reads a file of credentials.
pub(super) fn read(path: &[&str], file: &Path) -> Result<Vec<u8>, StoreProblem> {
    let told = |what: String| StoreProblem::new(path, format!("{}: {what}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| told(error.to_string()))?.len();
    if size > MAX_FILE {
        return Err(told(format!("has more than {MAX_FILE} bytes")));
    }
    std::fs::read(file).map_err(|error| told(error.to_string()))
}

/// The stores of one game. A clone is the same stores.
#[derive(Clone, Default)]
pub struct Stores {
    sandbox: SandboxPolicy,
    stores: BTreeMap<&'static str, Arc<dyn Store>>,
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.stores.keys()).finish()
    }
}

impl Stores {
    /// Opens every store of a game: reads the credentials and looks at their form. No store is
    /// asked. This reads files, so it belongs where a thread may wait.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn open(settings: &StoresSettings, parts: &Parts) -> Result<Self, Vec<StoreProblem>> {
        let mut problems: Vec<_> = settings
            .problems()
            .into_iter()
            .map(|(path, reason)| StoreProblem::new(&path, reason))
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let sandbox = settings.sandbox != SandboxPolicy::Reject;
        let mut stores: BTreeMap<&'static str, Arc<dyn Store>> = BTreeMap::new();
        let mut add = |opened: Result<Arc<dyn Store>, StoreProblem>| match opened {
            Ok(store) => drop(stores.insert(store.name().word(), store)),
            Err(problem) => problems.push(problem),
        };
        if let Some(settings) = &settings.app_store {
            add(Apple::open(settings, sandbox, parts).map(|store| Arc::new(store) as _));
        }
        if let Some(settings) = &settings.google_play {
            add(GooglePlay::open(settings, parts).map(|store| Arc::new(store) as _));
        }
        if let Some(settings) = &settings.one_store {
            add(OneStore::open(settings, sandbox, parts).map(|store| Arc::new(store) as _));
        }
        match problems.is_empty() {
            true => Ok(Self { sandbox: settings.sandbox, stores }),
            false => Err(problems),
        }
    }

    /// One store as a test has it.
    #[cfg(test)]
    pub(crate) fn of(store: Arc<dyn Store>) -> Self {
        let stores = [(store.name().word(), store)].into();
        Self { sandbox: SandboxPolicy::Reject, stores }
    }

    /// A store, if the game is sold there.
    #[must_use]
    pub fn store(&self, name: StoreName) -> Option<&Arc<dyn Store>> {
        self.stores.get(name.word())
    }

    /// Where the game is sold.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.stores.keys().copied()
    }

    /// Whose purchases in a sandbox count.
    #[must_use]
    pub fn sandbox(&self) -> SandboxPolicy {
        self.sandbox
    }

    /// Asks a store about what a client shows, and judges the answer by the game's rules. `None`
    /// if the game is not sold there.
    pub async fn verify(&self, name: StoreName, question: Question<'_>) -> Option<Verdict> {
        let store = self.store(name)?;
        let said = store.verify(question.evidence).await;
        let verdict = Verdict::of(said, self.sandbox, &question);
        let (store, word) = (name.word(), verdict.word());
        counter!("daemun_purchase_verdicts_total", "store" => store, "verdict" => word)
            .increment(1);
        Some(verdict)
    }
}
