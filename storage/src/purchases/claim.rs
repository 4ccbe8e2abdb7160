//! Whose a purchase is and how it stands: the one row that decides, and what changes it.
//!
//! Everything here is a function of what is kept and what was said, so both backends decide the
//! same, and a test can tell every story.
//!
//! | stands \ said | paid | pending | cancelled | refunded |
//! |---|---|---|---|---|
//! | (unknown) | paid, granted if it may be | pending | cancelled | void |
//! | pending | paid, granted if it may be | - | cancelled | void |
//! | paid | granted if it may be now | - | - | void |
//! | granted | - (a part given back: so much is taken back) | - | - | refunded |
//! | refunded | granted again, if the store says so anew | - | - | - |
//! | void | paid, granted if it may be, if the store says so anew | - | - | - |
//! | cancelled | paid, granted if it may be: the payment came late | - | - | void |
//!
//! What is older than what the store said last (`told_at`, by the store's own clock) changes
//! nothing. "Anew" is said by the store itself, never by a client's post: that a refund was
//! undone, or something of a later time than what was said last.

use protocol::ids::MemberId;
use protocol::purchases::{Grant, PurchaseState};
use protocol::text::Text;
use protocol::words;
use uuid::Uuid;

use super::{ALL_OF_IT, Facts, PurchaseKey};
use crate::clock::Micros;
use crate::identity::Digest;

words! {
    /// How a purchase stands at its store.
    State {
        /// Real, but not paid yet.
        Pending = "pending",
        /// Paid, and not, or not wholly, given back.
        Paid = "paid",
        /// Never paid, and never to be.
        Cancelled = "cancelled",
        /// Paid, and given back as a whole.
        Refunded = "refunded",
    }
}

words! {
    /// How a purchase stands here.
    Stand {
        /// Real, but not paid yet.
        Pending = "pending",
        /// Paid, and not granted: nobody's yet, or held.
        Paid = "paid",
        /// Granted to its owner.
        Granted = "granted",
        /// It was granted, and taken back.
        Refunded = "refunded",
        /// Given back before it was ever granted; so it never is.
        Void = "void",
        /// Never paid.
        Cancelled = "cancelled",
    }
}

words! {
    /// Why a paid purchase is held until somebody looks at it.
    Hold {
        /// It names an account that is nobody's.
        UnknownAccount = "unknown_account",
        /// The catalogue has no such product.
        UnknownProduct = "unknown_product",
        /// It is of another product than was said.
        Product = "product",
        /// It is of another kind than the product.
        Kind = "kind",
        /// It cost something else than the product costs.
        Price = "price",
        /// A part of it was given back before it was granted.
        PartlyRefunded = "partly_refunded",
        /// The store says that it is used up already, and it was never granted here.
        Used = "used",
    }
}

/// Who brings word of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A member who shows evidence.
    Posted(MemberId),
    /// The store itself: a notification, or our own question.
    Told,
}

/// Whose a purchase is, as far as the store knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The member whose account token it carries.
    Member(MemberId),
    /// It carries no account token.
    Nobody,
    /// It carries a token that is no member's.
    Unknown,
}

/// What a store was heard to say of a purchase, everything decided but what only the truth can
/// say.
#[derive(Clone, Debug)]
pub struct Said {
    /// Which purchase.
    pub key: PurchaseKey,
    /// What never changes about it.
    pub facts: Facts,
    /// How it stands at the store.
    pub state: State,
    /// Of a paid one: how much of it was given back, in hundredths of a percent; under 10,000.
    pub refunded_bp: u16,
    /// Whether the store says that a refund was undone.
    pub reversed: bool,
    /// Since when it stands so, by the store's clock.
    pub at: Micros,
    /// Who brings it.
    pub source: Source,
    /// Whose it is.
    pub named: Named,
    /// Why it is not to be granted yet.
    pub hold: Option<Hold>,
    /// The product, as the catalogue calls it.
    pub product: Option<Text<64>>,
    /// What it grants, all of the quantity together, by the catalogue as it is now. Each item
    /// once, each amount positive, in the order of the items.
    pub grants: Vec<Grant>,
    /// Whether the store was told of the grant already, or need not be.
    pub settled: bool,
    /// When the store is to be asked again of itself.
    pub look_at: Option<Micros>,
    /// The id that it gets if it is new; a UUID of version 7.
    pub candidate: Uuid,
    /// The evidence that this answers, to be closed with it.
    pub evidence: Option<Digest>,
    /// Whether the game is told of what becomes of purchases, by its webhook.
    pub webhook: bool,
    /// The present time.
    pub now: Micros,
}

