//! Kept replies: a request that changes something and is sent again gets its first answer.
//!
//! One store a node, bounded in bytes. A *space* is one wire session; in it are the last
//! [`REPLIES`] answers by request id, each at most [`REPLY_BYTES`] and all together at most
//! [`SPACE_BYTES`]. A request that is still being answered is in it too, so that one sent
//! again on a new connection joins it. What finds no room is not kept, and what was not
//! used for the grace period is forgotten: the operation's own idempotency answers then.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::codec::Format;
use protocol::error::ErrorBody;
use protocol::ids::SessionId;
use protocol::operation::Reply;
use tokio::sync::watch;
use tokio::time::Instant;

/// The most answers of a session that are kept.
pub const REPLIES: usize = 128;
/// The largest answer that is kept, in bytes of JSON.
pub const REPLY_BYTES: usize = 4 * 1024;
/// The most bytes that are kept of a session.
pub const SPACE_BYTES: usize = 32 * 1024;

type Outcome = Result<Reply, ErrorBody>;

/// The store.
#[derive(Clone)]
pub struct Replies(Arc<Mutex<Store>>);

struct Store {
    spaces: HashMap<SessionId, Space>,
    /// Bytes of all spaces together.
    bytes: usize,
    limit: usize,
    grace: Duration,
    swept: Instant,
}

struct Space {
    entries: VecDeque<(u64, Entry)>,
    bytes: usize,
    used: Instant,
}

enum Entry {
    /// Being answered; whoever waits for it watches.
    Pending(watch::Receiver<Option<Arc<Outcome>>>),
    /// Answered, and so many bytes long.
    Kept(Arc<Outcome>, usize),
}

/// What a request finds.
pub enum Begun {
    /// Nobody asked this before: do it, and say how it ended.
    Fresh(Recorder),
    /// It is being answered.
    Pending(watch::Receiver<Option<Arc<Outcome>>>),
    /// It was answered.
    Kept(Arc<Outcome>),
}

impl Replies {
    /// A store of at most `limit` bytes, in which a session is kept for `grace` after it
    /// was last used.
    #[must_use]
    pub fn new(limit: usize, grace: Duration) -> Self {
        let store = Store { spaces: HashMap::new(), bytes: 0, limit, grace, swept: Instant::now() };
        Self(Arc::new(Mutex::new(store)))
    }

    /// Begins a request.
    #[must_use]
    pub fn begin(&self, session: SessionId, id: u64) -> Begun {
        let mut store = self.0.lock();
        let now = Instant::now();
        store.sweep(now);
        let space = store.spaces.entry(session).or_insert_with(|| Space {
            entries: VecDeque::new(),
            bytes: 0,
            used: now,
        });
        space.used = now;
        match space.entries.iter().find(|(known, _)| *known == id) {
            Some((_, Entry::Pending(answer))) => Begun::Pending(answer.clone()),
            Some((_, Entry::Kept(outcome, _))) => Begun::Kept(outcome.clone()),
            None => {
                let (done, answer) = watch::channel(None);
                space.entries.push_back((id, Entry::Pending(answer)));
                Begun::Fresh(Recorder { replies: self.clone(), session, id, done })
            }
        }
    }

    /// How many bytes are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.lock().bytes
    }
}

impl Store {
    /// Forgets what was not used for the grace period; looks at most twice in it.
    fn sweep(&mut self, now: Instant) {
        if now - self.swept < self.grace / 2 {
            return;
        }
        self.swept = now;
        let grace = self.grace;
        let mut freed = 0;
        self.spaces.retain(|_, space| {
            let keep = now - space.used < grace || space.is_pending();
            if !keep {
                freed += space.bytes;
            }
            keep
        });
        self.bytes -= freed;
    }

    fn finish(&mut self, session: SessionId, id: u64, outcome: Option<Arc<Outcome>>) {
        let Some(space) = self.spaces.get_mut(&session) else { return };
        let Some(at) = space.entries.iter().position(|(known, _)| *known == id) else { return };
        let length = outcome.as_ref().and_then(|outcome| worth_keeping(outcome));
        match (outcome, length) {
            (Some(outcome), Some(length)) if self.bytes + length <= self.limit => {
                space.entries[at].1 = Entry::Kept(outcome, length);
                space.bytes += length;
                self.bytes += length;
            }
            _ => drop(space.entries.remove(at)),
        }
        while space.bytes > SPACE_BYTES || space.kept() > REPLIES {
            let oldest = space.entries.iter().position(|(_, e)| matches!(e, Entry::Kept(..)));
            let Some((_, Entry::Kept(_, length))) = oldest.and_then(|at| space.entries.remove(at))
            else {
                break;
            };
            space.bytes -= length;
            self.bytes -= length;
        }
        if space.entries.is_empty() {
            self.spaces.remove(&session);
        }
    }
}

impl Space {
    fn is_pending(&self) -> bool {
        self.entries.iter().any(|(_, entry)| matches!(entry, Entry::Pending(_)))
    }

    fn kept(&self) -> usize {
        self.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Kept(..))).count()
    }
}

