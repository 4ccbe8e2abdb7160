//! ID tokens: honest ones, and ones that are wrong in exactly one way.

use std::sync::Arc;
use std::time::Duration;

use actors::random;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::error::ErrorBody;
use protocol::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use storage::clock::Micros;
use utoipa::ToSchema;

use super::issuer::Issuer;
use super::keys::{SigningKey, off_thread};
use super::provider::{Provider, hex};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// What the provider's SDK is asked for.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Who logs in: the claim `sub`, 1 to 255 bytes.
    #[schema(value_type = String, min_length = 1, max_length = 255, example = "alice")]
    pub subject: Text<255>,
    /// The nonce as `auth.nonce` gave it out, 1 to 128 bytes; the provider's way of handing it
    /// back is applied to it. Default: the token has none.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128)]
    pub nonce: Option<Text<128>>,
    /// The client id that the token is for, 1 to 255 bytes. Default: the demo game's.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    pub audience: Option<Text<255>>,
    /// What shall be wrong with the token. Default: nothing.
    #[serde(default)]
    pub misbehave: Option<Misbehaviour>,
}

/// What a token request is answered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenReply {
    /// The ID token, to be logged in with as `credential.token`.
    pub token: String,
}

/// The one thing that is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Misbehaviour {
    /// It ended an hour ago.
    Expired,
    /// It begins in an hour.
    Future,
    /// It was made for another app.
    WrongAudience,
    /// It does not say for whom it was made.
    NoAudience,
    /// Someone else issued it.
    WrongIssuer,
    /// Its nonce is not the one that was asked for.
    WrongNonce,
    /// It is signed with a key that is not in the key set, and says so.
    UnknownKey,
    /// It names the signing key, but is signed with another.
    ForgedSignature,
    /// It is not signed, and its header says that it need not be.
    AlgNone,
    /// It is signed by HMAC with the public key for a secret (RFC 8725, section 2.1).
    Hs256WithPublicKey,
}

impl TokenRequest {
    /// Checks what the types do not.
    pub(super) fn check(&self) -> Result<(), ErrorBody> {
        let given = [
            ("subject", Some(&*self.subject)),
            ("nonce", self.nonce.as_deref()),
            ("audience", self.audience.as_deref()),
        ];
        match given.iter().find(|(_, text)| text.is_some_and(str::is_empty)) {
            Some((field, _)) => Err(ErrorBody::invalid(field, "is empty")),
            None => Ok(()),
        }
    }
}

/// Makes a token.
pub(super) async fn mint(issuer: &Issuer, request: &TokenRequest) -> Result<String, ErrorBody> {
    let mut draft = Draft::honest(issuer, request).await?;
    if let Some(how) = request.misbehave {
        draft.spoil(issuer, how).await?;
    }
    let token = off_thread(move || draft.token()).await?;
    issuer.minted();
    Ok(token)
}

/// A token before it is signed.
struct Draft {
    provider: Provider,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    seal: Seal,
}

/// What comes behind the last dot.
enum Seal {
    Rsa(Arc<SigningKey>),
    Hmac(Vec<u8>),
    Nothing,
}

impl Draft {
    async fn honest(issuer: &Issuer, request: &TokenRequest) -> Result<Self, ErrorBody> {
        let provider = issuer.provider;
        let audience = request.audience.as_deref().unwrap_or(provider.audience());
        let key = issuer.keys.signing().await?;
        let header = provider.header(&key.kid);
        let claims = provider.own_claims(&request.subject, audience);
        let mut draft = Self { provider, header, claims, seal: Seal::Rsa(key) };
        draft.claim("iss", issuer.url.as_str());
        draft.claim("aud", audience);
        draft.claim("sub", &*request.subject);
        draft.times(issuer.now());
        if let Some(raw) = &request.nonce {
            draft.claim("nonce", provider.nonce(raw));
        }
        Ok(draft)
    }

    async fn spoil(&mut self, issuer: &Issuer, how: Misbehaviour) -> Result<(), ErrorBody> {
        let now = issuer.now();
        match how {
            Misbehaviour::Expired => self.times(now.before(self.provider.life() + HOUR)),
            Misbehaviour::Future => self.begin(now.after(HOUR)),
            Misbehaviour::WrongAudience => self.claim("aud", "another.app.sim"),
            Misbehaviour::NoAudience => drop(self.claims.remove("aud")),
            Misbehaviour::WrongIssuer => self.claim("iss", "https://impostor.example"),
            Misbehaviour::WrongNonce => {
                self.claim("nonce", self.provider.nonce(&hex(&random::bytes::<16>())));
            }
            Misbehaviour::UnknownKey => {
                let stray = issuer.keys.stray().await?;
                self.header = self.provider.header(&stray.kid);
                self.seal = Seal::Rsa(stray);
            }
            Misbehaviour::ForgedSignature => self.seal = Seal::Rsa(issuer.keys.stray().await?),
            Misbehaviour::AlgNone => self.algorithm("none", Seal::Nothing),
            Misbehaviour::Hs256WithPublicKey => {
                let secret = issuer.keys.signing().await?.public_der();
                self.algorithm("HS256", Seal::Hmac(secret));
            }
        }
        Ok(())
    }

    fn claim(&mut self, name: &str, value: impl Into<Value>) {
        self.claims.insert(name.to_owned(), value.into());
    }

    fn times(&mut self, issued_at: Micros) {
        self.claim("iat", issued_at.seconds());
        self.claim("exp", issued_at.after(self.provider.life()).seconds());
        if self.provider == Provider::Apple {
            self.claim("auth_time", issued_at.seconds());
        }
    }

    fn begin(&mut self, at: Micros) {
        self.times(at);
        self.claim("nbf", at.seconds());
    }

    fn algorithm(&mut self, name: &str, seal: Seal) {
        self.header.insert("alg".to_owned(), name.into());
        self.seal = seal;
    }

    /// The compact form (RFC 7515, section 3.1).
    fn token(self) -> Result<String, Unspecified> {
        let part = |object| URL_SAFE_NO_PAD.encode(Value::Object(object).to_string());
        let signed = format!("{}.{}", part(self.header), part(self.claims));
        let seal = match self.seal {
            Seal::Rsa(key) => key.sign(signed.as_bytes())?,
            Seal::Hmac(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
                hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            Seal::Nothing => Vec::new(),
        };
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(seal)))
    }
}
