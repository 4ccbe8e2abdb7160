//! A purchase as every store's is seen.

use std::fmt;

use protocol::client::StoreName;
use serde::Serialize;
use storage::clock::Micros;

pub use protocol::purchases::{Environment, Kind};
pub use storage::purchases::State;

/// How a store is asked about a purchase once more.
#[derive(Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Where it was bought; `None` where only the store's answer says.
    pub environment: Option<Environment>,
    /// The product, `None` where a notification does not name it.
    pub product: Option<String>,
    /// The store's own name for it: a transaction id or a purchase token.
    pub id: String,
}

impl fmt::Debug for Transaction {
    // Whoever has the id may claim the purchase.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("environment", &self.environment)
            .field("product", &self.product)
            .finish_non_exhaustive()
    }
}

/// What it cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Price {
    /// In millionths of the currency's unit.
    pub micros: i64,
    /// ISO 4217.
    pub currency: String,
}

/// What was given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refund {
    /// When, if the store says so.
    pub at: Option<Micros>,
    /// Why, in the store's own words or number.
    pub reason: Option<String>,
    /// How much, in hundredths of a percent: 1 to 10000.
    pub basis_points: u16,
}

/// A purchase that a store vouches for.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which store.
    pub store: StoreName,
    /// Whether money was paid.
    pub environment: Environment,
    /// Unique for a game, a store and an environment: a purchase is granted once for it.
    pub key: String,
    /// A second name that is as unique, where a store has one.
    pub other_key: Option<String>,
    /// How the store is asked again.
    pub transaction: Transaction,
    /// The number that a player finds on the receipt.
    pub order: Option<String>,
    /// The first purchase of what this one restores.
    pub original: Option<String>,
    /// The store's id of the product.
    pub product: String,
    /// Of which kind it is, if the store says so.
    pub kind: Option<Kind>,
    /// How many were bought; at least 1.
    pub quantity: u32,
    /// What was handed to the store with the purchase, to say whose it is.
    pub account_token: Option<String>,
    /// What it cost, if the store says so.
    pub price: Option<Price>,
    /// Whether it was bought at an offer's price.
    pub at_an_offer: bool,
    /// When it was bought; of a pending one when it was first seen, if the store says that.
    pub purchased_at: Option<Micros>,
    /// Since when, by the store's clock, it stands as it does. What is older changes nothing.
    pub changed_at: Micros,
    /// How it stands.
    pub state: State,
    /// What was given back. Of a paid one: a part.
    pub refund: Option<Refund>,
    /// Whether the store was told that it was granted, or need not be told.
    pub acknowledged: bool,
    /// Whether the store was told that it is used up.
    pub consumed: bool,
    /// When the store gives the money back unless it is told of the grant.
    pub settle_by: Option<Micros>,
    /// SHA-256 of what the store vouches for, without what anyone could change in it.
    pub evidence: [u8; 32],
}

impl fmt::Debug for Verified {
    // The keys are worth money, and the account token says who bought.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("store", &self.store)
            .field("environment", &self.environment)
            .field("product", &self.product)
            .field("quantity", &self.quantity)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
