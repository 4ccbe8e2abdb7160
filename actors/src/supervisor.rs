//! Permanent actors and the supervisors that keep them alive.
//!
//! A supervisor starts its children in order, each once its elder is up, and brings a child that
//! died back: at once the first time, then after a rest that doubles up to a cap. Deaths too many
//! in a window *escalate*: the supervisor parts with its children and fails, which its own parent
//! sees as the death of one child, and the embedding program sees at the root as [`Escalated`].
//!
//! Children are spoken to through a [`Peer`], a typed address that outlives each incarnation.
//!
//! ```no_run
//! use std::time::Duration;
//! use actors::supervisor::{Peer, RestartPolicy, Supervisor, child, subtree};
//! use ractor::{Actor, ActorProcessingErr, ActorRef};
//!
//! struct Greeter;
//! impl Actor for Greeter {
//!     type Msg = String;
//!     type State = String;
//!     type Arguments = String;
//!     async fn pre_start(&self, _: ActorRef<String>, greeting: String) -> Result<String, ActorProcessingErr> {
//!         Ok(greeting)
//!     }
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let (front, back) = (Peer::new(), Peer::new());
//! let tree = Supervisor::spawn("root", RestartPolicy::default(), vec![
//!     subtree("storage", RestartPolicy::default(), vec![
//!         child("back", back.clone(), || (Greeter, "good evening".to_owned()))
//!             .stop_within(Duration::from_secs(20)),
//!     ]),
//!     child("front", front.clone(), || (Greeter, "good morning".to_owned())),
//! ])
//! .await?;
//! tree.ready().await?;
//!
//! if let Err(gone) = front.cast("hello".to_owned()) {
//!     eprintln!("front is restarting; nobody got {:?}", gone.0);
//! }
//!
//! tokio::select! {
//!     _ = tokio::signal::ctrl_c() => {}
//!     escalated = tree.escalated() => eprintln!("giving up: {escalated:?}"),
//! }
//! tree.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod child;
mod peer;
mod policy;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tracing::{error, info, warn};

pub use child::{ChildSpec, StartFuture, child, subtree};
pub use peer::{Gone, Peer};
use policy::DeathLog;
pub use policy::{Escalated, RestartPolicy};

/// How long a killed actor, or a start called off, is waited for. A kill takes effect at the next
/// await, so only code that blocks its thread outlives this; it is left behind with an error in the log.
const KILL_GRACE: Duration = Duration::from_secs(1);

/// A running tree of permanent actors.
///
/// Cheap to clone. Dropping the handle does not stop the tree; [`Supervisor::shutdown`] does.
#[derive(Clone, Debug)]
pub struct Supervisor {
    actor: ActorRef<Msg>,
    phase: watch::Receiver<Phase>,
}

impl Supervisor {
    /// Spawns a root supervisor that begins to start `children` in their order, and returns
    /// without waiting for them, so that a start that takes long can be shut down as well.
    ///
    /// # Errors
    /// When the supervisor itself could not be spawned; what befalls its children is told by
    /// [`Supervisor::ready`].
    pub async fn spawn(
        name: &'static str,
        policy: RestartPolicy,
        children: Vec<ChildSpec>,
    ) -> Result<Self, SpawnErr> {
        let children = children.into_iter().map(Arc::new).collect();
        let (args, phase) = Args::new(name, policy, children);
        let (actor, _) = SupervisorActor::spawn(None, SupervisorActor, args).await?;
        Ok(Self { actor, phase })
    }

    /// Spawns a supervisor as a child of another.
    async fn spawn_linked(
        name: &'static str,
        policy: RestartPolicy,
        children: Vec<Arc<ChildSpec>>,
        parent: ActorCell,
    ) -> Result<Self, SpawnErr> {
        let (args, phase) = Args::new(name, policy, children);
        let (actor, _) = SupervisorActor::spawn_linked(None, SupervisorActor, args, parent).await?;
        Ok(Self { actor, phase })
    }

