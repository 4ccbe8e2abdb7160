//! Who races with whom.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use protocol::close::{CloseCode, CloseReason};
use protocol::ids::LoginId;
use protocol::push::Push;
use protocol::time::Micros;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, Runner};
use uuid::Uuid;

use super::{World, member, one_in};
use crate::identity::tokens::Caller;
use crate::sessions::{Broadcast, Connection};

/// How many orders each scene is tried in, by each of two schedulers.
const ORDERS: usize = 250;
/// And when there is time.
const MANY: usize = 20_000;

/// The stack of a thread. Shuttle's own is too small for a debug build.
const STACK: usize = 256 * 1024;

fn tried(scene: fn(), orders: usize) {
    let mut config = Config::new();
    config.stack_size = STACK;
    Runner::new(RandomScheduler::new(orders), config.clone()).run(scene);
    // Few, but ill-timed, changes of who runs: finds what is rare at random.
    Runner::new(PctScheduler::new(3, orders), config).run(scene);
}

const SCENES: [fn(); 5] = [
    actors_wake_and_sleep_under_requests,
    what_is_told_is_known_to_whoever_asks_later,
    actors_die_and_their_callers_are_told,
    connections_come_and_go_and_miss_nothing,
    of_two_connections_that_open_at_once_the_newer_stands,
];
#[test]
fn each_scene_holds_in_some_orders() {
    for scene in SCENES {
        tried(scene, ORDERS);
    }
}

#[test]
#[ignore = "takes minutes"]
fn each_scene_holds_in_many_orders() {
    for scene in SCENES {
        tried(scene, MANY);
    }
}

type Part = JoinHandle<()>;

/// Sends some requests, then waits for all of them or leaves.
fn asker(world: &Arc<World>, requests: usize) -> Part {
    let world = world.clone();
    thread::spawn(move || {
        let sent: Vec<_> = (0..requests).map(|_| world.send()).collect();
        if one_in(4) {
            return;
        }
        for request in sent {
            world.answer(request);
        }
    })
}

/// Writes pushes, and asks after some of them.
fn poster(world: &Arc<World>, pushes: usize) -> Part {
    let world = world.clone();
    thread::spawn(move || {
        for _ in 0..pushes {
            world.post();
            if one_in(2) {
                world.answer(world.send());
            }
        }
    })
}

fn joined(parts: impl IntoIterator<Item = Part>) {
    for part in parts {
        part.join().unwrap();
    }
}

fn actors_wake_and_sleep_under_requests() {
    let world = World::new(false);
    joined([asker(&world, 2), asker(&world, 2), asker(&world, 1)]);
    world.end();
}

fn what_is_told_is_known_to_whoever_asks_later() {
    let world = World::new(false);
    joined([poster(&world, 2), poster(&world, 1), asker(&world, 3)]);
    world.end();
}

fn actors_die_and_their_callers_are_told() {
    let world = World::new(true);
    joined([asker(&world, 3), asker(&world, 2), poster(&world, 2)]);
    world.end();
}

/// A connection: what it was told.
#[derive(Default)]
struct Told {
    looks: AtomicU64,
    closed: AtomicU64,
}

impl Connection for Told {
    fn push(&self, _: &Push) {}

    fn broadcast(&self, _: &Broadcast) {}

    fn look(&self, seq: u64) {
        self.looks.fetch_max(seq, SeqCst);
    }

    fn close_after(&self, _: u64, _: CloseCode, _: CloseReason) {
        self.closed.fetch_add(1, SeqCst);
    }
}

fn login(epoch: u64) -> LoginId {
    LoginId(Uuid::from_u128(u128::from(epoch)))
}

/// Opens a connection of a login as a session does: attach, read the truth, close the older
/// ones. Returns it with its place, unless a newer login stands.
fn open(world: &World, epochs: &AtomicU64, epoch: u64) -> Option<(u64, Arc<Told>)> {
    let told = Arc::new(Told::default());
    let caller = Caller {
        app: "demo".parse().unwrap(),
        member: member(),
        login: login(epoch),
        expires_at: Micros::from_seconds(0),
        client: None,
    };
    let id = world.registry.attach(&caller, told.clone(), None);
    thread::yield_now();
    if epochs.load(SeqCst) > epoch {
        world.registry.detach(member(), id);
        return None;
    }
    told.look(world.inbox.load(SeqCst));
    thread::yield_now();
    for older in world.registry.older(member(), login(epoch), id) {
        older.close(CloseCode::Moved, CloseReason::default());
    }
    Some((id, told))
}

/// Writes a push and has every connection look.
fn announce(world: &World) {
    world.post();
    let seq = world.inbox.load(SeqCst);
    for connection in world.registry.connections(member(), |_| true) {
        connection.look(seq);
    }
}

fn connections_come_and_go_and_miss_nothing() {
    let world = World::new(one_in(2));
    let epochs = Arc::new(AtomicU64::new(1));
    let openers: Vec<_> = [1, 1, 2]
        .map(|epoch| {
            let (world, epochs) = (world.clone(), epochs.clone());
            thread::spawn(move || {
                if epoch == 2 {
                    // The login itself, which tells the older one's connections.
                    epochs.store(2, SeqCst);
                    thread::yield_now();
                    for old in world.registry.connections(member(), |of| of == login(1)) {
                        old.close(CloseCode::Replaced, CloseReason::default());
                    }
                }
                let opened = open(&world, &epochs, epoch);
                world.answer(world.send());
                opened.map(|(id, told)| (epoch, id, told))
            })
        })
        .into();
    let pushing = {
        let world = world.clone();
        thread::spawn(move || announce(&world))
    };
    let opened: Vec<_> = openers.into_iter().filter_map(|one| one.join().unwrap()).collect();
    joined([pushing]);
    assert_eq!(world.registry.attached(), opened.len());
    for (epoch, id, told) in &opened {
        let closed = told.closed.load(SeqCst);
        assert_eq!(*epoch == 1, closed > 0, "{id} of login {epoch}: closed {closed} times");
        assert_eq!(told.looks.load(SeqCst), world.inbox.load(SeqCst), "{id} has not seen it");
        world.registry.detach(member(), *id);
        world.registry.detach(member(), *id);
    }
    world.end();
}

fn of_two_connections_that_open_at_once_the_newer_stands() {
    let world = World::new(false);
    let epochs = Arc::new(AtomicU64::new(1));
    let openers = [(); 3].map(|()| {
        let (world, epochs) = (world.clone(), epochs.clone());
        thread::spawn(move || open(&world, &epochs, 1))
    });
    let mut opened: Vec<_> = openers.into_iter().filter_map(|one| one.join().unwrap()).collect();
    opened.sort_unstable_by_key(|(id, _)| *id);
    let closed = opened.iter().map(|(_, told)| told.closed.load(SeqCst) > 0);
    assert_eq!(closed.collect::<Vec<_>>(), [true, true, false]);
    for (id, _) in opened {
        world.registry.detach(member(), id);
    }
    world.end();
}
