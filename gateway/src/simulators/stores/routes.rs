//! What buyers and whoever tests do with the stores.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::routing::{get, post};
use axum::{Json, Router};
use protocol::client::StoreName;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::conduct::Conduct;
use super::forgery::Wrong;
use super::shelf::{Order, Shelf, Taken, What};
use super::{StoreNotice, apple, google_play, one_store};
use crate::simulators::Simulators;
use crate::simulators::exchange::{Refused, Sent};

/// The stores that are played.
const PLAYED: [StoreName; 3] = [StoreName::AppStore, StoreName::GooglePlay, StoreName::OneStore];
/// How far a clock may be moved at once, in seconds.
const MAX_ADVANCE_S: u64 = 400 * 24 * 60 * 60;
/// The largest quantity, as stores have it.
const MAX_QUANTITY: u32 = 1_000;

/// The players' listener.
pub(in crate::simulators) fn public() -> Router<Simulators> {
    Router::new()
        .route("/stores/{store}/buy", post(buy))
        .route("/stores/{store}/evidence", post(evidence))
        .merge(apple::router())
        .merge(google_play::router())
        .merge(one_store::router())
}

/// The private listener.
pub(in crate::simulators) fn control() -> Router<Simulators> {
    Router::new()
        .route("/stores", get(states))
        .route("/stores/{store}/pay", post(pay))
        .route("/stores/{store}/cancel", post(cancel))
        .route("/stores/{store}/refund", post(refund))
        .route("/stores/{store}/reverse", post(reverse))
        .route("/stores/{store}/notify", post(notify))
        .route("/stores/{store}/behave", post(behave))
        .route("/stores/{store}/clock", post(clock))
        .route("/stores/{store}/notices", get(notices))
}

/// What is bought.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BuyRequest {
    /// The store's id of the product, 1 to 100 bytes.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "gem_100")]
    pub product: Text<100>,
    /// How many, 1 to 1000. Default: 1.
    #[serde(default = "one")]
    pub quantity: u32,
    /// The account token that the app hands to the store. Default: none.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub account: Option<Text<64>>,
    /// Whether a tester buys. Default: false.
    #[serde(default)]
    pub sandbox: bool,
    /// Whether it is a product that is bought once; Apple says so. Default: false.
    #[serde(default)]
    pub non_consumable: bool,
    /// What it costs, in millionths. Default: 1100 KRW.
    #[serde(default = "price")]
    pub price_micros: i64,
    /// In which currency. Default: KRW.
    #[serde(default = "currency")]
    #[schema(value_type = String, max_length = 3)]
    pub currency: Text<3>,
    /// Whether it is paid later, in cash or by a parent. Default: false.
    #[serde(default)]
    pub pay_later: bool,
    /// What shall be wrong with the evidence. Default: nothing.
    #[serde(default)]
    pub misbehave: Option<Wrong>,
}

fn one() -> u32 {
    1
}

fn price() -> i64 {
    1_100_000_000
}

fn currency() -> Text<3> {
    Text::new("KRW").unwrap_or_default()
}

/// Which purchase.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichRequest {
    /// What `buy` has called it.
    #[schema(value_type = String)]
    pub transaction: Text<128>,
}

/// Whose evidence.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRequest {
    /// What `buy` has called it.
    #[schema(value_type = String)]
    pub transaction: Text<128>,
    /// What shall be wrong with it. Default: nothing.
    #[serde(default)]
    pub misbehave: Option<Wrong>,
}

/// What is given back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundRequest {
    /// What `buy` has called it.
    #[schema(value_type = String)]
    pub transaction: Text<128>,
    /// How much, in percent, 1 to 100. Default: all.
    #[serde(default = "all")]
    pub percent: u32,
}

fn all() -> u32 {
    100
}

/// How much time passes for what is not acknowledged.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockRequest {
    /// In seconds, at most 400 days.
    pub advance_s: u64,
}