/// Whose a purchase is and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which purchase.
    pub key: PurchaseKey,
    /// Its id here.
    pub id: Uuid,
    /// What never changes about it.
    pub facts: Facts,
    /// The product, as the catalogue calls it.
    pub product: Option<Text<64>>,
    /// What it grants. Fixed with the first grant.
    pub grants: Vec<Grant>,
    /// Whose it is. Once it is somebody's it stays so.
    pub owner: Option<MemberId>,
    /// How it stands.
    pub stand: Stand,
    /// How much of it was given back, in hundredths of a percent.
    pub refunded_bp: u16,
    /// Why it is held, while it is paid and not granted.
    pub hold: Option<Hold>,
    /// What the store said of an earlier time than this changes nothing.
    pub told_at: Micros,
    /// Whether the store was told of the grant, or need not be, when it was first heard of.
    pub settled: bool,
    /// Whether the game is told by its webhook.
    pub webhook: bool,
    /// When it was first granted.
    pub granted_at: Option<Micros>,
    /// When the store is to be asked again of itself.
    pub look_at: Option<Micros>,
    /// How often it changed in a way that its owner's rows follow.
    pub version: i64,
    /// Whether it has an owner whose rows are not known to have followed.
    pub pending: bool,
    /// When it was first heard of.
    pub created_at: Micros,
    /// When it last changed.
    pub changed_at: Micros,
}

impl Claim {
    /// How much of it is in force, in hundredths of a percent.
    #[must_use]
    pub fn in_force_bp(&self) -> u16 {
        in_force_bp(self.stand, self.refunded_bp)
    }

    /// How it stands, in the words for its owner.
    #[must_use]
    pub fn state(&self) -> PurchaseState {
        state(self.stand)
    }

    /// Heard of for the first time.
    fn new(said: &Said) -> Self {
        let stand = match said.state {
            State::Pending => Stand::Pending,
            State::Paid => Stand::Paid,
            State::Cancelled => Stand::Cancelled,
            State::Refunded => Stand::Void,
        };
        Self {
            key: said.key.clone(),
            id: said.candidate,
            facts: said.facts.clone(),
            product: said.product.clone(),
            grants: said.grants.clone(),
            owner: None,
            stand,
            refunded_bp: refunded_bp(said),
            hold: None,
            told_at: said.at,
            settled: said.settled,
            webhook: said.webhook,
            granted_at: None,
            look_at: said.look_at,
            version: 0,
            pending: false,
            created_at: said.now,
            changed_at: said.now,
        }
    }

    /// What a decision about the owner's rows rests on.
    fn visible(&self) -> (Stand, u16, Option<MemberId>, Option<Hold>) {
        (self.stand, self.refunded_bp, self.owner, self.hold)
    }
}

pub(super) fn in_force_bp(stand: Stand, refunded_bp: u16) -> u16 {
    match stand {
        Stand::Granted => ALL_OF_IT.saturating_sub(refunded_bp),
        Stand::Pending | Stand::Paid | Stand::Refunded | Stand::Void | Stand::Cancelled => 0,
    }
}

pub(super) fn state(stand: Stand) -> PurchaseState {
    match stand {
        Stand::Pending => PurchaseState::Pending,
        Stand::Paid => PurchaseState::Held,
        Stand::Granted => PurchaseState::Granted,
        Stand::Refunded | Stand::Void => PurchaseState::Refunded,
        Stand::Cancelled => PurchaseState::Cancelled,
    }
}

fn refunded_bp(said: &Said) -> u16 {
    match said.state {
        State::Paid => said.refunded_bp.min(ALL_OF_IT),
        State::Refunded => ALL_OF_IT,
        State::Pending | State::Cancelled => 0,
    }
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The claim as it stands now.
    pub claim: Claim,
    /// Whether it differs from what was kept, in anything.
    pub changed: bool,
    /// Whether it was kept before.
    pub known: bool,
    /// Whether it is another member's than the one who posted. Then the poster is told that and
    /// nothing else.
    pub others: bool,
}

impl Decided {
    /// Whether who said so is told that it was known. Who says the same once more, because nobody
    /// answered, is told the same.
    #[must_use]
    pub fn was_known_to(&self, said: &Said) -> bool {
        self.known && self.claim.id != said.candidate
    }
}

