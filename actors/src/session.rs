//! A member's session actor: one at a time on a node, whatever carries its requests.
//!
//! It keeps nothing that matters: what it remembers is what it read. A handler may wait
//! for storage, for milliseconds and with a deadline; for the outside world never.

mod on_request;
mod content;
mod identity;
mod members;
mod purchases;
mod push;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use protocol::error::ErrorBody;
use protocol::operation::{MemberRequest, Reply};
use ractor::concurrency::JoinHandle;
use ractor::{Actor, ActorProcessingErr, ActorRef, ActorRuntime, MessagingErr, SpawnErr};
use storage::clock::Micros;
use storage::sessions::Standing;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::identity::tokens::Caller;
use crate::sessions::{Sessions, Slot, Ticket};

/// What a session actor is told.
pub(crate) enum Msg {
    /// Answer a request.
    Request {
        /// Who asks.
        caller: Caller,
        /// For what.
        request: MemberRequest,
        /// Takes the answer; whoever asked may have left.
        reply_to: oneshot::Sender<Result<Reply, ErrorBody>>,
        /// Keeps the actor awake until this message is done with.
        _ticket: Ticket,
    },
    /// What was read of the member and its logins may no longer be true.
    StandingChanged,
    /// The member's inbox reaches at least up to this number.
    Posted(u64),
    /// It may have been quiet long enough.
    Quiet,
}

/// What a session actor remembers.
pub(crate) struct State {
    sessions: Sessions,
    slot: Arc<Slot>,
    standing: Option<(Standing, Micros)>,
    last_request: Instant,
    quiet: Duration,
    timer: Timer,
}

/// The next [`Msg::Quiet`] on its way. It holds the actor's address, so it goes when the
/// actor does: nothing of a dead actor's mailbox waits for it.
struct Timer(JoinHandle<Result<(), MessagingErr<Msg>>>);

impl Timer {
    fn start(actor: &ActorRef<Msg>, after: Duration) -> Self {
        Self(actor.send_after(after, || Msg::Quiet))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts the actor of a slot. It takes messages at once.
///
/// # Errors
/// When ractor cannot start it.
pub(crate) fn spawn(sessions: Sessions, slot: Arc<Slot>) -> Result<ActorRef<Msg>, SpawnErr> {
    // Unlinked: its death is noticed by its slot, and its client asks again.
    ActorRuntime::spawn_instant(None, SessionActor, (sessions, slot)).map(|(actor, _)| actor)
}

pub(crate) struct SessionActor;

impl SessionActor {
    fn on_quiet(myself: &ActorRef<Msg>, state: &mut State) {
        let idle = state.last_request.elapsed();
        if idle < state.quiet {
            state.timer = Timer::start(myself, state.quiet - idle);
        } else if state.slot.sleep() {
            myself.stop(None);
        } else {
            state.timer = Timer::start(myself, state.quiet);
        }
    }
}

impl Actor for SessionActor {
    type Msg = Msg;
    type State = State;
    type Arguments = (Sessions, Arc<Slot>);

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        (sessions, slot): (Sessions, Arc<Slot>),
    ) -> Result<State, ActorProcessingErr> {
        let quiet = Duration::from_millis(sessions.context().settings.quiet_ms);
        let timer = Timer::start(&myself, quiet);
        Ok(State { sessions, slot, standing: None, last_request: Instant::now(), quiet, timer })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Request {
                caller,
                request: MemberRequest::PurchaseSubmit(request),
                reply_to,
                _ticket,
            } => {
                state.last_request = Instant::now();
                state.purchase_submit(caller, request, reply_to, _ticket).await;
            }
            Msg::Request { caller, request, reply_to, _ticket } => {
                state.last_request = Instant::now();
                let outcome = state.on_request(&caller, request).await;
                let _ = reply_to.send(outcome);
            }
            Msg::StandingChanged => state.standing = None,
            Msg::Posted(seq) => state.reaches(seq, 0),
            Msg::Quiet => Self::on_quiet(&myself, state),
        }
        Ok(())
    }
}
