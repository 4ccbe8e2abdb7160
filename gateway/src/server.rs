//! A server: built from settings, run until it is told to stop, drained.

mod seed;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actors::apps::AppSettings;
use actors::content::Content;
use actors::content::images::Workshop;
use actors::game_servers::signature::WINDOW;
use actors::game_servers::{GameServers, Keys};
use actors::identity::keyring::Keyring;
use actors::identity::keys::KeyCache;
use actors::identity::tokens::AccessTokens;
use actors::identity::{IdentityService, Parts};
use actors::launching::Launching;
use actors::node::Node;
use actors::operators::Vault;
use actors::outside::{Poster, http_client};
use actors::presence::Roll;
use actors::purchases::desk::Desk;
use actors::sessions::Sessions;
use actors::supervisor::Supervisor;
use actors::tree;
use actors::webhooks::{Targets, Webhooks};
use base64::Engine;
use metrics_exporter_prometheus::PrometheusHandle;
use storage::clock::Clock;
use storage::open::Storage;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accept::{Each, Terms, accept};
use crate::admin::{self, Admin};
use crate::config::{Mode, Settings};
use crate::control::{self, Control};
use crate::demo;
use crate::gate::Gate;
use crate::limits::Limits;
use crate::private::{self, Private};
use crate::shops::Shops;
use crate::simulators::Simulators;
use crate::{router, telemetry};

/// The server cannot start, and why, in words for whoever started it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

/// How long the last records may take to be written when the server stops.
const LAST_WRITES: Duration = Duration::from_secs(5);
/// The most nonces of a key of a game's server that are remembered, 100 bytes each.
const MOST_NONCES: usize = 1_000_000;
/// The most connections at the operators' listener: they are people.
const OPERATORS: usize = 256;
/// How long the private listener may take to finish its last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// What is said of a server that was given no key for operators' second factors.
pub const UNENCRYPTED: &str =
    "operators' second factors are not encrypted: name a key in identity.operator_key_file";

fn failed(what: &str) -> impl Fn(String) -> StartError + '_ {
    move |error| StartError(format!("{what}: {error}"))
}

/// A server that is listening.
pub struct Server {
    /// Where players reach it.
    pub public: SocketAddr,
    /// Where metrics, health and commands are.
    pub private: SocketAddr,
    /// Where operators are.
    pub admin: SocketAddr,
    /// The address that players are told.
    pub public_url: String,
    /// What the doors share.
    pub gate: Gate,
    tree: Supervisor,
    storage: Storage,
    stop: watch::Sender<bool>,
    /// Stopped last, so that machines can see the drain.
    stop_private: watch::Sender<bool>,
    players: JoinHandle<()>,
    machines: JoinHandle<()>,
    operators: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    /// Brings the simulated stores' notifications.
    postman: Option<JoinHandle<()>>,
    drain: Duration,
    control: PathBuf,
}

