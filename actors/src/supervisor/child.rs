//! What a supervisor knows of a child: how to start it and how to part with it.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use ractor::{Actor, ActorCell, SpawnErr};
use tokio::time::timeout;
use tracing::{error, warn};

use super::policy::{RestartPolicy, chain};
use super::{KILL_GRACE, Peer, Supervisor};

/// A start under way; its result is an actor that is linked to the supervisor.
pub type StartFuture = BoxFuture<'static, Result<ActorCell, SpawnErr>>;

type Start = Box<dyn Fn(ActorCell) -> StartFuture + Send + Sync>;
type Stop = Box<dyn Fn(&ActorCell) + Send + Sync>;

/// How long a child may take to start unless it says otherwise.
const START_WITHIN: Duration = Duration::from_secs(30);

/// How long a child may take to stop unless it says otherwise.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A permanent child: made by [`child`] for an actor, by [`subtree`] for a supervisor.
pub struct ChildSpec {
    name: &'static str,
    start: Start,
    stop: Stop,
    start_within: Option<Duration>,
    stop_within: Duration,
}

/// An actor that lives at `peer`. `make` gives the actor and its arguments anew for each start.
///
/// The actor has no name in ractor's registry: that one is shared by the whole process, and a name
/// there would keep two servers out of one process and a fresh child from meeting its dying elder.
pub fn child<A, F>(name: &'static str, peer: Peer<A::Msg>, make: F) -> ChildSpec
where
    A: Actor,
    F: Fn() -> (A, A::Arguments) + Send + Sync + 'static,
{
    ChildSpec::new(name, move |supervisor| {
        let (actor, args) = make();
        let peer = peer.clone();
        async move {
            let (actor, _) = A::spawn_linked(None, actor, args, supervisor).await?;
            peer.publish(actor.clone());
            Ok(actor.into())
        }
        .boxed()
    })
}

/// A supervisor with children of its own. It counts as up when all of them are, and each of its
/// incarnations starts them afresh. It takes as long to start as they do, and may take as long to
/// stop as all of them together.
pub fn subtree(name: &'static str, policy: RestartPolicy, children: Vec<ChildSpec>) -> ChildSpec {
    let children: Vec<_> = children.into_iter().map(Arc::new).collect();
    // One grace more than the children's own is for the starts that are called off first, and
    // another leaves the nested supervisor the time to finish.
    let stop_within = children.iter().map(|child| child.stop_bound()).sum::<Duration>();
    let starts = KILL_GRACE * u32::try_from(children.len()).unwrap_or(u32::MAX);
    let mut spec = ChildSpec::new(name, move |parent| {
        let children = children.clone();
        async move {
            let nested = Supervisor::spawn_linked(name, policy, children, parent).await?;
            match nested.ready().await {
                Ok(()) => Ok(nested.actor.into()),
                Err(not_ready) => Err(SpawnErr::StartupFailed(not_ready.into())),
            }
        }
        .boxed()
    });
    spec.start_within = None;
    // A supervisor's mailbox holds nothing that matters once it is to stop.
    spec.stop_by(|supervisor| supervisor.stop(Some("shutdown".to_owned())))
        .stop_within(stop_within + starts + KILL_GRACE)
}

impl ChildSpec {
    /// A child with a start of its own, which must link the actor to the supervisor it is given and
    /// publish it to those who talk to it, and leave nothing linked when it fails. Most children are
    /// made by [`child`].
    pub fn new<F>(name: &'static str, start: F) -> Self
    where
        F: Fn(ActorCell) -> StartFuture + Send + Sync + 'static,
    {
        Self {
            name,
            start: Box::new(start),
            stop: Box::new(drain),
            start_within: Some(START_WITHIN),
            stop_within: STOP_WITHIN,
        }
    }

    /// The child's name in logs and metrics.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Bounds a start; one that takes longer is given up and counts as a death. 30 s by default.
    /// Without effect on a [`subtree`], where each child has a bound of its own.
    #[must_use]
    pub fn start_within(mut self, bound: Duration) -> Self {
        self.start_within = self.start_within.map(|_| bound);
        self
    }

    /// Bounds an orderly stop; a child that takes longer is killed. 5 s by default.
    #[must_use]
    pub fn stop_within(mut self, bound: Duration) -> Self {
        self.stop_within = bound;
        self
    }

    /// Asks the child to stop in another way than the default, which is to drain it: it takes no
    /// new messages, handles those it has, runs `post_stop` and ends. A factory, for one, has a
    /// message of its own for this. `stop` only asks; the supervisor waits.
    #[must_use]
    pub fn stop_by<F>(mut self, stop: F) -> Self
    where
        F: Fn(&ActorCell) + Send + Sync + 'static,
    {
        self.stop = Box::new(stop);
        self
    }

    /// The longest that [`ChildSpec::part`] may take.
    pub(super) fn stop_bound(&self) -> Duration {
        self.stop_within + KILL_GRACE
    }

    /// Starts an incarnation of the child, or tells why there is none. A panic is a failed start
    /// like any other: the code that makes the arguments runs outside of ractor's own guard.
    pub(super) async fn start(&self, supervisor: ActorCell) -> Result<ActorCell, String> {
        let start = AssertUnwindSafe(async { (self.start)(supervisor).await }).catch_unwind();
        let ended = match self.start_within {
            Some(bound) => timeout(bound, start)
                .await
                .map_err(|_| format!("it did not start within {bound:?}"))?,
            None => start.await,
        };
        match ended {
            Ok(Ok(cell)) => Ok(cell),
            Ok(Err(err)) => Err(format!("it did not start: {}", reason_of(&err))),
            Err(panic) => Err(format!("its start panicked: {}", panic_text(panic.as_ref()))),
        }
    }

    /// Stops the child and waits for its end, in at most [`ChildSpec::stop_bound`].
    pub(super) async fn part(&self, cell: &ActorCell) {
        part(self.name, cell, self.stop_within, &self.stop).await;
    }
}

impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("name", &self.name)
            .field("start_within", &self.start_within)
            .field("stop_within", &self.stop_within)
            .finish_non_exhaustive()
    }
}

/// Asks an actor to stop and waits for its end; kills it when `bound` has passed.
pub(super) async fn part(
    name: &str,
    cell: &ActorCell,
    bound: Duration,
    stop: &(dyn Fn(&ActorCell) + Send + Sync),
) {
    stop(cell);
    if cell.wait(Some(bound)).await.is_ok() {
        return;
    }
    let bound_ms = bound.as_millis();
    warn!(child = name, bound_ms, "{name} did not stop within {bound_ms} ms and is killed");
    cell.kill();
    if cell.wait(Some(KILL_GRACE)).await.is_err() {
        error!(child = name, "{name} blocks its thread, cannot be killed and is left behind");
    }
}

pub(super) fn drain(cell: &ActorCell) {
    // An actor that cannot be drained has closed its mailbox: it is ending already.
    let _ = cell.drain();
}

/// The cause alone: ractor calls every failed start a panic.
fn reason_of(err: &SpawnErr) -> String {
    match err {
        SpawnErr::StartupFailed(cause) => chain(cause.as_ref()),
        SpawnErr::ActorAlreadyStarted | SpawnErr::ActorAlreadyRegistered(_) => err.to_string(),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let text = owned.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a text")
}
