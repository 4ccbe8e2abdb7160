//! A store is asked, and its word taken in.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use protocol::client::StoreName;
use protocol::error::ErrorBody;
use protocol::ids::{AppId, MemberId};
use protocol::purchases::{Environment, SubmitReply};
use storage::clock::Micros;
use storage::failpoint;
use storage::gamelog::{Event, LogRecord};
use storage::purchases::{
    Closing, EvidenceEnd, Facts, Heard, Hold, Named, PurchaseKey, Received, Said, Shown, Source,
    State,
};
use uuid::Uuid;

use super::hint::Hinted;
use super::{Desk, Outcome, Told, answer};
use crate::apps::Game;
use crate::purchases::verdict::SandboxPolicy;
use crate::purchases::verified::Verified;
use crate::purchases::verifier::{Evidence, Fault, Store, reason};
use crate::{fault, random};

/// How long what could not be asked rests at first; it doubles with each try, up to
/// [`REST_MOST`].
const REST: Duration = Duration::from_secs(5);
const REST_MOST: Duration = Duration::from_secs(6 * 3600);
/// How long a store is asked in vain before somebody has to look.
const GIVE_UP: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often at least, so that what somebody looked at and wants tried again is not given up at
/// the first failure.
const TRIES: u32 = 8;
/// How often a payment that has not come is asked for, and how long.
const PENDING_EVERY: Duration = Duration::from_secs(3600);
const PENDING_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often a purchase is looked at in a store that has no list of what it took back, and how
/// long.
const LOOK_EVERY: Duration = Duration::from_secs(2 * 3600);
const LOOK_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long an answer waits until the game log has the purchase safe on a disk.
const ON_RECORD: Duration = Duration::from_secs(2);

/// What came of asking.
pub(super) enum Asked {
    /// The store's word was taken in.
    Heard(Heard),
    /// What was shown is none.
    Refused(&'static str),
    /// The store cannot tell now.
    Unavailable(u64),
    /// Our own settings are at fault.
    Misconfigured,
    /// The truth cannot tell now. What was shown waits.
    Storage(ErrorBody),
}

/// How long to rest before the next try, with some jitter so that not all come at once.
pub(super) fn rest(tries: u32) -> Duration {
    let doubled = REST.saturating_mul(1 << tries.min(16)).min(REST_MOST);
    let jitter = u32::from_be_bytes(random::bytes()) % 1024;
    doubled.mul_f64(0.75 + f64::from(jitter) / 2048.0)
}

/// The rest is at least as long as the store wants it.
pub(super) fn rest_after(tries: u32, retry_after_ms: u64) -> Duration {
    rest(tries).max(Duration::from_millis(retry_after_ms)).min(REST_MOST)
}

impl Desk {
    /// Asks about what a member showed.
    pub(super) async fn posted(
        &self,
        received: Received,
        member: MemberId,
    ) -> Outcome<SubmitReply> {
        let Ok(_place) = self.0.asking.clone().try_acquire_owned() else {
            counter!("daemun_purchases_not_asked_total").increment(1);
            return Err(answer::unavailable(super::AGAIN_MS)).into();
        };
        let asked = self.ask(&received).await;
        if matches!(asked, Asked::Heard(_)) {
            self.recorded().await;
        }
        let told = told(&asked);
        Outcome { answer: answer::of(asked, member), told }
    }

    /// Asks the store about evidence, takes its word in, and says how the evidence ended.
    pub(super) async fn ask(&self, received: &Received) -> Asked {
        let asked = self.word(received).await;
        let (app, store) = (&received.evidence.app, received.evidence.store);
        let poster = match received.evidence.source {
            Source::Posted(member) => Some(member),
            Source::Told => None,
        };
        let end = match &asked {
            Asked::Heard(_) => None,
            Asked::Refused(reason) => {
                let event = Event::PurchaseRefused { store, reason: (*reason).to_owned() };
                self.record(app, poster, event);
                Some(EvidenceEnd::Refused((*reason).to_owned()))
            }
            Asked::Unavailable(after_ms) => Some(self.later(received, *after_ms, "unavailable")),
            Asked::Misconfigured => {
                tracing::error!(%app, store = store.word(), "{} of {app} is misconfigured: paid purchases wait", store.word());
                Some(self.later(received, 60_000, "misconfigured"))
            }
            // Its lease runs out, and then it is asked about again.
            Asked::Storage(_) => None,
        };
        counter!("daemun_purchases_asked_total", "store" => store.word(), "outcome" => word(&asked))
            .increment(1);
        if let Some(end) = end {
            self.close(received, end).await;
        }
        asked
    }