    /// Waits until every child has been up once, those of nested supervisors included.
    ///
    /// # Errors
    /// When the tree escalated or ended instead.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let mut phase = self.phase.clone();
        let reached = phase.wait_for(|phase| !matches!(phase, Phase::Starting)).await;
        match reached.as_deref() {
            Ok(Phase::Ready) => Ok(()),
            Ok(Phase::Escalated(escalated)) => Err(NotReady::Escalated(escalated.clone())),
            Ok(Phase::Starting) | Err(_) => Err(NotReady::Ended),
        }
    }

    /// Waits until this supervisor gives up on its children, for the program to exit with an error.
    /// The children are being parted with at that moment; [`Supervisor::shutdown`] waits for the
    /// end of it. `None` when the tree ended without escalating, as it does by a shutdown.
    pub async fn escalated(&self) -> Option<Escalated> {
        let mut phase = self.phase.clone();
        let reached = phase.wait_for(|phase| matches!(phase, Phase::Escalated(_))).await;
        match reached.as_deref() {
            Ok(Phase::Escalated(escalated)) => Some(escalated.clone()),
            Ok(Phase::Starting | Phase::Ready) | Err(_) => None,
        }
    }

    /// Stops the children in reverse order and then the supervisor itself, and returns when all
    /// have ended. Bounded by the sum of the children's [`ChildSpec::stop_within`], plus one second
    /// for each that has to be killed. Calling it again, or after an escalation, waits for the same end.
    pub async fn shutdown(&self) {
        self.actor.stop(Some("shutdown".to_owned()));
        // Without a bound of its own the wait cannot time out.
        let _ = self.actor.wait(None).await;
    }
}

/// Why a tree did not get all its children up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// A child kept dying.
    #[error(transparent)]
    Escalated(Escalated),
    /// The tree was shut down or killed while it started.
    #[error("the supervisor ended before all its children were up")]
    Ended,
}

/// How far a tree has come.
#[derive(Clone, Debug)]
enum Phase {
    Starting,
    Ready,
    Escalated(Escalated),
}

/// What a supervisor hears besides ractor's events of its children.
#[derive(Debug)]
enum Msg {
    /// A start that was under way has ended: with a child that is linked to the supervisor, or
    /// with the reason why there is none.
    Arrived { child: usize, outcome: Result<ActorCell, String> },
}

struct Args {
    name: &'static str,
    policy: RestartPolicy,
    children: Vec<Arc<ChildSpec>>,
    phase: watch::Sender<Phase>,
}

impl Args {
    fn new(
        name: &'static str,
        policy: RestartPolicy,
        children: Vec<Arc<ChildSpec>>,
    ) -> (Self, watch::Receiver<Phase>) {
        let (phase, receiver) = watch::channel(Phase::Starting);
        let args = Self { name, policy, children, phase };
        (args, receiver)
    }
}

struct State {
    name: &'static str,
    policy: RestartPolicy,
    /// In the order of their start; a child is known by its index.
    children: Vec<Child>,
    deaths: DeathLog,
    /// Deaths, with their reasons, of linked actors that are nobody's yet: a child may die before
    /// its own arrival has been told. Empty whenever no start is under way.
    early_deaths: HashMap<ActorId, String>,
    phase: watch::Sender<Phase>,
}

struct Child {
    spec: Arc<ChildSpec>,
    place: Place,
    /// Deaths since the child last stayed up for the policy's window.
    failures: u32,
}

/// Where a child is.
enum Place {
    /// Not yet begun, or dead with no restart under way.
    Absent,
    /// Resting before a start, or starting.
    Coming(Coming),
    Up {
        cell: ActorCell,
        since: Instant,
    },
}

impl State {
    /// Begins the first start of the child at `index`, if it is time: a restarted elder changes
    /// nothing for the younger. Past the last child the tree is ready.
    fn begin(&mut self, myself: &ActorRef<Msg>, index: usize) {
        match self.children.get(index).map(|child| &child.place) {
            Some(Place::Absent) => self.bring(myself, index, Duration::ZERO),
            Some(Place::Coming(_) | Place::Up { .. }) => {}
            None => self.set_ready(),
        }
    }

