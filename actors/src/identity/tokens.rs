//! Access tokens: JWTs signed with ES256 (RFC 7519, RFC 7518 3.4), good for minutes.

mod known;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::limits::TOKEN_BYTES;
use protocol::text::Secret;
use serde::{Deserialize, Serialize};
use storage::clock::{Clock, Micros};

use super::keyring::{Jwk, Keyring, KeyringError};
use crate::fault;
use crate::launching::audience::ClientClaim;
use known::{Known, Said};

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
    /// What the token says of the client that it was given to, if anything. `None`: it calls over
    /// an open connection, which knows what its client is, and is told and closed when that is not
    /// let in any more. Every connection has a caller or two, so this is no more than a pointer.
    pub client: Option<Arc<Option<ClientClaim>>>,
}

impl Caller {
    /// The same over an open connection: what its client is the connection itself knows.
    #[must_use]
    pub fn connected(self) -> Self {
        Self { client: None, ..self }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: AppId,
    sub: MemberId,
    sid: LoginId,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cli: Option<ClientClaim>,
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
    known: Known,
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
        let known = Known::default();
        Ok(Self(Arc::new(Inner { folder, production, ring, issuer, life, clock, known })))
    }

    /// Reads the keys again. Tokens stay known where these are the keys of before. It touches
    /// files: not for an async thread.
    ///
    /// # Errors
    /// As [`AccessTokens::open`]; the keys known before stay.
    pub fn reload(&self) -> Result<(), KeyringError> {
        let ring = usable(&self.0.folder, self.0.production, self.0.clock.now())?;
        let before = self.0.ring.swap(Arc::new(ring));
        if !before.has_the_keys_of(&self.0.ring.load()) {
            self.0.known.forget();
        }
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
        client: Option<ClientClaim>,
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
            cli: client,
        };
        let token = jsonwebtoken::encode(&header, &claims, &key.signing)
            .map_err(|_| fault::internal("the token could not be signed"))?;
        // Whoever it is given to shows it soon.
        self.0.known.keep(Known::name(&token), claims.said());
        Secret::new(&token).map_err(|_| fault::internal("the token is too long"))
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
        // Nothing is believed of a token before its signature was verified, or it was signed
        // here: only then is it known.
        let name = Known::name(token);
        let said = match self.0.known.find(&name) {
            Some(said) => said,
            None => {
                let said = self.read(token, &key.verifying).ok_or_else(refused)?;
                self.0.known.keep(name, said.clone());
                said
            }
        };
        if said.issued_at > now.after(LEEWAY) {
            return Err(refused());
        }
        if said.caller.expires_at.after(LEEWAY) <= now {
            return Err(ErrorBody::new(ErrorCode::AuthExpired, "the access token has expired"));
        }
        Ok(said.caller)
    }

    /// Verifies the signature, and reads the claims.
    fn read(&self, token: &str, key: &DecodingKey) -> Option<Said> {
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.set_issuer(&[&self.0.issuer]);
        // The time is checked by our own clock; the audience is whichever game it names,
        // which every use of the caller is then bound to.
        rules.validate_exp = false;
        rules.validate_aud = false;
        // jsonwebtoken takes a list of issuers that holds ours; the claim's type does not.
        let claims = jsonwebtoken::decode::<Claims>(token, key, &rules).ok()?.claims;
        Some(claims.said())
    }
}

impl Claims {
    fn said(self) -> Said {
        let caller = Caller {
            app: self.aud,
            member: self.sub,
            login: self.sid,
            expires_at: Micros::from_seconds(self.exp),
            client: Some(Arc::new(self.cli)),
        };
        Said { caller, issued_at: Micros::from_seconds(self.iat) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Ground;

    fn refused(tokens: &AccessTokens, token: &str) -> ErrorCode {
        tokens.verify(token).unwrap_err().code
    }

    #[test]
    fn a_known_token_ends_with_its_time_and_is_known_for_what_it_is_alone() {
        let ground = Ground::new();
        let tokens = ground.tokens();
        let (member, login) = (MemberId::compose(1, 2, 3), LoginId(crate::random::uuid(Micros(0))));
        let token = tokens.sign(&"demo".parse().unwrap(), member, login, None).unwrap();
        let token = token.expose();

        // Known because it was signed here, then known because it was verified.
        let caller = tokens.verify(token).unwrap();
        assert_eq!((caller.member, caller.login), (member, login));
        tokens.reload().unwrap();
        assert_eq!(tokens.0.known.count(), 1, "the same keys were read again");
        tokens.rotate(Duration::from_secs(600)).unwrap();
        assert_eq!(tokens.0.known.count(), 0, "other keys were read");
        assert_eq!(tokens.verify(token).unwrap(), caller);
        assert_eq!(tokens.0.known.count(), 1);
        assert_eq!(tokens.verify(token).unwrap(), caller);

        // The same claims under another signature are another token.
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let other: String = signature.chars().rev().collect();
        assert_eq!(refused(&tokens, &format!("{signed}.{other}")), ErrorCode::AuthRefused);
        assert_eq!(tokens.0.known.count(), 1, "what was refused is not remembered");

        ground.clock.advance(tokens.life() + LEEWAY);
        assert_eq!(refused(&tokens, token), ErrorCode::AuthExpired);
    }

    #[test]
    fn a_known_token_of_a_key_that_is_gone_is_refused() {
        let ground = Ground::new();
        let tokens = ground.tokens();
        let login = LoginId(crate::random::uuid(Micros(0)));
        let member = MemberId::compose(1, 2, 3);
        let token = tokens.sign(&"demo".parse().unwrap(), member, login, None).unwrap();
        assert!(tokens.verify(token.expose()).is_ok());

        // Another key takes over, and the one that signed stops to verify.
        tokens.rotate(Duration::from_secs(1)).unwrap();
        assert!(tokens.verify(token.expose()).is_ok(), "it verifies on for a token's life");
        tokens.0.known.keep(
            Known::name(token.expose()),
            Said {
                caller: Caller {
                    expires_at: ground.clock.now().after(Duration::from_secs(86_400)),
                    ..tokens.verify(token.expose()).unwrap()
                },
                issued_at: ground.clock.now(),
            },
        );
        ground.clock.advance(tokens.life() + LEEWAY + Duration::from_secs(2));
        assert_eq!(refused(&tokens, token.expose()), ErrorCode::AuthRefused);
    }
}
