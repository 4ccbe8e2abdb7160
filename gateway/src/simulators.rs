//! The identity providers, the stores and a game's own server, played by the server itself in development.
//!
//! Google and Apple are each an OpenID issuer with real keys, real signatures and real HTTP, so
//! a login takes the same path as in production and only the addresses differ. They misbehave on
//! demand: a single token by `misbehave` in its request, the key set by the controls. The stores
//! are told of in `simulators/stores.rs`, the game's server in `simulators/webhooks.rs`.
//!
//! Players' listener, under `/sim`:
//! - `GET /oidc/{issuer}/jwks`: the public keys, with the real provider's caching.
//! - `POST /oidc/{issuer}/token`: what the provider's SDK does on the device, see [`TokenRequest`].
//!
//! Private listener, under `/sim`:
//! - `GET /oidc`: how both issuers stand, see [`IssuerState`].
//! - `POST /oidc/{issuer}/behave`: how the key set is answered from now on, see [`Behaviour`].
//! - `POST /oidc/{issuer}/rotate`: a new key signs from now on, see [`RotateRequest`].
//!
//! None of this is fit for players: whoever asks gets a token for whomever they name. A server in
//! production mode must not mount it.

mod provider;

mod issuer;
mod keys;

mod behaviour;
mod token;

mod exchange;
mod routes;

mod stores;
mod webhooks;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use actors::outside::Poster;
use actors::purchases::settings::StoresSettings;
use axum::Router;
use serde_json::Value;
use storage::clock::Clock;

pub use self::behaviour::Behaviour;
pub use self::issuer::{IssuerState, KeyState};
pub use self::routes::RotateRequest;
pub use self::stores::{
    BuyRequest, ClockRequest, Conduct, Delivery, EvidenceRequest, RefundRequest, StoreNotice,
    StoreState, WhichRequest, Wrong,
};
pub use self::token::{Misbehaviour, TokenReply, TokenRequest};
pub use self::webhooks::Came;

use self::issuer::Issuer;
use self::provider::Provider;
use self::stores::Stores;
use self::webhooks::Receiver;

/// All simulated providers. A clone is the same providers.
#[derive(Clone)]
pub struct Simulators {
    issuers: [Arc<Issuer>; Provider::ALL.len()],
    stores: Arc<Stores>,
    receiver: Arc<Receiver>,
}

impl Simulators {
    /// Providers that are reached under `public_base` (`http://127.0.0.1:7350`, nothing behind
    /// the port) and take the time from `clock`.
    ///
    /// The server fetches keys from there too, and plain http is good enough to it on loopback
    /// only, so this is the listener's own address rather than the one that players see. Of a
    /// listener on all of the machine's addresses, the loopback one is taken.
    #[must_use]
    pub fn new(public_base: &str, clock: Arc<dyn Clock>) -> Self {
        let base = public_base.trim_end_matches('/');
        let base = base.replace("://0.0.0.0", "://127.0.0.1").replace("://[::]", "://[::1]");
        let issuer = |provider| Arc::new(Issuer::new(provider, &base, Arc::clone(&clock)));
        let stores = Arc::new(Stores::new(&base, &clock));
        let receiver = Arc::new(Receiver::new(&base, &clock));
        Self { issuers: Provider::ALL.map(issuer), stores, receiver }
    }

    /// What players' devices and the verifier reach; to be nested at `/sim` on the players'
    /// listener.
    pub fn public_router(&self) -> Router {
        routes::public(self.clone())
    }

    /// What makes the providers misbehave; to be nested at `/sim` on the private listener.
    pub fn control_router(&self) -> Router {
        routes::control(self.clone())
    }

    /// The `providers` of a game that logs in by these simulators, `google` and `apple`.
    ///
    /// A nonce is not required, so that a person can try a login by hand; one that is used is
    /// checked all the same.
    #[must_use]
    pub fn providers(&self) -> BTreeMap<String, Value> {
        let entry = |issuer: &Arc<Issuer>| (issuer.word().to_owned(), issuer.settings());
        self.issuers.iter().map(entry).collect()
    }

    /// Makes the simulated game server a game's own: where it is told what happened, and a key for
    /// it. Writes the secrets into `folder`, readable by their owner alone.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub async fn settle(
        &self,
        word: &str,
        folder: &Path,
        app: &mut actors::apps::AppSettings,
    ) -> io::Result<()> {
        self.receiver.settle(word, folder, app);
        let (folder, files) = (folder.to_owned(), self.receiver.files());
        tokio::task::spawn_blocking(move || stores::write_all(&folder, &files)).await?
    }

    /// The `stores` of a game that is sold in these simulators. Their credentials are files of
    /// `folder`, which are there once [`Simulators::prepare`] was called.
    #[must_use]
    pub fn stores(&self, folder: &Path) -> StoresSettings {
        self.stores.settings(folder)
    }

    /// Writes the credentials for the stores, once; readable by their owner alone.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub async fn prepare(&self, folder: &Path) -> io::Result<()> {
        self.stores.prepare(folder).await
    }

    /// Sends what the stores tell of a game to `{base}/hooks/{store}/{app}`, for as long as it is
    /// polled. Nobody else gets it then.
    pub async fn deliver(&self, base: &str, app: &str, by: &Poster) {
        self.stores.deliver(base, app, by).await;
    }

    fn issuer(&self, word: &str) -> Option<&Arc<Issuer>> {
        self.issuers.iter().find(|issuer| issuer.word() == word)
    }

    fn states(&self) -> BTreeMap<&'static str, IssuerState> {
        self.issuers.iter().map(|issuer| (issuer.word(), issuer.state())).collect()
    }
}
