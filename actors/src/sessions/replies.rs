//! Kept replies: a request that changes something and is sent again gets its first answer.
//!
//! One store a node, bounded in bytes. A *space* is one wire session, in which requests are
//! known by their ids; over HTTP it is one login, in which they are known by their
//! `Idempotency-Key`. In it are the last [`REPLIES`] answers, each at most [`REPLY_BYTES`] and
//! all together at most [`SPACE_BYTES`]. A request that is still being answered is in it too,
//! so that one sent again on a new connection joins it. What finds no room is not kept, and
//! what was not used for the grace period is forgotten: the operation's own idempotency
//! answers then.
//!
//! Where nodes share a Redis, what is kept is told the others, behind the answer and waited for by
//! nobody, and asked of them when a session goes on here that went on there. What was not told is
//! done again, as with no store at all.
//!
//! What needs no login has no space: nothing is kept of `auth.login` and `auth.refresh` over
//! HTTP. A refresh answers alike by itself, and a login that is sent again is a newer one.

mod known;
mod shared;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode, Retry};
use protocol::ids::{LoginId, SessionId};
use protocol::operation::Reply;
use storage::replies::{RepliesDuty, SharedReplies};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::fault;
pub use known::Key;
use known::{Id, Space};
use shared::Told;

/// The most answers of a session that are kept.
pub const REPLIES: usize = 128;
/// The largest answer that is kept, in bytes of JSON.
pub const REPLY_BYTES: usize = 4 * 1024;
/// The most bytes that are kept of a session.
pub const SPACE_BYTES: usize = 32 * 1024;

type Outcome = Result<Reply, ErrorBody>;
/// An outcome to come.
type Awaited = watch::Receiver<Option<Arc<Outcome>>>;

/// The store.
#[derive(Clone)]
pub struct Replies {
    store: Arc<Mutex<Store>>,
    /// The other nodes, where there are any.
    others: Option<Others>,
}

/// Where other nodes read what is kept here, and what is there to be told.
#[derive(Clone)]
struct Others {
    shared: Arc<dyn RepliesDuty>,
    untold: mpsc::Sender<Told>,
}

struct Store {
    spaces: HashMap<Space, Shelf>,
    /// Bytes of all spaces together.
    bytes: usize,
    limit: usize,
    grace: Duration,
    swept: Instant,
}

/// What is kept of a space.
struct Shelf {
    entries: VecDeque<(Id, Entry)>,
    bytes: usize,
    used: Instant,
}

enum Entry {
    /// Being answered; whoever waits for it watches.
    Pending(Awaited),
    /// Answered, and so many bytes long.
    Kept(Arc<Outcome>, usize),
}

/// What a request finds.
pub enum Begun {
    /// Nobody asked this before: do it, and say how it ended.
    Fresh(Recorder),
    /// It is being answered: see [`joined`].
    Pending(Awaited),
    /// It was answered.
    Kept(Arc<Outcome>),
}

impl Replies {
    /// A store of at most `limit` bytes, in which a session is kept for `grace` after it
    /// was last used.
    #[must_use]
    pub fn new(limit: usize, grace: Duration) -> Self {
        let store = Store { spaces: HashMap::new(), bytes: 0, limit, grace, swept: Instant::now() };
        Self { store: Arc::new(Mutex::new(store)), others: None }
    }

    /// The same, with other nodes to be told and asked, where there are any. To be called in a
    /// runtime.
    #[must_use]
    pub fn sharing(mut self, replies: &SharedReplies) -> Self {
        if let Some(shared) = replies.shared() {
            let (sender, untold) = mpsc::channel(shared::UNTOLD);
            let grace = self.store.lock().grace;
            tokio::spawn(shared::tell(shared.clone(), untold, grace));
            self.others = Some(Others { shared: shared.clone(), untold: sender });
        }
        self
    }

    /// Takes what other nodes keep of a wire session that goes on here.
    pub async fn recall(&self, session: SessionId) {
        let Some(others) = &self.others else { return };
        let space = Space::Session(session);
        let mut known = shared::all(others.shared.as_ref(), space).await;
        // The oldest first, as they were kept here.
        known.sort_by_key(|(id, _)| match id {
            Id::Number(number) => *number,
            Id::Key(_) => 0,
        });
        known.into_iter().for_each(|(id, outcome)| self.store.lock().learn(space, id, outcome));
    }

