//! What a client needs to know before it logs in, answered from memory.
//!
//! A permanent actor keeps the games' rows in memory and reads them again now and then;
//! whoever needs a game looks at what it last published. While storage cannot be reached,
//! what is known stays known.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::AppId;
use protocol::launching::{ServiceWord, StatusReply, StatusRequest};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::apps::{App, Apps};
use storage::clock::Clock;
use storage::error::StorageError;
use tokio::sync::{oneshot, watch};

use crate::apps::{AppSettings, Game, RequestRate};
use crate::supervisor::Peer;

/// How often the games' rows are read again.
const REFRESH: Duration = Duration::from_secs(30);

/// The games that are served, by their words.
pub type Games = BTreeMap<AppId, Arc<Game>>;

/// The typed handle.
#[derive(Clone)]
pub struct Launching {
    games: watch::Sender<Arc<Games>>,
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
        let games = watch::Sender::new(Arc::new(Games::new()));
        Self { games, peer: Peer::new(), server_address: server_address.into(), production, clock }
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

    /// Answers `launch.status`.
    ///
    /// # Errors
    /// `app.unknown`; `body.invalid` when the client names another game.
    pub fn status(&self, request: &StatusRequest) -> Result<StatusReply, ErrorBody> {
        let game = self.game(&request.app)?;
        same_app(&game.id, request.client.app.as_ref())?;
        Ok(self.status_of(&game))
    }

    /// Whether a game is in service. A game without registered versions and without a
    /// maintenance is.
    #[must_use]
    pub fn status_of(&self, _: &Game) -> StatusReply {
        let word = ServiceWord::InService;
        StatusReply {
            status: word.number(),
            word,
            server_address: self.server_address.to_string(),
            time: self.clock.now(),
        }
    }

    /// Has the games' rows read again, and returns when they are.
    ///
    /// # Errors
    /// `Unavailable` when the actor is not there to do it.
    pub async fn reload(&self) -> Result<(), StorageError> {
        let gone = || StorageError::Unavailable("the launching actor is not running".into());
        let (reply_to, reply) = oneshot::channel();
        self.peer.cast(Msg::Refresh(Some(reply_to))).map_err(|_| gone())?;
        reply.await.map_err(|_| gone())
    }

    /// The actor and its arguments, for whoever supervises it.
    pub(crate) fn actor(&self, apps: &Apps) -> (LaunchingActor, Args) {
        let (apps, games) = (apps.clone(), self.games.clone());
        (LaunchingActor, Args { apps, games, production: self.production })
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

/// What the actor is told.
#[derive(Debug)]
pub enum Msg {
    /// Read the games' rows again, and tell who asked for it.
    Refresh(Option<oneshot::Sender<()>>),
    /// They were read, for whoever asked.
    Read(Result<Vec<App>, StorageError>, Option<oneshot::Sender<()>>),
}

/// What the actor needs.
pub(crate) struct Args {
    production: bool,
    apps: Apps,
    games: watch::Sender<Arc<Games>>,
}

pub(crate) struct LaunchingActor;

impl Args {
    fn refresh(&self, myself: &ActorRef<Msg>, asked_by: Option<oneshot::Sender<()>>) {
        let (apps, myself) = (self.apps.clone(), myself.clone());
        tokio::spawn(async move {
            let read = apps.list().await;
            // The actor may have died meanwhile; its successor reads for itself.
            let _ = myself.cast(Msg::Read(read, asked_by));
        });
    }

    fn may_serve(&self, game: &Game) -> bool {
        let refused = self.production && game.is_for_development();
        if refused {
            tracing::error!(app = %game.id, "game {} trusts simulators, so production does not serve it", game.id);
        }
        !refused
    }

    fn publish(&self, read: Result<Vec<App>, StorageError>) {
        match read {
            Err(error) => tracing::warn!(%error, "the games could not be read; those known stay"),
            Ok(rows) => {
                let known = self.games.borrow().clone();
                let games = rows
                    .into_iter()
                    .filter_map(|row| game(&row).or_else(|| known.get(&row.id).cloned()))
                    .filter(|game| self.may_serve(game))
                    .map(|game| (game.id.clone(), game))
                    .collect();
                self.games.send_replace(Arc::new(games));
            }
        }
    }
}

fn game(row: &App) -> Option<Arc<Game>> {
    let settings = serde_json::from_str::<AppSettings>(&row.settings).map_err(|e| e.to_string());
    match settings.and_then(|s| Game::new(row.id.clone(), &s).map_err(|e| e.to_string())) {
        Ok(game) => Some(Arc::new(game)),
        Err(error) => {
            tracing::error!(app = %row.id, error, "the settings of game {} cannot be used", row.id);
            None
        }
    }
}

impl Actor for LaunchingActor {
    type Msg = Msg;
    type State = Args;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<Args, ActorProcessingErr> {
        // The first reading is waited for: nobody logs in without it.
        args.publish(args.apps.list().await);
        myself.send_interval(REFRESH, || Msg::Refresh(None));
        Ok(args)
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut Args,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Refresh(asked_by) => state.refresh(&myself, asked_by),
            Msg::Read(read, asked_by) => {
                state.publish(read);
                if let Some(reply_to) = asked_by {
                    let _ = reply_to.send(());
                }
            }
        }
        Ok(())
    }
}
