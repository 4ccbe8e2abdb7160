//! Sign in with Google: the ID token of Credential Manager, One Tap and GoogleSignIn for iOS.
//!
//! Source: <https://developers.google.com/identity/gsi/web/guides/verify-google-id-token>.

use super::oidc::{NonceEcho, OidcSettings};

impl OidcSettings {
    /// Google's ID tokens for our client ids.
    ///
    /// Android asks for a token with the web client id as `serverClientId`, and that id is then
    /// the `aud`, the Android client id the `azp`; on iOS the `aud` is the iOS client id. To
    /// accept certain native apps only, name them in `authorized_parties`.
    #[must_use]
    pub fn google(audiences: Vec<String>) -> Self {
        Self {
            // Both forms are in use.
            issuers: vec!["https://accounts.google.com".into(), "accounts.google.com".into()],
            jwks_url: "https://www.googleapis.com/oauth2/v3/certs".into(),
            audiences,
            algorithms: vec!["RS256".into()],
            nonce: NonceEcho::Plain,
            ..Self::default()
        }
    }
}
