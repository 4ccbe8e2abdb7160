//! A server of one's own for each test, with a clock that the test moves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::config::{Mode, Settings};
use gateway::control;
use gateway::server::Server;
use loadtest::{Format, HttpClient, Player, Socket, Visitor};
use protocol::time::Micros;
use serde_json::{Value, json};
use storage::clock::{Clock, ManualClock};
use tempfile::TempDir;

/// The same before the embedded databases and before MariaDB.
macro_rules! before_both {
    ($($domain:ident::$case:ident)+) => {
        mod embedded {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$domain::$case(crate::harness::Daemun::start().await).await;
                }
            )+
        }

        mod mariadb {
            use crate::mariadb::{database, on_mariadb};

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$domain::$case(on_mariadb(&database()).await).await;
                }
            )+
        }
    };
}
pub(crate) use before_both;

/// When every test begins.
pub const START: Micros = Micros(1_800_000_000_000_000);

/// How often a server is started until it is there.
const STARTS: u32 = 5;

/// A running server.
pub struct Daemun {
    pub server: Server,
    pub clock: Arc<ManualClock>,
    pub settings: Settings,
    pub folder: TempDir,
}

impl Daemun {
    /// On embedded storage, with the demo game, in development mode.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = TempDir::new().unwrap();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut settings = Settings { data: folder.path().join("data"), ..Settings::default() };
        settings.mode = Mode::Development;
        settings.gateway.listen = free;
        settings.gateway.private = free;
        settings.gateway.admin = free;
        change(&mut settings);
        let clock = Arc::new(ManualClock::new(START));
        for again in 1..=STARTS {
            match Server::start(&settings, clock.clone()).await {
                Ok(server) => return Self { server, clock, settings, folder },
                // A database with much to do: whoever runs a server starts it again.
                Err(error)
                    if error.to_string().contains("outcome of a storage call is unknown") =>
                {
                    settings.data = folder.path().join(format!("data-{again}"));
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("a server did not start {STARTS} times");
    }

    /// The same server anew on the same data and the same clock.
    pub async fn restart(self) -> Self {
        let Self { server, clock, settings, folder } = self;
        let sessions = server.gate.node.sessions.clone();
        server.drain(std::future::pending()).await;
        // Where the process goes on, a session that is awake has the folder until it sleeps.
        while sessions.awake() > 0 {
            tokio::task::yield_now().await;
        }
        drop(sessions);
        loop {
            match Server::start(&settings, clock.clone()).await {
                Err(error) if error.to_string().contains("uses this data folder") => {
                    tokio::task::yield_now().await;
                }
                server => {
                    let server = server.unwrap();
                    return Self { server, clock, settings, folder };
                }
            }
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.server.public)
    }

    pub fn ws(&self) -> String {
        format!("ws://{}/v1/ws", self.server.public)
    }

    pub fn http(&self) -> HttpClient {
        HttpClient::new(&self.url())
    }

    pub fn private(&self) -> HttpClient {
        HttpClient::new(&format!("http://{}", self.server.private))
    }

    /// The listener for operators.
    pub fn admin(&self) -> HttpClient {
        HttpClient::new(&format!("http://{}", self.server.admin))
    }

    /// Somebody who has not logged in yet.
    pub fn visitor(&self, format: Format) -> Visitor {
        Visitor::new(&self.url(), "demo", format).unwrap()
    }

    /// A guest with an open session.
    pub async fn guest(&self) -> Player {
        self.visitor(Format::Json).enter().await.unwrap()
    }

    pub async fn socket(&self, format: Format) -> Socket {
        Socket::connect(&self.ws(), format, None).await.unwrap()
    }

    /// A guest login over HTTP: the whole answer.
    pub async fn login(&self) -> Value {
        self.http().ask("auth.login", None, guest()).await.unwrap()
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    /// The value of a counter, as `/metrics` shows it; the labels are part of the name.
    pub async fn metric(&self, name: &str) -> f64 {
        let answer = self.private().get("/metrics").await.unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let row = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        row.map_or(0.0, |value| value.parse().unwrap())
    }

    /// A command of an operator.
    pub async fn command(&self, path: &str, body: Value) -> Value {
        let control = control::read(&self.settings.data).unwrap();
        let body = serde_json::to_vec(&body).unwrap();
        serde_json::from_slice(&control.call(path, Some(&body)).await.unwrap()).unwrap()
    }

    /// A token of a simulated identity provider.
    pub async fn id_token(&self, issuer: &str, body: Value) -> String {
        id_token(&self.http(), issuer, body).await
    }
}

/// A token of an identity provider that a server simulates.
pub async fn id_token(http: &HttpClient, issuer: &str, body: Value) -> String {
    let request = http
        .request(hyper::Method::POST, &format!("/sim/oidc/{issuer}/token"))
        .header("content-type", "application/json")
        .body(body.to_string().into());
    let answer = http.send(request).await.unwrap();
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    answer["token"].as_str().unwrap().to_owned()
}

/// What a client of a test says of itself.
pub fn client() -> Value {
    json!({"version": "1.4.0", "platform": "android", "store": "google_play", "lang": "ko"})
}

/// A guest who comes for the first time.
pub fn guest() -> Value {
    json!({"app": "demo", "provider": "guest", "client": client()})
}

/// A login with a provider's token.
pub fn with_token(provider: &str, token: &str) -> Value {
    json!({"app": "demo", "provider": provider, "credential": {"token": token}, "client": client()})
}

/// A field of an answer, as text.
pub fn text<'a>(answer: &'a Value, field: &str) -> &'a str {
    answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}"))
}
