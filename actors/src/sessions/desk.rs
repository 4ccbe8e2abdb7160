//! What becomes of purchases without a request, told to those who are connected here.

use std::time::Duration;

use protocol::client::StoreName;
use protocol::ids::{AppId, MemberId};
use storage::gamelog::Event;
use storage::members::By;
use storage::purchases::Purchase;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, interval_at};

use super::Sessions;
use crate::purchases::desk::{Desk, Told};

/// How often the desk looks for what is due.
const EVERY: Duration = Duration::from_secs(1);
/// How often it does what is done now and then.
const SLOWLY: Duration = Duration::from_secs(60);

impl Sessions {
    /// Has the desk do what is due, again and again, for as long as it is polled. What is done now
    /// and then goes its own way, so that a store's list that hangs holds up nothing else.
    pub async fn keep_desk(&self) {
        self.keep_desk_by(interval(EVERY), interval_at(Instant::now() + SLOWLY, SLOWLY)).await;
    }

    pub(super) async fn keep_desk_by(&self, rounds: Interval, slow_rounds: Interval) {
        let round = |desk: Desk| async move { desk.round().await.told };
        let slow_round = |desk: Desk| async move { desk.slow_round().await };
        tokio::join!(self.repeat(rounds, round), self.repeat(slow_rounds, slow_round));
    }

    /// One after the other.
    async fn repeat<F>(&self, mut ticks: Interval, work: impl Fn(Desk) -> F)
    where
        F: Future<Output = Vec<Told>> + Send + 'static,
    {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // A task of its own: one round that fails is one round.
            match tokio::spawn(work(self.context().desk.clone())).await {
                Ok(told) => told.into_iter().for_each(|told| self.tell(told)),
                Err(error) => tracing::error!(%error, "a round of the desk failed"),
            }
        }
    }

    /// Somebody of the publisher granted what was held: the game log has it.
    pub fn released(&self, purchase: &Purchase) {
        self.context().desk.changed(purchase, None);
    }

    /// Somebody of the publisher has a store asked again about what was parked: the game log has
    /// it, with who showed it, if a member did.
    pub fn retried(&self, app: &AppId, member: Option<MemberId>, store: StoreName, by: By) {
        self.record(app.clone(), member, Event::PurchaseRetried { store, by });
    }

    /// Has a member's connections look.
    pub(crate) fn tell(&self, Told { member, seq }: Told) {
        self.look(member, seq);
    }
}
