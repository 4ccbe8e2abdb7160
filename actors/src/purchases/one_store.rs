//! ONE store (Korea), API version 7: one-time products.
//!
//! Evidence is `{"token": ..., "product": ...}`. The store answers about the pair alone: with
//! another product it knows no such purchase. Which of its two hosts knows it says whether
//! money was paid; the client has no word in that.
//!
//! Source: <https://onestore-dev.gitbook.io/dev/tools/tools/v21/06.-api>.

mod api;
mod notification;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::client::StoreName;
use sha2::{Digest, Sha256};
use storage::clock::{Clock, Micros};

use self::api::{Api, Purchase};
use super::reply::LATER;
use super::settings::OneStoreSettings;
use super::stores::{Parts, StoreProblem, read};
use super::verified::{Environment, Refund, State, Transaction, Verified};
use super::verifier::{Evidence, Fault, Hint, Notice, Store, TakenBack, id, reason};

/// After this time, in microseconds, the store gives the money back unless it was told of the
/// grant.
const SETTLE_WITHIN: i64 = 3 * 24 * 60 * 60 * 1_000_000;

/// A game at ONE store.
pub struct OneStore {
    client_id: String,
    /// Whether the sandbox is asked about a purchase that production does not know.
    sandbox: bool,
    license: ParsedPublicKey,
    api: Api,
    clock: Arc<dyn Clock>,
}

/// The licence key by which notifications are signed. The keys of the store's own samples have
/// 1024 bits, so that many are enough.
///
/// # Errors
/// What is wrong with it.
fn license(text: &[u8]) -> Result<ParsedPublicKey, &'static str> {
    const WRONG: &str = "is not an RSA public key in base64, as the console shows it";
    let der = STANDARD.decode(text.trim_ascii()).map_err(|_| WRONG)?;
    ParsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, der).map_err(|_| WRONG)
}

impl OneStore {
    /// A game by its settings, whose file is read. `sandbox` says whether purchases of the
    /// sandbox are of any use.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn open(
        settings: &OneStoreSettings,
        sandbox: bool,
        parts: &Parts,
    ) -> Result<Self, StoreProblem> {
        let path = ["one_store", "client_secret_file"];
        let secret = read(&path, &settings.client_secret_file)?;
        let secret = String::from_utf8(secret).ok().map(|text| text.trim().to_owned());
        let secret = secret.filter(|text| !text.is_empty() && !text.contains(char::is_whitespace));
        let none = || StoreProblem::new(&path, "holds no secret, or more than one");
        let path = ["one_store", "license_file"];
        let license = license(&read(&path, &settings.license_file)?)
            .map_err(|wrong| StoreProblem::new(&path, wrong))?;
        Ok(Self {
            client_id: settings.client_id.clone(),
            sandbox,
            license,
            api: Api::new(settings, secret.ok_or_else(none)?, parts),
            clock: Arc::clone(&parts.clock),
        })
    }

    /// The purchase, where it is.
    async fn asked(
        &self,
        environment: Option<Environment>,
        product: &str,
        token: &str,
    ) -> Result<Verified, Fault> {
        let environments: &[_] = match (environment, self.sandbox) {
            (Some(Environment::Production), _) | (None, false) => &[Environment::Production],
            (Some(Environment::Sandbox), _) => &[Environment::Sandbox],
            (None, true) => &[Environment::Production, Environment::Sandbox],
        };
        for &environment in environments {
            let asked_at = self.clock.now();
            if let Some(purchase) = self.api.purchase(environment, product, token).await? {
                return verified(&purchase, environment, product, token, asked_at);
            }
        }
        Err(Fault::Refused(reason::UNKNOWN))
    }

    /// Tells the store of a grant. It answers 409 to what it was told before, and to what was
    /// taken back; a look tells which.
    async fn told(&self, transaction: &Transaction, act: Act) -> Result<(), Fault> {
        let (product, token) = named(transaction)?;
        let environment = match transaction.environment {
            Some(environment) => environment,
            None => self.asked(None, product, token).await?.environment,
        };
        if self.api.act(environment, product, token, act).await? {
            return Ok(());
        }
        let now = self.asked(Some(environment), product, token).await?;
        let done = match act {
            Act::Acknowledge => now.acknowledged,
            Act::Consume => now.consumed,
        };
        match now.state {
            State::Refunded => Err(Fault::Refused(reason::REFUNDED)),
            State::Cancelled => Err(Fault::Refused(reason::CANCELLED)),
            State::Paid if done => Ok(()),
            State::Paid | State::Pending => Err(LATER),
        }
    }
}

