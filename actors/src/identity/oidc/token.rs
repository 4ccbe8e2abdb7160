//! The outer form of a token: three parts, the first of which is the header (RFC 7515, 3.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::claims::Claims;
use crate::identity::provider::{Refusal, reason};

/// The longest token, in bytes. Real ones have 1 to 2 KiB.
pub(super) const MAX_TOKEN: usize = 16 * 1024;

/// A token taken apart, nothing of it believed yet.
pub(super) struct Token<'a> {
    /// What the signature is over: the first two parts with their dot.
    pub(super) signed: &'a str,
    /// Base64url.
    pub(super) signature: &'a str,
    header: &'a str,
    payload: &'a str,
}

impl<'a> Token<'a> {
    /// Splits a token of a bearable size in its three parts.
    pub(super) fn split(token: &'a str) -> Result<Self, Refusal> {
        if token.len() > MAX_TOKEN {
            return Err(Refusal::Rejected(reason::TOKEN_SIZE));
        }
        let shape = Refusal::Rejected(reason::TOKEN_SHAPE);
        let (signed, signature) = token.rsplit_once('.').ok_or(shape)?;
        let (header, payload) = signed.split_once('.').ok_or(shape)?;
        if payload.contains('.') {
            return Err(shape);
        }
        Ok(Self { signed, signature, header, payload })
    }

    /// The header, if it is that of an ID token.
    pub(super) fn header(&self) -> Result<Header, Refusal> {
        let header: Header = object(self.header).ok_or(Refusal::Rejected(reason::HEADER))?;
        // A provider signs other kinds of tokens with the same keys (access and logout tokens);
        // their types differ (RFC 8725, 3.11).
        if header.typ.as_ref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(Refusal::Rejected(reason::HEADER_TYP));
        }
        if header.crit.is_some() {
            return Err(Refusal::Rejected(reason::HEADER_CRIT));
        }
        Ok(header)
    }

    /// The claims; to be asked for only once the signature is verified.
    pub(super) fn claims(&self) -> Result<Claims, Refusal> {
        object(self.payload).ok_or(Refusal::Rejected(reason::PAYLOAD))
    }
}

/// What is read of a header, and no more.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde_json::Value>,
}

/// A JSON object, as both parts of a token have to be. Why one does not parse is not told: the
/// error would quote the token.
fn object<T: DeserializeOwned>(part: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    // Serde would fill a struct from a list as well, by position.
    let object = bytes.trim_ascii_start().starts_with(b"{");
    if object { serde_json::from_slice(&bytes).ok() } else { None }
}