    /// The same of a login's request under a key, unless it is known here.
    pub async fn recall_key(&self, login: LoginId, key: &Key) {
        let Some(others) = &self.others else { return };
        let (space, id) = (Space::Login(login), Id::Key(key.clone()));
        let here =
            |store: &Store| store.spaces.get(&space).is_some_and(|it| it.find(&id).is_some());
        if here(&self.store.lock()) {
            return;
        }
        if let Some((id, outcome)) = shared::find(others.shared.as_ref(), space, &id).await {
            self.store.lock().learn(space, id, outcome);
        }
    }

    /// Begins a request of a wire session.
    #[must_use]
    pub fn begin(&self, session: SessionId, id: u64) -> Begun {
        let (space, id) = (Space::Session(session), Id::Number(id));
        let mut store = self.store.lock();
        let shelf = store.shelf(space);
        match shelf.find(&id) {
            Some((_, entry)) => entry.begun(),
            None => Begun::Fresh(self.fresh(shelf, space, id)),
        }
    }

    /// Begins a request of a login that has an `Idempotency-Key`.
    ///
    /// # Errors
    /// `op.key_reused` when the key came with another operation or body before;
    /// `limit.overloaded` when [`REPLIES`] requests of this login are being answered.
    pub fn begin_with_key(&self, login: LoginId, key: Key) -> Result<Begun, ErrorBody> {
        let (space, id) = (Space::Login(login), Id::Key(key));
        let mut store = self.store.lock();
        let shelf = store.shelf(space);
        match shelf.find(&id) {
            Some((known, entry)) if known.asks_the_same_as(&id) => Ok(entry.begun()),
            Some(_) => {
                let message = "this Idempotency-Key came with another operation or body before";
                Err(ErrorBody::new(ErrorCode::OpKeyReused, message))
            }
            None if shelf.pending() >= REPLIES => Err(fault::overloaded()),
            None => Ok(Begun::Fresh(self.fresh(shelf, space, id))),
        }
    }

    fn fresh(&self, shelf: &mut Shelf, space: Space, id: Id) -> Recorder {
        let (done, answer) = watch::channel(None);
        shelf.entries.push_back((id.clone(), Entry::Pending(answer)));
        Recorder { replies: self.clone(), space, id, done, finished: false }
    }

    /// How many bytes are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.store.lock().bytes
    }
}

impl Store {
    /// A space's shelf, which is used now.
    fn shelf(&mut self, space: Space) -> &mut Shelf {
        let now = Instant::now();
        self.sweep(now);
        let empty = || Shelf { entries: VecDeque::new(), bytes: 0, used: now };
        let shelf = self.spaces.entry(space).or_insert_with(empty);
        shelf.used = now;
        shelf
    }

    /// Forgets what was not used for the grace period; looks at most twice in it.
    fn sweep(&mut self, now: Instant) {
        if now - self.swept < self.grace / 2 {
            return;
        }
        self.swept = now;
        let grace = self.grace;
        let mut freed = 0;
        self.spaces.retain(|_, shelf| {
            let keep = now - shelf.used < grace || shelf.pending() > 0;
            if !keep {
                freed += shelf.bytes;
            }
            keep
        });
        self.bytes -= freed;
    }

    /// Takes what another node answered, unless it is known here.
    fn learn(&mut self, space: Space, id: Id, outcome: Outcome) {
        let shelf = self.shelf(space);
        if shelf.find(&id).is_some() {
            return;
        }
        let (_, never) = watch::channel(None);
        shelf.entries.push_back((id.clone(), Entry::Pending(never)));
        self.finish(space, &id, Some(Arc::new(outcome)));
    }