impl Server {
    /// Opens storage, starts the tree, and listens.
    ///
    /// # Errors
    /// [`StartError`], which names what is in the way.
    pub async fn start(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let gateway = &settings.gateway;
        let metrics = telemetry::metrics().map_err(StartError)?;
        let public = listen(gateway.listen, "--listen").await?;
        let private_listener = listen(gateway.private, "--private").await?;
        let admin_listener = listen(gateway.admin, "--admin").await?;
        let (address, private_address) = (local(&public)?, local(&private_listener)?);
        let admin_address = local(&admin_listener)?;
        let public_url = match &settings.public_url {
            Some(_) => settings.public_url(),
            None => format!("http://{address}"),
        };

        // What a cache and a session actor remember is together no older than the latter's word.
        let mut own = settings.storage.clone();
        own.cache_ms = own.cache_ms.min(settings.sessions.standing_ms);
        let storage = Storage::open(&settings.data, &own, clock.as_ref())
            .await
            .map_err(|error| StartError(error.to_string()))?;
        let tokens = tokens(settings, &public_url, clock.clone()).await?;
        let vault = vault(settings).await?;
        let simulators = settings
            .simulators()
            .then(|| Simulators::new(&format!("http://{address}"), clock.clone()));

        let launching = Launching::new(
            &websocket_address(&public_url),
            settings.mode == Mode::Production,
            clock.clone(),
        );
        let content = Content::new(&public_url, &launching, clock.clone());
        let mut apps = apps(settings, simulators.as_ref());
        settle(settings, simulators.as_ref(), &mut apps).await?;
        let (server_keys, targets) = secrets(&apps).await?;
        let client = http_client()
            .map_err(|error| failed("the HTTP client cannot be made")(error.to_string()))?;
        let outbox = storage.outbox.clone();
        let webhooks = Webhooks::new(targets, outbox, client.clone(), clock.clone());
        let tree = tree::start(&storage, &launching, &content, &tokens, &webhooks, clock.clone())
            .await
            .map_err(|error| StartError(format!("the actors cannot be started: {error}")))?;
        tree.ready().await.map_err(|error| StartError(error.to_string()))?;
        let keys = KeyCache::new(client.clone(), clock.clone());
        let postman = simulators.clone().filter(|_| demo::is_served(settings)).map(|it| {
            let (base, by) = (format!("http://{address}"), Poster::new(client.clone()));
            tokio::spawn(async move { it.deliver(&base, demo::WORD, &by).await })
        });
        let parts = actors::purchases::Parts { client, keys: keys.clone(), clock: clock.clone() };
        let played = simulators.clone().map(|it| (it, simulated(settings)));
        let shops = Shops::new(&apps, parts, played);
        shops.open().await.map_err(StartError)?;
        seed::seed(&storage, &apps, clock.as_ref()).await?;
        launching.reload().await.map_err(|error| StartError(error.to_string()))?;

        let (sold, on) = (Arc::new(shops.clone()), launching.clone());
        let desk = Desk::new(storage.clone(), on, sold, clock.clone());
        let sessions = Sessions::new(
            storage.clone(),
            clock.clone(),
            settings.sessions.clone(),
            desk.clone(),
            content.clone(),
        );
        launching.speak_to(&sessions);
        content.speak_to(&sessions);
        let identity = IdentityService::new(Parts {
            storage: storage.clone(),
            sessions: sessions.clone(),
            tokens,
            keys,
            settings: settings.identity.clone(),
            clock: clock.clone(),
        });
        let own_origins =
            if settings.docs() { own_origins(&public_url, address) } else { [].into() };
        let node = Node {
            roll: Roll::new(storage.presence.clone(), sessions.clone()),
            launching,
            content,
            identity,
            sessions,
            clock,
            own_origins,
            heartbeat_s: gateway.heartbeat_s,
            storage: storage.clone(),
            desk,
            workshop: Workshop::default(),
            vault,
        };
        let limits = Limits::new(gateway, settings.mode == Mode::Development);
        let servers = GameServers::new(node.clone(), server_keys, nonces(settings));
        let gate = Gate::new(node, gateway.clone(), limits.clone());

        let token =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(actors::random::bytes::<32>());
        let control = Control { address: private_address, token: token.clone() };
        let control = control::publish(&settings.data, &control)
            .map_err(|error| failed("private.json cannot be written")(error.to_string()))?;
        let upkeep = tokio::spawn(upkeep(metrics.clone(), limits.clone(), gate.node.clone()));
        let (stop, stopping) = watch::channel(false);
        let (stop_private, stopping_private) = watch::channel(false);
        let header_timeout = Duration::from_secs(gateway.header_timeout_s);
        let connections = gateway.max_connections;
        let (few, each) = (connections.min(OPERATORS), Each::Operators(limits.clone()));
        let at_the_desk = Terms { header_timeout, connections: few, each };
        let at_the_door = Terms { header_timeout, connections, each: Each::Silent(limits) };
        let within = Terms { header_timeout, connections, each: Each::AsLike };
        let private = Private { gate: gate.clone(), metrics, token, shops };
        let public_router = router::public(&gate, &servers, settings.docs(), simulators.as_ref());
        let private_router = private::router(private, simulators.as_ref());
        let admin_router = admin::router(Admin::new(&gate, admin_address), settings.docs());
        let operators = accept(admin_listener, admin_router, at_the_desk, stopping_private.clone());
        let operators = tokio::spawn(operators);
        let players = tokio::spawn(accept(public, public_router, at_the_door, stopping));
        let machines =
            tokio::spawn(accept(private_listener, private_router, within, stopping_private));
        let drain = Duration::from_secs(gateway.drain_s);
        Ok(Self {
            public: address,
            private: private_address,
            admin: admin_address,
            public_url,
            gate,
            tree,
            storage,
            stop,
            stop_private,
            players,
            machines,
            operators,
            upkeep,
            postman,
            drain,
            control,
        })
    }

