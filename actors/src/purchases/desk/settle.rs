//! The stores are told of what was granted, after it was.

use std::time::Duration;

use futures_util::future::join_all;
use metrics::counter;
use storage::clock::Micros;
use storage::failpoint;
use storage::purchases::{Purchase, Settle, Settled, Settling};

use super::Desk;
use super::ask::rest_after;
use crate::purchases::verified::Transaction;
use crate::purchases::verifier::Fault;

/// How many purchases are told of at once.
pub(super) const AT_ONCE: usize = 64;
/// The longest rest before the next try: long before a store takes the money back.
const REST_MOST: Duration = Duration::from_secs(3600);
/// So long before a store takes the money back somebody is told.
const ALARM: Duration = Duration::from_secs(24 * 3600);

/// How its store is asked about a purchase.
pub(super) fn transaction(purchase: &Purchase) -> Transaction {
    Transaction {
        environment: Some(purchase.key.environment),
        product: Some(purchase.facts.product.clone()),
        id: purchase.facts.transaction.clone(),
    }
}

impl Desk {
    /// Tells stores what is to be told now. Returns how many there were.
    pub(super) async fn settle(&self, until: Micros) -> usize {
        let due = self.0.storage.purchases.to_settle(self.now(), until, AT_ONCE).await;
        let due = match due {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "what stores are to be told could not be read");
                return 0;
            }
        };
        let count = due.len();
        join_all(due.into_iter().map(|settling| self.tell_store(settling))).await;
        count
    }

    async fn tell_store(&self, settling: Settling) {
        let purchase = &settling.purchase;
        let (app, store) = (&purchase.key.app, purchase.key.store);
        let told = match self.0.shops.stores(app).await {
            Ok(stores) => match stores.store(store) {
                Some(store) => match settling.what {
                    Settle::Acknowledge => store.acknowledge(&transaction(purchase)).await,
                    Settle::Consume => store.consume(&transaction(purchase)).await,
                },
                None => Err(Fault::Misconfigured("the game is no longer sold there")),
            },
            Err(_) => Err(Fault::Misconfigured("the stores cannot be opened")),
        };
        failpoint::reached("purchases.settled");
        let what = match settling.what {
            Settle::Acknowledge => "acknowledge",
            Settle::Consume => "consume",
        };
        let (again, given_up, outcome) = match told {
            Ok(()) => (None, None, "done"),
            // There is nothing to tell any more: the money went back, or will.
            Err(Fault::Refused(reason)) => {
                tracing::warn!(%app, purchase = %purchase.id, reason, "{} does not take that purchase {} was granted: {reason}", store.word(), purchase.id);
                (None, Some(reason.to_owned()), "refused")
            }
            Err(Fault::Unavailable { retry_after_ms }) => {
                (Some(self.again(&settling, retry_after_ms)), None, "unavailable")
            }
            Err(Fault::Misconfigured(_)) => {
                (Some(self.again(&settling, 60_000)), None, "misconfigured")
            }
        };
        counter!("daemun_purchases_settled_total", "what" => what, "outcome" => outcome)
            .increment(1);
        let (member, id) = (purchase.member, purchase.id);
        let settled = Settled { member, purchase: id, what: settling.what, again, given_up };
        if let Err(error) = self.0.storage.purchases.settled(settled).await {
            // It is told once more when the lease runs out, which is harmless.
            tracing::warn!(%error, "what a store was told could not be noted");
        }
    }

    fn again(&self, settling: &Settling, retry_after_ms: u64) -> Micros {
        let purchase = &settling.purchase;
        let now = self.now();
        if let Some(by) = purchase.facts.settle_by
            && by.since(now) < ALARM
        {
            counter!("daemun_purchases_settle_late_total").increment(1);
            tracing::error!(purchase = %purchase.id, store = purchase.key.store.word(), "the store gives the money of purchase {} back in less than a day unless it is told", purchase.id);
        }
        now.after(rest_after(settling.tries, retry_after_ms).min(REST_MOST))
    }
}
