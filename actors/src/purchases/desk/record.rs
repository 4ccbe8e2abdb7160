//! What became of purchases, counted and in the game log.

use std::time::Duration;

use metrics::counter;
use protocol::ids::AppId;
use storage::gamelog::{Event, LogRecord};
use storage::purchases::{Consumed, Heard, Hold, Purchase, Received, Source};
use uuid::Uuid;

use super::Desk;

/// How long an answer waits until the game log has the purchase safe on a disk.
const ON_RECORD: Duration = Duration::from_secs(2);

impl Desk {
    /// Counts and logs what became of a purchase.
    pub(super) fn report(&self, app: &AppId, heard: &Heard) {
        match heard {
            Heard::Owned { purchase, hold, pushed: Some(_), .. } => self.changed(purchase, *hold),
            Heard::Owned { purchase, pushed: None, .. } => self.on_record(purchase),
            Heard::Others { followed, hold, pushed, .. } => {
                counter!("daemun_purchases_of_others_total").increment(1);
                // What became of it is logged all the same.
                match followed {
                    Some(purchase) if pushed.is_some() => self.changed(purchase, *hold),
                    Some(purchase) => self.on_record(purchase),
                    None => {}
                }
            }
            Heard::Nobodys { hold: Some(hold) } => {
                counter!("daemun_purchases_held_total", "hold" => hold.word()).increment(1);
                tracing::error!(%app, hold = hold.word(), "a paid purchase of {app} is held: {}", hold.word());
            }
            Heard::Nobodys { hold: None } => {}
        }
    }

    pub(crate) fn changed(&self, purchase: &Purchase, hold: Option<Hold>) {
        let app = &purchase.key.app;
        let (state, store) = (purchase.state(), purchase.key.store);
        counter!("daemun_purchases_changed_total", "store" => store.word(), "state" => state.word())
            .increment(1);
        if let Some(hold) = hold {
            counter!("daemun_purchases_held_total", "hold" => hold.word()).increment(1);
            tracing::error!(%app, purchase = %purchase.id, hold = hold.word(), "purchase {} of {app} is held: {}", purchase.id, hold.word());
        }
        self.on_record(purchase);
    }

    /// Writes into the game log how a purchase stands. Whoever is told so says it once more, for a
    /// process may have died between the grant and the log; the record is the same, and kept once.
    pub(super) fn on_record(&self, purchase: &Purchase) {
        let event = Event::PurchaseChanged {
            purchase: purchase.id,
            state: purchase.state(),
            store: purchase.key.store,
            environment: purchase.key.environment,
            product: purchase.product.as_deref().map(str::to_owned),
            refunded_bp: purchase.refunded_bp,
        };
        self.0.storage.gamelog.record(LogRecord {
            id: purchase.record_id(),
            at: purchase.changed_at,
            app: purchase.key.app.clone(),
            member: Some(purchase.member),
            event,
        });
    }

    /// Writes into the game log that a purchase was taken, and counts it the first time.
    pub(super) fn consumed(&self, consumed: &Consumed, by_server: bool) {
        let Consumed::Done { purchase, again } = consumed else { return };
        if !again {
            counter!("daemun_purchases_consumed_total").increment(1);
        }
        self.0.storage.gamelog.record(LogRecord {
            id: purchase.consumed_id(),
            at: purchase.consumed_at.unwrap_or(purchase.changed_at),
            app: purchase.key.app.clone(),
            member: Some(purchase.member),
            event: Event::PurchaseConsumed { purchase: purchase.id, by_server },
        });
    }

    /// Writes into the game log that a member showed evidence, once however often it is shown.
    pub(super) fn shown(&self, received: &Received, reservation: Option<Uuid>) {
        let Source::Posted(member) = received.evidence.source else { return };
        self.0.storage.gamelog.record(LogRecord {
            id: received.record_id(),
            at: received.at,
            app: received.evidence.app.clone(),
            member: Some(member),
            event: Event::PurchaseSubmitted { store: received.evidence.store, reservation },
        });
    }

    /// Returns when what was said of a purchase is safe on this machine's own disk: who is told of
    /// a grant finds it in the log, whatever dies then. The log's server is never waited for, and
    /// a disk that is too slow has said so.
    /// Says whether it is.
    pub(super) async fn recorded(&self) -> bool {
        match tokio::time::timeout(ON_RECORD, self.0.storage.gamelog.flush()).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => tracing::error!(%error, "a purchase is not on record yet"),
            Err(_) => tracing::error!("a purchase is not on record yet: the disk is slow"),
        }
        false
    }
}
