//! Where those who ask for the same deed wait for each other, each server's by themselves: one
//! that does not answer holds up nobody else's. Nor does an item that somebody has locked: it is
//! left out of its batch, the others are answered, and it comes again with a later one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::{Result, StorageError};

/// The most items of one batch.
pub(in crate::actor) const BATCH: usize = 256;
/// How many batches of a lane run at once against one server at most: while one waits for its
/// commit the next is made.
pub(in crate::actor) const AT_ONCE: usize = 2;
/// How many have to wait before a further batch begins beside one that runs. A batch costs nearly the
/// same with few items as with many: what comes meanwhile had better wait for the next one.
pub(in crate::actor) const MANY: usize = 32;
/// What has waited for so long waits for no batch that runs: a further one begins with it, however
/// little it is.
pub(in crate::actor) const LATE: Duration = Duration::from_millis(50);
/// Who has waited so long is told so: its caller has given up.
pub(in crate::actor) const PATIENCE: Duration = crate::actor::records::DEADLINE;

/// How long what others have locked is asked for again, and again: its caller is told while he
/// is still there.
pub(in crate::actor) const LOCKED: Duration = PATIENCE.saturating_sub(Duration::from_millis(500));
/// The rest before it is asked for the second time; it doubles with each, up to [`REST_MOST`].
const REST: Duration = Duration::from_millis(2);
/// Short beside a transaction that is written to the disk: a lock that several nodes want in turn
/// is not left lying.
const REST_MOST: Duration = Duration::from_millis(16);

/// Something that is done for many at once.
#[async_trait]
pub(in crate::actor) trait Deed: Send + Sync + 'static {
    /// Its name in metrics.
    const NAME: &'static str;
    /// What is asked for.
    type Item: Send + 'static;
    /// What it comes to.
    type Answer: Send + 'static;
    /// Who does it.
    type Of: ?Sized + Send + Sync + 'static;

    /// Which of the servers behind does it first: what goes to different ones does not wait for
    /// each other.
    fn server(of: &Self::Of, item: &Self::Item) -> usize;
    /// The item, to be asked for again if others have locked it; `None` when nothing of it is
    /// ever locked.
    fn again(item: &Self::Item) -> Option<Self::Item>;
    /// Does all of it; each has an answer of its own, in their order.
    async fn all(of: &Self::Of, items: Vec<Self::Item>) -> Vec<Result<Self::Answer>>;
}

struct Waiting<D: Deed> {
    item: D::Item,
    reply_to: oneshot::Sender<Result<D::Answer>>,
    since: Instant,
    /// How long it rests when it is locked.
    rest: Duration,
}

struct Queue<D: Deed> {
    waiting: VecDeque<Waiting<D>>,
    running: usize,
    /// Whether somebody comes to see whether what waits is [`LATE`].
    watched: bool,
}

impl<D: Deed> Default for Queue<D> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), running: 0, watched: false }
    }
}

impl<D: Deed> Queue<D> {
    /// Whether one more batch begins now, beside so many.
    fn begins(&self, beside: usize) -> bool {
        match beside {
            0 => !self.waiting.is_empty(),
            beside => beside < AT_ONCE && self.waiting.len() >= MANY,
        }
    }

    /// Whether somebody has to come and see to what is left waiting; said once.
    fn wants_watch(&mut self) -> bool {
        let wants = !self.watched && !self.waiting.is_empty() && self.running < AT_ONCE;
        self.watched |= wants;
        wants
    }
}

/// What somebody who watches a queue does next.
enum Looked {
    /// He looks again after so long.
    Wait(Duration),
    /// A batch begins.
    Begin,
    /// Nothing waits, or as many batches run as may.
    Done,
}

/// The way to a deed.
pub(in crate::actor) struct Lane<D: Deed>(Arc<Inner<D>>);

struct Inner<D: Deed> {
    of: Arc<D::Of>,
    queues: Mutex<HashMap<usize, Queue<D>>>,
}

impl<D: Deed> Inner<D> {
    fn queues(&self) -> MutexGuard<'_, HashMap<usize, Queue<D>>> {
        // No code runs under the lock that could leave it half done.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Deed> Lane<D> {
    pub(in crate::actor) fn new(of: Arc<D::Of>) -> Self {
        Self(Arc::new(Inner { of, queues: Mutex::default() }))
    }

    /// Has it done with whatever else waits.
    pub(in crate::actor) async fn ask(&self, item: D::Item) -> Result<D::Answer> {
        let (reply_to, reply) = oneshot::channel();
        self.0.clone().enter(Waiting { item, reply_to, since: Instant::now(), rest: REST });
        // Nobody answers when the backend panicked.
        reply.await.map_err(|_| StorageError::OutcomeUnknown)?
    }
}

impl<D: Deed> Inner<D> {
    /// Has an item wait, and a batch begin if one more may.
    fn enter(self: Arc<Self>, waiting: Waiting<D>) {
        let server = D::server(&self.of, &waiting.item);
        let (starts, watch) = {
            let mut queues = self.queues();
            let queue = queues.entry(server).or_default();
            queue.waiting.push_back(waiting);
            let starts = queue.begins(queue.running);
            queue.running += usize::from(starts);
            (starts, !starts && queue.wants_watch())
        };
        if starts {
            tokio::spawn(Turn::new(self, server).run());
        } else if watch {
            self.watch(server);
        }
    }

