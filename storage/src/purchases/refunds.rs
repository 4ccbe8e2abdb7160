//! How much of what a member paid was given back: who asks for it again and again is seen.

use std::collections::BTreeMap;

use super::claim::Stand;
use super::owned::Purchase;
use super::{ALL_OF_IT, Facts};

/// The most purchases that are counted; a member who has more of them is known well enough.
pub const MOST_COUNTED: usize = 10_000;

/// What was given back of a member's purchases after it was granted. It is added up from the
/// purchases themselves whenever somebody asks; those of sandboxes are not among it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefundCount {
    /// Of how many purchases all or a part was given back; [`MOST_COUNTED`] at most.
    pub purchases: u64,
    /// How much money of each currency, in millionths, as far as the stores said what was paid.
    pub sums: BTreeMap<String, i64>,
}

impl RefundCount {
    /// Adds a purchase, if anything of it was given back after it was granted. The price is taken
    /// for what all of the quantity cost.
    pub(crate) fn add(&mut self, stand: Stand, refunded_bp: u16, facts: &Facts) {
        let bp = match stand {
            Stand::Refunded => ALL_OF_IT,
            Stand::Granted => refunded_bp,
            Stand::Pending | Stand::Paid | Stand::Void | Stand::Cancelled => 0,
        };
        if bp == 0 {
            return;
        }
        self.purchases += 1;
        if let Some((micros, currency)) = &facts.price {
            let back = i128::from(*micros) * i128::from(bp) / i128::from(ALL_OF_IT);
            let sum = self.sums.entry(currency.clone()).or_default();
            *sum = sum.saturating_add(i64::try_from(back).unwrap_or(i64::MAX));
        }
    }

    /// Of all of these.
    pub(crate) fn of(purchases: impl IntoIterator<Item = Purchase>) -> Self {
        let mut count = Self::default();
        for purchase in purchases {
            count.add(purchase.stand, purchase.refunded_bp, &purchase.facts);
        }
        count
    }
}
