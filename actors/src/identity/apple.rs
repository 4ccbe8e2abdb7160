//! Sign in with Apple: the identity token of AuthenticationServices.
//!
//! Source: <https://developer.apple.com/documentation/signinwithapple/verifying-a-user>.

use super::oidc::{NonceEcho, OidcSettings};

impl OidcSettings {
    /// Apple's identity tokens for our bundle id (native) and Services ids (web, Android).
    ///
    /// The app gives Apple the SHA-256 of our nonce in hexadecimal, as the common SDKs do; for
    /// an app that gives the raw nonce set `nonce` to plain. The claim `nonce_supported` tells
    /// whether the player's system could carry a nonce; if it could, a missing one is refused.
    #[must_use]
    pub fn apple(audiences: Vec<String>) -> Self {
        Self {
            issuers: vec!["https://appleid.apple.com".into()],
            jwks_url: "https://appleid.apple.com/auth/keys".into(),
            audiences,
            algorithms: vec!["RS256".into()],
            nonce: NonceEcho::Sha256Hex,
            nonce_supported_claim: true,
            ..Self::default()
        }
    }
}
