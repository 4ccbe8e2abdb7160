//! Addresses that outlive their actors.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use ractor::{ActorRef, ActorStatus, Message, MessagingErr};
use tracing::error;

/// The typed address of a permanent actor, which stays the same while the actor dies and comes back.
///
/// Cheap to clone; every clone sees the same actor. Made before the actor, so that two children can
/// know each other.
pub struct Peer<M> {
    current: Arc<ArcSwapOption<ActorRef<M>>>,
}

impl<M> Peer<M> {
    /// An address where nobody lives yet.
    pub fn new() -> Self {
        Self { current: Arc::new(ArcSwapOption::empty()) }
    }

    /// The actor that lives here now, or `None` while it is dead or about to be. It may die the
    /// moment after, so the ref is for one use and is not to be kept.
    pub fn get(&self) -> Option<ActorRef<M>> {
        let actor = self.current.load();
        let actor = actor.as_deref()?;
        // ractor orders its statuses: from Draining on an actor takes no messages.
        (actor.get_status() < ActorStatus::Draining).then(|| actor.clone())
    }

    /// Lets `actor` live here from now on. [`child`](super::child()) does this for each incarnation;
    /// a [`ChildSpec`](super::ChildSpec) with a start of its own has to.
    pub fn publish(&self, actor: ActorRef<M>) {
        self.current.store(Some(Arc::new(actor)));
    }
}

impl<M: Message> Peer<M> {
    /// Puts a message into the actor's mailbox. `Ok` promises the mailbox and no more: an actor that
    /// fails takes the messages it has not handled with it, and drops their reply ports.
    ///
    /// # Errors
    /// [`Gone`] with the message when nobody lives here at the moment.
    pub fn cast(&self, message: M) -> Result<(), Gone<M>> {
        let Some(actor) = self.get() else {
            return Err(Gone(message));
        };
        match actor.send_message(message) {
            Ok(()) => Ok(()),
            Err(MessagingErr::SendErr(message)) => Err(Gone(message)),
            // The first is of receivers. The second means an actor of another message type, which
            // only an untyped cell turned into a wrong ref could smuggle in here.
            Err(err @ (MessagingErr::ChannelClosed | MessagingErr::InvalidActorType)) => {
                error!(actor = ?actor, %err, "the actor behind a peer has another message type");
                Ok(())
            }
        }
    }
}

impl<M> Clone for Peer<M> {
    fn clone(&self) -> Self {
        Self { current: self.current.clone() }
    }
}

impl<M> Default for Peer<M> {
    fn default() -> Self {
        Self::new()
    }
}

/// An address of an actor that nobody restarts, as tests use.
impl<M> From<ActorRef<M>> for Peer<M> {
    fn from(actor: ActorRef<M>) -> Self {
        let peer = Self::new();
        peer.publish(actor);
        peer
    }
}

impl<M> fmt::Debug for Peer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Peer").field(&self.get()).finish()
    }
}

/// Nobody lives at the address at the moment; here is the message back.
#[derive(thiserror::Error)]
#[error("the actor is not alive at the moment")]
pub struct Gone<M>(pub M);

/// Without the message, which may be large, secret or not printable.
impl<M> fmt::Debug for Gone<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gone").finish_non_exhaustive()
    }
}
