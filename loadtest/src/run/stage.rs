//! What all players of a run share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::client::Client;
use protocol::identity::LoginRequest;
use protocol::ids::AppId;
use protocol::text::Text;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::complaints::Complaints;
use super::cost::{self, Costs, Look, Moment};
use super::ledger::Ledger;
use super::line::Road;
use super::pace::Pacer;
use super::plan::Plan;
use super::pushes::Pushes;
use super::requests::Requests;
use super::roll::Roll;
use super::slow_reader::SlowReaders;
use crate::failure::Failure;
use crate::frame;
use crate::player::Visitor;

/// How often the server's memory is looked at.
const WATCHED: Duration = Duration::from_secs(1);

/// What all players of a run share.
pub(super) struct Stage {
    /// What is to be done.
    pub(super) plan: Plan,
    /// The websocket's address.
    pub(super) url: String,
    /// The way there.
    pub(super) road: Box<dyn Road>,
    /// The game.
    pub(super) app: AppId,
    /// What a player says of its device.
    pub(super) client: Client,
    /// The body of a new guest's `auth.login`.
    pub(super) login: Value,
    /// How long everything took.
    pub(super) ledger: Ledger,
    /// Who is here.
    pub(super) roll: Roll,
    /// What was wrong.
    pub(super) complaints: Complaints,
    /// What became of the requests.
    pub(super) requests: Requests,
    /// What became of the numbered pushes.
    pub(super) pushes: Pushes,
    /// What became of those who stopped reading.
    pub(super) slow: Mutex<SlowReaders>,
    /// Whether moments are waited for as finely as can be, or so that a test can wind them.
    finest: bool,
    scene: Mutex<Scene>,
    window: Mutex<Window>,
}

/// The part of a run whose cost counts.
#[derive(Default)]
struct Window {
    begun: Option<Look>,
    ended: Option<Look>,
    /// The server's memory, moment by moment.
    memory: Vec<Moment>,
}

/// What is going on just now, for whoever looks on.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// In a few words.
    pub(super) title: String,
    /// Since when.
    pub(super) since: Instant,
    /// How long it takes, if that is known.
    pub(super) length: Option<Duration>,
}

impl Stage {
    /// A stage with nobody on it.
    ///
    /// # Errors
    /// When the game's name is none.
    pub(super) fn new(plan: Plan, road: Box<dyn Road>, finest: bool) -> Result<Self, Failure> {
        let visitor = Visitor::new(&plan.server, &plan.app, plan.format)?;
        let unsendable = |error: &dyn std::fmt::Display| Failure::Unsendable(error.to_string());
        let login = frame::value(&LoginRequest {
            app: visitor.app().clone(),
            provider: Text::new("guest").map_err(|error| unsendable(&error))?,
            credential: None,
            nonce: None,
            client: visitor.client().clone(),
        })?;
        Ok(Self {
            url: plan.socket_url(),
            plan,
            road,
            app: visitor.app().clone(),
            client: visitor.client().clone(),
            login,
            ledger: Ledger::new().map_err(|error| unsendable(&error))?,
            roll: Roll::default(),
            complaints: Complaints::default(),
            requests: Requests::default(),
            pushes: Pushes::default(),
            slow: Mutex::default(),
            finest,
            scene: Mutex::new(Scene {
                title: "beginning".to_owned(),
                since: Instant::now(),
                length: None,
            }),
            window: Mutex::default(),
        })
    }

    /// Something to wait for moments with.
    pub(super) fn pacer(&self) -> Pacer {
        if self.finest { Pacer::finest() } else { Pacer::Wheel }
    }

    /// Another scene begins.
    pub(super) fn begin(&self, title: impl Into<String>, length: Option<Duration>) {
        *self.scene_lock() = Scene { title: title.into(), since: Instant::now(), length };
    }

    /// What is going on.
    pub(super) fn scene(&self) -> Scene {
        self.scene_lock().clone()
    }

    /// From here on the cost counts.
    pub(super) fn window_begins(&self) {
        self.window().begun = Some(self.look());
    }

    /// Until here the cost counts.
    pub(super) fn window_ends(&self) {
        self.window().ended = Some(self.look());
    }

    /// Looks at the server's memory now and then, for ever.
    pub(super) async fn watch_memory(&self) {
        let Some(pid) = self.plan.server_pid else { return std::future::pending().await };
        let mut ticks = interval(WATCHED);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let mut window = self.window();
            if let (Some(begun), None) = (window.begun, window.ended)
                && let Some(resident_bytes) = cost::resident(pid)
            {
                let at_s = begun.at.elapsed().as_secs_f64();
                window.memory.push(Moment { at_s, resident_bytes });
            }
        }
    }

    /// The server's memory, moment by moment.
    pub(super) fn memory(&self) -> Vec<Moment> {
        self.window().memory.clone()
    }

    /// What the part that counts cost; until now, if it was not ended.
    pub(super) fn costs(&self) -> Costs {
        let window = self.window();
        let ended = window.ended.unwrap_or_else(|| self.look());
        window.begun.map(|begun| ended.since(&begun)).unwrap_or_default()
    }

    fn look(&self) -> Look {
        Look::now(self.plan.server_pid, self.requests.counts().answered)
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those who stopped reading.
    pub(super) fn slow(&self) -> MutexGuard<'_, SlowReaders> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scene_lock(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
