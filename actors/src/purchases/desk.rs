//! The desk: where purchases come in, from players and from stores, and are seen through.
//!
//! What is shown is kept before any store is asked, and from then on it is the desk's to finish:
//! whoever showed it merely waits. A store is never asked from an actor's mailbox.

mod answer;
mod ask;
mod hint;
mod reconcile;
mod record;
mod round;
mod settle;
mod word;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use protocol::client::StoreName;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::purchases::{
    ConsumeReply, Kind, ReserveReply, SubmitReply, SubmitRequest, UnconsumedReply,
};
use storage::clock::{Clock, Micros};
use storage::failpoint;
use storage::gamelog::{Event, LogRecord};
use storage::open::Storage;
use storage::purchases::{
    ConsumeWrite, Consumed, Evidence, HistoryRead, Purchase, Received, Shown, Source, account_token,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::stores::Stores;
use super::verifier::{MAX_EVIDENCE, Notice};
use crate::apps::Game;
use crate::launching::Launching;
use crate::{fault, random};

pub use round::Seen;

/// How many stores are asked at once on this node. Who comes when all are taken is told to come
/// again, and what was shown is asked about in its turn.
pub const ASKING: usize = 256;
/// How long a store may take before somebody else asks again: longer than every answer is waited
/// for.
const LEASE: Duration = Duration::from_secs(60);
/// How long who shows evidence waits for the store at most.
const PATIENCE: Duration = Duration::from_secs(12);
/// When who was not answered in time may ask again, in milliseconds.
const AGAIN_MS: u64 = 5_000;
/// The most purchases of a list.
pub const MOST: usize = 100;

/// Where the stores of a game are found.
#[async_trait]
pub trait Shops: Send + Sync + 'static {
    /// A game's stores, opened.
    ///
    /// # Errors
    /// They cannot be opened; what is said goes to the client.
    async fn stores(&self, app: &AppId) -> Result<Stores, ErrorBody>;
}

/// The desk. A clone is the same desk.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    storage: Storage,
    launching: Launching,
    shops: Arc<dyn Shops>,
    clock: Arc<dyn Clock>,
    asking: Arc<Semaphore>,
}

/// What came of something that was brought to the desk, and whose inbox tells of it up to which
/// number: whoever brought it has the member's connections look.
pub struct Outcome<T> {
    /// What is answered.
    pub answer: Result<T, ErrorBody>,
    /// Whose inbox was written to.
    pub told: Option<Told>,
}

/// A member's inbox was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whose.
    pub member: MemberId,
    /// Up to which number.
    pub seq: u64,
}

impl<T> From<Result<T, ErrorBody>> for Outcome<T> {
    fn from(answer: Result<T, ErrorBody>) -> Self {
        Self { answer, told: None }
    }
}

impl Desk {
    /// A desk in front of these stores.
    #[must_use]
    pub fn new(
        storage: Storage,
        launching: Launching,
        shops: Arc<dyn Shops>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let asking = Arc::new(Semaphore::new(ASKING));
        Self(Arc::new(Inner { storage, launching, shops, clock, asking }))
    }

    /// A desk of games that are sold nowhere, for those who act on members without a server.
    #[must_use]
    pub fn closed(storage: Storage, clock: Arc<dyn Clock>) -> Self {
        let launching = Launching::new("", true, clock.clone());
        Self::new(storage, launching, Arc::new(Nowhere), clock)
    }

    fn now(&self) -> Micros {
        self.0.clock.now()
    }

    pub(crate) fn game(&self, app: &AppId) -> Result<Arc<Game>, ErrorBody> {
        self.0.launching.game(app)
    }

    /// Says whose a purchase in a store will be, before it is made there.
    ///
    /// # Errors
    /// `product.unknown`, or what storage says.
    pub async fn reserve(
        &self,
        app: &AppId,
        member: MemberId,
        product: &str,
        store: StoreName,
    ) -> Result<ReserveReply, ErrorBody> {
        let (game, now) = (self.game(app)?, self.now());
        let sold = game.catalogue.product(product).filter(|product| product.is_sold(now));
        let name = sold.and_then(|product| product.in_store(store));
        let unknown = || {
            let message = format!("`{product}` is not sold at {} now", store.word());
            ErrorBody::new(ErrorCode::ProductUnknown, message)
        };
        let store_product = name.cloned().ok_or_else(unknown)?;
        let candidate = account_token(member, u64::from_be_bytes(random::bytes()));
        let token = self.0.storage.purchases.account_token(app.clone(), member, candidate).await;
        let token = token.map_err(|error| fault::of_storage(&error))?;
        let nobody = || ErrorBody::new(ErrorCode::MemberUnknown, "there is no such member");
        let account_token = token.ok_or_else(nobody)?;
        let reservation = random::uuid(now);
        let product = product.to_owned();
        self.log(app, member, Event::PurchaseReserved { reservation, product, store });
        Ok(ReserveReply { reservation, account_token, store_product })
    }

    /// Takes in what a member shows, has the store asked, and answers what came of it. Once this
    /// has begun to ask, the purchase is seen through even if nobody waits any more.
    pub async fn submit(
        &self,
        app: &AppId,
        member: MemberId,
        request: SubmitRequest,
    ) -> Outcome<SubmitReply> {
        match self.begin(app, member, request).await {
            Ok(begun) => begun.await,
            Err(error) => Err(error).into(),
        }
    }

