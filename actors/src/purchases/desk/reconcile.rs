//! What got lost on the way from a store is asked for.

use std::time::Duration;

use futures_util::future::join_all;
use protocol::client::StoreName;
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

    /// Reads the stores' lists of what they took back, each in its turn.
    pub(super) async fn read_lists(&self, seen: &mut Vec<Told>) {
        for (app, game) in self.0.launching.games().iter() {
            if game.stores.is_default() {
                continue;
            }
            for name in game.stores.names() {
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
                let now = self.now();
                match self.0.storage.turns.take(work, now, every).await {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(error) => {
                        tracing::warn!(%error, "whose turn it is could not be read");
                        return;
                    }
                }
                let Ok(stores) = self.0.shops.stores(app).await else { continue };
                let Some(store) = stores.store(name) else { continue };
                let mut page = None;
                for _ in 0..PAGES {
                    match store.taken_back(now.before(BACK), page.as_deref()).await {
                        Ok(TakenBack::Listed { hints, next }) => {
                            for hint in &hints {
                                self.follow_hint(app, name, hint, seen).await;
                            }
                            page = next;
                        }
                        Ok(TakenBack::LookAtEach) => page = None,
                        Err(fault) => {
                            tracing::warn!(%app, store = name.word(), %fault, "what {} took back could not be read", name.word());
                            page = None;
                        }
                    }
                    if page.is_none() {
                        break;
                    }
                }
            }
        }
    }

    async fn follow_hint(
        &self,
        app: &protocol::ids::AppId,
        store: StoreName,
        hint: &Hint,
        seen: &mut Vec<Told>,
    ) {
        match self.keep_hint(app, store, hint).await {
            Ok(Some(asking)) => seen.extend(asking.await),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "what a store took back could not be kept"),
        }
    }
}
