//! A purchase among its owner's rows, and how those follow the claim.

use std::time::Duration;

use protocol::ids::{AppId, MemberId};
use protocol::purchases::{Grant, PurchaseState, UPDATED, Updated};
use protocol::text::Text;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::claim::{Claim, Stand, in_force_bp, state};
use super::{ALL_OF_IT, Facts, PurchaseKey};
use crate::clock::Micros;
use crate::identity::Digest;
use crate::push::NewPush;
use crate::wallet::{self, Line};

/// A purchase of a member, as it is kept on the member's shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// Which purchase.
    pub key: PurchaseKey,
    /// Its id here.
    pub id: Uuid,
    /// Whose it is.
    pub member: MemberId,
    /// What never changes about it.
    pub facts: Facts,
    /// The product, as the catalogue calls it.
    pub product: Option<Text<64>>,
    /// What it grants, all of the quantity together.
    pub grants: Vec<Grant>,
    /// How it stands.
    pub stand: Stand,
    /// How much of it was given back, in hundredths of a percent.
    pub refunded_bp: u16,
    /// The claim's version that these rows have followed.
    pub version: i64,
    /// When the game or its client took what it grants.
    pub consumed_at: Option<Micros>,
    /// When it was first heard of.
    pub created_at: Micros,
    /// When it last changed.
    pub changed_at: Micros,
}

impl Purchase {
    /// How it stands, in the words for its owner.
    #[must_use]
    pub fn state(&self) -> PurchaseState {
        state(self.stand)
    }

    /// How much of what it grants its owner has by it now; of each item, be it none.
    #[must_use]
    pub fn in_force(&self) -> Vec<Grant> {
        let bp = in_force_bp(self.stand, self.refunded_bp);
        let of =
            |grant: &Grant| Grant { item: grant.item.clone(), amount: in_force(grant.amount, bp) };
        self.grants.iter().map(of).collect()
    }

    /// Names what the game log says of it as it stands now: the same whoever says it, and however
    /// often, so that it is kept once.
    #[must_use]
    pub fn record_id(&self) -> Uuid {
        let mut hash = Sha256::new();
        hash.update(b"record");
        hash.update(self.key.digest());
        hash.update(self.version.to_be_bytes());
        uuid_of(hash)
    }

    /// As [`Purchase::record_id`], of what the game log says of its being taken, which is once.
    #[must_use]
    pub fn consumed_id(&self) -> Uuid {
        let mut hash = Sha256::new();
        hash.update(b"consumed");
        hash.update(self.key.digest());
        uuid_of(hash)
    }

    /// As the wire says it.
    #[must_use]
    pub fn told(&self) -> protocol::purchases::Purchase {
        protocol::purchases::Purchase {
            id: self.id,
            product: self.product.clone(),
            quantity: self.facts.quantity,
            store: self.key.store,
            environment: self.key.environment,
            state: self.state(),
            grants: self.grants.clone(),
            refunded_bp: (self.refunded_bp > 0).then_some(self.refunded_bp),
            purchased_at: self.facts.purchased_at,
            consumed_at: self.consumed_at,
        }
    }
}

/// What the owner's rows have to become so that they follow a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// The purchase's row.
    pub purchase: Purchase,
    /// The transfer that makes up the difference; `None` when nothing moves.
    pub transfer: Option<(Uuid, Vec<Line>)>,
    /// Whether the store is to be told of the grant now; unless it is told, or was, that the
    /// purchase is used up.
    pub settle: bool,
    /// What the game is told.
    pub event: Option<Event>,
    /// Whether its owner sees a difference.
    pub shows: bool,
}

protocol::words! {
    /// What the game's own server is told by its webhook.
    Event {
        /// It was granted, or granted again after a refund was undone.
        Granted = "purchase.granted",
        /// All or a part of it was taken back.
        Refunded = "purchase.refunded",
        /// The game or its client took what it grants.
        Consumed = "purchase.consumed",
    }
}

