//! What a verifier of logins answers: who it was, or why not.

use std::fmt;

use storage::clock::Micros;

/// A credential that passed every check of its provider.
///
/// It names the player towards the provider and nothing more: e-mail, name and picture are
/// personal data that a login does not need, so they are not carried.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    /// The provider's stable name for the player: 1 to 255 bytes, kept as text even if it
    /// looks like a number.
    pub subject: String,
    /// The one of our client ids that the credential was made for.
    pub audience: String,
    /// When the provider issued the credential (`iat`), if it says so.
    pub issued_at: Option<Micros>,
    /// When the credential ends (`exp`), without any leeway.
    pub expires_at: Micros,
    /// The raw nonce that the credential is proven to be bound to; to be spent by the caller.
    /// `None` if the credential carries no nonce.
    pub nonce: Option<String>,
    /// SHA-256 over the signed part of the token (`header.payload`), for a guard against replay.
    ///
    /// The signature is left out: anyone can rewrite an ECDSA signature into a second valid
    /// one, and the same credential would then count as new.
    pub token_digest: [u8; 32],
}

impl fmt::Debug for Verified {
    // The subject is personal data, and the nonce and the digest are handles on a live
    // credential; none of them belongs in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("audience", &self.audience)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why a credential was not accepted.
///
/// No variant holds any part of the credential, so all of it may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The evidence itself is bad. Final: the same credential never passes. The text is one
    /// of [`reason`]'s.
    #[error("the credential is refused: {0}")]
    Rejected(&'static str),
    /// The credential was good once; the player has to get a new one.
    #[error("the credential has expired")]
    Expired,
    /// We cannot tell now. Never to be stored as an answer.
    #[error("the provider cannot be asked now, again in {retry_after_ms} ms")]
    Unavailable {
        /// How long to wait before another try is of use, in milliseconds; at least 1.
        retry_after_ms: u64,
    },
    /// Our own settings are at fault; an operator has to act. Never to be stored as an answer.
    /// The text names the setting.
    #[error("this provider is misconfigured: {0}")]
    Misconfigured(&'static str),
}

/// The reasons of [`Refusal::Rejected`]: short, stable, without any part of the token, so they
/// serve as labels of metrics too.
pub mod reason {
    /// Longer than 16 KiB.
    pub const TOKEN_SIZE: &str = "token_size";
    /// Not three parts joined by dots.
    pub const TOKEN_SHAPE: &str = "token_shape";
    /// The header is not base64url of a JSON object with an `alg`.
    pub const HEADER: &str = "header";
    /// `typ` says that this is another kind of token.
    pub const HEADER_TYP: &str = "header_typ";
    /// `crit` names extensions; we understand none (RFC 7515, 4.1.11).
    pub const HEADER_CRIT: &str = "header_crit";
    /// `alg` is not on the provider's list.
    pub const ALGORITHM: &str = "algorithm";
    /// No `kid`.
    pub const KID_MISSING: &str = "kid_missing";
    /// The provider's current key set has no such `kid`.
    pub const KID_UNKNOWN: &str = "kid_unknown";
    /// The key of this `kid` is not made for the header's `alg`.
    pub const KEY_MISMATCH: &str = "key_mismatch";
    /// The signature does not match.
    pub const SIGNATURE: &str = "signature";
    /// The payload is not base64url of a JSON object with each claim at most once.
    pub const PAYLOAD: &str = "payload";
    /// No `iss`.
    pub const ISS_MISSING: &str = "iss_missing";
    /// `iss` is not a string.
    pub const ISS_MALFORMED: &str = "iss_malformed";
    /// `iss` is someone else.
    pub const ISS_OTHER: &str = "iss_other";
    /// No `aud`.
    pub const AUD_MISSING: &str = "aud_missing";
    /// `aud` is neither a string nor a list of strings.
    pub const AUD_MALFORMED: &str = "aud_malformed";
    /// `aud` has none of our client ids: the token was made for another app.
    pub const AUD_OTHER: &str = "aud_other";
    /// `azp` is not a string.
    pub const AZP_MALFORMED: &str = "azp_malformed";
    /// `azp` is not one of our client ids.
    pub const AZP_OTHER: &str = "azp_other";
    /// No `sub`.
    pub const SUB_MISSING: &str = "sub_missing";
    /// `sub` is not a string of 1 to 255 bytes without control characters.
    pub const SUB_MALFORMED: &str = "sub_malformed";
    /// No `exp`.
    pub const EXP_MISSING: &str = "exp_missing";
    /// `exp` is not a number of seconds.
    pub const EXP_MALFORMED: &str = "exp_malformed";
    /// `iat` is not a number of seconds.
    pub const IAT_MALFORMED: &str = "iat_malformed";
    /// `iat` is more than 5 minutes ahead.
    pub const IAT_FUTURE: &str = "iat_future";
    /// `nbf` is not a number of seconds.
    pub const NBF_MALFORMED: &str = "nbf_malformed";
    /// `nbf` is more than the leeway ahead.
    pub const NBF_FUTURE: &str = "nbf_future";
    /// `email` is not the account's that has to call, or the provider does not stand for it.
    pub const EMAIL_OTHER: &str = "email_other";
    /// The token has no nonce, though it has to.
    pub const NONCE_MISSING: &str = "nonce_missing";
    /// `nonce` is not a string.
    pub const NONCE_MALFORMED: &str = "nonce_malformed";
    /// The token has a nonce, yet the client names none of ours.
    pub const NONCE_UNEXPECTED: &str = "nonce_unexpected";
    /// The token's nonce is not the one that the client names.
    pub const NONCE_MISMATCH: &str = "nonce_mismatch";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verified_player_does_not_show_in_a_log() {
        let verified = Verified {
            subject: "the-subject".into(),
            audience: "the-app".into(),
            issued_at: None,
            expires_at: Micros(0),
            nonce: Some("the-nonce".into()),
            token_digest: [0xAB; 32],
        };
        let shown = format!("{verified:?}");
        assert!(shown.contains("the-app"), "{shown}");
        for hidden in ["the-subject", "the-nonce", "171"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}
