//! What a member has of the game's items and currencies.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::purchases::Grant;

/// The word under which a member is told that it has more or less of something; its body is
/// [`Balances`].
pub const CHANGED: &str = "wallet.changed";

/// The body of `wallet.balances`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BalancesRequest {}

/// The answer to `wallet.balances`, and the body of the push `wallet.changed`, which names what
/// changed alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Balances {
    /// How much there is of each item, in the order of their words. What was taken back after
    /// it was spent leaves less than nothing.
    pub balances: Vec<Grant>,
}
