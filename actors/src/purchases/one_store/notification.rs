//! Payment notifications (PNS, version 3).
//!
//! The signature is over the JSON object without its member `signature`, written without blanks
//! in the order in which the members came. So the text itself is taken apart here, and nothing
//! of it is written anew.

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use storage::clock::Micros;

use super::addressable;
use crate::purchases::hex_digest;
use crate::purchases::verified::{Environment, Transaction};
use crate::purchases::verifier::{Fault, Happened, Hint, id, reason};

/// The longest notification, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// The member that signs the others.
const SIGNATURE: &str = "signature";

/// The members as they came. Two of one name are refused: it would not be clear which is meant.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom("a member comes twice"));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// What is read of it, once the signature is proven. Version 3.1 names the client id, version
/// 3.0 the package.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payment {
    client_id: Option<String>,
    product_id: String,
    message_type: String,
    purchase_state: String,
    purchase_time_millis: i64,
    purchase_token: String,
    environment: String,
}

/// What a notification hints at, once its signature is proven.
pub(super) fn hint(
    body: &[u8],
    client_id: &str,
    license: &ParsedPublicKey,
) -> Result<Option<Hint>, Fault> {
    if body.len() > MAX_BODY {
        return Err(Fault::Refused(reason::EVIDENCE_SIZE));
    }
    let shape = Fault::Refused(reason::EVIDENCE_SHAPE);
    let Members(members) = serde_json::from_slice(body).map_err(|_| shape)?;
    let (signed, signature) = signed(&members).ok_or(Fault::Refused(reason::UNSIGNED))?;
    license
        .verify_sig(signed.as_bytes(), &signature)
        .map_err(|_| Fault::Refused(reason::SIGNATURE))?;
    let payment: Payment = serde_json::from_str(&signed).map_err(|_| shape)?;
    if payment.client_id.is_some_and(|named| named != client_id) {
        return Err(Fault::Refused(reason::OTHER_APP));
    }
    if payment.message_type != "SINGLE_PAYMENT_TRANSACTION" {
        return Ok(None);
    }
    let (what, environment) = match (payment.purchase_state.as_str(), &*payment.environment) {
        ("COMPLETED", place) => (Happened::Changed, environment(place)?),
        ("CANCELED", place) => (Happened::Refunded, environment(place)?),
        _ => return Ok(None),
    };
    let token = addressable(&payment.purchase_token)?.to_owned();
    id(&payment.product_id)?;
    let transaction = Transaction {
        environment: Some(environment),
        product: Some(payment.product_id),
        id: token,
    };
    Ok(Some(Hint {
        // The same state of a purchase is signed the same, however often it is sent.
        id: hex_digest(&signature),
        at: Micros(payment.purchase_time_millis.saturating_mul(1_000)),
        what,
        transaction: Some(transaction),
    }))
}

fn environment(word: &str) -> Result<Environment, Fault> {
    match word {
        "COMMERCIAL" => Ok(Environment::Production),
        "SANDBOX" => Ok(Environment::Sandbox),
        _ => Err(Fault::Refused(reason::ENVIRONMENT)),
    }
}

/// What is signed, and the signature.
fn signed(members: &[(String, &RawValue)]) -> Option<(String, Vec<u8>)> {
    let (_, value) = members.iter().find(|(name, _)| name == SIGNATURE)?;
    let signature: String = serde_json::from_str(value.get()).ok()?;
    let others = members.iter().filter(|(name, _)| name != SIGNATURE).map(|(name, value)| {
        let name = serde_json::to_string(name).ok()?;
        Some(format!("{name}:{}", without_blanks(value.get())))
    });
    let text = others.collect::<Option<Vec<_>>>()?.join(",");
    Some((format!("{{{text}}}"), STANDARD.decode(signature).ok()?))
}

/// Leaves out the blanks of a JSON text that stand in no string.
fn without_blanks(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    json.chars()
        .filter(|&c| {
            if quoted {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                quoted = !ends;
                return true;
            }
            quoted = c == '"';
            !c.is_ascii_whitespace()
        })
        .collect()
}
