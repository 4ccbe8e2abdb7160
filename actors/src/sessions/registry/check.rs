//! The slots' own code under shuttle, a scheduler that tries the orders in which threads may
//! run: with its locks, and with actors that are threads. A failure prints the schedule, and
//! `shuttle::replay` runs it again.
//!
//! A model's mailbox is as unkind as the real one: a message that is cast while its actor
//! ends may stay in it until the last address is dropped.

mod actor;
mod scenes;

use std::ops::DerefMut;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use protocol::ids::MemberId;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::mpsc;
use shuttle::thread::{self, JoinHandle};

use super::{Kind, Lock, Registry, Shard, Ticket};
use actor::Mailbox;

struct Model;

impl Kind for Model {
    type Actor = Arc<Mailbox>;
    type Message = Message;
    type Lock = shuttle::sync::Mutex<Shard<Self>>;

    fn cast(actor: &Arc<Mailbox>, message: Message) {
        actor.put(message);
    }
}

impl<T: Default + Send> Lock<T> for shuttle::sync::Mutex<T> {
    fn lock(&self) -> impl DerefMut<Target = T> {
        shuttle::sync::Mutex::lock(self).unwrap()
    }
}

enum Message {
    /// Say how far the inbox reaches, as an actor that remembers what it read.
    Request { request: Arc<Request>, answer: mpsc::Sender<u64>, _ticket: Ticket<Model> },
    /// The inbox reaches so far.
    Reaches(u64),
}

/// A request, in the time of [`World::now`].
struct Request {
    began: usize,
    returned: AtomicUsize,
    /// How far the inbox was told to reach before it began.
    told: u64,
}

/// One member's whole world.
struct World {
    registry: Arc<Registry<Model>>,
    /// Whether actors may die, and fail to start.
    deadly: bool,
    time: AtomicUsize,
    /// How many actors are handling a request right now.
    busy: AtomicUsize,
    /// What was handled, in order.
    handled: Mutex<Vec<Arc<Request>>>,
    actors: Mutex<Vec<JoinHandle<()>>>,
    /// The truth: how far the inbox reaches.
    inbox: AtomicU64,
    /// How far it was told to reach, by calls that have returned.
    told: AtomicU64,
}

fn member() -> MemberId {
    MemberId::compose(1, 1, 1)
}

fn one_in(n: u32) -> bool {
    thread_rng().gen_range(0..n) == 0
}

impl World {
    fn new(deadly: bool) -> Arc<Self> {
        Arc::new(Self {
            registry: Arc::new(Registry::new(1)),
            deadly,
            time: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            handled: Mutex::default(),
            actors: Mutex::default(),
            inbox: AtomicU64::new(0),
            told: AtomicU64::new(0),
        })
    }

    fn now(&self) -> usize {
        self.time.fetch_add(1, SeqCst)
    }

    /// Sends a request. The receiver gets its answer, or an error when it is lost.
    fn send(self: &Arc<Self>) -> (Arc<Request>, mpsc::Receiver<u64>) {
        let request = Arc::new(Request {
            told: self.told.load(SeqCst),
            began: self.now(),
            returned: AtomicUsize::new(usize::MAX),
        });
        let (answer, answered) = mpsc::channel();
        self.registry.send(
            member(),
            |slot| actor::spawn(self, slot),
            |_ticket| Message::Request { request: request.clone(), answer, _ticket },
        );
        request.returned.store(self.now(), SeqCst);
        (request, answered)
    }

    /// Waits for an answer; an error is one that was lost.
    fn answer(&self, (request, answered): (Arc<Request>, mpsc::Receiver<u64>)) -> bool {
        let answer = answered.recv();
        if let Ok(reach) = answer {
            assert!(reach >= request.told, "{reach} was known, {} was told", request.told);
            assert!(answered.recv().is_err(), "a second answer");
        } else {
            assert!(self.deadly, "a request was lost");
        }
        answer.is_ok()
    }

    /// Writes a push, and tells the actor of it.
    fn post(&self) {
        let seq = self.inbox.fetch_add(1, SeqCst) + 1;
        thread::yield_now();
        self.registry.tell(member(), Message::Reaches(seq));
        self.told.fetch_max(seq, SeqCst);
    }

    /// Waits until every actor has ended, and looks at what is left and what was done.
    fn end(&self) {
        while let Some(actor) = { self.actors.lock().unwrap().pop() } {
            actor.join().unwrap();
        }
        assert!(self.registry.is_empty(), "a slot stays");
        assert_eq!((self.registry.awake(), self.registry.attached()), (0, 0));
        let handled = self.handled.lock().unwrap();
        for (at, earlier) in handled.iter().enumerate() {
            for later in &handled[at + 1..] {
                assert!(!Arc::ptr_eq(earlier, later), "handled twice");
                assert!(later.returned.load(SeqCst) > earlier.began, "in another order");
            }
        }
    }
}