    fn set_ready(&self) {
        self.phase.send_if_modified(|phase| match phase {
            Phase::Starting => {
                info!(supervisor = self.name, "all children of {} are up", self.name);
                *phase = Phase::Ready;
                true
            }
            Phase::Ready | Phase::Escalated(_) => false,
        });
    }

    /// Starts a child after a rest. This runs beside the mailbox: a start that waits for a database
    /// must hold up neither its siblings' restarts nor a shutdown.
    fn bring(&mut self, myself: &ActorRef<Msg>, index: usize, rest: Duration) {
        let child = &mut self.children[index];
        let (spec, supervisor) = (child.spec.clone(), myself.clone());
        child.place = Place::Coming(Coming(tokio::spawn(async move {
            if !rest.is_zero() {
                tokio::time::sleep(rest).await;
            }
            let outcome = spec.start(supervisor.get_cell()).await;
            // A supervisor that has gone meanwhile took the child that is linked to it along.
            let _ = supervisor.send_message(Msg::Arrived { child: index, outcome });
        })));
    }

    /// A start has ended.
    fn arrived(
        &mut self,
        myself: &ActorRef<Msg>,
        index: usize,
        outcome: Result<ActorCell, String>,
    ) -> Result<(), Escalated> {
        self.children[index].place = Place::Absent;
        let alive = outcome.and_then(|cell| match self.early_deaths.remove(&cell.get_id()) {
            Some(reason) => Err(reason),
            None => Ok(cell),
        });
        let told = match alive {
            Ok(cell) => {
                self.settle(myself, index, cell);
                Ok(())
            }
            Err(reason) => self.died(myself, index, Duration::ZERO, reason),
        };
        if !self.is_anyone_coming() {
            self.early_deaths.clear();
        }
        told
    }

    fn settle(&mut self, myself: &ActorRef<Msg>, index: usize, cell: ActorCell) {
        self.children[index].place = Place::Up { cell, since: Instant::now() };
        self.begin(myself, index + 1);
    }

    fn is_anyone_coming(&self) -> bool {
        let mut places = self.children.iter().map(|child| &child.place);
        places.any(|place| matches!(place, Place::Coming(_)))
    }

    /// An actor linked to this supervisor has ended: a child, one that is about to be, or a
    /// stranger who linked itself and is none of our business.
    fn lost(
        &mut self,
        myself: &ActorRef<Msg>,
        who: ActorId,
        reason: String,
    ) -> Result<(), Escalated> {
        let found =
            self.children.iter().enumerate().find_map(|(index, child)| match &child.place {
                Place::Up { cell, since } if cell.get_id() == who => Some((index, *since)),
                Place::Absent | Place::Coming(_) | Place::Up { .. } => None,
            });
        match found {
            Some((index, since)) => self.died(myself, index, since.elapsed(), reason),
            None => {
                if self.is_anyone_coming() {
                    self.early_deaths.insert(who, reason);
                }
                Ok(())
            }
        }
    }

    /// A child died, or failed to start, after it was up for `lived`: it comes back after a rest,
    /// unless this death is one too many. The restart is counted as soon as it is decided, so that
    /// starts that fail show in the metrics too.
    fn died(
        &mut self,
        myself: &ActorRef<Msg>,
        index: usize,
        lived: Duration,
        reason: String,
    ) -> Result<(), Escalated> {
        let policy = self.policy;
        let child = &mut self.children[index];
        child.place = Place::Absent;
        if lived >= policy.within {
            child.failures = 0;
        }
        let name = child.spec.name();
        let deaths = self.deaths.record(Instant::now(), policy.within);
        warn!(supervisor = self.name, child = name, deaths, %reason, "{name} died: {reason}");
        if deaths > policy.max_deaths {
            return Err(Escalated { child: name, deaths, window: policy.within, reason });
        }
        let rest = policy.rest(child.failures);
        child.failures = child.failures.saturating_add(1);
        metrics::counter!("daemun_actor_restarts_total", "actor" => name).increment(1);
        self.bring(myself, index, rest);
        Ok(())
    }