    /// Keeps an outcome, if it is worth it. Returns what is forgotten for it; `None` when it is
    /// not kept.
    fn finish(&mut self, space: Space, id: &Id, outcome: Option<Arc<Outcome>>) -> Option<Vec<Id>> {
        let shelf = self.spaces.get_mut(&space)?;
        let at = shelf.entries.iter().position(|(known, _)| known == id)?;
        let (mut kept, mut forgotten) = (false, Vec::new());
        let length = outcome.as_ref().and_then(|outcome| worth_keeping(outcome, id));
        match (outcome, length) {
            (Some(outcome), Some(length)) if self.bytes + length <= self.limit => {
                shelf.entries[at].1 = Entry::Kept(outcome, length);
                shelf.bytes += length;
                self.bytes += length;
                kept = true;
            }
            _ => drop(shelf.entries.remove(at)),
        }
        while shelf.bytes > SPACE_BYTES || shelf.entries.len() - shelf.pending() > REPLIES {
            let oldest = shelf.entries.iter().position(|(_, e)| matches!(e, Entry::Kept(..)));
            let Some((old, Entry::Kept(_, length))) =
                oldest.and_then(|at| shelf.entries.remove(at))
            else {
                break;
            };
            shelf.bytes -= length;
            self.bytes -= length;
            forgotten.push(old);
        }
        if shelf.entries.is_empty() {
            self.spaces.remove(&space);
        }
        kept.then_some(forgotten)
    }
}

impl Shelf {
    fn find(&self, id: &Id) -> Option<&(Id, Entry)> {
        self.entries.iter().find(|(known, _)| known == id)
    }

    fn pending(&self) -> usize {
        self.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Pending(_))).count()
    }
}

impl Entry {
    fn begun(&self) -> Begun {
        match self {
            Self::Pending(answer) => Begun::Pending(answer.clone()),
            Self::Kept(outcome, _) => Begun::Kept(outcome.clone()),
        }
    }
}

/// How many bytes an answer takes, unless it is not kept: one after which the same id may be
/// sent again must be tried again, and a large one costs more than it is worth.
fn worth_keeping(outcome: &Outcome, id: &Id) -> Option<usize> {
    let mut bytes = Vec::new();
    let written = match outcome {
        Ok(reply) => Format::Json.encode(reply, &mut bytes),
        Err(error) if error.same_id_again() => return None,
        // Nothing was done. Later, a socket's client takes a new id, others the same key.
        Err(error) if error.retry == Retry::Later && id.is_key() => return None,
        Err(error) => Format::Json.encode(error, &mut bytes),
    };
    (written.is_ok() && bytes.len() <= REPLY_BYTES).then_some(bytes.len() + id.bytes())
}

/// A promise to say how a request ended. Dropped without saying it, the request may be
/// tried again.
pub struct Recorder {
    replies: Replies,
    space: Space,
    id: Id,
    done: watch::Sender<Option<Arc<Outcome>>>,
    finished: bool,
}

impl Recorder {
    /// Keeps the outcome, and gives it to whoever joined.
    pub fn finish(mut self, outcome: Outcome) -> Arc<Outcome> {
        let outcome = Arc::new(outcome);
        self.finished = true;
        let kept = self.replies.store.lock().finish(self.space, &self.id, Some(outcome.clone()));
        self.done.send_replace(Some(outcome.clone()));
        if let (Some(others), Some(forgotten)) = (&self.replies.others, kept) {
            let (space, id, outcome) = (self.space, self.id.clone(), outcome.clone());
            // One that finds no room is answered by the operation itself.
            if others.untold.try_send(Told { space, id, outcome, forgotten }).is_err() {
                metrics::counter!("daemun_replies_untold_total").increment(1);
            }
        }
        outcome
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // After `finish` the entry may be that of the next one already.
        if !self.finished {
            self.replies.store.lock().finish(self.space, &self.id, None);
        }
    }
}

/// Does the work in a task of its own, so that it is finished and its outcome kept even if
/// the client is gone.
pub fn finished(
    work: impl Future<Output = Outcome> + Send + 'static,
    recorder: Option<Recorder>,
) -> impl Future<Output = Outcome> + Send + 'static {
    let task = tokio::spawn(async move {
        let outcome = work.await;
        match recorder {
            Some(recorder) => recorder.finish(outcome).as_ref().clone(),
            None => outcome,
        }
    });
    async { task.await.unwrap_or_else(|_| Err(failed())) }
}

/// Waits for the answer of a request that was sent before.
pub async fn joined(mut answer: Awaited) -> Outcome {
    match answer.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.as_deref().cloned().unwrap_or_else(|| Err(failed())),
        // Whoever worked on it has gone without an outcome.
        Err(_) => Err(failed()),
    }
}

fn failed() -> ErrorBody {
    fault::internal("the request failed on the way")
}
