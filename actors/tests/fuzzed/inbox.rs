//! Any bytes as what happens to an inbox and the connections it is brought to: pushes are
//! posted, expire and are acknowledged, hints come late or not at all, readings take their
//! time or fail, and clients come back with the last number they have.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use actors::push::delivery::{Delivery, Reading, Truth};
use arbitrary::{Arbitrary, Unstructured};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use protocol::push::{GAP, Gap, InboxPush};
use storage::clock::Micros;
use storage::error::StorageError;
use storage::push::{Inbox, KeptPush};

/// How many things happen at most: a run must end soon.
const STEPS: usize = 512;
/// How far the inbox reaches at most: some parts of what is read at a time.
const REACH: u64 = 300;

#[derive(Debug, Arbitrary)]
enum Step {
    /// So many pushes are written, and the connection may be told.
    Post { many: u8, told: bool },
    /// One expires.
    Expire { which: u8 },
    /// A hint comes, late.
    Hint { seq: u8 },
    /// Readings and acknowledgements begin to take their time, or are done.
    Slow(bool),
    /// Readings begin to see what is there when they begin, or when they are done.
    Early(bool),
    /// The next reading fails.
    Fail,
    /// The client takes so many pushes.
    Take { many: u8 },
    /// The client acknowledges what it has, or some of it.
    Ack { less: u8 },
    /// The client acknowledges elsewhere, over HTTP, what it may not have here.
    AckElsewhere { seq: u8 },
    /// The connection is lost with what was under way, and the client comes back.
    Resume { lost: u8 },
}

#[derive(Default)]
struct Rows {
    kept: BTreeSet<u64>,
    seq: u64,
    acked: u64,
    slow: bool,
    early: bool,
    fails: bool,
}

impl Rows {
    fn ack(&mut self, seq: u64) {
        self.acked = self.acked.max(seq.min(self.seq));
        self.kept = self.kept.split_off(&(self.acked + 1));
    }

    fn inbox(&self, after: u64, limit: usize) -> Inbox {
        let behind = self.kept.range(after.max(self.acked) + 1..).take(limit);
        let kept = |seq: &u64| KeptPush {
            seq: *seq,
            word: "message".to_owned(),
            body: "{}".to_owned(),
            at: Micros(1),
        };
        Inbox { pushes: behind.map(kept).collect(), seq: self.seq, acked: self.acked }
    }
}

/// An inbox that answers when it is told to.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Rows>>);

impl Truth for Shelf {
    fn read(&self, after: u64, limit: usize) -> Reading {
        let rows = self.0.clone();
        let mut early = {
            let rows = rows.lock();
            rows.early.then(|| rows.inbox(after, limit))
        };
        std::future::poll_fn(move |_| {
            let mut rows = rows.lock();
            if rows.slow {
                return Poll::Pending;
            }
            if std::mem::take(&mut rows.fails) {
                return Poll::Ready(Err(StorageError::Overloaded));
            }
            Poll::Ready(Ok(early.take().unwrap_or_else(|| rows.inbox(after, limit))))
        })
        .boxed()
    }

    fn sent(&self, from: u64, to: u64) {
        assert!(from <= to, "{from} to {to}");
    }

    fn ack(&self, seq: u64) -> BoxFuture<'static, Option<u64>> {
        let rows = self.0.clone();
        std::future::poll_fn(move |_| {
            let mut rows = rows.lock();
            if rows.slow {
                return Poll::Pending;
            }
            rows.ack(seq);
            Poll::Ready(Some(rows.acked))
        })
        .boxed()
    }
}

struct Client {
    /// The highest number it has.
    has: u64,
    /// What it has in truth, gaps apart.
    taken: BTreeSet<u64>,
    /// Numbers that were acknowledged or expired at some time: it need not get them.
    excused: BTreeSet<u64>,
}

