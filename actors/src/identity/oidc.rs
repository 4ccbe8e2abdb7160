//! ID tokens of OpenID Connect, verified by configuration: Google and Apple are two settings of
//! this one verifier.
//!
//! The order is that of OpenID Connect Core 1.0, 3.1.3.7, and RFC 8725: size and shape, the
//! header against a list of algorithms, the key by its id from the pinned key set, the
//! signature, and only then the claims. Nothing in a token chooses where its key comes from:
//! `jku`, `x5u`, `jwk` and `x5c` are not even read.

mod claims;
mod token;

#[cfg(test)]
mod tests;

use std::time::Duration;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use storage::clock::Micros;

use self::claims::Claims;
use self::token::Token;
use super::keys::KeyCache;
use super::provider::{Refusal, Verified, reason};
use crate::outside::check_url;

/// How far the provider's clock and ours may be apart.
const LEEWAY: Duration = Duration::from_secs(60);
/// How far ahead `iat` may be; it is no limit of validity, only a sign of a mistake.
const IAT_AHEAD: Duration = Duration::from_secs(5 * 60);
/// The longest subject, in bytes (OpenID Connect Core 1.0, 2).
const MAX_SUBJECT: usize = 255;

/// How to verify one provider's ID tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcSettings {
    /// The accepted values of `iss`, compared byte by byte. At least one. Default: none.
    pub issuers: Vec<String>,
    /// Where the provider's public keys are; https. Default: none, it has to be set.
    pub jwks_url: String,
    /// Our client ids at the provider; `aud` has to hold one of them. At least one. Default:
    /// none.
    pub audiences: Vec<String>,
    /// The accepted values of `alg`: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384,
    /// EdDSA. HS256 and its like are refused, because who verifies could also sign. Default:
    /// RS256.
    pub algorithms: Vec<String>,
    /// The accepted values of `azp`, where the token has one; empty leaves it unchecked.
    /// Default: empty.
    pub authorized_parties: Vec<String>,
    /// How the provider hands our nonce back. Default: `plain`.
    pub nonce: NonceEcho,
    /// Whether a token without a nonce is refused. Switch it off only for old SDKs that cannot
    /// pass one: such a token logs in whoever steals it, until it expires. Default: true.
    pub require_nonce: bool,
    /// Whether the claim `nonce_supported` may excuse a token that lacks the nonce which the
    /// client names: one that says `true` is refused, any other passes if `require_nonce` is
    /// off. Without this setting a nonce that is named has to be in the token. Default: false.
    pub nonce_supported_claim: bool,
    /// Whether `jwks_url` may be plain http to a loopback address; for tests and simulators.
    /// Default: false.
    pub allow_insecure_loopback: bool,
}

/// How a provider hands our nonce back in the claim `nonce`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NonceEcho {
    /// Unchanged.
    #[default]
    Plain,
    /// As the SHA-256 in lower-case hexadecimal, because the app gives that to the SDK.
    Sha256Hex,
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            jwks_url: String::new(),
            audiences: Vec::new(),
            algorithms: vec!["RS256".into()],
            authorized_parties: Vec::new(),
            nonce: NonceEcho::Plain,
            require_nonce: true,
            nonce_supported_claim: false,
            allow_insecure_loopback: false,
        }
    }
}

impl OidcSettings {
    /// Checks the settings when they are loaded.
    ///
    /// # Errors
    /// What is wrong, beginning with the field's name.
    pub fn check(&self) -> Result<(), String> {
        some_and_filled("issuers", &self.issuers)?;
        check_url(&self.jwks_url, self.allow_insecure_loopback)
            .map_err(|wrong| format!("jwks_url: {wrong}"))?;
        some_and_filled("audiences", &self.audiences)?;
        some_and_filled("algorithms", &self.algorithms)?;
        if let Some(name) = self.algorithms.iter().find(|name| asymmetric(name).is_none()) {
            return Err(format!("algorithms: {name:?} is not an algorithm with a public key"));
        }
        filled("authorized_parties", &self.authorized_parties)
    }

    /// Verifies an ID token.
    ///
    /// `nonce` is the raw nonce that the client says our server issued; whether we did, and to
    /// spend it, is the caller's part. `now` is the time to judge by.
    ///
    /// # Errors
    /// See [`Refusal`]. `Expired` is said only of a token that was good for this app.
    pub async fn verify(
        &self,
        keys: &KeyCache,
        token: &str,
        nonce: Option<&str>,
        now: Micros,
    ) -> Result<Verified, Refusal> {
        let (claims, digest) = self.proven(keys, token).await?;
        self.accept(&claims, nonce, now, digest)
    }

    /// Verifies an ID token by which a service of the provider's calls us, under the account
    /// with this address.
    ///
    /// # Errors
    /// As [`OidcSettings::verify`].
    pub async fn verify_service(
        &self,
        keys: &KeyCache,
        token: &str,
        email: &str,
        now: Micros,
    ) -> Result<Verified, Refusal> {
        let (claims, digest) = self.proven(keys, token).await?;
        let verified = self.accept(&claims, None, now, digest)?;
        accept_if(claims.has_proven_email(email), reason::EMAIL_OTHER)?;
        Ok(verified)
    }

    /// The claims of a token whose signature is right, and the digest of what is signed.
    async fn proven(&self, keys: &KeyCache, token: &str) -> Result<(Claims, [u8; 32]), Refusal> {
        let token = Token::split(token)?;
        let header = token.header()?;
        let algorithm = self.algorithm(&header.alg)?;
        let kid = header.kid.ok_or(Refusal::Rejected(reason::KID_MISSING))?;
        let key = keys.key(&self.jwks_url, &kid).await?;
        key.verify(algorithm, token.signed, token.signature)?;
        Ok((token.claims()?, Sha256::digest(token.signed).into()))
    }

