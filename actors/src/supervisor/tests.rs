//! Time stands still in these tests and jumps to the next timer whenever all tasks wait, so a rest
//! of minutes costs nothing and can be measured to the millisecond.

mod escalation;
mod peers;
mod restarts;
mod shutdown;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::*;

/// Room for three deaths a minute, rests of 100, 200, 400, 400... ms.
const POLICY: RestartPolicy = RestartPolicy {
    max_deaths: 3,
    within: Duration::from_secs(60),
    first_backoff: Duration::from_millis(100),
    max_backoff: Duration::from_millis(400),
};

/// For tests of something else than escalation.
const PATIENT: RestartPolicy = RestartPolicy { max_deaths: usize::MAX, ..POLICY };

/// What a probe tells of its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It refused to start.
    Refused(&'static str),
    Up(&'static str),
    /// It stopped in order.
    Down(&'static str),
}
use Told::{Down, Refused, Up};

/// Probes, and the journal of what they told.
struct Yard {
    writer: mpsc::UnboundedSender<(Told, Instant)>,
    journal: mpsc::UnboundedReceiver<(Told, Instant)>,
}

impl Yard {
    fn new() -> Self {
        let (writer, journal) = mpsc::unbounded_channel();
        Self { writer, journal }
    }

    fn probe(&self, name: &'static str, peer: &Peer<Order>) -> ChildSpec {
        self.refusing(name, peer, 0)
    }

    /// A probe that refuses its first `refusals` starts.
    fn refusing(&self, name: &'static str, peer: &Peer<Order>, refusals: usize) -> ChildSpec {
        let refusals = Arc::new(AtomicUsize::new(refusals));
        let writer = self.writer.clone();
        child(name, peer.clone(), move || {
            let start = match refusals.load(Ordering::Relaxed) {
                0 => Start::Up,
                left => {
                    refusals.store(left - 1, Ordering::Relaxed);
                    Start::Refuse
                }
            };
            (Probe, Life { name, start, writer: writer.clone() })
        })
    }

    /// A probe whose starts never end.
    fn hanging(&self, name: &'static str) -> ChildSpec {
        let writer = self.writer.clone();
        child(name, Peer::new(), move || {
            (Probe, Life { name, start: Start::Hang, writer: writer.clone() })
        })
    }

    /// The next entry of the journal.
    async fn told(&mut self) -> Told {
        self.told_at().await.0
    }

    async fn told_at(&mut self) -> (Told, Instant) {
        self.journal.recv().await.expect("the yard itself holds a writer")
    }

    /// What has been told and not been read.
    fn rest_of_journal(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.journal.try_recv().ok().map(|(told, _)| told)).collect()
    }
}

#[derive(Debug)]
enum Order {
    /// Answer with the id of this incarnation.
    Who(oneshot::Sender<ActorId>),
    Panic,
    Fail,
    Stop,
    /// Handle nothing else for so long.
    Work(Duration),
}

enum Start {
    Up,
    Refuse,
    Hang,
}

struct Life {
    name: &'static str,
    start: Start,
    writer: mpsc::UnboundedSender<(Told, Instant)>,
}

impl Life {
    fn tell(&self, told: Told) {
        let _ = self.writer.send((told, Instant::now()));
    }
}

struct Probe;

impl Actor for Probe {
    type Msg = Order;
    type State = Life;
    type Arguments = Life;

    async fn pre_start(&self, _: ActorRef<Order>, life: Life) -> Result<Life, ActorProcessingErr> {
        match life.start {
            Start::Up => Ok(life),
            Start::Refuse => {
                life.tell(Refused(life.name));
                Err("not today".into())
            }
            Start::Hang => std::future::pending().await,
        }
    }

    async fn post_start(
        &self,
        _: ActorRef<Order>,
        life: &mut Life,
    ) -> Result<(), ActorProcessingErr> {
        life.tell(Up(life.name));
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Order>,
        order: Order,
        _: &mut Life,
    ) -> Result<(), ActorProcessingErr> {
        match order {
            Order::Who(reply_to) => {
                let _ = reply_to.send(myself.get_id());
                Ok(())
            }
            Order::Panic => panic!("as ordered"),
            Order::Fail => Err("as ordered".into()),
            Order::Stop => {
                myself.stop(None);
                Ok(())
            }
            Order::Work(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
        }
    }

    async fn post_stop(
        &self,
        _: ActorRef<Order>,
        life: &mut Life,
    ) -> Result<(), ActorProcessingErr> {
        life.tell(Down(life.name));
        Ok(())
    }
}

/// Asks the living incarnation who it is.
async fn who(peer: &Peer<Order>) -> ActorId {
    let (reply_to, reply) = oneshot::channel();
    peer.cast(Order::Who(reply_to)).expect("the probe is alive");
    reply.await.expect("the probe answers")
}

/// Spawns a root supervisor and waits for its children.
async fn grow(policy: RestartPolicy, children: Vec<ChildSpec>) -> Supervisor {
    let tree = Supervisor::spawn("root", policy, children).await.expect("it spawns");
    tree.ready().await.expect("its children come up");
    tree
}
