//! What every store is asked, whichever it is.

use std::fmt;

use async_trait::async_trait;
use protocol::client::StoreName;
use serde_json::{Map, Value};
use storage::clock::Micros;

use super::verified::{Transaction, Verified};

/// The longest evidence, in bytes. A signed transaction has 4 to 6 KiB.
pub const MAX_EVIDENCE: usize = 64 * 1024;
/// The longest id that a client may send, in bytes. Google's tokens have about 150.
const MAX_ID: usize = 512;

/// One store, as one game is registered there.
///
/// Each call asks the store at most a few times, waits at most 10 s for each answer, and keeps
/// nothing but an access token. All of them may be repeated at will.
#[async_trait]
pub trait Store: Send + Sync {
    /// Which it is.
    fn name(&self) -> StoreName;

    /// What the store vouches for when it is shown `evidence` by a client.
    ///
    /// # Errors
    /// [`Fault`]. `Refused` only if the same evidence can never be good.
    async fn verify(&self, evidence: &Evidence) -> Result<Verified, Fault>;

    /// How the store sees a purchase now.
    ///
    /// # Errors
    /// [`Fault`]. `Refused` if the store has no such purchase.
    async fn look(&self, transaction: &Transaction) -> Result<Verified, Fault>;

    /// Tells the store that the purchase was granted, so that it does not give the money back.
    /// To be called after the grant is durable. One that was told already is told again.
    ///
    /// # Errors
    /// [`Fault`]. `Refused` if there is nothing to acknowledge any more: the money was given back.
    async fn acknowledge(&self, transaction: &Transaction) -> Result<(), Fault>;

    /// Tells the store that the product is used up and may be bought again; this acknowledges
    /// it too. One that was told already is told again.
    ///
    /// # Errors
    /// As [`Store::acknowledge`].
    async fn consume(&self, transaction: &Transaction) -> Result<(), Fault>;

    /// What a notification hints at, once it is proven to be the store's own; `None` if it says
    /// nothing about purchases that are handled here. A hint is never applied: the store is
    /// asked with [`Store::look`].
    ///
    /// # Errors
    /// [`Fault`]. `Refused` if it is not the store's or not about this game.
    async fn notified(&self, notice: Notice<'_>) -> Result<Option<Hint>, Fault>;

    /// What the store says that it took back since `since`, for whoever lost a notification:
    /// one page, and where the next begins.
    ///
    /// # Errors
    /// [`Fault`].
    async fn taken_back(&self, since: Micros, page: Option<&str>) -> Result<TakenBack, Fault>;
}

/// Why a store's word could not be had, or is no.
///
/// No variant holds any part of evidence, so all of it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The evidence itself is bad. Final. The text is one of [`reason`]'s, or of
    /// [`crate::identity::provider::reason`]'s about a token that came with a notification.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// We cannot tell now. Never to be kept as an answer.
    #[error("the store cannot tell now, again in {retry_after_ms} ms")]
    Unavailable {
        /// How long to wait before another try is of use, in milliseconds; at least 1.
        retry_after_ms: u64,
    },
    /// Our own credentials or settings are at fault; an operator has to act. Never to be kept
    /// as an answer. The text names the setting.
    #[error("this store is misconfigured: {0}")]
    Misconfigured(&'static str),
}

/// The reasons of [`Fault::Refused`] and of a verdict: short, stable, without any part of the
/// evidence, so they serve as labels of metrics too.
pub mod reason {
    /// Longer than [`super::MAX_EVIDENCE`], or an id longer than 512 bytes.
    pub const EVIDENCE_SIZE: &str = "evidence_size";
    /// Not the JSON object that this store's evidence is.
    pub const EVIDENCE_SHAPE: &str = "evidence_shape";
    /// The signed text is not three parts of base64url with JSON objects in them.
    pub const SIGNED_SHAPE: &str = "signed_shape";
    /// It is signed by another algorithm than the store's.
    pub const ALGORITHM: &str = "algorithm";
    /// The header names extensions; we understand none (RFC 7515, 4.1.11).
    pub const HEADER_CRIT: &str = "header_crit";
    /// Not exactly three certificates.
    pub const CHAIN_SHAPE: &str = "chain_shape";
    /// The certificates do not lead to a root that is trusted, or were not valid when it was
    /// signed.
    pub const CHAIN: &str = "chain";
    /// A certificate was not made for this purpose.
    pub const CHAIN_PURPOSE: &str = "chain_purpose";
    /// The signature does not match.
    pub const SIGNATURE: &str = "signature";
    /// No signature, or no proof of who sends.
    pub const UNSIGNED: &str = "unsigned";
    /// It was bought in another app.
    pub const OTHER_APP: &str = "other_app";
    /// It comes from neither the store's production nor its sandbox.
    pub const ENVIRONMENT: &str = "environment";
    /// A purchase of the sandbox, which this game does not take, or not from this member.
    pub const SANDBOX: &str = "sandbox";
    /// The store knows no such purchase of this app.
    pub const UNKNOWN: &str = "unknown_purchase";
    /// It is of another product than was said.
    pub const PRODUCT: &str = "product";
    /// It is of a kind that is not served, such as a subscription, or not the product's.
    pub const KIND: &str = "kind";
    /// It cost something else than the product costs.
    pub const PRICE: &str = "price";
    /// Another person of the family bought it.
    pub const FAMILY: &str = "family_shared";
    /// It was never paid.
    pub const CANCELLED: &str = "cancelled";
    /// It was paid, and the money was given back.
    pub const REFUNDED: &str = "refunded";
}

/// What a client shows: a JSON object, whose fields each store documents.
pub struct Evidence(Map<String, Value>);

impl Evidence {
    /// Reads evidence.
    ///
    /// # Errors
    /// [`Fault::Refused`]: too long, or not an object.
    pub fn read(json: &[u8]) -> Result<Self, Fault> {
        if json.len() > MAX_EVIDENCE {
            return Err(Fault::Refused(reason::EVIDENCE_SIZE));
        }
        match serde_json::from_slice(json) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) | Err(_) => Err(Fault::Refused(reason::EVIDENCE_SHAPE)),
        }
    }

    /// A field's text, `None` if it is not there.
    ///
    /// # Errors
    /// [`Fault::Refused`]: it is no text, or empty.
    pub(super) fn text(&self, field: &str) -> Result<Option<&str>, Fault> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(Fault::Refused(reason::EVIDENCE_SHAPE)),
        }
    }

    /// A field that is an id: up to 512 printable bytes of ASCII that are one segment of a path.
    ///
    /// # Errors
    /// [`Fault::Refused`]: it is none.
    pub(super) fn id(&self, field: &str) -> Result<Option<&str>, Fault> {
        self.text(field)?.map(id).transpose()
    }
}

