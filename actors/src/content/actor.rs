//! The actor: it reads what is new, looks at the clock, has told what changed, and keeps what was
//! counted.
//!
//! It awaits nothing in its mailbox but at its start, before anybody is served, and at its end,
//! when the last counts are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use protocol::ids::AppId;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::content::Content as Kept;
use storage::documents::Documents;
use storage::error::StorageError;
use storage::open::Storage;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::piece::Piece;
use super::telling::{self, View};
use super::{Content, Picture};
use crate::launching::news::{News, news};
use crate::sessions::FaintSessions;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(100);
/// In how many ticks it is asked once what is new.
const LOOK_TICKS: u64 = 5;
/// In how many ticks it is looked once whether the order of changes goes as far as is known.
const HEAD_TICKS: u64 = 50;
/// In how many ticks what was counted is kept once.
const KEEP_TICKS: u64 = 100;

type Asked = Option<oneshot::Sender<()>>;

/// What the actor is told.
#[derive(Debug)]
pub(crate) enum Msg {
    /// Read what operators wrote since, and tell who asked for it.
    Look(Asked),
    /// It was read, for whoever asked.
    Learned(Result<News, StorageError>, Asked),
    /// Look at the clock.
    Tick,
    /// What changed was told.
    Told,
    /// Keep what was counted, and tell who asked for it.
    Keep(Asked),
    /// What was counted was kept, or could not be.
    Kept,
}

/// What the actor needs.
pub(crate) struct Args {
    documents: Documents,
    kept: Kept,
    content: Content,
}

impl Args {
    pub(super) fn new(storage: &Storage, content: Content) -> Self {
        Self { documents: storage.documents.clone(), kept: storage.content.clone(), content }
    }
}

/// What the actor knows.
pub(crate) struct State {
    args: Args,
    picture: Picture,
    ticks: u64,
    /// Whether it is being asked by the clock what is new.
    looking: bool,
    /// Whether somebody is being told something.
    telling: bool,
    /// Whether what was counted is being kept.
    keeping: bool,
}

pub(crate) struct ContentActor;

impl State {
    fn look(&mut self, myself: &ActorRef<Msg>, asked_by: Asked) {
        self.looking = self.looking || asked_by.is_none();
        let (documents, myself) = (self.args.documents.clone(), myself.clone());
        let (from, head) = (self.picture.revision, self.ticks.is_multiple_of(HEAD_TICKS));
        tokio::spawn(async move {
            let news = news(&documents, from, head).await;
            // The actor may have died meanwhile; its successor reads for itself.
            let _ = myself.cast(Msg::Learned(news, asked_by));
        });
    }

    fn learned(&mut self, news: Result<News, StorageError>, asked_by: Asked) {
        self.looking = self.looking && asked_by.is_some();
        match news {
            Err(error) => {
                metrics::counter!("daemun_content_look_failures_total").increment(1);
                tracing::debug!(%error, "notices and banners could not be read; what is known stays");
            }
            Ok(news) => self.learn(news),
        }
        if let Some(reply_to) = asked_by {
            let _ = reply_to.send(());
        }
    }

    fn learn(&mut self, news: News) {
        if self.picture.learn(news) {
            self.args.content.0.picture.store(Arc::new(self.picture.clone()));
        }
    }

    fn tick(&mut self, myself: &ActorRef<Msg>) {
        self.ticks += 1;
        if self.ticks.is_multiple_of(LOOK_TICKS) && !self.looking {
            self.look(myself, None);
        }
        if self.ticks.is_multiple_of(KEEP_TICKS) && !self.keeping {
            self.keeping = true;
            self.keep(myself, None);
        }
        if !self.telling {
            self.tell(myself);
        }
    }

    /// Has told what changed since it was told last.
    fn tell(&mut self, myself: &ActorRef<Msg>) {
        let content = &self.args.content;
        let after = View { picture: content.picture(), at: content.0.clock.now() };
        let Some(sessions) = content.0.voice.get().and_then(FaintSessions::sessions) else {
            // Nobody is there to be told.
            *content.0.told.lock() = Some(after);
            return;
        };
        let Some(before) = content.0.told.lock().replace(after.clone()) else { return };
        let same = Arc::ptr_eq(&before.picture, &after.picture);
        if same && !after.picture.turns(before.at, after.at) {
            return;
        }
        let apps = concerned(&before, &after);
        if apps.is_empty() {
            return;
        }
        self.telling = true;
        let (content, myself) = (content.clone(), myself.clone());
        let telling = tokio::spawn(async move {
            // What is the publisher's is told to all, and a game's own with it.
            let apps = if apps.contains(&None) { BTreeSet::from([None]) } else { apps };
            for app in apps {
                let told = telling::tell(&content, &sessions, app.as_ref(), &before, &after).await;
                tracing::info!(told, "{told} connections are told of notices and banners");
            }
        });
        tokio::spawn(async move {
            // Whatever became of it, the next is told.
            let _ = telling.await;
            let _ = myself.cast(Msg::Told);
        });
    }

    fn keep(&self, myself: &ActorRef<Msg>, asked_by: Asked) {
        let (content, kept, myself) =
            (self.args.content.clone(), self.args.kept.clone(), myself.clone());
        tokio::spawn(async move {
            keep(&content, &kept).await;
            match asked_by {
                Some(reply_to) => drop(reply_to.send(())),
                None => drop(myself.cast(Msg::Kept)),
            }
        });
    }
}

/// Keeps what was counted. What cannot be kept now is kept later, as a part of what it is then.
async fn keep(content: &Content, kept: &Kept) {
    let tallies = &content.0.tallies;
    loop {
        let some = tallies.unkept();
        if some.is_empty() {
            return;
        }
        if let Err(error) = kept.tally(some.clone()).await {
            tracing::warn!(%error, "how often notices and banners were shown could not be kept yet");
            return;
        }
        tallies.keep(&some, content.0.clock.now());
    }
}

/// Whose notices and banners, of those that are shown, are others than before.
fn concerned(before: &View, after: &View) -> BTreeSet<Option<AppId>> {
    let (was, is) = (before.picture.shown(before.at), after.picture.shown(after.at));
    let differs = |one: &BTreeMap<Uuid, Arc<Piece>>, piece: &Arc<Piece>| {
        one.get(&piece.id).is_none_or(|other| other.change != piece.change)
    };
    let gone = was.values().filter(|piece| differs(&is, piece));
    let new = is.values().filter(|piece| differs(&was, piece));
    gone.chain(new).map(|piece| piece.app.clone()).collect()
}

impl Actor for ContentActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        let picture = Picture::default();
        let mut state =
            State { args, picture, ticks: 0, looking: false, telling: false, keeping: false };
        match news(&state.args.documents, 0, false).await {
            Ok(news) => state.learn(news),
            // Notices are not worth keeping everybody out for: they come with a later look.
            Err(error) => {
                tracing::warn!(%error, "notices and banners could not be read yet");
                state.picture = Picture::clone(&state.args.content.picture());
            }
        }
        state.tell(&myself);
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
            Msg::Look(asked_by) => state.look(&myself, asked_by),
            Msg::Learned(news, asked_by) => state.learned(news, asked_by),
            Msg::Tick => state.tick(&myself),
            Msg::Told => state.telling = false,
            Msg::Keep(asked_by) => state.keep(&myself, asked_by),
            Msg::Kept => state.keeping = false,
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        keep(&state.args.content, &state.args.kept).await;
        Ok(())
    }
}