/// Plays the bytes out.
pub fn check(bytes: &[u8]) {
    let mut chance = Unstructured::new(bytes);
    let truth = Shelf::default();
    let mut delivery = Delivery::new(0, 0);
    let mut client = Client { has: 0, taken: BTreeSet::new(), excused: BTreeSet::new() };
    for _ in 0..STEPS {
        if chance.is_empty() {
            break;
        }
        let Ok(step) = chance.arbitrary() else { break };
        happen(step, &truth, &mut delivery, &mut client);
    }
    // When all is quiet, one hint is enough.
    let seq = {
        let mut rows = truth.0.lock();
        (rows.slow, rows.fails) = (false, false);
        rows.seq
    };
    delivery.look(seq);
    while take(&truth, &mut delivery, &mut client) {}
    assert!(take_nothing(&truth, &mut delivery));
    for number in 1..=seq {
        let came = client.taken.contains(&number) || client.excused.contains(&number);
        assert!(came, "{number} of {seq} never came");
    }
}

fn happen(step: Step, truth: &Shelf, delivery: &mut Delivery, client: &mut Client) {
    match step {
        Step::Post { many, told } => {
            let mut rows = truth.0.lock();
            let first = rows.seq + 1;
            rows.seq = REACH.min(rows.seq + u64::from(many));
            let last = rows.seq;
            rows.kept.extend(first..=last);
            if told {
                delivery.look(rows.seq);
            }
        }
        Step::Expire { which } => {
            let mut rows = truth.0.lock();
            let nth = usize::from(which).checked_rem(rows.kept.len());
            let which = nth.and_then(|nth| rows.kept.iter().nth(nth).copied());
            if let Some(seq) = which {
                rows.kept.remove(&seq);
                client.excused.insert(seq);
            }
        }
        Step::Hint { seq } => delivery.look(u64::from(seq).min(truth.0.lock().seq)),
        Step::Slow(slow) => truth.0.lock().slow = slow,
        Step::Early(early) => truth.0.lock().early = early,
        Step::Fail => truth.0.lock().fails = true,
        Step::Take { many } => {
            for _ in 0..many {
                if !take(truth, delivery, client) {
                    break;
                }
            }
        }
        Step::Ack { less } => delivery.ack(client.has.saturating_sub(less.into())),
        Step::AckElsewhere { seq } => {
            let mut rows = truth.0.lock();
            rows.ack(seq.into());
            let acked = rows.acked;
            client.excused.extend(1..=acked);
        }
        Step::Resume { lost } => {
            // What it acknowledged it has for good.
            let rows = truth.0.lock();
            client.has = client.has.saturating_sub(lost.into()).max(rows.acked.min(client.has));
            client.taken = client.taken.iter().copied().filter(|it| *it <= client.has).collect();
            *delivery = Delivery::new(client.has, rows.seq);
        }
    }
}

/// Takes one push, and says whether there was one.
fn take(truth: &Shelf, delivery: &mut Delivery, client: &mut Client) -> bool {
    let Poll::Ready(push) = delivery.poll_next(truth, &mut Context::from_waker(Waker::noop()))
    else {
        return false;
    };
    let InboxPush { seq, push, body, .. } = push;
    let first = if push == GAP {
        let Gap { from, to } = serde_json::from_value(body).unwrap();
        assert!(from <= to && to == seq, "a gap from {from} to {to} under {seq}");
        for number in from..=to {
            assert!(client.excused.contains(&number), "{number} is no gap");
        }
        from
    } else {
        client.taken.insert(seq);
        seq
    };
    assert!(first > client.has, "{first} comes after {}", client.has);
    for missing in client.has + 1..first {
        // Whoever acknowledged it elsewhere has it.
        let acked = truth.0.lock().acked;
        assert!(missing <= acked, "{missing} is left out before {first}");
    }
    assert!(seq <= truth.0.lock().seq, "{seq} does not exist");
    client.has = seq;
    true
}

fn take_nothing(truth: &Shelf, delivery: &mut Delivery) -> bool {
    delivery.poll_next(truth, &mut Context::from_waker(Waker::noop())).is_pending()
}