    /// Returns when a part that must not fail has failed for good, and says which.
    pub async fn failed(&self) -> String {
        match self.tree.escalated().await {
            Some(escalated) => escalated.to_string(),
            // The tree ended in order: whoever ended it goes on.
            None => std::future::pending().await,
        }
    }

    /// Takes nobody new, has every client come back elsewhere, finishes what is in flight,
    /// writes what is to be written. Cut short when `hurry` is ready. Whatever happens, it
    /// is over a bounded time after `gateway.drain_s`.
    pub async fn drain(self, hurry: impl Future<Output = ()>) {
        self.gate.begin_drain();
        // Clients come back within half of the time that this node still has.
        let spread = u64::try_from(self.drain.as_millis() / 2).unwrap_or(u64::MAX);
        self.gate.sockets.drain(spread);
        self.stop.send_replace(true);
        let quiet = async {
            self.gate.sockets.all_gone().await;
            // A listener that panicked has nothing left to wait for.
            let _ = self.players.await;
        };
        tokio::select! {
            () = quiet => tracing::info!("every connection is gone"),
            () = tokio::time::sleep(self.drain) => {
                tracing::warn!(left = self.gate.sockets.count(), "the time to drain is over");
            }
            () = hurry => tracing::warn!("told to hurry"),
        }
        match tokio::time::timeout(LAST_WRITES, self.storage.gamelog.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the game log is not whole"),
            Err(_) => tracing::error!("the game log could not be written in time: it is not whole"),
        }
        // Bounded by the tree itself: a child that does not stop in time is killed.
        self.tree.shutdown().await;
        self.stop_private.send_replace(true);
        // Whoever is still reading metrics has a moment to finish.
        let _ = tokio::time::timeout(LAST_ANSWERS, self.machines).await;
        let _ = tokio::time::timeout(LAST_ANSWERS, self.operators).await;
        if let Some(postman) = &self.postman {
            postman.abort();
        }
        self.upkeep.abort();
        // What it holds is given back before this returns.
        let _ = self.upkeep.await;
        // One that hangs is forgotten with its lease.
        let _ = tokio::time::timeout(LAST_ANSWERS, self.gate.node.roll.leave()).await;
        // The file may be gone with the whole folder, which is as good.
        let _ = std::fs::remove_file(&self.control);
    }
}

/// What is looked after while the server runs.
async fn upkeep(metrics: PrometheusHandle, limits: Limits, node: Node) {
    let (metrics, revoked) = (telemetry::keep(metrics), node.sessions.keep_up());
    let rates = limits.keep(&node.storage.rates);
    tokio::join!(metrics, rates, node.roll.keep(), revoked, node.sessions.keep_desk());
}

async fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| {
        StartError(format!("cannot listen on {address}: {error} (choose another with {flag})"))
    })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|error| StartError(error.to_string()))
}

/// The folder of the signing keys.
#[must_use]
pub fn keys_dir(settings: &Settings) -> PathBuf {
    settings.identity.keys_dir.clone().unwrap_or_else(|| settings.data.join("keys"))
}