    /// Goes on living unless it is told to escalate. Then it gives up: it tells who watches, parts
    /// with the children in order, so that a restarted tree does not meet its predecessors at work,
    /// and returns the error that the supervisor fails with.
    async fn live_on(
        &mut self,
        myself: &ActorCell,
        told: Result<(), Escalated>,
    ) -> Result<(), ActorProcessingErr> {
        let Err(escalated) = told else {
            return Ok(());
        };
        let (name, child, deaths) = (self.name, escalated.child, escalated.deaths);
        let window_s = escalated.window.as_secs_f64();
        error!(supervisor = name, child, deaths, window_s, "{name} gives up: {escalated}");
        self.phase.send_replace(Phase::Escalated(escalated.clone()));
        self.part_with_children(myself).await;
        Err(escalated.into())
    }

    /// Stops the children, the youngest first. Nobody is brought back: either the supervisor's
    /// mailbox is closed by now, or it fails right after this.
    async fn part_with_children(&mut self, myself: &ActorCell) {
        self.call_off_starts(myself).await;
        for child in self.children.iter_mut().rev() {
            match std::mem::replace(&mut child.place, Place::Absent) {
                Place::Up { cell, .. } => child.spec.part(&cell).await,
                Place::Absent | Place::Coming(_) => {}
            }
        }
    }

    /// Ends the starts under way, and then what they leave behind: a nested supervisor is linked
    /// before its own children are up, and a child may be here whose arrival has not been told.
    async fn call_off_starts(&mut self, myself: &ActorCell) {
        let mut called_off = Vec::new();
        for child in &mut self.children {
            match std::mem::replace(&mut child.place, Place::Absent) {
                Place::Coming(coming) => called_off.push((child.spec.clone(), coming)),
                settled @ (Place::Absent | Place::Up { .. }) => child.place = settled,
            }
        }
        let Some(bound) = called_off.iter().map(|(spec, _)| spec.stop_bound()).max() else {
            return;
        };
        for (spec, coming) in called_off {
            coming.call_off(spec.name()).await;
        }
        for cell in myself.get_children() {
            if !self.is_up(&cell) {
                child::part("a half-started child", &cell, bound, &child::drain).await;
            }
        }
    }

    fn is_up(&self, who: &ActorCell) -> bool {
        let mut places = self.children.iter().map(|child| &child.place);
        places.any(|place| matches!(place, Place::Up { cell, .. } if cell == who))
    }
}

/// The task of a start under way, which does not outlive the supervisor's interest in it.
struct Coming(JoinHandle<()>);

impl Coming {
    /// Aborts the start and waits until it has let go of the child.
    async fn call_off(mut self, name: &'static str) {
        self.0.abort();
        if timeout(KILL_GRACE, &mut self.0).await.is_err() {
            error!(child = name, "the start of {name} blocks its thread and is left behind");
        }
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct SupervisorActor;

impl Actor for SupervisorActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        let children =
            args.children.into_iter().map(|spec| Child { spec, place: Place::Absent, failures: 0 });
        let mut state = State {
            name: args.name,
            policy: args.policy,
            children: children.collect(),
            deaths: DeathLog::default(),
            early_deaths: HashMap::new(),
            phase: args.phase,
        };
        state.begin(&myself, 0);
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let told = match message {
            Msg::Arrived { child, outcome } => state.arrived(&myself, child, outcome),
        };
        state.live_on(&myself, told).await
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let told = match event {
            SupervisionEvent::ActorTerminated(who, _, reason) => {
                let reason = reason.unwrap_or_else(|| "it stopped by itself".to_owned());
                state.lost(&myself, who.get_id(), reason)
            }
            SupervisionEvent::ActorFailed(who, err) => {
                state.lost(&myself, who.get_id(), policy::chain(err.as_ref()))
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => Ok(()),
        };
        state.live_on(&myself, told).await
    }

    /// The way of every orderly stop, the root's by its handle and a nested supervisor's by its parent.
    async fn post_stop(
        &self,
        myself: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.part_with_children(&myself).await;
        Ok(())
    }
}
