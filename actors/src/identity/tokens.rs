//! Access tokens: JWTs signed with ES256 (RFC 7519, RFC 7518 3.4), good for minutes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, Header, Validation};
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::limits::TOKEN_BYTES;
use protocol::text::Secret;
use serde::{Deserialize, Serialize};
use storage::clock::{Clock, Micros};

use super::keyring::{Jwk, Keyring, KeyringError};
use crate::fault;

/// How far two clocks may be apart: a token is taken for so long after its end.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// Who is calling, as a verified access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// The login.
    pub login: LoginId,
    /// When the token expires.
    pub expires_at: Micros,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: AppId,
    sub: MemberId,
    sid: LoginId,
    iat: i64,
    exp: i64,
}

/// Signs and verifies access tokens with the keys of a folder.
#[derive(Clone)]
pub struct AccessTokens(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    production: bool,
    ring: ArcSwap<Keyring>,
    issuer: String,
    life: Duration,
    clock: Arc<dyn Clock>,
}

impl AccessTokens {
    /// Reads the keys. `issuer` is this server's public URL, `life` how long a token is good.
    ///
    /// # Errors
    /// When a key cannot be used, or none may sign now.
    pub fn open(
        folder: PathBuf,
        production: bool,
        issuer: String,
        life: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyringError> {
        let ring = usable(&folder, production, clock.now())?;
        let ring = ArcSwap::from_pointee(ring);
        Ok(Self(Arc::new(Inner { folder, production, ring, issuer, life, clock })))
    }

    /// Reads the keys again. It touches files: not for an async thread.
    ///
    /// # Errors
    /// As [`AccessTokens::open`]; the keys known before stay.
    pub fn reload(&self) -> Result<(), KeyringError> {
        let ring = usable(&self.0.folder, self.0.production, self.0.clock.now())?;
        self.0.ring.store(Arc::new(ring));
        Ok(())
    }

    /// Adds a key that signs `ahead` from now, and reads the keys again. It touches files:
    /// not for an async thread. Returns the key's name.
    ///
    /// # Errors
    /// As [`AccessTokens::open`].
    pub fn rotate(&self, ahead: Duration) -> Result<String, KeyringError> {
        let from = self.0.clock.now().after(ahead);
        let kid = super::keyring::add(&self.0.folder, from, self.0.production)?;
        self.reload()?;
        Ok(kid)
    }

    /// The keys as they were last read.
    #[must_use]
    pub fn ring(&self) -> Arc<Keyring> {
        self.0.ring.load_full()
    }

    /// The public keys to publish.
    #[must_use]
    pub fn published(&self) -> Vec<Jwk> {
        self.0.ring.load().published(self.0.clock.now(), self.0.life + LEEWAY)
    }

    /// How long a token is good.
    #[must_use]
    pub fn life(&self) -> Duration {
        self.0.life
    }

    /// Signs a token for a login.
    ///
    /// # Errors
    /// `internal` when no key may sign, which a running server does not come to.
    pub fn sign(
        &self,
        app: &AppId,
        member: MemberId,
        login: LoginId,
    ) -> Result<Secret<TOKEN_BYTES>, ErrorBody> {
        let now = self.0.clock.now();
        let ring = self.0.ring.load();
        let key = ring.signer(now).ok_or_else(|| fault::internal("no key may sign now"))?;
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::ES256) };
        let claims = Claims {
            iss: self.0.issuer.clone(),
            aud: app.clone(),
            sub: member,
            sid: login,
            iat: now.seconds(),
            exp: now.after(self.0.life).seconds(),
        };
        jsonwebtoken::encode(&header, &claims, &key.signing)
            .ok()
            .and_then(|token| Secret::new(&token).ok())
            .ok_or_else(|| fault::internal("the token could not be signed"))
    }

    /// Verifies a token: its key by name, ES256 alone, every claim, and the time.
    ///
    /// # Errors
    /// `auth.refused`, or `auth.expired`.
    pub fn verify(&self, token: &str) -> Result<Caller, ErrorBody> {
        let refused = || ErrorBody::new(ErrorCode::AuthRefused, "the access token is not good");
        if token.len() > TOKEN_BYTES {
            return Err(refused());
        }
        let now = self.0.clock.now();
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
        let ring = self.0.ring.load();
        let key = header
            .kid
            .and_then(|kid| ring.verifier(&kid, now, self.0.life + LEEWAY))
            .ok_or_else(refused)?;
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.set_issuer(&[&self.0.issuer]);
        // The time is checked below, by our own clock; the audience is whichever game it
        // names, which every use of the caller is then bound to.
        rules.validate_exp = false;
        rules.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.verifying, &rules)
            .map_err(|_| refused())?
            .claims;
        // jsonwebtoken takes a list of issuers that holds ours; the claim's type does not.
        let expires_at = Micros::from_seconds(claims.exp);
        if Micros::from_seconds(claims.iat) > now.after(LEEWAY) {
            return Err(refused());
        }
        if expires_at.after(LEEWAY) <= now {
            return Err(ErrorBody::new(ErrorCode::AuthExpired, "the access token has expired"));
        }
        Ok(Caller { app: claims.aud, member: claims.sub, login: claims.sid, expires_at })
    }
}

fn usable(
    folder: &std::path::Path,
    production: bool,
    now: Micros,
) -> Result<Keyring, KeyringError> {
    let ring = Keyring::read(folder, production)?;
    match ring.signer(now) {
        Some(_) => Ok(ring),
        None => Err(KeyringError::None { path: folder.to_owned() }),
    }
}
