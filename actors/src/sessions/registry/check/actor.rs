//! An actor that is a thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use shuttle::sync::Mutex;
use shuttle::sync::atomic::AtomicBool;
use shuttle::thread;

use super::super::Slot;
use super::{Message, Model, World, one_in};

/// An actor's mailbox; whoever holds it can put something into it.
#[derive(Default)]
pub(super) struct Mailbox {
    messages: Mutex<VecDeque<Message>>,
    closed: AtomicBool,
    asleep: AtomicBool,
}

impl Mailbox {
    pub(super) fn put(&self, message: Message) {
        if !self.closed.load(SeqCst) {
            // It may be closed by now: then the message stays until the last address goes.
            self.messages.lock().unwrap().push_back(message);
        }
    }

    fn take(&self) -> Option<Message> {
        self.messages.lock().unwrap().pop_front()
    }

    fn close(&self) {
        self.closed.store(true, SeqCst);
        while let Some(message) = self.take() {
            self.never_asleep(&message);
        }
    }

    fn never_asleep(&self, message: &Message) {
        let request = matches!(message, Message::Request { .. });
        assert!(!(request && self.asleep.load(SeqCst)), "a request met an actor asleep");
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        while let Some(message) = self.take() {
            self.never_asleep(&message);
        }
    }
}

pub(super) fn spawn(
    world: &Arc<World>,
    slot: Arc<Slot<Model>>,
) -> Result<Arc<Mailbox>, &'static str> {
    if world.deadly && one_in(8) {
        return Err("on purpose");
    }
    let mailbox = Arc::new(Mailbox::default());
    let (alive, inbox) = (world.clone(), mailbox.clone());
    let actor = thread::spawn(move || {
        live(&alive, &slot, &inbox);
        inbox.close();
        // Whichever goes first.
        if one_in(2) {
            drop(slot);
        } else {
            drop(inbox);
        }
    });
    world.actors.lock().unwrap().push(actor);
    Ok(mailbox)
}

/// Handles messages until it sleeps or dies.
fn live(world: &World, slot: &Slot<Model>, mailbox: &Mailbox) {
    let mut known = None;
    while !(world.deadly && one_in(16)) {
        match mailbox.take() {
            Some(Message::Reaches(seq)) => known = known.map(|known: u64| known.max(seq)),
            Some(Message::Request { request, answer, _ticket }) => {
                assert_eq!(world.busy.fetch_add(1, SeqCst), 0, "two actors are at work");
                let reach = known.unwrap_or_else(|| world.inbox.load(SeqCst));
                known = Some(reach);
                thread::yield_now();
                world.handled.lock().unwrap().push(request);
                world.busy.fetch_sub(1, SeqCst);
                if world.deadly && one_in(8) {
                    return;
                }
                // Whoever asked may have left.
                let _ = answer.send(reach);
            }
            None if slot.sleep() => {
                mailbox.asleep.store(true, SeqCst);
                return;
            }
            None => thread::yield_now(),
        }
    }
}
