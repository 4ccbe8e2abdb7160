//! What got lost on the way from a store is asked for.

use std::time::Duration;

use futures_util::future::join_all;
use protocol::client::StoreName;
use protocol::ids::AppId;
use storage::clock::Micros;
use storage::purchases::Claim;

use super::ask::told;
use super::hint::Hinted;
use super::{Desk, Told};
use crate::purchases::verified::Transaction;
use crate::purchases::verifier::{Hint, TakenBack};

/// How many claims are looked at in one round.
const LOOKS: usize = 32;
/// How often a store's list is read: Google's hourly, Apple's history of notifications four times
/// a day.
const GOOGLE_EVERY: Duration = Duration::from_secs(3600);
const EVERY: Duration = Duration::from_secs(6 * 3600);
/// How far a list is read back: what was lost for three days is found.
const BACK: Duration = Duration::from_secs(72 * 3600);
/// How long one list may take, with all that it leads to.
pub(super) const LIST_MOST: Duration = Duration::from_secs(300);
/// The most pages of a list in one round.
const PAGES: usize = 100;

impl Desk {
    /// Asks stores about claims that are due.
    pub(super) async fn look_at_claims(&self, until: Micros, seen: &mut Vec<Told>) -> usize {
        let due = self.0.storage.purchases.to_look_at(self.now(), until, LOOKS).await;
        let due = match due {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "what stores are to be asked again could not be read");
                return 0;
            }
        };
        let count = due.len();
        // Side by side, so that a store that does not answer holds up no other.
        let asked = join_all(due.into_iter().map(|look| self.look_at(look.of))).await;
        seen.extend(asked.into_iter().flatten());
        count
    }

    /// One that cannot be told now comes again when its lease runs out.
    async fn look_at(&self, claim: Claim) -> Option<Told> {
        let game = self.game(&claim.key.app).ok()?;
        let stores = self.0.shops.stores(&claim.key.app).await.ok()?;
        let store = stores.store(claim.key.store)?;
        let hinted = Hinted::plain(Transaction {
            environment: Some(claim.key.environment),
            product: Some(claim.facts.product),
            id: claim.facts.transaction,
        });
        told(&self.look(&game, store, hinted, stores.sandbox()).await)
    }

    /// Reads the stores' lists of what they took back, each in its turn, and none for longer than
    /// [`LIST_MOST`]: what was not read then is read the next time.
    pub(super) async fn read_lists(&self, seen: &mut Vec<Told>) {
        for (app, game) in self.0.launching.games().iter() {
            for name in game.stores.names() {
                match self.is_turn(app, name).await {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(error) => {
                        tracing::warn!(%error, "whose turn it is could not be read");
                        return;
                    }
                }
                let read = self.read_list(app, name, seen);
                if tokio::time::timeout(LIST_MOST, read).await.is_err() {
                    tracing::warn!(%app, store = name.word(), "the list of what {} took back was not read in time", name.word());
                }
            }
        }
    }

    async fn is_turn(&self, app: &AppId, name: StoreName) -> storage::error::Result<bool> {
        let every = match name {
            StoreName::GooglePlay => GOOGLE_EVERY,
            StoreName::AppStore
            | StoreName::OneStore
            | StoreName::GalaxyStore
            | StoreName::Huawei
            | StoreName::Amazon
            | StoreName::Steam
            | StoreName::Own => EVERY,
        };
        let work = format!("purchases.taken_back:{app}:{}", name.word());
        self.0.storage.turns.take(work, self.now(), every).await
    }

    async fn read_list(&self, app: &AppId, name: StoreName, seen: &mut Vec<Told>) {
        let Ok(stores) = self.0.shops.stores(app).await else { return };
        let Some(store) = stores.store(name) else { return };
        let since = self.now().before(BACK);
        let mut page = None;
        for _ in 0..PAGES {
            match store.taken_back(since, page.as_deref()).await {
                Ok(TakenBack::Listed { hints, next }) => {
                    for hint in &hints {
                        self.follow_hint(app, name, hint, seen).await;
                    }
                    page = next;
                }
                Ok(TakenBack::LookAtEach) => return,
                Err(fault) => {
                    tracing::warn!(%app, store = name.word(), %fault, "what {} took back could not be read", name.word());
                    return;
                }
            }
            if page.is_none() {
                return;
            }
        }
    }

    async fn follow_hint(&self, app: &AppId, store: StoreName, hint: &Hint, seen: &mut Vec<Told>) {
        match self.keep_hint(app, store, hint).await {
            Ok(Some(asking)) => seen.extend(asking.await),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "what a store took back could not be kept"),
        }
    }
}
