//! One public key of a set, and what it may verify.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use crate::identity::provider::{Refusal, reason};

/// A provider's public key.
pub struct PublicKey {
    key: DecodingKey,
    /// What a key of this type and curve can verify.
    able: &'static [Algorithm],
    /// What the set says that the key is for, if it says so.
    only: Option<Algorithm>,
}

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

impl PublicKey {
    /// Verifies that `signature` (base64url) over `signed` was made with this key's private
    /// half by `algorithm`.
    ///
    /// # Errors
    /// [`Refusal::Rejected`]: the key is not for this algorithm, or the signature is wrong.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        signed: &str,
        signature: &str,
    ) -> Result<(), Refusal> {
        if !self.suits(algorithm) {
            return Err(Refusal::Rejected(reason::KEY_MISMATCH));
        }
        match jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Refusal::Rejected(reason::SIGNATURE)),
        }
    }

    fn suits(&self, algorithm: Algorithm) -> bool {
        self.able.contains(&algorithm) && self.only.is_none_or(|only| only == algorithm)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("able", &self.able)
            .field("only", &self.only)
            .finish_non_exhaustive()
    }
}

/// The usable signature keys of a set, by key id; empty if `body` is no set at all.
///
/// A key without id, for encryption, of an unknown type or broken is left out, and the others
/// stay (RFC 7517, 5). Of two keys with one id the first counts.
pub(super) fn parse_set(body: &[u8]) -> HashMap<String, Arc<PublicKey>> {
    let set: Set = serde_json::from_slice(body).unwrap_or_default();
    let mut keys = HashMap::new();
    for jwk in set.keys {
        if let Some((kid, key)) = parse_key(jwk) {
            keys.entry(kid).or_insert_with(|| Arc::new(key));
        }
    }
    keys
}

fn parse_key(jwk: Value) -> Option<(String, PublicKey)> {
    let jwk: Jwk = serde_json::from_value(jwk).ok()?;
    if jwk.usage.is_some_and(|usage| usage != "sig") {
        return None;
    }
    if jwk.key_ops.is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
        return None;
    }
    let only = match jwk.alg {
        Some(alg) => Some(alg.parse().ok()?),
        None => None,
    };
    let (able, key) = jwk.material.key()?;
    Some((jwk.kid, PublicKey { key, able, only }))
}

#[derive(Deserialize, Default)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    #[serde(flatten)]
    material: Material,
}

/// The types of public keys (RFC 7518, 6; RFC 8037, 2). A symmetric key (`oct`) is not one: in
/// a public set it would let anyone sign.
#[derive(Deserialize)]
#[serde(tag = "kty")]
enum Material {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: String, x: String },
}

impl Material {
    fn key(&self) -> Option<(&'static [Algorithm], DecodingKey)> {
        let (able, key): (&[Algorithm], _) = match self {
            Self::Rsa { n, e } => (RSA, DecodingKey::from_rsa_components(n, e)),
            Self::Ec { crv, x, y } => (curve(crv)?, DecodingKey::from_ec_components(x, y)),
            Self::Okp { crv, x } if crv == "Ed25519" => {
                (&[Algorithm::EdDSA], DecodingKey::from_ed_components(x))
            }
            Self::Okp { .. } => return None,
        };
        Some((able, key.ok()?))
    }
}

fn curve(crv: &str) -> Option<&'static [Algorithm]> {
    match crv {
        "P-256" => Some(&[Algorithm::ES256]),
        "P-384" => Some(&[Algorithm::ES384]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kids(keys: Value) -> Vec<String> {
        let mut kids: Vec<_> =
            parse_set(json!({ "keys": keys }).to_string().as_bytes()).into_keys().collect();
        kids.sort();
        kids
    }

    #[test]
    fn keys_that_are_not_for_signatures_are_left_out_and_the_others_stay() {
        let set = json!([
            {"kty": "RSA", "kid": "bare", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "kid": "sig", "use": "sig", "alg": "RS256", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "kid": "ops", "key_ops": ["verify"], "n": "AQAB", "e": "AQAB"},
            {"kty": "EC", "kid": "ec", "crv": "P-256", "x": "AQAB", "y": "AQAB"},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": "AQAB"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "kid": 7, "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "kid": "enc", "use": "enc", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "kid": "wrap", "key_ops": ["wrapKey"], "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "kid": "oaep", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "kid": "no base64", "n": "*", "e": "AQAB"},
            {"kty": "RSA", "kid": "no exponent", "n": "AQAB"},
            {"kty": "EC", "kid": "unknown curve", "crv": "P-999", "x": "AQAB", "y": "AQAB"},
            {"kty": "OKP", "kid": "agreement", "crv": "X25519", "x": "AQAB"},
            {"kty": "oct", "kid": "symmetric", "k": "AQAB"},
            {"kty": "AKP", "kid": "unknown type"},
            "not an object",
        ]);
        assert_eq!(kids(set), ["bare", "ec", "ed", "ops", "sig"]);
    }

    #[test]
    fn what_is_not_a_set_has_no_keys() {
        for body in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#, "<html>"] {
            assert!(parse_set(body.as_bytes()).is_empty(), "{body}");
        }
    }

    #[test]
    fn of_two_keys_with_one_id_the_first_counts() {
        let set = json!({"keys": [
            {"kty": "OKP", "kid": "a", "crv": "Ed25519", "x": "AQAB"},
            {"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB"},
        ]});
        assert!(parse_set(set.to_string().as_bytes())["a"].suits(Algorithm::EdDSA));
    }
}
