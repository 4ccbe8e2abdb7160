//! The store's API, as far as it is used.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::{Map, Value};
use storage::clock::Clock;

use super::Act;
use crate::outside::{encoded, form};
use crate::purchases::bearer::{Bearer, Given};
use crate::purchases::reply::{self, Reply};
use crate::purchases::settings::OneStoreSettings;
use crate::purchases::stores::Parts;
use crate::purchases::verified::Environment;
use crate::purchases::verifier::Fault;

/// How long before its end a token is changed: only then does the store give out another.
const EARLY: Duration = Duration::from_secs(600);
/// The longest life of a token that is believed, in seconds.
const LONGEST_S: u64 = 3_600;
/// What is wrong if the store does not let us in.
const CREDENTIALS: Fault = Fault::Misconfigured("one_store.client_secret_file");

/// The API of both environments.
pub(super) struct Api {
    client: Client,
    clock: Arc<dyn Clock>,
    client_id: String,
    secret: String,
    market: String,
    production: Host,
    sandbox: Host,
}

/// One of them. The host is the environment, and has tokens of its own.
struct Host {
    base: String,
    bearer: Bearer,
}

/// What the store says of a purchase.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Purchase {
    pub(super) consumption_state: i64,
    pub(super) developer_payload: Option<String>,
    pub(super) purchase_state: i64,
    pub(super) purchase_time: i64,
    pub(super) purchase_id: String,
    pub(super) acknowledge_state: i64,
    pub(super) quantity: Option<u32>,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: u64,
}

/// The store's errors; any other body is somebody else's.
#[derive(Deserialize)]
struct ApiError {
    #[serde(rename = "error")]
    _error: Map<String, Value>,
}

impl Api {
    pub(super) fn new(settings: &OneStoreSettings, secret: String, parts: &Parts) -> Self {
        let host = |base: &str| Host {
            base: base.to_owned(),
            bearer: Bearer::new(Arc::clone(&parts.clock), EARLY),
        };
        Self {
            client: parts.client.clone(),
            clock: Arc::clone(&parts.clock),
            client_id: settings.client_id.clone(),
            secret,
            market: settings.market.clone(),
            production: host(&settings.api_base),
            sandbox: host(&settings.sandbox_api_base),
        }
    }

    /// A purchase, `None` if this environment has none.
    pub(super) async fn purchase(
        &self,
        environment: Environment,
        product: &str,
        token: &str,
    ) -> Result<Option<Purchase>, Fault> {
        const WHAT: &str = "a purchase";
        let path = format!("inapp/products/{}/{}", encoded(product), encoded(token));
        let reply = self.ask(WHAT, environment, Method::GET, &path).await?;
        match reply.status() {
            200 => reply.read(WHAT).map(Some),
            404 if reply.try_read::<ApiError>().is_some() => {
                // With a wrong market the store knows none of the game's purchases.
                tracing::info!(
                    market = self.market,
                    environment = environment.word(),
                    "ONE store knows no such purchase on market {}",
                    self.market
                );
                Ok(None)
            }
            _ => Err(self.fault(WHAT, &reply)),
        }
    }

    /// Acknowledges or consumes; `false` if the store says that it does not fit the state.
    pub(super) async fn act(
        &self,
        environment: Environment,
        product: &str,
        token: &str,
        act: Act,
    ) -> Result<bool, Fault> {
        let (what, kind, verb) = match act {
            Act::Acknowledge => ("an acknowledgement", "all", "acknowledge"),
            Act::Consume => ("a consumption", "inapp", "consume"),
        };
        let path = format!("{kind}/products/{}/{}/{verb}", encoded(product), encoded(token));
        let reply = self.ask(what, environment, Method::POST, &path).await?;
        match reply.status() {
            200..300 => Ok(true),
            404 | 409 => Ok(false),
            _ => Err(self.fault(what, &reply)),
        }
    }

    fn host(&self, environment: Environment) -> &Host {
        match environment {
            Environment::Production => &self.production,
            Environment::Sandbox => &self.sandbox,
        }
    }

    /// Asks, with a new token if the old one is refused.
    async fn ask(
        &self,
        what: &'static str,
        environment: Environment,
        method: Method,
        path: &str,
    ) -> Result<Reply, Fault> {
        let host = self.host(environment);
        let mut last = false;
        loop {
            let token = host.bearer.token(self.token(host)).await?;
            let client_id = encoded(&self.client_id);
            let url = format!("{}/v7/apps/{client_id}/purchases/{path}", host.base);
            let request = self.client.request(method.clone(), url);
            let mut request = request.bearer_auth(&token).header("x-market-code", &self.market);
            if method == Method::POST {
                request = request.header("content-type", "application/json").body("{}");
            }
            let reply = reply::ask(what, request).await?;
            if reply.status() != 401 || last {
                return Ok(reply);
            }
            host.bearer.forget(&token);
            last = true;
        }
    }

    async fn token(&self, host: &Host) -> Result<Given, Fault> {
        const WHAT: &str = "an access token";
        let body = form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", &self.secret),
        ]);
        let request = self.client.post(format!("{}/v7/oauth/token", host.base));
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-market-code", &self.market)
            .body(body);
        let reply = reply::ask(WHAT, request).await?;
        match reply.status() {
            200 => {
                let token: Token = reply.read(WHAT)?;
                let life = Duration::from_secs(token.expires_in.min(LONGEST_S));
                Ok(Given { token: token.access_token, life })
            }
            400 if reply.try_read::<ApiError>().is_some() => Err(CREDENTIALS),
            _ => Err(self.fault(WHAT, &reply)),
        }
    }

    /// What a failure means; none of them is final.
    fn fault(&self, what: &'static str, reply: &Reply) -> Fault {
        match reply.status() {
            401 | 403 => CREDENTIALS,
            _ => reply.unavailable(what, self.clock.now().0 / 1_000),
        }
    }
}
