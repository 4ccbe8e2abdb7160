//! A store's word on its way into the truth: whose it is, whether it counts, what it says.

use std::time::Duration;

use protocol::client::StoreName;
use protocol::purchases::Environment;
use storage::clock::Micros;
use storage::failpoint;
use storage::purchases::{
    EvidenceEnd, Facts, Heard, Hold, Named, PurchaseKey, Received, Said, Source, State,
};
use uuid::Uuid;

use super::Desk;
use super::ask::Asked;
use super::hint::Hinted;
use crate::apps::Game;
use crate::purchases::catalogue::Product;
use crate::purchases::verdict::SandboxPolicy;
use crate::purchases::verified::Verified;
use crate::purchases::verifier::reason;
use crate::{fault, random};

/// How often a payment that has not come is asked for, and how long.
const PENDING_EVERY: Duration = Duration::from_secs(3600);
const PENDING_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often a purchase is looked at in a store that has no list of what it took back, and how
/// long.
const LOOK_EVERY: Duration = Duration::from_secs(2 * 3600);
const LOOK_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// A store's word on its way into the truth.
pub(super) struct Word<'a> {
    pub(super) desk: &'a Desk,
    pub(super) game: &'a Game,
    /// The evidence that it answers.
    pub(super) received: Option<&'a Received>,
    /// When the store was asked.
    pub(super) asked_at: Micros,
}

