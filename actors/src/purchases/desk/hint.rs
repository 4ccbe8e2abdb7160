//! What a store sends of itself: kept, answered, and then asked about.

use protocol::client::StoreName;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::AppId;
use protocol::purchases::Environment;
use serde::{Deserialize, Serialize};
use storage::clock::Micros;
use storage::failpoint;
use storage::purchases::{Evidence, Shown, Source};

use super::ask::told;
use super::{Desk, LEASE, Told};
use crate::fault;
use crate::purchases::verified::Transaction;
use crate::purchases::verifier::{Fault, Happened, Hint, Notice};

/// A hint as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Hinted {
    environment: Option<Environment>,
    product: Option<String>,
    id: String,
    /// When it happened, by the store's clock.
    pub(super) at: Micros,
    reverses: bool,
}

impl Hinted {
    /// `None` of a hint that names no purchase.
    fn of(hint: &Hint) -> Option<Self> {
        let Transaction { environment, product, id } = hint.transaction.clone()?;
        let reverses = match hint.what {
            Happened::RefundReversed => true,
            Happened::Changed | Happened::Refunded | Happened::Test => false,
        };
        Some(Self { environment, product, id, at: hint.at, reverses })
    }

    /// A look at what is known, with nothing new about it.
    pub(super) fn plain(transaction: Transaction) -> Self {
        let Transaction { environment, product, id } = transaction;
        Self { environment, product, id, at: Micros(i64::MIN), reverses: false }
    }

    /// Reads what is kept.
    pub(super) fn read(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }

    pub(super) fn transaction(&self) -> Transaction {
        Transaction {
            environment: self.environment,
            product: self.product.clone(),
            id: self.id.clone(),
        }
    }

    /// Whether the store says that a refund was undone.
    pub(super) fn reverses(&self) -> bool {
        self.reverses
    }
}

impl Desk {
    /// Keeps what a store sent. What comes back asks the store about it.
    pub(super) async fn take_hint(
        &self,
        app: &AppId,
        store: StoreName,
        notice: Notice<'_>,
    ) -> Result<Option<impl Future<Output = Option<Told>> + use<>>, ErrorBody> {
        let stores = self.0.shops.stores(app).await?;
        let unknown = || {
            let message = format!("the game is not sold at {}", store.word());
            ErrorBody::new(ErrorCode::StoreUnknown, message)
        };
        let hint = stores.store(store).ok_or_else(unknown)?.notified(notice).await;
        let hint = hint.map_err(|fault| match fault {
            Fault::Refused(reason) => {
                let message = format!("this is not the store's own: {reason}");
                ErrorBody::new(ErrorCode::PurchaseRefused, message)
            }
            Fault::Unavailable { retry_after_ms } => super::answer::unavailable(retry_after_ms),
            Fault::Misconfigured(what) => {
                tracing::error!(%app, store = store.word(), what, "a notification of {} cannot be verified: {what}", store.word());
                ErrorBody::new(ErrorCode::PurchaseMisconfigured, "this store is not set up rightly")
            }
        })?;
        match hint {
            Some(hint) => self.keep_hint(app, store, &hint).await,
            None => Ok(None),
        }
    }

    /// Keeps a hint, unless it is known. What comes back asks the store about it.
    pub(super) async fn keep_hint(
        &self,
        app: &AppId,
        store: StoreName,
        hint: &Hint,
    ) -> Result<Option<impl Future<Output = Option<Told>> + use<>>, ErrorBody> {
        let Some(hinted) = Hinted::of(hint) else { return Ok(None) };
        let body = serde_json::to_string(&hinted);
        let body = body.map_err(|error| fault::internal(&error.to_string()))?;
        let (app, source) = (app.clone(), Source::Told);
        let mark = hint.id.clone();
        let evidence = Evidence { app, store, source, mark, body, reservation: None };
        let now = self.now();
        let kept = self.0.storage.purchases.receive(evidence, now, now.after(LEASE)).await;
        let received = kept.map_err(|error| fault::of_storage(&error))?;
        failpoint::reached("purchases.told");
        // What was done stays done: stores send everything more than once.
        let waits = matches!(received.shown, Shown::Waiting | Shown::Parked);
        let desk = self.clone();
        let asking = async move {
            let _place = desk.0.asking.clone().try_acquire_owned().ok()?;
            told(&desk.ask(&received).await)
        };
        Ok(waits.then_some(asking))
    }
}