/// Takes in what was said of a purchase.
#[must_use]
pub fn hear(found: Option<Claim>, said: &Said) -> Decided {
    let before = found.clone();
    let mut claim = match found {
        None => Claim::new(said),
        Some(mut claim) => {
            listen(&mut claim, said);
            claim
        }
    };
    own(&mut claim, said);
    grant(&mut claim, said);
    let seen = before.as_ref().map(Claim::visible);
    if seen != Some(claim.visible()) {
        claim.version += 1;
        claim.changed_at = said.now;
        claim.pending = claim.owner.is_some();
    }
    let others = match (said.source, claim.owner) {
        (Source::Posted(poster), Some(owner)) => poster != owner,
        // Nobody's, and held: its token is unknown.
        (Source::Posted(_), None) | (Source::Told, _) => false,
    };
    let changed = before.as_ref() != Some(&claim);
    Decided { claim, changed, known: before.is_some(), others }
}

/// Moves a claim that is known, by the table above.
fn listen(claim: &mut Claim, said: &Said) {
    let told = said.source == Source::Told;
    claim.look_at = said.look_at;
    if said.at < claim.told_at {
        return;
    }
    let anew = told && (said.reversed || said.at > claim.told_at);
    let next = match (claim.stand, said.state) {
        (Stand::Pending | Stand::Cancelled, State::Paid) => Some(Stand::Paid),
        (Stand::Pending, State::Cancelled) => Some(Stand::Cancelled),
        (Stand::Pending | Stand::Paid | Stand::Cancelled, State::Refunded) => Some(Stand::Void),
        (Stand::Granted, State::Refunded) => Some(Stand::Refunded),
        (Stand::Refunded, State::Paid) if anew => Some(Stand::Granted),
        (Stand::Void, State::Paid) if anew => Some(Stand::Paid),
        (Stand::Pending, State::Pending)
        | (Stand::Paid | Stand::Granted, State::Pending | State::Paid | State::Cancelled)
        | (Stand::Refunded | Stand::Void, _)
        | (Stand::Cancelled, State::Pending | State::Cancelled) => None,
    };
    let bp = refunded_bp(said);
    // Of what is paid a part may be given back; that it was not, only the store itself can say.
    let part = matches!(claim.stand, Stand::Paid | Stand::Granted)
        && said.state == State::Paid
        && (bp > claim.refunded_bp || (bp < claim.refunded_bp && anew));
    if let Some(next) = next {
        claim.stand = next;
    }
    if next.is_some() || part {
        claim.refunded_bp = bp;
        claim.told_at = said.at;
    }
    // That it was given back is the store's own word, whoever posts it: what is older undoes it
    // no more. That it is paid may be said before a refund that is heard of later.
    if told || said.state == State::Refunded {
        claim.told_at = said.at;
    }
    // What was not known when it was first heard of, such as a price, may be now.
    if claim.granted_at.is_none() {
        claim.facts = said.facts.clone();
        claim.settled = said.settled;
    }
}

/// Says whose a claim is that is nobody's.
fn own(claim: &mut Claim, said: &Said) {
    if claim.owner.is_none() {
        claim.owner = match (said.named, said.source) {
            (Named::Member(member), _) => Some(member),
            (Named::Nobody, Source::Posted(poster)) => Some(poster),
            // Nobody is told to be the owner behind its back, and a foreign token is looked at.
            (Named::Nobody, Source::Told) | (Named::Unknown, _) => None,
        };
    }
}

/// Grants what is paid, owned and not held.
fn grant(claim: &mut Claim, said: &Said) {
    if claim.granted_at.is_none() {
        claim.product = said.product.clone();
        claim.grants = said.grants.clone();
        claim.webhook = said.webhook;
    }
    if claim.stand != Stand::Paid {
        claim.hold = None;
        return;
    }
    claim.hold = match said.named {
        Named::Unknown if claim.owner.is_none() => Some(Hold::UnknownAccount),
        Named::Member(_) | Named::Nobody | Named::Unknown => {
            let part = (claim.refunded_bp > 0).then_some(Hold::PartlyRefunded);
            said.hold.or(part)
        }
    };
    if claim.hold.is_none() && claim.owner.is_some() {
        claim.stand = Stand::Granted;
        claim.granted_at = claim.granted_at.or(Some(said.now));
    }
}

/// Grants a held purchase because somebody looked at it, to `owner` if it has none yet. `None` if
/// it is not paid and waiting, or still nobody's.
#[must_use]
pub fn release(claim: &Claim, owner: Option<MemberId>, now: Micros) -> Option<Claim> {
    let owner = claim.owner.or(owner)?;
    if claim.stand != Stand::Paid || claim.grants.is_empty() {
        return None;
    }
    let mut claim = claim.clone();
    claim.owner = Some(owner);
    claim.stand = Stand::Granted;
    claim.hold = None;
    claim.granted_at = claim.granted_at.or(Some(now));
    claim.version += 1;
    claim.changed_at = now;
    claim.pending = true;
    Some(claim)
}

#[cfg(test)]
mod tests;