/// What is to be written so that the owner's rows follow the claim; `None` when they have
/// followed it already, or a later one. `found` is the row that is there.
///
/// The transfer's lines are what is in force by the claim less what is in force by the row, so
/// they sum up to what is in force whatever came in between.
#[must_use]
pub fn follow(found: Option<&Purchase>, claim: &Claim) -> Option<Following> {
    let member = claim.owner?;
    if found.is_some_and(|purchase| purchase.version >= claim.version) {
        return None;
    }
    let was = found.map_or(0, |purchase| in_force_bp(purchase.stand, purchase.refunded_bp));
    let is = claim.in_force_bp();
    let lines: Vec<Line> = claim
        .grants
        .iter()
        .map(|grant| Line {
            item: grant.item.clone(),
            delta: in_force(grant.amount, is) - in_force(grant.amount, was),
        })
        .filter(|line| line.delta != 0)
        .collect();
    let transfer =
        (!lines.is_empty()).then(|| (transfer(&claim.key.digest(), claim.version), lines));
    let event = match is.cmp(&was) {
        std::cmp::Ordering::Greater => Some(Event::Granted),
        std::cmp::Ordering::Less => Some(Event::Refunded),
        std::cmp::Ordering::Equal => None,
    };
    let purchase = Purchase {
        key: claim.key.clone(),
        id: claim.id,
        member,
        facts: claim.facts.clone(),
        product: claim.product.clone(),
        grants: claim.grants.clone(),
        stand: claim.stand,
        refunded_bp: claim.refunded_bp,
        version: claim.version,
        consumed_at: found.and_then(|purchase| purchase.consumed_at),
        created_at: claim.created_at,
        changed_at: claim.changed_at,
    };
    let settle = claim.stand == Stand::Granted && was == 0 && !claim.settled;
    let seen = |purchase: &Purchase| (purchase.state(), purchase.refunded_bp);
    let shows = found.map(seen) != Some(seen(&purchase));
    let event = event.filter(|_| claim.webhook);
    Some(Following { purchase, transfer, settle, event, shows })
}

/// How long a push about a purchase is kept.
const PUSH_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

impl Following {
    /// What the owner is told through its inbox. `balances` is what the owner has now of each
    /// item that the transfer moved.
    #[must_use]
    pub fn pushes(&self, balances: Vec<Grant>, now: Micros) -> Vec<NewPush> {
        let mut pushes = Vec::new();
        if self.shows {
            let body = json(&Updated { purchase: self.purchase.told() });
            pushes.push(NewPush { word: UPDATED.into(), body, expires_at: now.after(PUSH_LIFE) });
        }
        if self.transfer.is_some() {
            pushes.push(wallet::push(balances, now));
        }
        pushes
    }
}

/// What the game's server is told of a purchase: the id, which is always the same for the same
/// thing (the Standard Webhooks' `webhook-id`), and the body.
#[must_use]
pub fn notice(purchase: &Purchase, event: Event, now: Micros) -> (Uuid, String) {
    #[derive(Serialize)]
    struct Body<'a> {
        r#type: &'static str,
        timestamp: Micros,
        data: Data<'a>,
    }
    #[derive(Serialize)]
    struct Data<'a> {
        app: &'a AppId,
        member: MemberId,
        purchase: protocol::purchases::Purchase,
    }
    let mut hash = Sha256::new();
    hash.update(event.word());
    hash.update(purchase.key.digest());
    hash.update(purchase.version.to_be_bytes());
    let data = Data { app: &purchase.key.app, member: purchase.member, purchase: purchase.told() };
    let body = Body { r#type: event.word(), timestamp: now, data };
    (uuid_of(hash), json(&body))
}

/// Our own types have names for keys alone, so they are always written.
pub(crate) fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// A UUID of version 8 that says nothing but that it is the same.
pub(crate) fn uuid_of(hash: Sha256) -> Uuid {
    let digest: Digest = hash.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(id).into_uuid()
}

/// How much of an amount is in force. What is taken back is rounded up, by at most 1.
fn in_force(amount: i64, bp: u16) -> i64 {
    let taken = i128::from(amount) * i128::from(ALL_OF_IT - bp.min(ALL_OF_IT));
    let taken = (taken + i128::from(ALL_OF_IT) - 1) / i128::from(ALL_OF_IT);
    amount - i64::try_from(taken).unwrap_or(amount)
}

/// The id of the transfer by which a member's rows follow a version of a claim: always the same.
fn transfer(claim: &Digest, version: i64) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(b"purchase");
    hash.update(claim);
    hash.update(version.to_be_bytes());
    uuid_of(hash)
}

#[cfg(test)]
mod tests;
