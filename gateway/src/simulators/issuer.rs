//! One simulated issuer: its addresses, its keys, and how its key set behaves.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};
use storage::clock::{Clock, Micros};
use utoipa::ToSchema;

use super::behaviour::Behaviour;
use super::keys::Keys;
use super::provider::Provider;

/// An issuer.
pub(super) struct Issuer {
    pub(super) provider: Provider,
    pub(super) keys: Keys,
    /// The claim `iss`, and where the endpoints are.
    pub(super) url: String,
    clock: Arc<dyn Clock>,
    log: Mutex<Log>,
}

/// What changes besides the keys.
#[derive(Default)]
struct Log {
    behaviour: Behaviour,
    jwks_fetches: u64,
    tokens: u64,
}

/// How an issuer stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IssuerState {
    /// The claim `iss` of its tokens.
    pub issuer: String,
    /// Where its public keys are.
    pub jwks_url: String,
    /// Where tokens are made.
    pub token_url: String,
    /// The claim `aud` of tokens that ask for no other.
    pub audience: String,
    /// The published keys, the latest first; none before the first use.
    pub keys: Vec<KeyState>,
    /// How the key set is answered.
    pub behaviour: Behaviour,
    /// How often the key set was asked for since the server started.
    pub jwks_fetches: u64,
    /// How many tokens were made since the server started.
    pub tokens: u64,
}

/// A published key.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyState {
    /// Its id.
    pub kid: String,
    /// Whether new tokens are signed with it.
    pub signing: bool,
}

impl Issuer {
    /// The issuer that plays `provider` under `base`, an address without a slash at its end.
    pub(super) fn new(provider: Provider, base: &str, clock: Arc<dyn Clock>) -> Self {
        let url = format!("{base}/sim/oidc/{}", provider.word());
        Self { provider, keys: Keys::new(provider), url, clock, log: Mutex::default() }
    }

    pub(super) fn word(&self) -> &'static str {
        self.provider.word()
    }

    pub(super) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// How a game has to be configured to log in by this issuer.
    pub(super) fn settings(&self) -> Value {
        json!({
            "kind": self.word(),
            "audiences": [self.provider.audience()],
            "issuers": [self.url],
            "jwks_url": self.jwks_url(),
            "allow_insecure_loopback": true,
            "require_nonce": false,
        })
    }

    /// Counts a fetch of the key set and says how it is to be answered.
    pub(super) fn fetched(&self) -> Behaviour {
        let mut log = self.log.lock();
        log.jwks_fetches += 1;
        log.behaviour
    }

    /// Counts a token.
    pub(super) fn minted(&self) {
        self.log.lock().tokens += 1;
    }

    /// Answers the key set in this way from now on.
    pub(super) fn behave(&self, behaviour: Behaviour) {
        self.log.lock().behaviour = behaviour;
    }

    pub(super) fn state(&self) -> IssuerState {
        let kids = self.keys.kids().into_iter().enumerate();
        let keys = kids.map(|(place, kid)| KeyState { kid, signing: place == 0 }).collect();
        let log = self.log.lock();
        IssuerState {
            issuer: self.url.clone(),
            jwks_url: self.jwks_url(),
            token_url: format!("{}/token", self.url),
            audience: self.provider.audience().to_owned(),
            keys,
            behaviour: log.behaviour,
            jwks_fetches: log.jwks_fetches,
            tokens: log.tokens,
        }
    }

    fn jwks_url(&self) -> String {
        format!("{}/jwks", self.url)
    }
}