    /// The algorithm of that name, if this provider's list has it. A list that was never checked
    /// still does not let a symmetric one through.
    fn algorithm(&self, name: &str) -> Result<Algorithm, Refusal> {
        if !self.algorithms.iter().any(|listed| listed == name) {
            return Err(Refusal::Rejected(reason::ALGORITHM));
        }
        asymmetric(name).ok_or(Refusal::Misconfigured("algorithms"))
    }

    /// Judges the claims of a token whose signature is right. Whose token it is comes before
    /// when it is valid, so that `Expired` does not confirm anything about another app's token.
    fn accept(
        &self,
        claims: &Claims,
        nonce: Option<&str>,
        now: Micros,
        token_digest: [u8; 32],
    ) -> Result<Verified, Refusal> {
        self.issuer(claims)?;
        let audience = self.audience(claims)?;
        self.authorized_party(claims)?;
        let subject = subject(claims)?;
        let issued_at = issued_at(claims, now)?;
        let expires_at = expires_at(claims, now)?;
        let nonce = self.nonce(claims, nonce)?;
        Ok(Verified { subject, audience, issued_at, expires_at, nonce, token_digest })
    }

    fn issuer(&self, claims: &Claims) -> Result<(), Refusal> {
        let issuer = claims.iss.required(reason::ISS_MISSING, reason::ISS_MALFORMED)?;
        accept_if(self.issuers.contains(issuer), reason::ISS_OTHER)
    }

    fn audience(&self, claims: &Claims) -> Result<String, Refusal> {
        let audience = claims.aud.required(reason::AUD_MISSING, reason::AUD_MALFORMED)?;
        let ours = self.audiences.iter().find(|ours| audience.contains(ours));
        ours.cloned().ok_or(Refusal::Rejected(reason::AUD_OTHER))
    }

    fn authorized_party(&self, claims: &Claims) -> Result<(), Refusal> {
        if self.authorized_parties.is_empty() {
            return Ok(());
        }
        match claims.azp.optional(reason::AZP_MALFORMED)? {
            Some(party) => accept_if(self.authorized_parties.contains(party), reason::AZP_OTHER),
            None => Ok(()),
        }
    }

    /// The named nonce if the token is bound to it, `None` if the token may go without.
    fn nonce(&self, claims: &Claims, named: Option<&str>) -> Result<Option<String>, Refusal> {
        let echoed = claims.nonce.optional(reason::NONCE_MALFORMED)?;
        match (echoed, named) {
            (Some(echoed), Some(named)) => {
                accept_if(*echoed == self.nonce.of(named), reason::NONCE_MISMATCH)?;
                Ok(Some(named.to_owned()))
            }
            (Some(_), None) => Err(Refusal::Rejected(reason::NONCE_UNEXPECTED)),
            (None, named) => {
                let excused = named.is_none()
                    || (self.nonce_supported_claim && !claims.says_nonce_supported());
                accept_if(excused && !self.require_nonce, reason::NONCE_MISSING)?;
                Ok(None)
            }
        }
    }
}

impl NonceEcho {
    fn of(self, raw: &str) -> String {
        match self {
            Self::Plain => raw.to_owned(),
            Self::Sha256Hex => {
                Sha256::digest(raw).iter().map(|byte| format!("{byte:02x}")).collect()
            }
        }
    }
}

fn subject(claims: &Claims) -> Result<String, Refusal> {
    let subject = claims.sub.required(reason::SUB_MISSING, reason::SUB_MALFORMED)?;
    let fits = (1..=MAX_SUBJECT).contains(&subject.len());
    accept_if(fits && !subject.contains(char::is_control), reason::SUB_MALFORMED)?;
    Ok(subject.clone())
}

fn issued_at(claims: &Claims, now: Micros) -> Result<Option<Micros>, Refusal> {
    let issued_at = claims.iat.optional(reason::IAT_MALFORMED)?.map(|at| at.micros());
    let ahead = issued_at.is_some_and(|at| at > now.after(IAT_AHEAD));
    accept_if(!ahead, reason::IAT_FUTURE)?;
    Ok(issued_at)
}

fn expires_at(claims: &Claims, now: Micros) -> Result<Micros, Refusal> {
    let not_before = claims.nbf.optional(reason::NBF_MALFORMED)?;
    let early = not_before.is_some_and(|at| at.micros() > now.after(LEEWAY));
    let expires_at = claims.exp.required(reason::EXP_MISSING, reason::EXP_MALFORMED)?.micros();
    accept_if(!early, reason::NBF_FUTURE)?;
    if now < expires_at.after(LEEWAY) { Ok(expires_at) } else { Err(Refusal::Expired) }
}

fn accept_if(holds: bool, otherwise: &'static str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal::Rejected(otherwise)) }
}

/// The algorithm of that name if it has a public key, so that verifying is all that we could do.
fn asymmetric(name: &str) -> Option<Algorithm> {
    let algorithm: Algorithm = name.parse().ok()?;
    (algorithm.family() != AlgorithmFamily::Hmac).then_some(algorithm)
}

fn some_and_filled(field: &str, values: &[String]) -> Result<(), String> {
    if values.is_empty() {
        return Err(format!("{field}: at least one is needed"));
    }
    filled(field, values)
}

/// An empty entry would match an empty claim.
fn filled(field: &str, values: &[String]) -> Result<(), String> {
    match values.iter().any(|value| value.trim().is_empty()) {
        true => Err(format!("{field}: an entry is empty")),
        false => Ok(()),
    }
}
