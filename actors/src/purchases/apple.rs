//! Apple's App Store: one-time products of StoreKit 2.
//!
//! Evidence is `{"jws": ...}`, the `jwsRepresentation` of a transaction, or
//! `{"transaction": ...}`, its id, which Apple is then asked about. A signed transaction that is
//! not quite new is read again from Apple, because it may have been refunded since.
//!
//! Source: <https://developer.apple.com/documentation/appstoreserverapi>.

mod api;
mod chain;
mod notification;
mod signed;
mod transaction;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::EncodingKey;
use protocol::client::StoreName;
use storage::clock::{Clock, Micros};
use tokio::sync::Semaphore;
use tracing::error;

use self::api::{Api, Found};
use self::chain::Roots;
use self::signed::Signed;
use super::reply::LATER;
use super::settings::AppleSettings;
use super::stores::{Parts, StoreProblem, read};
use super::verified::{Environment, Transaction, Verified};
use super::verifier::{Evidence, Fault, Hint, Notice, Store, TakenBack, reason};

/// How old a signed transaction may be and be taken without asking Apple.
const NEW: Duration = Duration::from_secs(5 * 60);
/// How far Apple's clock may be ahead of ours.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// How many signatures are verified at once; each takes some milliseconds of a processor.
const AT_ONCE: usize = 4;

/// A game at Apple.
pub struct Apple {
    bundle_id: String,
    /// Whether the sandbox is asked about a transaction that production does not know.
    sandbox: bool,
    verifier: Verifier,
    api: Api,
    clock: Arc<dyn Clock>,
}

/// What verifies signatures, apart from the threads that serve everybody.
#[derive(Clone)]
struct Verifier {
    roots: Arc<Roots>,
    turns: Arc<Semaphore>,
}

impl Apple {
    /// A game by its settings, whose files are read. `sandbox` says whether purchases of the
    /// sandbox are of any use.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn open(
        settings: &AppleSettings,
        sandbox: bool,
        parts: &Parts,
    ) -> Result<Self, StoreProblem> {
        let roots = match &settings.roots_file {
            None => Roots::apple(),
            Some(file) => roots(file)?,
        };
        let pem = read(&["app_store", "key_file"], &settings.key_file)?;
        let key = signing_key(&pem)
            .ok_or_else(|| StoreProblem::new(&["app_store", "key_file"], NOT_A_KEY))?;
        let verifier =
            Verifier { roots: Arc::new(roots), turns: Arc::new(Semaphore::new(AT_ONCE)) };
        Ok(Self {
            bundle_id: settings.bundle_id.clone(),
            sandbox,
            verifier,
            api: Api::new(settings, key, parts),
            clock: Arc::clone(&parts.clock),
        })
    }

    /// What a signed transaction says, once it is proven to be Apple's and about this game.
    async fn read(&self, jws: &str) -> Result<Verified, Fault> {
        let signed = self.verifier.open(jws).await?;
        self.not_ahead(&signed)?;
        transaction::read(&signed, &self.bundle_id)
    }

    /// Apple signs nothing in the future: our clock is wrong, and with it what we make of
    /// validity.
    fn not_ahead(&self, signed: &Signed) -> Result<(), Fault> {
        if signed.at <= self.clock.now().after(AHEAD) {
            return Ok(());
        }
        error!("what Apple has signed is dated in the future; is this machine's clock right?");
        Err(LATER)
    }

    /// How Apple sees it now, `None` if that environment has no such transaction.
    async fn asked(&self, environment: Environment, id: &str) -> Result<Option<Verified>, Fault> {
        let jws = match self.api.transaction(environment, id).await? {
            Found::Here(jws) => jws,
            Found::Nowhere => return Ok(None),
        };
        let purchase = self.read(&jws).await?;
        // An answer about another transaction, or from the other environment, is no answer.
        let right = purchase.environment == environment && purchase.transaction.id == id;
        if right { Ok(Some(purchase)) } else { Err(LATER) }
    }

    async fn asked_wherever(&self, id: &str) -> Result<Verified, Fault> {
        if let Some(purchase) = self.asked(Environment::Production, id).await? {
            return Ok(purchase);
        }
        let found = match self.sandbox {
            true => self.asked(Environment::Sandbox, id).await?,
            false => None,
        };
        found.ok_or(Fault::Refused(reason::UNKNOWN))
    }

    /// Every purchase of whoever made this one, or only those that were refunded: the store's
    /// own account, for a support desk. At most [`MOST_PAGES`] pages of 20.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn history(
        &self,
        transaction: &Transaction,
        refunded_only: bool,
    ) -> Result<Vec<Verified>, Fault> {
        let id = super::verifier::id(&transaction.id)?;
        let environment = transaction.environment.unwrap_or(Environment::Production);
        let mut purchases = Vec::new();
        let mut revision = None;
        for _ in 0..MOST_PAGES {
            let page =
                self.api.history(environment, id, refunded_only, revision.as_deref()).await?;
            for jws in &page.signed_transactions {
                match self.read(jws).await {
                    Ok(purchase) => purchases.push(purchase),
                    // A subscription, for example, stands in the same history.
                    Err(Fault::Refused(_)) => {}
                    Err(fault @ (Fault::Unavailable { .. } | Fault::Misconfigured(_))) => {
                        return Err(fault);
                    }
                }
            }
            match page.revision.filter(|next| page.has_more && revision.as_ref() != Some(next)) {
                Some(next) => revision = Some(next),
                None => break,
            }
        }
        Ok(purchases)
    }
}