impl Word<'_> {
    pub(super) async fn take(
        self,
        verified: Verified,
        hinted: Option<Hinted>,
        sandbox: SandboxPolicy,
    ) -> Asked {
        let source = self.received.map_or(Source::Told, |it| it.evidence.source);
        let named = match self.named(&verified).await {
            Ok(named) => named,
            Err(error) => return Asked::Storage(fault::of_storage(&error)),
        };
        if !self.admitted(&verified, named, source, sandbox) {
            return Asked::Refused(reason::SANDBOX);
        }
        let said = self.said(verified, hinted, named, source);
        failpoint::reached("purchases.verified");
        let (desk, app, claim) = (self.desk.clone(), said.key.app.clone(), said.key.digest());
        let then = move |heard: &Heard| {
            failpoint::reached("purchases.heard");
            desk.report(&app, heard);
        };
        match self.desk.0.storage.purchases.hear_then(said, then).await {
            Ok(heard) => {
                // Nobody shows it again if this dies before the game log has it, so it waits until
                // that has.
                if let (Source::Told, Some(received)) = (source, self.received)
                    && self.desk.recorded().await
                {
                    self.desk.close(received, EvidenceEnd::Done(claim)).await;
                }
                Asked::Heard(heard)
            }
            Err(error) => Asked::Storage(fault::of_storage(&error)),
        }
    }

    /// Whose it is, by the token that went through the store.
    async fn named(&self, verified: &Verified) -> storage::error::Result<Named> {
        let Some(token) = &verified.account_token else { return Ok(Named::Nobody) };
        let Ok(token) = Uuid::parse_str(token) else { return Ok(Named::Unknown) };
        let app = self.game.id.clone();
        let member = self.desk.0.storage.purchases.account(app, token).await?;
        Ok(member.map_or(Named::Unknown, Named::Member))
    }

    /// Whether a purchase that nobody paid for counts.
    fn admitted(
        &self,
        verified: &Verified,
        named: Named,
        source: Source,
        sandbox: SandboxPolicy,
    ) -> bool {
        let owner = match (named, source) {
            (Named::Member(member), _) => Some(member),
            (Named::Nobody | Named::Unknown, Source::Posted(member)) => Some(member),
            (Named::Nobody | Named::Unknown, Source::Told) => None,
        };
        // What the store says of a purchase that is known already is about no tester's right.
        let known = source == Source::Told && owner.is_none();
        let tester = owner.is_some_and(|member| self.game.testers.contains(&member));
        sandbox.admits(verified.environment, tester || known)
    }

    fn said(
        &self,
        verified: Verified,
        hinted: Option<Hinted>,
        named: Named,
        source: Source,
    ) -> Said {
        let now = self.desk.now();
        let product = self.game.catalogue.sold_as(verified.store, &verified.product);
        let grants = product.and_then(|product| product.grants_of(verified.quantity));
        let hold = match (product, &grants) {
            (Some(product), Some(_)) => holds(&verified, product),
            (None, _) | (Some(_), None) => Some(Hold::UnknownProduct),
        };
        let at = self.since_when(&verified, hinted.as_ref());
        let refunded = verified.refund.as_ref().map_or(0, |refund| refund.basis_points);
        let looked_since = verified.purchased_at.unwrap_or(self.asked_at);
        let kind = verified.kind.or(product.map(|product| product.kind));
        Said {
            look_at: look_at(&verified, looked_since, now),
            key: PurchaseKey {
                app: self.game.id.clone(),
                store: verified.store,
                environment: verified.environment,
                key: verified.key,
            },
            facts: Facts {
                transaction: verified.transaction.id,
                other_key: verified.other_key,
                order: verified.order,
                original: verified.original,
                product: verified.product,
                kind,
                quantity: verified.quantity,
                account_token: verified.account_token,
                price: verified.price.map(|price| (price.micros, price.currency)),
                purchased_at: verified.purchased_at,
                settle_by: verified.settle_by,
            },
            state: verified.state,
            refunded_bp: if verified.state == State::Paid { refunded } else { 0 },
            reversed: hinted.as_ref().is_some_and(Hinted::reverses),
            at,
            source,
            named,
            hold,
            product: product.map(|product| product.id.clone()),
            grants: grants.unwrap_or_default(),
            settled: verified.acknowledged || verified.consumed,
            candidate: random::uuid(now),
            // Of what a store sent of itself it is said later.
            evidence: self.received.filter(|_| source != Source::Told).map(|it| it.digest),
            webhook: self.game.tells_of_purchases(),
            now,
        }
    }

    /// Since when it stands so, by the store's clock. A notification may know better than the
    /// purchase itself, which at some stores does not say when it was taken back; then what the
    /// store says is as new as the question.
    fn since_when(&self, verified: &Verified, hinted: Option<&Hinted>) -> Micros {
        let hinted = hinted.map_or(verified.changed_at, |hinted| hinted.at);
        let at = verified.changed_at.max(hinted);
        let untold = verified.state == State::Refunded
            && verified.purchased_at.is_none_or(|bought| verified.changed_at <= bought);
        if untold { at.max(self.asked_at) } else { at }
    }
}

/// Why a purchase is not to be granted yet.
fn holds(verified: &Verified, product: &Product) -> Option<Hold> {
    if verified.kind.is_some_and(|kind| kind != product.kind) {
        return Some(Hold::Kind);
    }
    if verified.consumed {
        return Some(Hold::Used);
    }
    let paid = verified.price.as_ref().filter(|_| !verified.at_an_offer)?;
    let one = product.prices.iter().find(|price| price.currency == paid.currency)?;
    // A store may tell what one costs or what all of them cost.
    let all = one.micros.saturating_mul(verified.quantity.into());
    (paid.micros != one.micros && paid.micros != all).then_some(Hold::Price)
}

/// When the store is to be asked again of itself.
fn look_at(verified: &Verified, since: Micros, now: Micros) -> Option<Micros> {
    let young = |longest: Duration| now.since(since) < longest;
    match (verified.state, verified.store) {
        (State::Pending, _) => young(PENDING_FOR).then(|| now.after(PENDING_EVERY)),
        // It has no list of what it took back, and its notifications may be lost.
        (State::Paid, StoreName::OneStore) => {
            let real = verified.environment == Environment::Production;
            (real && young(LOOK_FOR)).then(|| now.after(LOOK_EVERY))
        }
        (State::Paid | State::Cancelled | State::Refunded, _) => None,
    }
}
