//! What a registry is made of.

use std::ops::DerefMut;

use parking_lot::{Mutex, MutexGuard};
use ractor::ActorRef;

use super::Shard;
use crate::session::Msg;

/// The parts of a registry: those that live, or those that are checked.
pub(crate) trait Kind: Sized + Send + Sync + 'static {
    /// The address of an actor.
    type Actor: Clone + Send;
    /// What an actor is told.
    type Message;
    /// What slots are behind.
    type Lock: Lock<Shard<Self>>;

    /// Puts a message into the actor's mailbox, behind those that are in it; a dead actor's
    /// is dropped. Never waits.
    fn cast(actor: &Self::Actor, message: Self::Message);
}

/// A lock around a value.
pub(crate) trait Lock<T>: Default + Send + Sync {
    /// Waits until nobody else holds it.
    fn lock(&self) -> impl DerefMut<Target = T>;
}

/// Session actors.
pub(crate) struct Alive;

impl Kind for Alive {
    type Actor = ActorRef<Msg>;
    type Message = Msg;
    type Lock = Mutex<Shard<Self>>;

    fn cast(actor: &ActorRef<Msg>, message: Msg) {
        // A dead actor's message comes back, and is dropped here.
        let _ = actor.cast(message);
    }
}

impl<T: Default + Send> Lock<T> for Mutex<T> {
    #[expect(refining_impl_trait, reason = "this lock's guard is no secret")]
    fn lock(&self) -> MutexGuard<'_, T> {
        Mutex::lock(self)
    }
}