    async fn begin(
        &self,
        app: &AppId,
        member: MemberId,
        request: SubmitRequest,
    ) -> Result<impl Future<Output = Outcome<SubmitReply>> + use<>, ErrorBody> {
        let game = self.game(app)?;
        let store = request.store;
        if !self.0.shops.stores(app).await?.names().any(|name| name == store.word()) {
            let message = format!("{} is not sold at {}", game.name, store.word());
            return Err(ErrorBody::new(ErrorCode::StoreUnknown, message));
        }
        let body = serde_json::Value::Object(request.evidence).to_string();
        if body.len() > MAX_EVIDENCE {
            let reason = format!("is longer than {MAX_EVIDENCE} bytes");
            return Err(ErrorBody::invalid("evidence", reason));
        }
        let evidence = Evidence {
            app: app.clone(),
            store,
            source: Source::Posted(member),
            mark: body.clone(),
            body,
            reservation: request.reservation,
        };
        let now = self.now();
        let (desk, reservation) = (self.clone(), request.reservation);
        let then = move |received: &Received| desk.shown(received, reservation);
        let until = now.after(LEASE);
        let kept = self.0.storage.purchases.receive_then(evidence.clone(), now, until, then).await;
        let mut received = kept.map_err(|error| fault::of_storage(&error))?;
        failpoint::reached("purchases.received");
        // It may be kept without its body, because it was answered before.
        received.evidence.body = evidence.body;
        let desk = self.clone();
        Ok(async move {
            if received.shown == Shown::Done
                && let Some(known) = desk.known(&received, member).await
            {
                return known;
            }
            let asked = tokio::spawn(async move { desk.posted(received, member).await });
            match tokio::time::timeout(PATIENCE, asked).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(fault::internal("the purchase failed on the way")).into(),
                // The store is still being asked, and the member's inbox will tell.
                Err(_) => Err(answer::unavailable(AGAIN_MS)).into(),
            }
        })
    }

    /// What a member has bought and not taken yet.
    ///
    /// # Errors
    /// What storage says.
    pub async fn unconsumed(
        &self,
        app: &AppId,
        member: MemberId,
    ) -> Result<UnconsumedReply, ErrorBody> {
        let purchases = self.history(app, member, true, None, MOST).await?;
        Ok(UnconsumedReply { purchases: purchases.iter().map(Purchase::told).collect() })
    }

    /// A part of what a member has bought.
    ///
    /// # Errors
    /// What storage says.
    pub async fn history(
        &self,
        app: &AppId,
        member: MemberId,
        unconsumed: bool,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Purchase>, ErrorBody> {
        let read = HistoryRead { app: app.clone(), member, unconsumed, after, limit };
        let read = self.0.storage.purchases.history(read).await;
        read.map_err(|error| fault::of_storage(&error))
    }

    /// Marks a purchase as taken, once. `login` is who asks, `None` for the game's own server.
    ///
    /// # Errors
    /// `purchase.unknown`, `purchase.not_granted`, `session.replaced`, or what storage says.
    pub async fn consume(
        &self,
        app: &AppId,
        member: MemberId,
        login: Option<LoginId>,
        purchase: Uuid,
    ) -> Result<ConsumeReply, ErrorBody> {
        let game = self.game(app)?;
        let read = self.0.storage.purchases.get(app.clone(), member, purchase).await;
        let unknown =
            || ErrorBody::new(ErrorCode::PurchaseUnknown, "the member has no such purchase");
        let found = read.map_err(|error| fault::of_storage(&error))?.ok_or_else(unknown)?;
        let write = ConsumeWrite {
            app: app.clone(),
            member,
            login,
            purchase,
            settle: settles_consumption(&found),
            webhook: game.tells_of_purchases(),
            now: self.now(),
        };
        let (desk, by_server) = (self.clone(), login.is_none());
        let then = move |consumed: &Consumed| desk.consumed(consumed, by_server);
        let consumed = self.0.storage.purchases.consume_then(write, then).await;
        match consumed.map_err(|error| fault::of_storage(&error))? {
            Consumed::Done { purchase, again } => {
                Ok(ConsumeReply { purchase: purchase.told(), seen_before: again })
            }
            Consumed::NotGranted(purchase) => {
                let message = format!("the purchase is {}", purchase.state().word());
                Err(ErrorBody::new(ErrorCode::PurchaseNotGranted, message))
            }
            Consumed::Unknown => Err(unknown()),
        }
    }

    /// Takes in what a store sends of itself, and answers once it is kept. The store is asked
    /// afterwards: what it sends is a hint.
    ///
    /// # Errors
    /// `store.unknown`, `purchase.refused` if it is not the store's own, and what storage says.
    pub async fn notified(
        &self,
        app: &AppId,
        store: StoreName,
        notice: Notice<'_>,
    ) -> Result<Option<impl Future<Output = Option<Told>> + use<>>, ErrorBody> {
        self.take_hint(app, store, notice).await
    }

    fn log(&self, app: &AppId, member: MemberId, event: Event) {
        self.record(app, Some(member), event);
    }

    fn record(&self, app: &AppId, member: Option<MemberId>, event: Event) {
        let at = self.now();
        let record = LogRecord { id: random::uuid(at), at, app: app.clone(), member, event };
        self.0.storage.gamelog.record(record);
    }
}

struct Nowhere;

#[async_trait]
impl Shops for Nowhere {
    async fn stores(&self, _: &AppId) -> Result<Stores, ErrorBody> {
        Ok(Stores::default())
    }
}

/// Whether a store wants to know that a product is used up. Apple's client says so itself.
fn settles_consumption(purchase: &Purchase) -> bool {
    let consumable = purchase.facts.kind != Some(Kind::NonConsumable);
    match purchase.key.store {
        StoreName::GooglePlay | StoreName::OneStore => consumable,
        StoreName::AppStore
        | StoreName::GalaxyStore
        | StoreName::Huawei
        | StoreName::Amazon
        | StoreName::Steam
        | StoreName::Own => false,
    }
}
