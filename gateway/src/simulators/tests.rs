//! The simulators on two listeners, and the server's own verifier against them.

mod controls;
mod refusals;
mod stores;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use actors::apps::{AppSettings, Game, Provider};
use actors::identity::keys::KeyCache;
use actors::identity::provider::{Refusal, Verified};
use actors::outside::http_client;
use axum::Router;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use storage::clock::{Clock, ManualClock, Micros};
use tokio::net::TcpListener;

use super::Simulators;

/// When the tests begin, in seconds since the epoch.
const START: i64 = 1_800_000_000;
/// The least time between two fetches of a key set by the verifier.
const COOLDOWN: Duration = Duration::from_secs(10);
/// Making a key takes some seconds where many tests do it at once in an unoptimised build.
const PATIENCE: Duration = Duration::from_secs(120);

const ISSUERS: [&str; 2] = ["google", "apple"];

/// The whole scene: both listeners, and a game that logs in by the simulators.
struct Stage {
    public: String,
    private: String,
    clock: Arc<ManualClock>,
    client: Client,
    keys: KeyCache,
    game: Game,
    simulators: Simulators,
}

impl Stage {
    async fn open() -> Self {
        let (listener, public) = listen().await;
        let clock = Arc::new(ManualClock::new(Micros::from_seconds(START)));
        let simulators = Simulators::new(&public, Arc::clone(&clock) as _);
        serve(listener, simulators.public_router());
        let (listener, private) = listen().await;
        serve(listener, simulators.control_router());
        let settings = AppSettings { providers: simulators.providers(), ..AppSettings::default() };
        let game = Game::new("demo".parse().unwrap(), &settings).unwrap();
        let client = http_client().unwrap();
        let keys = KeyCache::new(client.clone(), Arc::clone(&clock) as _);
        Self { public, private, clock, client, keys, game, simulators }
    }

    /// A token for this request, which has to be a good one.
    async fn token(&self, issuer: &str, request: Value) -> String {
        let (status, reply) = self.post(&format!("/sim/oidc/{issuer}/token"), &request).await;
        assert_eq!(status, 200, "{reply}");
        reply["token"].as_str().unwrap().to_owned()
    }

    /// What the server's verifier says of a token, by the game's own settings.
    async fn verify(
        &self,
        issuer: &str,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<Verified, Refusal> {
        let Provider::Oidc(settings) = &self.game.providers[issuer] else { panic!("{issuer}") };
        settings.verify(&self.keys, token, nonce, self.clock.now()).await
    }

    /// Posts to the players' listener.
    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.post_as(path, "application/json", body.to_string()).await
    }

    async fn post_as(&self, path: &str, kind: &str, body: impl Into<String>) -> (u16, Value) {
        let request = self.client.request(Method::POST, format!("{}{path}", self.public));
        let request = request.header("content-type", kind).body(body.into());
        told(request.timeout(PATIENCE).send().await.unwrap()).await
    }

    /// Posts to the private listener; null sends no body.
    async fn control(&self, path: &str, body: Value) -> (u16, Value) {
        let mut request = self.client.request(Method::POST, format!("{}{path}", self.private));
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        told(request.timeout(PATIENCE).send().await.unwrap()).await
    }

    async fn behave(&self, issuer: &str, behaviour: Value) {
        let (status, state) = self.control(&format!("/sim/oidc/{issuer}/behave"), behaviour).await;
        assert_eq!(status, 200, "{state}");
    }

    async fn rotate(&self, issuer: &str, request: Value) -> Value {
        let (status, state) = self.control(&format!("/sim/oidc/{issuer}/rotate"), request).await;
        assert_eq!(status, 200, "{state}");
        state
    }

    async fn states(&self) -> Value {
        let url = format!("{}/sim/oidc", self.private);
        told(self.client.get(url).send().await.unwrap()).await.1
    }

    /// The key set, asked for without a cache.
    async fn jwks(&self, issuer: &str) -> reqwest::Result<Response> {
        let url = format!("{}/sim/oidc/{issuer}/jwks", self.public);
        self.client.get(url).timeout(PATIENCE).send().await
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

fn serve(listener: TcpListener, router: Router) {
    let app = Router::new().nest("/sim", router);
    tokio::spawn(async move { axum::serve(listener, app).await });
}

async fn told(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// A request for a token of alice's that is wrong in this way.
fn misbehaving(how: &str) -> Value {
    json!({"subject": "alice", "misbehave": how})
}
