//! What is kept of purchases.

use actors::fault;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::{AppId, MemberId};
use protocol::purchases::Purchase as Told;
use protocol::time::Micros;
use serde::{Deserialize, Serialize};
use storage::identity::Digest;
use storage::members::By;
use storage::purchases::{
    Claim, Closing, EvidenceEnd, Heard, HistoryRead, Look, Purchase, Received, ReleaseWrite, Shown,
    Source,
};
use uuid::Uuid;

use crate::private::Private;
use crate::private::members::{Desk, Order, done, on_record};

/// The most purchases of a member's list.
const MOST: usize = 100;
/// The most held purchases of a list.
const MOST_HELD: usize = 1_000;

/// The body of `/commands/purchase/list`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PurchasesQuery {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// What came before this purchase.
    pub before: Option<Uuid>,
    /// The most purchases, from 1 to 100.
    pub limit: usize,
}

/// The body of `/commands/purchase/held`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct HeldQuery {
    /// The most purchases, from 1 to 1000.
    pub limit: usize,
}

/// The body of `/commands/purchase/parked`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ParkedQuery {
    /// The most, from 1 to 1000.
    pub limit: usize,
}

/// The body of `/commands/purchase/retry`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RetryCommand {
    /// The evidence, 64 hexadecimal digits.
    pub evidence: String,
}

/// The body of `/commands/purchase/release`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseCommand {
    /// The claim, 64 hexadecimal digits.
    pub claim: String,
    /// Whose it becomes if it is nobody's.
    pub member: Option<MemberId>,
}

/// The answer to `/commands/purchase/list`.
#[derive(Debug, Serialize)]
pub(in crate::private) struct Listed {
    /// The newest first.
    purchases: Vec<Bought>,
}

/// A purchase, as support staff sees it.
#[derive(Debug, Serialize)]
struct Bought {
    #[serde(flatten)]
    told: Told,
    /// The number that is on the player's receipt, where the store has one.
    order: Option<String>,
    /// The store's id of the product.
    store_product: String,
    /// What it cost, in millionths, and the currency.
    price: Option<(i64, String)>,
    /// When it was first heard of here.
    heard_of_at: Micros,
    /// When it last changed.
    changed_at: Micros,
}

impl From<Purchase> for Bought {
    fn from(purchase: Purchase) -> Self {
        Self {
            told: purchase.told(),
            order: purchase.facts.order,
            store_product: purchase.facts.product,
            price: purchase.facts.price,
            heard_of_at: purchase.created_at,
            changed_at: purchase.changed_at,
        }
    }
}

/// The answer to `/commands/purchase/held`.
#[derive(Debug, Serialize)]
pub(in crate::private) struct AllHeld {
    /// The oldest first.
    held: Vec<Held>,
}

/// A purchase that is held.
#[derive(Debug, Serialize)]
struct Held {
    /// By what it is released.
    claim: String,
    app: AppId,
    store: &'static str,
    environment: &'static str,
    /// Why; null when it is nobody's yet and nobody has shown it.
    hold: Option<&'static str>,
    /// Whose it is; null when it is nobody's.
    member: Option<MemberId>,
    product: Option<String>,
    store_product: String,
    quantity: u32,
    /// The number that is on the player's receipt, where the store has one.
    order: Option<String>,
    price: Option<(i64, String)>,
    since: Micros,
}

impl From<Look> for Held {
    fn from(Look { claim, of }: Look) -> Self {
        let Claim { key, facts, product, owner, hold, created_at, .. } = of;
        Self {
            claim: digits(&claim),
            app: key.app,
            store: key.store.word(),
            environment: key.environment.word(),
            hold: hold.map(storage::purchases::Hold::word),
            member: owner,
            product: product.map(|product| product.to_string()),
            store_product: facts.product,
            quantity: facts.quantity,
            order: facts.order,
            price: facts.price,
            since: created_at,
        }
    }
}

/// The answer to `/commands/purchase/parked`.
#[derive(Debug, Serialize)]
pub(in crate::private) struct AllParked {
    /// The longest first.
    parked: Vec<Parked>,
}

/// Evidence that was asked about in vain for too long. What was shown is worth money, and not
/// among it.
#[derive(Debug, Serialize)]
pub(in crate::private) struct Parked {
    /// By what it is tried again.
    evidence: String,
    app: AppId,
    store: &'static str,
    /// Who showed it; null when the store itself sent it.
    member: Option<MemberId>,
    /// The intention that it fulfils, if its client named one.
    reservation: Option<Uuid>,
    /// `parked`, or `waiting` once it is tried again.
    shown: &'static str,
    /// What the last try came to.
    why: Option<String>,
    /// How often it was tried.
    tries: u32,
    since: Micros,
}

impl From<Received> for Parked {
    fn from(received: Received) -> Self {
        let Received { digest, evidence, shown, why, tries, at, again: _, claim: _ } = received;
        Self {
            evidence: digits(&digest),
            app: evidence.app,
            store: evidence.store.word(),
            member: poster(evidence.source),
            reservation: evidence.reservation,
            shown: shown.word(),
            why,
            tries,
            since: at,
        }
    }
}

fn poster(source: Source) -> Option<MemberId> {
    match source {
        Source::Posted(member) => Some(member),
        Source::Told => None,
    }
}

/// The answer to `/commands/purchase/release`.
#[derive(Debug, Serialize)]
pub(in crate::private) struct Released {
    /// Whose it is.
    member: MemberId,
    /// The purchase, as its owner is told.
    purchase: Told,
}

