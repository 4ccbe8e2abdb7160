//! What becomes of purchases without a request, told to those who are connected here.

use std::time::Duration;

use storage::purchases::Purchase;
use tokio::time::{MissedTickBehavior, interval};

use super::Sessions;
use crate::purchases::desk::Told;

/// How often the desk looks for what is due.
const EVERY: Duration = Duration::from_secs(1);
/// Each so many rounds it does what is done now and then.
const SLOWLY: u64 = 60;

impl Sessions {
    /// Has the desk do what is due, again and again, for as long as it is polled.
    pub async fn keep_desk(&self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for round in 0_u64.. {
            ticks.tick().await;
            let desk = self.context().desk.clone();
            // A task of its own: one round that fails is one round.
            let work = tokio::spawn(async move {
                let mut told = desk.round().await.told;
                if round % SLOWLY == SLOWLY - 1 {
                    told.extend(desk.slow_round().await);
                }
                told
            });
            match work.await {
                Ok(told) => told.into_iter().for_each(|told| self.tell(told)),
                Err(error) => tracing::error!(%error, "a round of the desk failed"),
            }
        }
    }

    /// Somebody of the publisher granted what was held: the game log has it.
    pub fn released(&self, purchase: &Purchase) {
        self.context().desk.changed(purchase, None);
    }

    /// Has a member's connections look.
    pub(crate) fn tell(&self, Told { member, seq }: Told) {
        self.look(member, seq);
    }
}