async fn tokens(
    settings: &Settings,
    issuer: &str,
    clock: Arc<dyn Clock>,
) -> Result<AccessTokens, StartError> {
    let (folder, issuer) = (keys_dir(settings), issuer.to_owned());
    let production = settings.mode == Mode::Production;
    let life = Duration::from_secs(settings.identity.access_token_s);
    let opened = tokio::task::spawn_blocking(move || {
        Keyring::prepare(&folder, clock.now(), production)?;
        AccessTokens::open(folder, production, issuer, life, clock)
    });
    let opened = opened.await.map_err(|error| StartError(error.to_string()))?;
    opened.map_err(|error| failed("the signing keys")(error.to_string()))
}

fn websocket_address(public_url: &str) -> String {
    // http becomes ws, https becomes wss.
    format!("ws{}/v1/ws", public_url.strip_prefix("http").unwrap_or(public_url))
}

/// Where this server's own pages are found from.
fn own_origins(public_url: &str, address: SocketAddr) -> Arc<[String]> {
    let mut origins = vec![public_url.to_owned(), format!("http://{address}")];
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        let port = address.port();
        origins.extend([format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")]);
    }
    origins.into()
}

/// Where the credentials for simulated stores are.
fn simulated(settings: &Settings) -> PathBuf {
    let folder = settings.data.join("simulators");
    // A game's row may be read by a process that works elsewhere.
    std::path::absolute(&folder).unwrap_or(folder)
}

/// The games of the settings, and in development a demo game if there is none.
fn apps(
    settings: &Settings,
    simulators: Option<&Simulators>,
) -> std::collections::BTreeMap<String, AppSettings> {
    let mut apps = settings.apps.clone();
    if demo::is_served(settings) {
        apps.insert(demo::WORD.into(), demo::game(simulators, &simulated(settings)));
    }
    apps
}

/// Plays the demo game's own server, too: the demo game is there when the file has no game.
async fn settle(
    settings: &Settings,
    simulators: Option<&Simulators>,
    apps: &mut BTreeMap<String, AppSettings>,
) -> Result<(), StartError> {
    let demo = apps.get_mut("demo").filter(|_| settings.apps.is_empty());
    if let (Some(demo), Some(simulators)) = (demo, simulators) {
        let folder = simulated(settings);
        let settled = simulators.settle("demo", &folder, demo).await;
        settled.map_err(|error| StartError(format!("{}: {error}", folder.display())))?;
    }
    Ok(())
}

/// How many nonces of a key are remembered: those that may come while one is good.
fn nonces(settings: &Settings) -> usize {
    let limits = &settings.gateway.limits;
    let bounds = match settings.mode {
        Mode::Development => limits.raised(),
        Mode::Production => limits.bounds(),
    };
    let good_s = u32::try_from(2 * WINDOW.as_secs()).unwrap_or(u32::MAX);
    let come = bounds.server_per_second.saturating_mul(good_s).saturating_add(bounds.server_burst);
    usize::try_from(come).unwrap_or(usize::MAX).min(MOST_NONCES)
}

/// The keys of the games' servers, and where these are told what happened.
async fn secrets(apps: &BTreeMap<String, AppSettings>) -> Result<(Keys, Targets), StartError> {
    let apps = apps.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let mut wrong = Vec::new();
        let keys = Keys::open(&apps).map_err(|found| wrong.extend(found));
        let targets = Targets::open(&apps).map_err(|found| wrong.extend(found));
        keys.and_then(|keys| targets.map(|targets| (keys, targets))).map_err(|()| wrong.join("\n"))
    });
    let opened = opened.await.map_err(|error| StartError(error.to_string()))?;
    opened.map_err(StartError)
}

/// Under which keys operators' second factors are kept.
async fn vault(settings: &Settings) -> Result<Vault, StartError> {
    let identity = settings.identity.clone();
    if identity.operator_key_file.is_none() && settings.mode == Mode::Production {
        tracing::warn!("{UNENCRYPTED}");
    }
    let opened = tokio::task::spawn_blocking(move || Vault::open(&identity)).await;
    let opened = opened.map_err(|error| StartError(error.to_string()))?;
    opened.map_err(|wrong| StartError(wrong.join("\n")))
}

/// Whether a data folder is in use by a server, and how to reach it.
#[must_use]
pub fn running(data: &Path) -> Option<Control> {
    control::read(data)
}
