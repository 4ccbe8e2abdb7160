//! What Apple signed: the compact form of RFC 7515 with the certificates in its header.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use storage::clock::Micros;

use super::chain::Roots;
use crate::purchases::reply::LATER;
use crate::purchases::verifier::{Fault, reason};

/// The longest signed text of a transaction, in bytes; a notification holds two of them.
pub(super) const MAX_SIGNED: usize = 48 * 1024;

/// A payload that is proven to be Apple's.
pub(super) struct Signed {
    payload: Vec<u8>,
    /// When it was signed.
    pub(super) at: Micros,
    /// SHA-256 over what is signed. The signature is left out, because anyone can rewrite one
    /// of ECDSA into a second valid one.
    pub(super) digest: [u8; 32],
}

/// What is read of a header. `kid`, `jku`, `x5u` and `jwk` are not: nothing but the chain says
/// with which key it is signed.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    x5c: Vec<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dated {
    signed_date: i64,
}

impl Signed {
    /// Proves a signed text. Certificates are judged by the day of signing, which is signed too:
    /// a device may show a transaction whose signer has expired since.
    pub(super) fn open(jws: &str, roots: &Roots) -> Result<Self, Fault> {
        if jws.len() > MAX_SIGNED {
            return Err(Fault::Refused(reason::EVIDENCE_SIZE));
        }
        let shape = Fault::Refused(reason::SIGNED_SHAPE);
        let (signed, signature) = jws.rsplit_once('.').ok_or(shape)?;
        let (header, payload) = signed.split_once('.').ok_or(shape)?;
        let header: Header = object(&decoded(header)?).ok_or(shape)?;
        if header.alg != "ES256" {
            return Err(Fault::Refused(reason::ALGORITHM));
        }
        if header.crit.is_some() {
            return Err(Fault::Refused(reason::HEADER_CRIT));
        }
        let chain = chain(&header.x5c).ok_or(Fault::Refused(reason::CHAIN_SHAPE))?;
        let (payload, signature) = (decoded(payload)?, decoded(signature)?);
        let Dated { signed_date } = object(&payload).ok_or(shape)?;
        let at = millis(signed_date).ok_or(shape)?;
        let key = roots.key(chain, at).map_err(Fault::Refused)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| Fault::Refused(reason::SIGNATURE))?;
        Ok(Self { payload, at, digest: Sha256::digest(signed).into() })
    }

    /// The payload. One that is Apple's and yet not understood is our trouble: nothing final is
    /// said of it, and whoever runs the server is told.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.payload).map_err(|error| {
            // The place alone: serde's own words may quote the payload.
            let (line, column) = (error.line(), error.column());
            tracing::error!(line, column, "what Apple has signed is not understood");
            LATER
        })
    }
}

/// Milliseconds since the epoch, within the years that anyone means.
pub(super) fn millis(millis: i64) -> Option<Micros> {
    (0..=253_402_300_799_999).contains(&millis).then(|| Micros(millis * 1_000))
}

fn decoded(part: &str) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Refused(reason::SIGNED_SHAPE))
}

/// Serde would fill a struct from a list as well, by position.
fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    let object = json.trim_ascii_start().starts_with(b"{");
    if object { serde_json::from_slice(json).ok() } else { None }
}

/// Exactly three certificates in plain base64 (RFC 7515, 4.1.6).
fn chain(x5c: &[String]) -> Option<[Vec<u8>; 3]> {
    let [leaf, intermediate, root] = x5c else { return None };
    let der = |text: &String| STANDARD.decode(text).ok();
    Some([der(leaf)?, der(intermediate)?, der(root)?])
}