impl fmt::Debug for Evidence {
    // It is worth money, and says who bought.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Evidence")
    }
}

/// Checks an id before it goes into an address. One of dots alone would be a step up.
pub(super) fn id(text: &str) -> Result<&str, Fault> {
    if text.len() > MAX_ID {
        return Err(Fault::Refused(reason::EVIDENCE_SIZE));
    }
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    let step = text.bytes().all(|byte| byte == b'.');
    if printable && !step { Ok(text) } else { Err(Fault::Refused(reason::EVIDENCE_SHAPE)) }
}

/// A notification as it came.
#[derive(Clone, Copy)]
pub struct Notice<'a> {
    /// The header `Authorization`, if there was one.
    pub authorization: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What a notification hints at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The same for each delivery of one notification; unique in a game's store. At most 128
    /// bytes.
    pub id: String,
    /// When it happened, by the store's clock.
    pub at: Micros,
    /// What happened.
    pub what: Happened,
    /// What to ask the store about; `None` for a test.
    pub transaction: Option<Transaction>,
}

/// What a store says that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was bought, or a payment came or did not.
    Changed,
    /// Money was given back, all or some.
    Refunded,
    /// A refund was undone: the purchase is good again.
    RefundReversed,
    /// The store tries out whether notifications arrive.
    Test,
}

/// A page of what a store took back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// The store has a list.
    Listed {
        /// What it says, in no order.
        hints: Vec<Hint>,
        /// Where the next page begins, `None` at the end.
        next: Option<String>,
    },
    /// The store has no list: every purchase that may still be taken back is to be looked at.
    LookAtEach,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_an_object_of_a_bearable_size() {
        let size = Fault::Refused(reason::EVIDENCE_SIZE);
        let shape = Fault::Refused(reason::EVIDENCE_SHAPE);
        let full = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_EVIDENCE - 8));
        assert_eq!(full.len(), MAX_EVIDENCE);
        assert!(Evidence::read(full.as_bytes()).is_ok());
        assert_eq!(Evidence::read(format!("{full} ").as_bytes()).unwrap_err(), size);
        assert_eq!(Evidence::read(&vec![b' '; 1 << 20]).unwrap_err(), size);
        for other in ["", "[]", "\"a\"", "null", "{", "{} {}"] {
            assert_eq!(Evidence::read(other.as_bytes()).unwrap_err(), shape, "{other}");
        }
    }

    #[test]
    fn an_id_is_one_segment_of_printable_ascii() {
        let id = |value: &str| {
            let json = serde_json::json!({ "token": value }).to_string();
            Evidence::read(json.as_bytes()).unwrap().id("token").map(|id| id.map(str::to_owned))
        };
        for good in ["a", "a.b", "a+b=c/d%", "..a", &"x".repeat(512)] {
            assert_eq!(id(good), Ok(Some(good.to_owned())));
        }
        for bad in ["", ".", "..", "a b", "a\n", "한"] {
            assert_eq!(id(bad), Err(Fault::Refused(reason::EVIDENCE_SHAPE)), "{bad}");
        }
        assert_eq!(id(&"x".repeat(513)), Err(Fault::Refused(reason::EVIDENCE_SIZE)));
        let evidence = Evidence::read(br#"{"token": 7, "other": null}"#).unwrap();
        assert_eq!(evidence.id("token"), Err(Fault::Refused(reason::EVIDENCE_SHAPE)));
        assert_eq!((evidence.id("other"), evidence.id("none")), (Ok(None), Ok(None)));
        assert_eq!(format!("{evidence:?}"), "Evidence");
    }
}
