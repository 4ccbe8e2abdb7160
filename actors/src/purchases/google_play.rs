//! Google Play: one-time products.
//!
//! Evidence is `{"token": ..., "product"?: ..., "package"?: ...}`. The purchase token alone is
//! believed, and only as a question to Google; product and package, where they are there, must
//! be what Google says.
//!
//! Source: <https://developers.google.com/android-publisher/api-ref/rest>.

mod account;
mod api;
mod product;
mod push;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use protocol::client::StoreName;
use storage::clock::{Clock, Micros};

use self::account::Account;
use self::api::Api;
use self::push::Push;
use super::reply::LATER;
use super::settings::GooglePlaySettings;
use super::stores::{Parts, StoreProblem, read};
use super::verified::{State, Transaction, Verified};
use super::verifier::{Evidence, Fault, Hint, Notice, Store, TakenBack, id, reason};

/// A game at Google Play.
pub struct GooglePlay {
    package: String,
    api: Api,
    push: Push,
    clock: Arc<dyn Clock>,
}

impl GooglePlay {
    /// A game by its settings, whose file is read.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn open(settings: &GooglePlaySettings, parts: &Parts) -> Result<Self, StoreProblem> {
        let path = ["google_play", "service_account_file"];
        let file = read(&path, &settings.service_account_file)?;
        let account = Account::read(&file, settings.allow_insecure_loopback)
            .map_err(|wrong| StoreProblem::new(&path, wrong))?;
        Ok(Self {
            package: settings.package_name.clone(),
            api: Api::new(settings, account, parts),
            push: Push::new(settings, parts),
            clock: Arc::clone(&parts.clock),
        })
    }

    async fn asked(&self, token: &str) -> Result<Verified, Fault> {
        product::read(self.api.product(token).await?, token)
    }

    /// Tells the store of a grant; what it refuses is looked at again, because it may have been
    /// told before.
    async fn told(&self, transaction: &Transaction, act: Act) -> Result<(), Fault> {
        let token = id(&transaction.id)?;
        let product = match &transaction.product {
            Some(product) => id(product)?.to_owned(),
            None => self.asked(token).await?.product,
        };
        if self.api.act(&product, token, act).await? {
            return Ok(());
        }
        let now = self.asked(token).await?;
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

/// What a store can be told of a purchase.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Acknowledge,
    Consume,
}

#[async_trait]
impl Store for GooglePlay {
    fn name(&self) -> StoreName {
        StoreName::GooglePlay
    }

    async fn verify(&self, evidence: &Evidence) -> Result<Verified, Fault> {
        let token = evidence.id("token")?.ok_or(Fault::Refused(reason::EVIDENCE_SHAPE))?;
        if evidence.text("package")?.is_some_and(|package| package != self.package) {
            return Err(Fault::Refused(reason::OTHER_APP));
        }
        let purchase = self.asked(token).await?;
        match evidence.text("product")? {
            Some(product) if product != purchase.product => Err(Fault::Refused(reason::PRODUCT)),
            Some(_) | None => Ok(purchase),
        }
    }

    async fn look(&self, transaction: &Transaction) -> Result<Verified, Fault> {
        self.asked(id(&transaction.id)?).await
    }

    async fn acknowledge(&self, transaction: &Transaction) -> Result<(), Fault> {
        self.told(transaction, Act::Acknowledge).await
    }

    async fn consume(&self, transaction: &Transaction) -> Result<(), Fault> {
        self.told(transaction, Act::Consume).await
    }

    async fn notified(&self, notice: Notice<'_>) -> Result<Option<Hint>, Fault> {
        self.push.proven(notice.authorization, self.clock.now()).await?;
        push::hint(notice.body, &self.package)
    }

    async fn taken_back(&self, since: Micros, page: Option<&str>) -> Result<TakenBack, Fault> {
        let (hints, next) = self.api.voided(since, page).await?;
        Ok(TakenBack::Listed { hints, next })
    }
}