    /// When evidence is tried again, or that it is not.
    fn later(&self, received: &Received, after_ms: u64, why: &'static str) -> EvidenceEnd {
        let now = self.now();
        if now.since(received.at) > GIVE_UP && received.tries >= TRIES {
            counter!("daemun_purchases_parked_total").increment(1);
            let store = received.evidence.store.word();
            tracing::error!(app = %received.evidence.app, store, "a purchase was not verified in seven days: somebody has to look");
            return EvidenceEnd::Parked(why.to_owned());
        }
        EvidenceEnd::Later(now.after(rest_after(received.tries, after_ms)), why.to_owned())
    }

    async fn close(&self, received: &Received, end: EvidenceEnd) {
        // What was answered before keeps no body, so it is not put back among what waits.
        let waits = matches!(received.shown, Shown::Waiting | Shown::Parked);
        if !waits && matches!(end, EvidenceEnd::Later(..) | EvidenceEnd::Parked(_)) {
            return;
        }
        let (digest, source) = (received.digest, received.evidence.source);
        let closing = Closing { digest, source, end, now: self.now() };
        if let Err(error) = self.0.storage.purchases.close(closing).await {
            // It is asked about once more when its lease runs out.
            tracing::warn!(%error, "evidence of a purchase could not be closed");
        }
    }

    async fn word(&self, received: &Received) -> Asked {
        let evidence = &received.evidence;
        let game = match self.game(&evidence.app) {
            Ok(game) => game,
            Err(error) => return Asked::Storage(error),
        };
        let stores = match self.0.shops.stores(&evidence.app).await {
            Ok(stores) => stores,
            Err(error) => return Asked::Storage(error),
        };
        let Some(store) = stores.store(evidence.store) else { return Asked::Misconfigured };
        let asked_at = self.now();
        let verified = match evidence.source {
            Source::Posted(_) => shown(store, &evidence.body).await.map(|it| (it, None)),
            Source::Told => match Hinted::read(&evidence.body) {
                Some(hinted) => {
                    let looked = store.look(&hinted.transaction()).await;
                    looked.map(|it| (it, Some(hinted)))
                }
                None => Err(Fault::Refused(reason::EVIDENCE_SHAPE)),
            },
        };
        match verified {
            Ok((verified, hinted)) => {
                let heard = Word { desk: self, game: &game, received: Some(received), asked_at };
                heard.take(verified, hinted, stores.sandbox()).await
            }
            Err(fault) => fault.into(),
        }
    }

    /// Asks a store about a purchase that is known, and takes its word in.
    pub(super) async fn look(
        &self,
        game: &Game,
        store: &Arc<dyn Store>,
        hinted: Hinted,
        sandbox: SandboxPolicy,
    ) -> Asked {
        let asked_at = self.now();
        match store.look(&hinted.transaction()).await {
            Ok(verified) => {
                let word = Word { desk: self, game, received: None, asked_at };
                word.take(verified, Some(hinted), sandbox).await
            }
            Err(fault) => fault.into(),
        }
    }

    /// Counts and logs what became of a purchase.
    fn report(&self, app: &AppId, heard: &Heard) {
        match heard {
            Heard::Owned { purchase, hold, pushed: Some(_), .. } => self.changed(purchase, *hold),
            Heard::Owned { purchase, pushed: None, .. } => self.on_record(purchase),
            Heard::Others { .. } => counter!("daemun_purchases_of_others_total").increment(1),
            Heard::Nobodys { hold: Some(hold) } => {
                counter!("daemun_purchases_held_total", "hold" => hold.word()).increment(1);
                tracing::error!(%app, hold = hold.word(), "a paid purchase of {app} is held: {}", hold.word());
            }
            Heard::Nobodys { hold: None } => {}
        }
    }