impl Desk {
    pub(in crate::private) async fn purchases(
        &self,
        query: PurchasesQuery,
    ) -> Result<Listed, ErrorBody> {
        let PurchasesQuery { app, member, before, limit } = query;
        if !(1..=MOST).contains(&limit) {
            return Err(ErrorBody::invalid("limit", "is not from 1 to 100"));
        }
        let read = HistoryRead { app, member, unconsumed: false, after: before, limit };
        let found = self.storage.purchases.history(read).await;
        let found = found.map_err(|error| fault::of_storage(&error))?;
        Ok(Listed { purchases: found.into_iter().map(Bought::from).collect() })
    }

    pub(in crate::private) async fn held(&self, query: HeldQuery) -> Result<AllHeld, ErrorBody> {
        if !(1..=MOST_HELD).contains(&query.limit) {
            return Err(ErrorBody::invalid("limit", "is not from 1 to 1000"));
        }
        let found = self.storage.purchases.held(query.limit).await;
        let found = found.map_err(|error| fault::of_storage(&error))?;
        Ok(AllHeld { held: found.into_iter().map(Held::from).collect() })
    }

    pub(in crate::private) async fn parked(
        &self,
        query: ParkedQuery,
    ) -> Result<AllParked, ErrorBody> {
        if !(1..=MOST_HELD).contains(&query.limit) {
            return Err(ErrorBody::invalid("limit", "is not from 1 to 1000"));
        }
        let found = self.storage.purchases.parked(query.limit).await;
        let found = found.map_err(|error| fault::of_storage(&error))?;
        Ok(AllParked { parked: found.into_iter().map(Parked::from).collect() })
    }

    /// Has evidence that is parked wait for its store again. The running servers' next round asks.
    pub(in crate::private) async fn retry(
        &self,
        command: RetryCommand,
    ) -> Result<Parked, ErrorBody> {
        let digest = digest(&command.evidence)
            .ok_or_else(|| ErrorBody::invalid("evidence", "is not 64 hexadecimal digits"))?;
        let purchases = &self.storage.purchases;
        let found = purchases.shown(digest).await.map_err(|error| fault::of_storage(&error))?;
        let parked = found.filter(|found| found.shown == Shown::Parked).ok_or_else(|| {
            let message = "nothing is parked under this id";
            ErrorBody::new(ErrorCode::PurchaseUnknown, message)
        })?;
        let (now, source) = (self.clock.now(), parked.evidence.source);
        let again = Closing { digest, source, end: EvidenceEnd::Again, now };
        purchases.close(again).await.map_err(|error| fault::of_storage(&error))?;
        let (app, store) = (&parked.evidence.app, parked.evidence.store);
        self.sessions.retried(app, poster(source), store, By::Command);
        on_record(&self.storage).await;
        Ok(Parked::from(Received { shown: Shown::Waiting, tries: 0, ..parked }))
    }

    pub(in crate::private) async fn release(
        &self,
        command: ReleaseCommand,
    ) -> Result<Released, ErrorBody> {
        let claim = digest(&command.claim)
            .ok_or_else(|| ErrorBody::invalid("claim", "is not 64 hexadecimal digits"))?;
        let write = ReleaseWrite { claim, owner: command.member, now: self.clock.now() };
        let sessions = self.sessions.clone();
        let then = move |released: &Option<Heard>| {
            if let Some(Heard::Owned { purchase, .. }) = released {
                sessions.released(purchase);
            }
        };
        let released = self.storage.purchases.release_then(write, then).await;
        match released.map_err(|error| fault::of_storage(&error))? {
            Some(Heard::Owned { purchase, pushed, .. }) => {
                if let Some(seq) = pushed {
                    self.sessions.look(purchase.member, seq);
                }
                on_record(&self.storage).await;
                Ok(Released { member: purchase.member, purchase: purchase.told() })
            }
            Some(Heard::Others { .. } | Heard::Nobodys { .. }) | None => {
                let message = "there is no held purchase under this claim that can be granted: \
                               it needs an owner, and a product of the catalogue";
                Err(ErrorBody::new(ErrorCode::PurchaseUnknown, message))
            }
        }
    }
}

fn digits(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(text: &str) -> Option<Digest> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut digest = [0; 32];
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}

pub(in crate::private) async fn list(
    State(private): State<Private>,
    Json(query): Json<PurchasesQuery>,
) -> Response {
    done(&private, Order::Purchases(query)).await
}

pub(in crate::private) async fn held(
    State(private): State<Private>,
    Json(query): Json<HeldQuery>,
) -> Response {
    done(&private, Order::Held(query)).await
}

pub(in crate::private) async fn parked(
    State(private): State<Private>,
    Json(query): Json<ParkedQuery>,
) -> Response {
    done(&private, Order::Parked(query)).await
}

pub(in crate::private) async fn retry(
    State(private): State<Private>,
    Json(command): Json<RetryCommand>,
) -> Response {
    done(&private, Order::Retry(command)).await
}

pub(in crate::private) async fn release(
    State(private): State<Private>,
    Json(command): Json<ReleaseCommand>,
) -> Response {
    done(&private, Order::Release(command)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_64_hexadecimal_digits() {
        assert_eq!(digest(&"0f".repeat(32)), Some([15; 32]));
        assert_eq!(digits(&[15; 32]), "0f".repeat(32));
        for text in ["", "0f", &"0".repeat(63), &"0g".repeat(32), &"0".repeat(65), &"ä".repeat(32)]
        {
            assert_eq!(digest(text), None, "{text}");
        }
    }
}
