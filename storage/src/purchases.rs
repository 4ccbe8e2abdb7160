//! Purchases: what was shown, whose each is, how it stands, and what was granted for it.
//!
//! # The way of a purchase
//!
//! 1. What somebody shows is kept as [`Evidence`] before any store is asked
//!    ([`PurchasesDuty::receive`]). From then on it is the server's to finish, whoever dies.
//! 2. A store's word comes back as [`Said`]. [`PurchasesDuty::hear`] takes it in, in two steps:
//!    - the [claim](Claim), a row on the shard of the purchase's own key, says whose it is and how
//!      it stands. [`hear`](claim::hear) decides that, under the claim's lock, which all who bring
//!      word of one purchase take. What has no owner yet is nowhere else.
//!    - the owner's rows follow, on the owner's shard, under the member's lock, in one
//!      transaction: purchase, ledger, wallet, inbox and outbox. [`follow`](owned::follow) says
//!      what to write: the difference between what is in force there and what the claim says.
//! 3. A claim whose owner's rows have not followed is *pending*; whoever meets it, or
//!    [`PurchasesDuty::finish`], takes step 2's second half again. Both halves are numbered by the
//!    claim's `version`, so that doing one twice, or late, does nothing.
//! 4. The store is told of the grant only afterwards ([`PurchasesDuty::to_settle`]).
//!
//! So a purchase is granted once because its claim is one row, and a crash between the halves
//! leaves a row that says what is still to be done.

pub mod claim;
pub mod evidence;
pub mod left;
pub mod owned;
pub mod refunds;
mod asked;
mod duty;
mod handle;

use std::fmt;

use protocol::client::StoreName;
use protocol::ids::{AppId, MemberId};
use protocol::purchases::{Environment, Kind};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::clock::Micros;
use crate::identity::{Digest, shard_of};

pub use asked::{
    Closing, ConsumeWrite, Consumed, Heard, HistoryRead, Look, Received, ReleaseWrite, Settle,
    Settled, Settling,
};
pub use claim::{Claim, Hold, Named, Said, Source, Stand, State};
pub use duty::PurchasesDuty;
pub use evidence::{Evidence, EvidenceEnd, Shown};
pub use handle::Purchases;
pub use left::{Finished, Finishing, Worked};
pub use owned::Purchase;
pub use refunds::RefundCount;

/// Everything, in hundredths of a percent.
pub const ALL_OF_IT: u16 = 10_000;

/// What makes a purchase one purchase.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PurchaseKey {
    /// The game.
    pub app: AppId,
    /// The store.
    pub store: StoreName,
    /// Whether money was paid.
    pub environment: Environment,
    /// The store's own name for it; 1 to 512 bytes.
    pub key: String,
}

impl PurchaseKey {
    /// A digest of the whole key, under which its claim is kept.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        let parts = [self.app.as_str(), self.store.word(), self.environment.word(), &self.key];
        for part in parts {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.finalize().into()
    }

    /// The virtual shard of its claim.
    #[must_use]
    pub fn shard(&self) -> u16 {
        shard_of(&self.digest())
    }
}

impl fmt::Debug for PurchaseKey {
    // Whoever has the key may claim the purchase.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PurchaseKey")
            .field("app", &self.app)
            .field("store", &self.store)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

/// What a store says of a purchase and never changes its mind about.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The name by which the store is asked again.
    pub transaction: String,
    /// A second name that is as unique, where a store has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_key: Option<String>,
    /// The number that a player finds on the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The first purchase of what this one restores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// The store's id of the product.
    pub product: String,
    /// Of which kind it is, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// How many were bought; at least 1.
    pub quantity: u32,
    /// What was handed to the store with the purchase, to say whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_token: Option<String>,
    /// What it cost, in millionths of the currency's unit, and the currency (ISO 4217).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<(i64, String)>,
    /// When it was bought, if the store says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchased_at: Option<Micros>,
    /// When the store gives the money back unless it is told of the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_by: Option<Micros>,
}

impl fmt::Debug for Facts {
    // The names are worth money, and the account token says who bought.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("product", &self.product)
            .field("quantity", &self.quantity)
            .finish_non_exhaustive()
    }
}

/// The token that a member hands to stores with each purchase: a UUID of version 8 (RFC 9562,
/// section 5.8), which holds the member's number and 59 bits that nobody can guess. So the token
/// alone says where to look for who it belongs to, and having it takes knowing it: whoever could
/// make one of another member could buy for that member, take the money back, and leave a debt.
#[must_use]
pub fn account_token(member: MemberId, random: u64) -> Uuid {
    let number = u128::from(member.number().cast_unsigned()) & ((1 << 63) - 1);
    // 122 free bits: 48, then the version, 12, then the variant, 62.
    let free = (number << 59) | u128::from(random & ((1 << 59) - 1));
    let (high, middle, low) = (free >> 74, (free >> 62) & 0xfff, free & ((1 << 62) - 1));
    Uuid::from_u128((high << 80) | (8 << 76) | (middle << 64) | (0b10 << 62) | low)
}

/// Whose an account token says it is. It says so of every token that has the form; only the
/// member's own row tells whether it is one.
#[must_use]
pub fn named_by(token: &Uuid) -> Option<MemberId> {
    let bits = token.as_u128();
    if (bits >> 76) & 0xf != 8 || (bits >> 62) & 0b11 != 0b10 {
        return None;
    }
    let free = ((bits >> 80) << 74) | (((bits >> 64) & 0xfff) << 62) | (bits & ((1 << 62) - 1));
    MemberId::from_number(i64::try_from(free >> 59).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_names_its_member(number in 1..=i64::MAX, random: u64, other: u64) {
            let member = MemberId::from_number(number).unwrap();
            let token = account_token(member, random);
            prop_assert_eq!(named_by(&token), Some(member));
            prop_assert_eq!((token.get_version_num(), token.get_variant()), (8, uuid::Variant::RFC4122));
            let same = (random ^ other) << 5 == 0;
            prop_assert_eq!(token == account_token(member, other), same);
        }

        #[test]
        fn a_uuid_that_is_no_token_names_nobody_or_somebody(bits: u128) {
            let _ = named_by(&Uuid::from_u128(bits));
        }
    }

    #[test]
    fn a_random_uuid_is_no_token() {
        assert_eq!(named_by(&Uuid::from_u128(0x7e3f_b20b_4cdb_47cc_936d_99d6_5f60_8138)), None);
        assert_eq!(named_by(&Uuid::nil()), None);
    }
}