    pub(crate) fn changed(&self, purchase: &storage::purchases::Purchase, hold: Option<Hold>) {
        let app = &purchase.key.app;
        let (state, store) = (purchase.state(), purchase.key.store);
        counter!("daemun_purchases_changed_total", "store" => store.word(), "state" => state.word())
            .increment(1);
        if let Some(hold) = hold {
            counter!("daemun_purchases_held_total", "hold" => hold.word()).increment(1);
            tracing::error!(%app, purchase = %purchase.id, hold = hold.word(), "purchase {} of {app} is held: {}", purchase.id, hold.word());
        }
        self.on_record(purchase);
    }

    /// Writes into the game log how a purchase stands. Whoever is told so says it once more, for a
    /// process may have died between the grant and the log; the record is the same, and kept once.
    pub(super) fn on_record(&self, purchase: &storage::purchases::Purchase) {
        let event = Event::PurchaseChanged {
            purchase: purchase.id,
            state: purchase.state(),
            store: purchase.key.store,
            environment: purchase.key.environment,
            product: purchase.product.as_deref().map(str::to_owned),
            refunded_bp: purchase.refunded_bp,
        };
        self.0.storage.gamelog.record(LogRecord {
            id: purchase.record_id(),
            at: purchase.changed_at,
            app: purchase.key.app.clone(),
            member: Some(purchase.member),
            event,
        });
    }

    /// Returns when what was said of a purchase is safe on this machine's own disk: who is told of
    /// a grant finds it in the log, whatever dies then. The log's server is never waited for, and
    /// a disk that is too slow has said so.
    pub(super) async fn recorded(&self) {
        match tokio::time::timeout(ON_RECORD, self.0.storage.gamelog.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "a purchase is not on record yet"),
            Err(_) => tracing::error!("a purchase is not on record yet: the disk is slow"),
        }
    }
}

async fn shown(store: &Arc<dyn Store>, body: &str) -> Result<Verified, Fault> {
    store.verify(&Evidence::read(body.as_bytes())?).await
}

impl From<Fault> for Asked {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(reason) => Self::Refused(reason),
            Fault::Unavailable { retry_after_ms } => Self::Unavailable(retry_after_ms),
            Fault::Misconfigured(_) => Self::Misconfigured,
        }
    }
}

/// Whose inbox was written to.
pub(super) fn told(asked: &Asked) -> Option<Told> {
    match asked {
        Asked::Heard(Heard::Owned { purchase, pushed, .. }) => {
            pushed.map(|seq| Told { member: purchase.member, seq })
        }
        Asked::Heard(Heard::Others { owner, pushed }) => {
            pushed.map(|seq| Told { member: *owner, seq })
        }
        Asked::Heard(Heard::Nobodys { .. })
        | Asked::Refused(_)
        | Asked::Unavailable(_)
        | Asked::Misconfigured
        | Asked::Storage(_) => None,
    }
}

fn word(asked: &Asked) -> &'static str {
    match asked {
        Asked::Heard(_) => "heard",
        Asked::Refused(_) => "refused",
        Asked::Unavailable(_) => "unavailable",
        Asked::Misconfigured => "misconfigured",
        Asked::Storage(_) => "storage",
    }
}

/// A store's word on its way into the truth.
struct Word<'a> {
    desk: &'a Desk,
    game: &'a Game,
    /// The evidence that it answers.
    received: Option<&'a Received>,
    /// When the store was asked.
    asked_at: Micros,
}

impl Word<'_> {
    async fn take(
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
        let key = said.key.clone();
        failpoint::reached("purchases.verified");
        match self.desk.0.storage.purchases.hear(said).await {
            Ok(heard) => {
                failpoint::reached("purchases.heard");
                self.desk.report(&key.app, &heard);
                if let Heard::Others { owner, pushed: Some(_) } = heard {
                    self.of_another(&key, owner).await;
                }
                Asked::Heard(heard)
            }
            Err(error) => Asked::Storage(fault::of_storage(&error)),
        }
    }

    /// What became of a purchase that its owner did not show is logged all the same.
    async fn of_another(&self, key: &PurchaseKey, owner: MemberId) {
        let purchases = &self.desk.0.storage.purchases;
        let Ok(Some(claim)) = purchases.claim_on(key).await else { return };
        let found = purchases.get(key.app.clone(), owner, claim.id).await;
        if let Ok(Some(purchase)) = found {
            self.desk.changed(&purchase, claim.hold);
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
            evidence: self.received.map(|it| it.digest),
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
fn holds(verified: &Verified, product: &crate::purchases::catalogue::Product) -> Option<Hold> {
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
