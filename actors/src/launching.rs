//! What a client needs to know before it logs in, answered from memory; and who is told when it
//! changes.
//!
//! A permanent actor keeps the games' rows and what operators wrote in memory, and reads what is
//! new of it again and again; whoever needs it looks at what was last published. While storage
//! cannot be reached, what is known stays known. The actor also looks at the clock, many times a
//! second, for what is due to be told ([`crier`]).
//!
//! What operators wrote is asked for by its revision, twice a second and on every node: a read by
//! an index that finds nothing. So whatever is published is on every screen within a second, and
//! for that no node has to hear of another, by Redis or otherwise.

mod actor;
pub mod audience;
mod crier;
mod crowds;
pub mod localised;
pub(crate) mod news;
pub mod number;
pub mod rules;
mod telling;
pub mod testers;
pub mod versions;
pub mod windows;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use protocol::client::Client;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::AppId;
use protocol::launching::{ServiceWord, StatusReply, StatusRequest};
use storage::clock::Clock;
use storage::error::StorageError;
use storage::open::Storage;
use tokio::sync::{oneshot, watch};

use crate::apps::{Game, RequestRate};
use crate::sessions::{FaintSessions, Sessions};
use crate::supervisor::Peer;
pub(crate) use actor::{Args, LaunchingActor, Msg};
use audience::{Audience, Audiences, ClientClaim};
use crowds::Crowds;
use rules::{Judged, Rules};
use windows::Window;

/// How long a client is told to wait at most before it asks again: a maintenance may end early.
const CHECK_MOST: Duration = Duration::from_secs(300);

/// The games that are served, by their words.
pub type Games = BTreeMap<AppId, Arc<Game>>;

/// The typed handle.
#[derive(Clone)]
pub struct Launching {
    games: watch::Sender<Arc<Games>>,
    /// `None` until what operators wrote was read once.
    rules: Arc<ArcSwapOption<Rules>>,
    audiences: Arc<Audiences>,
    crowds: Arc<Crowds>,
    /// Through whom it speaks.
    voice: Arc<OnceLock<FaintSessions>>,
    /// The actor's address, for whoever supervises it.
    pub(crate) peer: Peer<Msg>,
    server_address: Arc<str>,
    production: bool,
    clock: Arc<dyn Clock>,
}

impl Launching {
    /// A handle that knows no game until its actor has read them.
    ///
    /// `server_address` is the websocket's address that clients are told. In `production`
    /// a game that is only fit for development is not served.
    #[must_use]
    pub fn new(server_address: &str, production: bool, clock: Arc<dyn Clock>) -> Self {
        Self {
            games: watch::Sender::new(Arc::new(Games::new())),
            rules: Arc::default(),
            audiences: Arc::default(),
            crowds: Arc::default(),
            voice: Arc::default(),
            peer: Peer::new(),
            server_address: server_address.into(),
            production,
            clock,
        }
    }

    /// Has it speak to those who are connected; the first time counts. It does not keep them.
    pub fn speak_to(&self, sessions: &Sessions) {
        let _ = self.voice.set(sessions.faint());
    }

    /// Knows a game from now on, without its actor.
    #[cfg(test)]
    pub(crate) fn knows(&self, game: Game) {
        let games = [(game.id.clone(), Arc::new(game))].into();
        self.games.send_replace(Arc::new(games));
    }

    /// A game.
    ///
    /// # Errors
    /// `app.unknown`.
    pub fn game(&self, app: &AppId) -> Result<Arc<Game>, ErrorBody> {
        self.games.borrow().get(app).cloned().ok_or_else(|| {
            ErrorBody::new(ErrorCode::AppUnknown, format!("there is no game `{app}` here"))
        })
    }

    /// How often a game's players may ask, where it has its own mind about it.
    #[must_use]
    pub fn rate_of(&self, app: &AppId) -> RequestRate {
        self.games.borrow().get(app).map(|game| game.rate).unwrap_or_default()
    }

    /// Every game.
    #[must_use]
    pub fn games(&self) -> Arc<Games> {
        self.games.borrow().clone()
    }

