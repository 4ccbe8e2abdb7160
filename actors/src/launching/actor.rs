//! The actor: it reads what is new, looks at the clock, and has told what is due.
//!
//! It awaits nothing in its mailbox: what is read and what is told comes back as a message. Only at
//! its start it reads before anybody is served.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::apps::{App, Apps};
use storage::clock::Micros;
use storage::documents::Documents;
use storage::error::StorageError;
use storage::open::Storage;
use tokio::sync::oneshot;

use super::crier::Crier;
use super::news::{Known, News, news};
use super::{Launching, telling};
use crate::apps::{AppSettings, Game};
use crate::sessions::FaintSessions;

/// How often the games' rows are read again.
const REFRESH: Duration = Duration::from_secs(30);
/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(100);
/// In how many ticks it is asked once what is new.
const LOOK_TICKS: u64 = 5;
/// In how many of these looks it is asked once whether what is known is still there.
const HEAD_LOOKS: u64 = 20;

pub(super) type Asked = Option<oneshot::Sender<()>>;

/// What the actor is told.
#[derive(Debug)]
pub(crate) enum Msg {
    /// Read the games' rows again, and tell who asked for it.
    Refresh(Asked),
    /// They were read, for whoever asked.
    Read(Result<Vec<App>, StorageError>, Asked),
    /// Read what operators wrote since, and tell who asked for it.
    Look(Asked),
    /// It was read, for whoever asked.
    Learned(Result<News, StorageError>, Asked),
    /// Look at the clock.
    Tick,
    /// What was due was told.
    Cried,
}

/// What the actor needs.
pub(crate) struct Args {
    apps: Apps,
    documents: Documents,
    launching: Launching,
}

impl Args {
    pub(super) fn new(storage: &Storage, launching: Launching) -> Self {
        let (apps, documents) = (storage.apps.clone(), storage.documents.clone());
        Self { apps, documents, launching }
    }
}

/// What the actor knows.
pub(crate) struct State {
    args: Args,
    known: Known,
    crier: Crier,
    /// When the rules were made that are published: windows that were long over then are not
    /// among them.
    made_at: Micros,
    ticks: u64,
    /// Whether it is being asked by the clock what is new.
    looking: bool,
    /// Whether somebody is being told something.
    crying: bool,
}

pub(crate) struct LaunchingActor;

impl State {
    fn refresh(&self, myself: &ActorRef<Msg>, asked_by: Asked) {
        let (apps, myself) = (self.args.apps.clone(), myself.clone());
        tokio::spawn(async move {
            let read = apps.list().await;
            // The actor may have died meanwhile; its successor reads for itself.
            let _ = myself.cast(Msg::Read(read, asked_by));
        });
    }

    fn look(&mut self, myself: &ActorRef<Msg>, asked_by: Asked) {
        self.looking = self.looking || asked_by.is_none();
        let (documents, myself) = (self.args.documents.clone(), myself.clone());
        let from = self.known.revision;
        let head = asked_by.is_none() && self.ticks.is_multiple_of(LOOK_TICKS * HEAD_LOOKS);
        tokio::spawn(async move {
            let news = news(&documents, from, head).await;
            let _ = myself.cast(Msg::Learned(news, asked_by));
        });
    }

    fn learned(&mut self, news: Result<News, StorageError>, asked_by: Asked) {
        self.looking = self.looking && asked_by.is_some();
        match news {
            Err(error) => {
                metrics::counter!("daemun_launching_look_failures_total").increment(1);
                tracing::debug!(%error, "what operators wrote could not be read; what is known stays");
            }
            Ok(news) => {
                if self.known.learn(news) {
                    self.make_rules();
                }
            }
        }
        if let Some(reply_to) = asked_by {
            let _ = reply_to.send(());
        }
    }

    fn make_rules(&mut self) {
        let launching = &self.args.launching;
        self.made_at = launching.clock.now();
        launching.rules.store(Some(Arc::new(self.known.rules(self.made_at))));
    }

    fn tick(&mut self, myself: &ActorRef<Msg>) {
        self.ticks += 1;
        if self.ticks.is_multiple_of(LOOK_TICKS) && !self.looking {
            self.look(myself, None);
        }
        // What was over by a clock that ran ahead need not be over.
        if self.args.launching.clock.now() < self.made_at {
            self.make_rules();
        }
        if self.crying {
            return;
        }
        let launching = &self.args.launching;
        let cries = self.crier.due(&launching.rules(), launching.clock.now());
        let voice = launching.voice.get().and_then(FaintSessions::sessions);
        if let (Some(sessions), false) = (voice, cries.is_empty()) {
            self.crying = true;
            let (launching, myself) = (launching.clone(), myself.clone());
            let crying =
                tokio::spawn(async move { telling::cry(&launching, &sessions, cries).await });
            tokio::spawn(async move {
                // Whatever became of it, the next is told.
                let _ = crying.await;
                let _ = myself.cast(Msg::Cried);
            });
        }
    }

    fn may_serve(&self, game: &Game) -> bool {
        let refused = self.args.launching.production && game.is_for_development();
        if refused {
            tracing::error!(app = %game.id, "game {} trusts simulators, so production does not serve it", game.id);
        }
        !refused
    }

    fn publish(&self, read: Result<Vec<App>, StorageError>) {
        let published = &self.args.launching.games;
        match read {
            Err(error) => tracing::warn!(%error, "the games could not be read; those known stay"),
            Ok(rows) => {
                let known = published.borrow().clone();
                let games = rows
                    .into_iter()
                    .filter_map(|row| game(&row).or_else(|| known.get(&row.id).cloned()))
                    .filter(|game| self.may_serve(game))
                    .map(|game| (game.id.clone(), game))
                    .collect();
                published.send_replace(Arc::new(games));
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
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        let (known, crier) = (Known::default(), Crier::default());
        // Rules of an actor before this one are not made anew of what this one does not know.
        let made_at = Micros(i64::MIN);
        let (ticks, looking, crying) = (0, false, false);
        let mut state = State { args, known, crier, made_at, ticks, looking, crying };
        // The first readings are waited for: nobody logs in without them. Without what operators
        // wrote nobody must: whoever is to be kept out would come in.
        match news(&state.args.documents, 0, false).await {
            Ok(news) => {
                state.known.learn(news);
                state.make_rules();
            }
            // An actor before this one read it, and what it knew stays.
            Err(_) if state.args.launching.rules.load().is_some() => {}
            Err(error) => return Err(error.into()),
        }
        state.publish(state.args.apps.list().await);
        // Before anybody is let in by it: who comes later hears of what is due later.
        state.tick(&myself);
        myself.send_interval(REFRESH, || Msg::Refresh(None));
        myself.send_interval(TICK, || Msg::Tick);
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Refresh(asked_by) => state.refresh(&myself, asked_by),
            Msg::Read(read, asked_by) => {
                state.publish(read);
                if let Some(reply_to) = asked_by {
                    let _ = reply_to.send(());
                }
            }
            Msg::Look(asked_by) => state.look(&myself, asked_by),
            Msg::Learned(news, asked_by) => state.learned(news, asked_by),
            Msg::Tick => state.tick(&myself),
            Msg::Cried => state.crying = false,
        }
        Ok(())
    }
}