/// How notifications are fetched.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NoticesQuery {
    /// What shall be wrong with each. Default: nothing.
    misbehave: Option<Wrong>,
}

/// How a store stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StoreState {
    /// How many purchases it knows.
    pub sold: usize,
    /// How many notifications wait to be fetched.
    pub notices: usize,
    /// How often its API was asked.
    pub asked: u64,
    /// How often it was told of a grant, whatever it answered.
    pub told: u64,
    /// How many purchases it knows to be granted.
    pub acknowledged: usize,
    /// How far its clock is ahead for what is not acknowledged, in seconds.
    pub ahead_s: u64,
    /// How it behaves.
    pub conduct: Conduct,
}

/// The store that the address names.
struct Played(StoreName, Simulators);

impl FromRequestParts<Simulators> for Played {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &Simulators) -> Result<Self, Refused> {
        let word = Path::<String>::from_request_parts(parts, state).await.ok();
        let store = word.and_then(|Path(word)| StoreName::parse(&word));
        let store = store.filter(|store| PLAYED.contains(store));
        let unknown = || {
            let message = "the simulated stores are app_store, google_play and one_store";
            Refused::from(ErrorBody::new(ErrorCode::ProviderUnknown, message))
        };
        store.map(|store| Self(store, state.clone())).ok_or_else(unknown)
    }
}

impl Played {
    fn shelf(&self) -> Result<&Shelf, ErrorBody> {
        let none = || ErrorBody::new(ErrorCode::Internal, "this store is not played");
        self.1.stores.shelf(self.0).ok_or_else(none)
    }

    /// What is said of a purchase.
    fn told(&self, id: &str, wrong: Option<Wrong>) -> Result<Json<Value>, Refused> {
        let sold = self.shelf()?.find(id);
        let sold = sold.ok_or_else(|| ErrorBody::invalid("transaction", "is unknown here"))?;
        let evidence = self.1.stores.evidence(self.0, &sold, wrong)?;
        Ok(Json(json!({"transaction": sold.id, "evidence": evidence})))
    }
}

async fn buy(played: Played, Sent(request): Sent<BuyRequest>) -> Result<Json<Value>, Refused> {
    if !(1..=MAX_QUANTITY).contains(&request.quantity) {
        return Err(ErrorBody::invalid("quantity", "is not one of 1 to 1000").into());
    }
    if request.pay_later && played.0 == StoreName::OneStore {
        return Err(ErrorBody::invalid("pay_later", "is nothing that this store knows").into());
    }
    if request.product.is_empty() {
        return Err(ErrorBody::invalid("product", "is empty").into());
    }
    let sold = played.shelf()?.sell(Order {
        product: request.product.to_string(),
        quantity: request.quantity,
        account: request.account.map(|account| account.to_string()),
        sandbox: request.sandbox,
        non_consumable: request.non_consumable,
        price_micros: request.price_micros,
        currency: request.currency.to_string(),
        pay_later: request.pay_later,
    });
    played.told(&sold.id, request.misbehave)
}

async fn evidence(
    played: Played,
    Sent(request): Sent<EvidenceRequest>,
) -> Result<Json<Value>, Refused> {
    played.told(&request.transaction, request.misbehave)
}

async fn pay(played: Played, Sent(which): Sent<WhichRequest>) -> Result<Json<Value>, Refused> {
    let sold = played.shelf()?.change(&which.transaction, |sold, now| {
        if sold.paid_at.is_some() || sold.cancelled {
            return Err(ErrorBody::invalid("transaction", "is not waiting for its payment"));
        }
        sold.paid_at = Some(now);
        Ok(Some(What::Paid))
    })?;
    played.told(&sold.id, None)
}

async fn cancel(played: Played, Sent(which): Sent<WhichRequest>) -> Result<Json<Value>, Refused> {
    let sold = played.shelf()?.change(&which.transaction, |sold, _| {
        if sold.paid_at.is_some() || sold.cancelled {
            return Err(ErrorBody::invalid("transaction", "is not waiting for its payment"));
        }
        sold.cancelled = true;
        Ok(Some(What::Cancelled))
    })?;
    played.told(&sold.id, None)
}