    /// What operators wrote, as this node knows it.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full().unwrap_or_default()
    }

    /// Answers `launch.status`.
    ///
    /// # Errors
    /// `app.unknown`; `body.invalid` when the client names another game; `launch.version_unknown`.
    pub fn status(&self, request: &StatusRequest, from: IpAddr) -> Result<StatusReply, ErrorBody> {
        let game = self.game(&request.app)?;
        same_app(&game.id, request.client.app.as_ref())?;
        let rules = self.rules();
        self.status_of(&rules.audience(&game.id, &request.client, from))
    }

    /// What an audience is told of the service.
    ///
    /// # Errors
    /// `launch.version_unknown`.
    pub fn status_of(&self, audience: &Audience) -> Result<StatusReply, ErrorBody> {
        let (rules, now) = (self.rules(), self.clock.now());
        let Judged { word, version, window, planned } = rules.judge(audience, now);
        let (Some(word), Some(version)) = (word, version) else {
            return Err(self.refused(&rules, audience, None, window.as_ref()));
        };
        let (lang, default) = (audience.lang.as_deref(), self.language(&audience.app));
        let (versions, default) = (rules.versions(&audience.app), default.as_deref());
        let update = telling::is_about_update(version).then(|| versions.update(audience, default));
        let message = versions.message(audience, default).filter(|_| update.is_none());
        let own = versions.of(audience).and_then(|version| version.server_address.clone());
        Ok(StatusReply {
            status: word.number(),
            word,
            message,
            update: update.map(Box::new),
            maintenance: window.map(|window| {
                let when = (now, self.crowds.spread(window.id));
                Box::new(telling::holding(&window, lang, default, when))
            }),
            planned: planned.map(|window| Box::new(window.told(lang, default))),
            content: None,
            server_address: own.unwrap_or_else(|| self.server_address.to_string()),
            time: now,
        })
    }

    /// Who a client is told things with; shared by all who are alike.
    #[must_use]
    pub fn audience(&self, app: &AppId, client: &Client, from: IpAddr) -> Arc<Audience> {
        self.audiences.share(self.rules().audience(app, client, from))
    }

    /// Whether an audience may come in now.
    ///
    /// # Errors
    /// `launch.*`, as the service is refused.
    pub fn admit(&self, audience: &Audience) -> Result<(), ErrorBody> {
        let (rules, now) = (self.rules(), self.clock.now());
        let Judged { word, window, .. } = rules.judge(audience, now);
        match word {
            Some(word) if word.lets_in() => Ok(()),
            word => Err(self.refused(&rules, audience, word, window.as_ref())),
        }
    }

    /// Whether a client may come in now.
    ///
    /// # Errors
    /// As [`Launching::admit`].
    pub fn admit_client(
        &self,
        app: &AppId,
        client: &Client,
        from: IpAddr,
    ) -> Result<(), ErrorBody> {
        match self.restricts(app) {
            true => self.admit(&self.rules().audience(app, client, from)),
            false => Ok(()),
        }
    }

    /// Whether the client of an access token may go on. Of one that does not say what it is only
    /// what holds for the whole game counts.
    ///
    /// # Errors
    /// As [`Launching::admit`].
    pub fn admit_claim(
        &self,
        app: &AppId,
        claim: Option<&ClientClaim>,
        from: IpAddr,
    ) -> Result<(), ErrorBody> {
        if !self.restricts(app) {
            return Ok(());
        }
        if let Some(claim) = claim {
            return self.admit(&self.rules().audience(app, &claim.into(), from));
        }
        let (rules, now) = (self.rules(), self.clock.now());
        match rules.holding_all(app, now) {
            Some(window) if !rules.tests(app, None, from) => {
                let default = self.language(app);
                let when = (now, self.crowds.spread(window.id));
                Err(telling::maintained(window, None, default.as_deref(), when, None))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether anybody of a game may be refused just now.
    #[must_use]
    pub fn restricts(&self, app: &AppId) -> bool {
        let now = self.clock.now();
        self.rules.load().as_ref().is_some_and(|rules| rules.restrict(app, now))
    }

    fn refused(
        &self,
        rules: &Rules,
        audience: &Audience,
        word: Option<ServiceWord>,
        window: Option<&Arc<Window>>,
    ) -> ErrorBody {
        let default = self.language(&audience.app);
        let default = default.as_deref();
        match (word, window) {
            (Some(ServiceWord::Maintenance | ServiceWord::MaintenanceAll), Some(window)) => {
                let when = (self.clock.now(), self.crowds.spread(window.id));
                let versions = rules.versions(&audience.app);
                let update = versions
                    .service(audience)
                    .filter(|word| telling::is_about_update(*word))
                    .map(|_| versions.update(audience, default));
                telling::maintained(window, audience.lang.as_deref(), default, when, update)
            }
            (word, _) => telling::refused(rules.versions(&audience.app), audience, default, word),
        }
    }

    /// The language that a game's players are told in where their own is missing.
    pub(crate) fn language(&self, app: &AppId) -> Option<String> {
        self.games.borrow().get(app).and_then(|game| game.language.clone())
    }

    /// Has the games' rows read again, and returns when they are.
    ///
    /// # Errors
    /// `Unavailable` when the actor is not there to do it.
    pub async fn reload(&self) -> Result<(), StorageError> {
        self.ask(|reply_to| Msg::Refresh(Some(reply_to))).await
    }

    /// Has it read what operators wrote since, and returns when that counts.
    ///
    /// # Errors
    /// As [`Launching::reload`].
    pub async fn look(&self) -> Result<(), StorageError> {
        self.ask(|reply_to| Msg::Look(Some(reply_to))).await
    }

    async fn ask(&self, msg: impl FnOnce(oneshot::Sender<()>) -> Msg) -> Result<(), StorageError> {
        let gone = || StorageError::Unavailable("the launching actor is not running".into());
        let (reply_to, reply) = oneshot::channel();
        self.peer.cast(msg(reply_to)).map_err(|_| gone())?;
        reply.await.map_err(|_| gone())
    }

    /// The actor and its arguments, for whoever supervises it.
    pub(crate) fn actor(&self, storage: &Storage) -> (LaunchingActor, Args) {
        (LaunchingActor, Args::new(storage, self.clone()))
    }
}

/// A client that names a game must name the one it is asking for.
///
/// # Errors
/// `body.invalid`, of `client.app`.
pub(crate) fn same_app(app: &AppId, named: Option<&AppId>) -> Result<(), ErrorBody> {
    match named {
        Some(named) if named != app => {
            Err(ErrorBody::invalid("client.app", format!("names `{named}`, not `{app}`")))
        }
        Some(_) | None => Ok(()),
    }
}
