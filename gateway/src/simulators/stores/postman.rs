//! Brings the stores' notifications to the server, as the stores do: again and again until they
//! are taken, for a while.

use std::time::Duration;

use actors::outside::Poster;
use protocol::client::StoreName;
use tokio::time::{MissedTickBehavior, interval};

use super::{StoreNotice, Stores};

/// How often it looks for new ones.
const EVERY: Duration = Duration::from_millis(100);
/// How often each is tried.
const TRIES: u32 = 10;
/// The rest between two tries of what was not taken; longer with each.
const REST: Duration = Duration::from_secs(1);
/// The stores that send any.
const SENDERS: [StoreName; 3] = [StoreName::AppStore, StoreName::GooglePlay, StoreName::OneStore];

impl Stores {
    /// Sends every notification to `{base}/hooks/{store}/{app}`, for as long as it is polled.
    pub(in crate::simulators) async fn deliver(&self, base: &str, app: &str, by: &Poster) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for store in SENDERS {
                let Some(shelf) = self.shelf(store) else { continue };
                for event in shelf.to_send() {
                    match self.notice(store, &event, None).await {
                        Ok(Some(notice)) => {
                            let url = format!("{base}/hooks/{}/{app}", store.word());
                            try_until_taken(&url, &notice, by).await;
                        }
                        Ok(None) => {}
                        Err(error) => tracing::error!(%error, "a notification cannot be made"),
                    }
                }
            }
        }
    }
}

async fn try_until_taken(url: &str, notice: &StoreNotice, by: &Poster) {
    for tries in 1..=TRIES {
        if by.post(url, notice.authorization.as_deref(), notice.body.clone()).await {
            return;
        }
        tokio::time::sleep(REST * tries).await;
    }
    tracing::warn!(url, "a simulated notification was not taken in {TRIES} tries and is lost");
}