async fn refund(
    played: Played,
    Sent(request): Sent<RefundRequest>,
) -> Result<Json<Value>, Refused> {
    let share = request.percent;
    let whole_only = played.0 == StoreName::OneStore;
    if !(1..=100).contains(&share) || (whole_only && share != 100) {
        return Err(ErrorBody::invalid("percent", "is nothing that this store gives back").into());
    }
    let sold = played.shelf()?.change(&request.transaction, |sold, at| {
        if sold.paid_at.is_none() || sold.refund.is_some() {
            return Err(ErrorBody::invalid("transaction", "is not paid, or given back already"));
        }
        sold.refund = Some(Taken { at, share, unacknowledged: false });
        Ok(Some(What::Refunded))
    })?;
    played.told(&sold.id, None)
}

async fn reverse(played: Played, Sent(which): Sent<WhichRequest>) -> Result<Json<Value>, Refused> {
    if played.0 != StoreName::AppStore {
        return Err(ErrorBody::invalid("transaction", "this store reverses no refund").into());
    }
    let sold = played.shelf()?.change(&which.transaction, |sold, _| match sold.refund.take() {
        Some(_) => Ok(Some(What::Reversed)),
        None => Err(ErrorBody::invalid("transaction", "was not given back")),
    })?;
    played.told(&sold.id, None)
}

/// Tells once more how a purchase stands, whether anything has changed or not.
async fn notify(played: Played, Sent(which): Sent<WhichRequest>) -> Result<Json<Value>, Refused> {
    let sold = played.shelf()?.change(&which.transaction, |sold, _| {
        Ok(match (sold.refund, sold.paid_at) {
            (Some(_), _) => Some(What::Refunded),
            (None, Some(_)) => Some(What::Paid),
            (None, None) => sold.cancelled.then_some(What::Cancelled),
        })
    })?;
    played.told(&sold.id, None)
}

async fn behave(played: Played, Sent(conduct): Sent<Conduct>) -> Result<Json<StoreState>, Refused> {
    conduct.check()?;
    played.shelf()?.behave(conduct);
    let store = played.0.word();
    tracing::info!(store, ?conduct, "simulated {store} behaves anew");
    Ok(Json(state(played.shelf()?)))
}

async fn clock(
    played: Played,
    Sent(request): Sent<ClockRequest>,
) -> Result<Json<StoreState>, Refused> {
    if request.advance_s > MAX_ADVANCE_S {
        return Err(ErrorBody::invalid("advance_s", "is more than 400 days").into());
    }
    played.shelf()?.advance(Duration::from_secs(request.advance_s));
    Ok(Json(state(played.shelf()?)))
}

async fn notices(
    played: Played,
    asked: Result<Query<NoticesQuery>, QueryRejection>,
) -> Result<Json<Vec<StoreNotice>>, Refused> {
    let Ok(Query(NoticesQuery { misbehave })) = asked else {
        return Err(ErrorBody::invalid("misbehave", "is nothing that can be wrong").into());
    };
    let mut notices = Vec::new();
    for event in played.shelf()?.events() {
        notices.extend(played.1.stores.notice(played.0, &event, misbehave).await?);
    }
    Ok(Json(notices))
}

async fn states(State(simulators): State<Simulators>) -> Json<BTreeMap<&'static str, StoreState>> {
    let of =
        |store: StoreName| simulators.stores.shelf(store).map(|shelf| (store.word(), state(shelf)));
    Json(PLAYED.into_iter().filter_map(of).collect())
}

fn state(shelf: &Shelf) -> StoreState {
    let standing = shelf.standing();
    StoreState {
        sold: standing.sold,
        notices: standing.waiting,
        asked: standing.asked,
        told: standing.told,
        acknowledged: standing.acknowledged,
        ahead_s: standing.ahead_s,
        conduct: standing.conduct,
    }
}