/// What the store can be told of a purchase.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Acknowledge,
    Consume,
}

fn named(transaction: &Transaction) -> Result<(&str, &str), Fault> {
    let shape = Fault::Refused(reason::EVIDENCE_SHAPE);
    let product = id(transaction.product.as_deref().ok_or(shape)?)?;
    Ok((product, addressable(&transaction.id)?))
}

/// The store's front answers to an encoded slash with a page about nothing, so such a token
/// cannot be asked about; none is made with one.
fn addressable(token: &str) -> Result<&str, Fault> {
    match id(token)? {
        token if token.contains('/') => Err(Fault::Refused(reason::EVIDENCE_SHAPE)),
        token => Ok(token),
    }
}

fn verified(
    purchase: &Purchase,
    environment: Environment,
    product: &str,
    token: &str,
    asked_at: Micros,
) -> Result<Verified, Fault> {
    let quantity = purchase.quantity.unwrap_or(1);
    if quantity == 0 || purchase.purchase_id.is_empty() {
        return Err(LATER);
    }
    let bought_at = Micros(purchase.purchase_time.saturating_mul(1_000));
    let state = match purchase.purchase_state {
        0 => State::Paid,
        1 => State::Refunded,
        _ => return Err(LATER),
    };
    let (changed_at, refund) = match state {
        // The store does not say when. What it says now is at least as new as the question.
        State::Refunded => {
            (asked_at, Some(Refund { at: None, reason: None, basis_points: 10_000 }))
        }
        State::Paid | State::Pending | State::Cancelled => (bought_at, None),
    };
    let consumed = purchase.consumption_state == 1;
    // What is consumed is settled as well.
    let acknowledged = purchase.acknowledge_state == 1 || consumed;
    let due = state == State::Paid && !acknowledged;
    let mut digest = Sha256::new();
    digest.update(product);
    digest.update([0]);
    digest.update(token);
    Ok(Verified {
        store: StoreName::OneStore,
        environment,
        key: purchase.purchase_id.clone(),
        other_key: Some(token.to_owned()),
        transaction: Transaction {
            environment: Some(environment),
            product: Some(product.to_owned()),
            id: token.to_owned(),
        },
        order: None,
        original: None,
        product: product.to_owned(),
        kind: None,
        quantity,
        // Empty in the sandbox, null in production.
        account_token: purchase.developer_payload.clone().filter(|payload| !payload.is_empty()),
        price: None,
        at_an_offer: false,
        purchased_at: Some(bought_at),
        changed_at,
        state,
        refund,
        acknowledged,
        consumed,
        settle_by: due.then(|| Micros(bought_at.0.saturating_add(SETTLE_WITHIN))),
        evidence: digest.finalize().into(),
    })
}

#[async_trait]
impl Store for OneStore {
    fn name(&self) -> StoreName {
        StoreName::OneStore
    }

    async fn verify(&self, evidence: &Evidence) -> Result<Verified, Fault> {
        let shape = Fault::Refused(reason::EVIDENCE_SHAPE);
        let token = addressable(evidence.id("token")?.ok_or(shape)?)?;
        let product = evidence.id("product")?.ok_or(shape)?;
        self.asked(None, product, token).await
    }

    async fn look(&self, transaction: &Transaction) -> Result<Verified, Fault> {
        let (product, token) = named(transaction)?;
        self.asked(transaction.environment, product, token).await
    }

    async fn acknowledge(&self, transaction: &Transaction) -> Result<(), Fault> {
        self.told(transaction, Act::Acknowledge).await
    }

    async fn consume(&self, transaction: &Transaction) -> Result<(), Fault> {
        self.told(transaction, Act::Consume).await
    }

    async fn notified(&self, notice: Notice<'_>) -> Result<Option<Hint>, Fault> {
        notification::hint(notice.body, &self.client_id, &self.license)
    }

    async fn taken_back(&self, _since: Micros, _page: Option<&str>) -> Result<TakenBack, Fault> {
        Ok(TakenBack::LookAtEach)
    }
}