/// How many bytes an answer takes, unless it is not kept: one after which the same id may be
/// sent again must be tried again, and a large one costs more than it is worth.
fn worth_keeping(outcome: &Outcome) -> Option<usize> {
    let mut bytes = Vec::new();
    let written = match outcome {
        Ok(reply) => Format::Json.encode(reply, &mut bytes),
        Err(error) if error.same_id_again() => return None,
        Err(error) => Format::Json.encode(error, &mut bytes),
    };
    (written.is_ok() && bytes.len() <= REPLY_BYTES).then_some(bytes.len())
}

/// A promise to say how a request ended. Dropped without saying it, the request may be
/// tried again.
pub struct Recorder {
    replies: Replies,
    session: SessionId,
    id: u64,
    done: watch::Sender<Option<Arc<Outcome>>>,
}

impl Recorder {
    /// Keeps the outcome, and gives it to whoever joined.
    pub fn finish(self, outcome: Outcome) -> Arc<Outcome> {
        let outcome = Arc::new(outcome);
        self.replies.0.lock().finish(self.session, self.id, Some(outcome.clone()));
        self.done.send_replace(Some(outcome.clone()));
        outcome
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // After `finish` the entry is no longer pending, or gone.
        let mut store = self.replies.0.lock();
        let pending = store.spaces.get(&self.session).is_some_and(|space| {
            space
                .entries
                .iter()
                .any(|(id, entry)| *id == self.id && matches!(entry, Entry::Pending(_)))
        });
        if pending {
            store.finish(self.session, self.id, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::error::ErrorCode;
    use protocol::identity::LogoutReply;
    use protocol::ids::LoginId;
    use uuid::Uuid;

    use super::*;

    const GRACE: Duration = Duration::from_secs(60);

    fn session(n: u128) -> SessionId {
        SessionId { login: LoginId(Uuid::from_u128(n)), open: 1 }
    }

    fn reply(ended: u64) -> Outcome {
        Ok(Reply::AuthLogout(LogoutReply { ended }))
    }

    fn fresh(replies: &Replies, session: SessionId, id: u64) -> Recorder {
        match replies.begin(session, id) {
            Begun::Fresh(recorder) => recorder,
            Begun::Pending(_) | Begun::Kept(_) => panic!("{id} was begun before"),
        }
    }

    fn kept(replies: &Replies, session: SessionId, id: u64) -> bool {
        matches!(replies.begin(session, id), Begun::Kept(_))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_given_again_and_one_on_its_way_is_joined() {
        let replies = Replies::new(1 << 20, GRACE);
        let recorder = fresh(&replies, session(1), 7);
        let Begun::Pending(mut joined) = replies.begin(session(1), 7) else { panic!() };
        recorder.finish(reply(1));
        joined.changed().await.unwrap();
        assert_eq!(joined.borrow().as_deref(), Some(&reply(1)));
        assert!(matches!(replies.begin(session(1), 7), Begun::Kept(o) if *o == reply(1)));
        drop(fresh(&replies, session(2), 7));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_lost_or_says_same_id_is_tried_again() {
        let replies = Replies::new(1 << 20, GRACE);
        drop(fresh(&replies, session(1), 1));
        let unknown = Err(ErrorBody::new(ErrorCode::Internal, "unknown"));
        fresh(&replies, session(1), 1).finish(unknown);
        for code in [ErrorCode::LimitRate, ErrorCode::LimitOverloaded] {
            fresh(&replies, session(1), 1).finish(Err(ErrorBody::new(code, "not now")));
        }
        fresh(&replies, session(1), 1).finish(reply(1));
        assert!(kept(&replies, session(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_128_are_kept() {
        let replies = Replies::new(1 << 20, GRACE);
        for id in 1..=129 {
            fresh(&replies, session(1), id).finish(reply(id));
        }
        assert!(!kept(&replies, session(1), 1));
        assert!(kept(&replies, session(1), 2) && kept(&replies, session(1), 129));
    }

    #[tokio::test(start_paused = true)]
    async fn large_answers_and_full_stores_keep_nothing() {
        let long = |bytes: usize| Err(ErrorBody::new(ErrorCode::AuthRefused, "x".repeat(bytes)));
        let replies = Replies::new(1 << 20, GRACE);
        fresh(&replies, session(1), 1).finish(long(REPLY_BYTES));
        assert!(!kept(&replies, session(1), 1));
        for id in 2..20 {
            fresh(&replies, session(1), id).finish(long(3_000));
        }
        assert!(replies.bytes() <= SPACE_BYTES, "{}", replies.bytes());
        assert!(kept(&replies, session(1), 19) && !kept(&replies, session(1), 2));

        let small = Replies::new(100, GRACE);
        for n in 0..50 {
            fresh(&small, session(n), 1).finish(reply(1));
        }
        assert!(small.bytes() <= 100);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_used_is_forgotten_after_the_grace_period() {
        let replies = Replies::new(1 << 20, GRACE);
        fresh(&replies, session(1), 1).finish(reply(1));
        tokio::time::advance(GRACE - Duration::from_secs(1)).await;
        assert!(kept(&replies, session(1), 1), "used again");
        tokio::time::advance(GRACE + Duration::from_secs(1)).await;
        drop(fresh(&replies, session(2), 1));
        assert_eq!(replies.bytes(), 0);
    }
}