    /// Sees to it that what waits does not wait for another batch for longer than [`LATE`].
    fn watch(self: Arc<Self>, server: usize) {
        tokio::spawn(async move {
            let mut rest = LATE;
            loop {
                tokio::time::sleep(rest).await;
                match self.look(server) {
                    Looked::Wait(more) => rest = more,
                    Looked::Begin => return Turn::new(self, server).run().await,
                    Looked::Done => return,
                }
            }
        });
    }

    /// Whether what waits has waited for long enough to have a batch of its own.
    fn look(&self, server: usize) -> Looked {
        let mut queues = self.queues();
        let queue = queues.entry(server).or_default();
        let oldest = queue.waiting.front().map(|waiting| waiting.since.elapsed());
        let looked = match oldest {
            None => Looked::Done,
            Some(_) if queue.running >= AT_ONCE => Looked::Done,
            Some(waited) if waited < LATE => Looked::Wait(LATE - waited),
            Some(_) => Looked::Begin,
        };
        queue.running += usize::from(matches!(looked, Looked::Begin));
        queue.watched = matches!(looked, Looked::Wait(_));
        looked
    }

    /// Has an item that is locked wait again after a rest, beside all batches and without a
    /// connection; tells its caller when that has been going on for too long.
    fn rest(self: &Arc<Self>, waiting: Waiting<D>) {
        let rest = waiting.rest.mul_f64(0.5 + fastrand::f64());
        if waiting.since.elapsed() + rest >= LOCKED {
            let _ = waiting.reply_to.send(Err(StorageError::Locked));
            return;
        }
        metrics::counter!("daemun_batch_locked_total", "deed" => D::NAME).increment(1);
        let inner = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(rest).await;
            inner.enter(Waiting { rest: (2 * waiting.rest).min(REST_MOST), ..waiting });
        });
    }
}

/// One of the batches that may run at once.
struct Turn<D: Deed> {
    inner: Arc<Inner<D>>,
    server: usize,
    /// Whether it ever ran: one that did not was dropped by a runtime that ends.
    began: bool,
    /// Whether it has taken its first batch.
    took: bool,
    over: bool,
}

impl<D: Deed> Turn<D> {
    fn new(inner: Arc<Inner<D>>, server: usize) -> Self {
        Self { inner, server, began: false, took: false, over: false }
    }

    async fn run(mut self) {
        self.began = true;
        while let Some(batch) = self.take() {
            let (mut items, mut replies) = (Vec::new(), Vec::new());
            for Waiting { item, reply_to, since, rest } in batch {
                let waited = since.elapsed();
                metrics::histogram!("daemun_batch_waited_seconds", "deed" => D::NAME)
                    .record(waited.as_secs_f64());
                if waited >= PATIENCE {
                    metrics::counter!("daemun_storage_shed_total").increment(1);
                    let _ = reply_to.send(Err(StorageError::Overloaded));
                } else {
                    replies.push((D::again(&item), reply_to, since, rest));
                    items.push(item);
                }
            }
            if items.is_empty() {
                continue;
            }
            metrics::histogram!("daemun_batch_items", "deed" => D::NAME).record(items.len() as f64);
            let answers = D::all(&self.inner.of, items).await;
            for ((again, reply_to, since, rest), answer) in replies.into_iter().zip(answers) {
                match (answer, again) {
                    (Err(StorageError::Locked), Some(item)) => {
                        self.inner.rest(Waiting { item, reply_to, since, rest });
                    }
                    // Whoever left does not undo what is done.
                    (answer, _) => drop(reply_to.send(answer)),
                }
            }
        }
    }

    /// What waits, at most a batch of it. When nothing does, or too little beside another batch,
    /// the turn is over, decided under the lock under which the next to come would see that.
    fn take(&mut self) -> Option<Vec<Waiting<D>>> {
        let mut queues = self.inner.queues();
        let queue = queues.entry(self.server).or_default();
        // The first batch of a turn was decided on when it began.
        let goes_on = !self.took || queue.begins(queue.running - 1);
        self.took = true;
        let count = if goes_on { queue.waiting.len().min(BATCH) } else { 0 };
        metrics::gauge!("daemun_batch_waiting", "deed" => D::NAME)
            .set((queue.waiting.len() - count) as f64);
        if count == 0 {
            queue.running -= 1;
            self.over = true;
            let watch = queue.wants_watch();
            drop(queues);
            if watch {
                self.inner.clone().watch(self.server);
            }
            return None;
        }
        Some(queue.waiting.drain(..count).collect())
    }
}

impl<D: Deed> Drop for Turn<D> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // The backend panicked, and those who wait get another turn; or the runtime ends, and then
        // there are no turns to be had any more: what is spawned is dropped at once, here again, and
        // not having begun it begins nothing.
        if self.began
            && std::thread::panicking()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(Self::new(self.inner.clone(), self.server).run());
        } else if let Some(queue) = self.inner.queues().get_mut(&self.server) {
            queue.running -= 1;
            queue.watched = false;
            queue.waiting.clear();
        }
    }
}