/// How many pages of a history are read.
pub const MOST_PAGES: usize = 50;

#[async_trait]
impl Store for Apple {
    fn name(&self) -> StoreName {
        StoreName::AppStore
    }

    async fn verify(&self, evidence: &Evidence) -> Result<Verified, Fault> {
        let Some(jws) = evidence.text("jws")? else {
            let id = evidence.id("transaction")?.ok_or(Fault::Refused(reason::EVIDENCE_SHAPE))?;
            return self.asked_wherever(id).await;
        };
        let shown = self.read(jws).await?;
        if self.clock.now() < shown.changed_at.after(NEW) {
            return Ok(shown);
        }
        let digest = shown.evidence;
        match self.asked(shown.environment, &shown.transaction.id).await? {
            Some(now) => Ok(Verified { evidence: digest, ..now }),
            // Apple has signed it, so it is not for Apple to say that there is none.
            None => Err(LATER),
        }
    }

    async fn look(&self, transaction: &Transaction) -> Result<Verified, Fault> {
        let id = super::verifier::id(&transaction.id)?;
        match transaction.environment {
            Some(environment) => {
                self.asked(environment, id).await?.ok_or(Fault::Refused(reason::UNKNOWN))
            }
            None => self.asked_wherever(id).await,
        }
    }

    /// Apple waits for no acknowledgement.
    async fn acknowledge(&self, _transaction: &Transaction) -> Result<(), Fault> {
        Ok(())
    }

    /// Finishes the transaction, for an app that did not.
    async fn consume(&self, transaction: &Transaction) -> Result<(), Fault> {
        let id = super::verifier::id(&transaction.id)?;
        let environment = match transaction.environment {
            Some(environment) => environment,
            None => self.asked_wherever(id).await?.environment,
        };
        self.api.finish(environment, id).await
    }

    async fn notified(&self, notice: Notice<'_>) -> Result<Option<Hint>, Fault> {
        let jws = notification::envelope(notice.body)?;
        self.hint(&jws).await
    }

    async fn taken_back(&self, since: Micros, page: Option<&str>) -> Result<TakenBack, Fault> {
        let until = self.clock.now();
        // The page says whose it is, because both environments have a history.
        let (environment, token) = match page {
            None => (Environment::Production, None),
            Some(page) => notification::page(page)?,
        };
        let history = self.api.notifications(environment, since, until, token).await?;
        let mut hints = Vec::new();
        for item in &history.notification_history {
            match self.hint(&item.signed_payload).await {
                Ok(hint) => hints.extend(hint),
                // One that is not understood does not hide the others.
                Err(Fault::Refused(why)) => {
                    error!(why, "a notification in Apple's history is refused");
                }
                Err(fault @ (Fault::Unavailable { .. } | Fault::Misconfigured(_))) => {
                    return Err(fault);
                }
            }
        }
        let more = history
            .pagination_token
            .filter(|next| history.has_more && Some(next.as_str()) != token);
        let next = match (environment, more) {
            (environment, Some(token)) => Some(format!("{}:{token}", environment.word())),
            (Environment::Production, None) if self.sandbox => {
                Some(format!("{}:", Environment::Sandbox.word()))
            }
            (Environment::Production | Environment::Sandbox, None) => None,
        };
        Ok(TakenBack::Listed { hints, next })
    }
}

impl Verifier {
    /// Opens what Apple signed.
    async fn open(&self, jws: &str) -> Result<Signed, Fault> {
        let (roots, jws) = (Arc::clone(&self.roots), jws.to_owned());
        let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else {
            return Err(LATER);
        };
        let opened = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            Signed::open(&jws, &roots)
        });
        opened.await.unwrap_or(Err(LATER))
    }
}

const NOT_A_KEY: &str =
    "is not a private key for ES256 (PKCS #8 in PEM), as Apple gives it in a .p8 file";

fn signing_key(pem: &[u8]) -> Option<EncodingKey> {
    let key = EncodingKey::from_ec_pem(pem).ok()?;
    // Only using it shows that it is a key of this curve.
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
    jsonwebtoken::encode(&header, &serde_json::json!({}), &key).ok().map(|_| key)
}

fn roots(file: &Path) -> Result<Roots, StoreProblem> {
    let path = ["app_store", "roots_file"];
    let pem = read(&path, file)?;
    let none = || StoreProblem::new(&path, "holds no certificate in PEM that can be a root");
    Roots::given(&pem).ok_or_else(none)
}
