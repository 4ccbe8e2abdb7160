//! What was bought, as the member who bought it is told.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::client::StoreName;
use crate::text::Text;
use crate::time::Micros;

crate::words! {
    /// Whether money was paid. The stores say so, never a client.
    #[derive(PartialOrd, Ord, ToSchema)]
    Environment {
        /// Real money.
        Production = "production",
        /// A tester's.
        Sandbox = "sandbox",
    }
}

crate::words! {
    /// What kind of product it is.
    #[derive(ToSchema)]
    Kind {
        /// It can be bought again once it is used up.
        Consumable = "consumable",
        /// It is bought once.
        NonConsumable = "non_consumable",
    }
}

crate::words! {
    /// How a purchase stands.
    #[derive(ToSchema)]
    PurchaseState {
        /// Real, and not paid yet.
        Pending = "pending",
        /// Paid, and held back until the publisher has looked at it.
        Held = "held",
        /// Paid and granted.
        Granted = "granted",
        /// The money was given back, and what was granted taken back.
        Refunded = "refunded",
        /// Never paid.
        Cancelled = "cancelled",
    }
}

/// So much of an item or of a currency of the game.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// The item's word, which the game gave it: letters, digits, `.`, `_` and `-`.
    #[schema(value_type = String, max_length = 64, example = "gem")]
    pub item: Text<64>,
    /// How much.
    pub amount: i64,
}

/// A purchase of the member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Purchase {
    /// Its id here.
    #[serde(with = "crate::ids::as_text")]
    #[schema(value_type = String)]
    pub id: Uuid,
    /// The product, as the catalogue calls it; absent when the catalogue does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "gem_100")]
    pub product: Option<Text<64>>,
    /// How many were bought at once.
    pub quantity: u32,
    /// Where.
    pub store: StoreName,
    /// Whether money was paid.
    pub environment: Environment,
    /// How it stands.
    pub state: PurchaseState,
    /// What it grants, all of the quantity together.
    pub grants: Vec<Grant>,
    /// How much of it was taken back, in hundredths of a percent; absent for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded_bp: Option<u16>,
    /// When it was bought, if the store says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub purchased_at: Option<Micros>,
    /// When the game or its client took what it grants; absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub consumed_at: Option<Micros>,
}

/// The word under which a member is told that a purchase stands otherwise than before; its body
/// is [`Updated`].
pub const UPDATED: &str = "purchase.updated";

/// The body of the push `purchase.updated`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Updated {
    /// The purchase, as it stands now.
    pub purchase: Purchase,
}

/// A product of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Product {
    /// Its word.
    #[schema(value_type = String, max_length = 64, example = "gem_100")]
    pub id: Text<64>,
    /// Of which kind it is.
    pub kind: Kind,
    /// What one grants.
    pub grants: Vec<Grant>,
    /// What it is called in the store that was asked about; absent when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub store_product: Option<Text<256>>,
    /// Until when it is sold; absent when there is no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Micros>,
}

/// The body of `product.list`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductsRequest {
    /// Only what is sold in this store, with its names there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreName>,
}

/// The answer to `product.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductsReply {
    /// What is sold now, in the catalogue's order.
    pub products: Vec<Product>,
}

/// The body of `purchase.reserve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReserveRequest {
    /// The product's word.
    #[schema(value_type = String, max_length = 64, example = "gem_100")]
    pub product: Text<64>,
    /// Where it is going to be bought.
    pub store: StoreName,
}

/// The answer to `purchase.reserve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReserveReply {
    /// Names this intention; to be sent with `purchase.submit`.
    #[serde(with = "crate::ids::as_text")]
    #[schema(value_type = String)]
    pub reservation: Uuid,
    /// To be handed to the store with the purchase: Apple's `appAccountToken`, Google's
    /// `obfuscatedAccountId`, ONE store's `developerPayload`. It says whose the purchase is.
    #[serde(with = "crate::ids::as_text")]
    #[schema(value_type = String)]
    pub account_token: Uuid,
    /// What the product is called in that store.
    #[schema(value_type = String)]
    pub store_product: Text<256>,
}

/// The body of `purchase.submit`.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SubmitRequest {
    /// Where it was bought.
    pub store: StoreName,
    /// What the store gave the client: of the App Store `{"jws"}` or `{"transaction"}`, of
    /// Google Play and of ONE store `{"token"}` and `{"product"}`. At most 64 KiB.
    #[schema(value_type = Object)]
    pub evidence: Map<String, Value>,
    /// What `purchase.reserve` gave.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::ids::as_text::maybe")]
    #[schema(value_type = Option<String>)]
    pub reservation: Option<Uuid>,
}

impl std::fmt::Debug for SubmitRequest {
    // Evidence is worth money.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubmitRequest").field("store", &self.store).finish_non_exhaustive()
    }
}

/// The answer to `purchase.submit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubmitReply {
    /// The purchase, as it stands now.
    pub purchase: Purchase,
    /// Whether this purchase was known before.
    pub seen_before: bool,
    /// Whether the client may finish or consume it at the store. While it is not told so, it
    /// shows the evidence again at its next start.
    pub finish: bool,
}

/// The body of `purchase.unconsumed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnconsumedRequest {}

/// The answer to `purchase.unconsumed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnconsumedReply {
    /// Purchases that are granted and not consumed, the oldest first; at most 100.
    pub purchases: Vec<Purchase>,
}

/// The body of `purchase.consume`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsumeRequest {
    /// The purchase's id.
    #[serde(with = "crate::ids::as_text")]
    #[schema(value_type = String)]
    pub purchase: Uuid,
}

/// The answer to `purchase.consume`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsumeReply {
    /// The purchase.
    pub purchase: Purchase,
    /// Whether it was consumed before.
    pub seen_before: bool,
}

/// The body of `purchase.history`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryRequest {
    /// What came before this purchase; from the newest on if absent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::ids::as_text::maybe")]
    #[schema(value_type = Option<String>)]
    pub before: Option<Uuid>,
    /// At most so many, 1 to 100; 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<u16>,
}

/// The answer to `purchase.history`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryReply {
    /// The member's purchases, the newest first.
    pub purchases: Vec<Purchase>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::ids::as_text::maybe")]
    #[schema(value_type = Option<String>)]
    pub before: Option<Uuid>,
}
