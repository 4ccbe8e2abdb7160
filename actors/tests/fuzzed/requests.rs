//! Any bytes as what happens to the requests of a few sessions: clients send, are cut off,
//! resume and send again, while answers come in any order or not at all.
//!
//! A plain account of who asked what stands beside the real rules, and must agree with them.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actors::sessions::ids::{Met, RESENT, RequestIds, Used};
use actors::sessions::replies::{REPLIES, REPLY_BYTES, Recorder, Replies, SPACE_BYTES};
use arbitrary::{Arbitrary, Unstructured};
use protocol::error::{ErrorBody, ErrorCode};
use protocol::identity::LogoutReply;
use protocol::ids::{LoginId, SessionId};
use protocol::operation::Reply;
use tokio::sync::watch;
use uuid::Uuid;

type Outcome = Result<Reply, ErrorBody>;

const GRACE: Duration = Duration::from_secs(60);
/// How many things happen at most: a run must end soon.
const STEPS: usize = 512;
/// How many requests are done at most.
const DONE: u64 = 1_000;
/// How many connections are open at most; the oldest is cut then.
const CONNECTIONS: usize = 4;

#[derive(Debug, Arbitrary)]
enum Step {
    /// A new connection, on a session of its own.
    Open,
    /// A new connection that goes on with the session of another, which stays for a while.
    Resume { of: u8 },
    /// A connection is lost.
    Cut { which: u8 },
    /// A request that changes something.
    Change { on: u8, id: u8 },
    /// Many of them, each answered at once.
    Changes { on: u8, from: u8, many: u8 },
    /// A request that reads.
    Read { on: u8, id: u8 },
    /// One that was to be done ends.
    Finish { which: u8, how: How },
    /// A request that is turned away at the door.
    TurnAway { on: u8, id: u8 },
    /// The answers that are there are given.
    Answer { on: u8 },
    /// Time goes by.
    Wait { seconds: u8 },
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum How {
    Well,
    AtLength(u16),
    Refused,
    OutcomeUnknown,
    /// Its worker died.
    Lost,
}

impl How {
    /// Numbered, so that one answer is told from another.
    fn outcome(self, number: u64) -> Option<Outcome> {
        let refused = |code, text: String| Some(Err(ErrorBody::new(code, text)));
        match self {
            Self::Well => Some(Ok(Reply::AuthLogout(LogoutReply { ended: number }))),
            Self::AtLength(more) => {
                let text = format!("{number} {}", "x".repeat(usize::from(more % 8_192)));
                refused(ErrorCode::AuthRefused, text)
            }
            Self::Refused => refused(ErrorCode::AuthRefused, number.to_string()),
            Self::OutcomeUnknown => refused(ErrorCode::Internal, number.to_string()),
            Self::Lost => None,
        }
    }
}

/// A connection, and what its client has seen.
struct Line {
    ids: RequestIds,
    session: SessionId,
    resumed: bool,
    /// Ids that were sent on it.
    sent: BTreeSet<u64>,
    /// Ids that may be done again: the last answer said so.
    unknown: BTreeSet<u64>,
    /// Ids that were turned away, and may be done though there are higher ones.
    away: BTreeSet<u64>,
    flying: Vec<(u64, Flight)>,
}

enum Flight {
    /// Done for this connection.
    Own(u64),
    /// Done for another.
    Joined(watch::Receiver<Option<Arc<Outcome>>>),
    /// It reads, and is answered when it is looked at.
    Reads,
}

/// Something that is done.
struct Work {
    number: u64,
    session: SessionId,
    id: u64,
    recorder: Recorder,
}

/// The answers of a session.
#[derive(Default)]
struct Account {
    /// Those that may be kept.
    all: HashMap<u64, Arc<Outcome>>,
    /// The ids and lengths of those that must be, in the order in which they came.
    last: VecDeque<(u64, usize)>,
}

struct World {
    replies: Replies,
    limit: usize,
    lines: VecDeque<Line>,
    works: Vec<Work>,
    ended: HashMap<u64, Option<Arc<Outcome>>>,
    accounts: HashMap<SessionId, Account>,
    /// Whether a bound of the whole store, or the time, may have made it forget.
    forgetful: bool,
    numbers: u64,
}

/// Plays the bytes out.
pub fn check(bytes: &[u8]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(play(&mut Unstructured::new(bytes)));
}

async fn play(chance: &mut Unstructured<'_>) {
    // Small stores and one that never is full.
    let limit = [200, 10_000, 40_000, 1 << 30][usize::from(chance.arbitrary().unwrap_or(3_u8) % 4)];
    let mut world = World {
        replies: Replies::new(limit, GRACE),
        limit,
        lines: VecDeque::new(),
        works: Vec::new(),
        ended: HashMap::new(),
        accounts: HashMap::new(),
        forgetful: limit < 1 << 30,
        numbers: 0,
    };
    world.open(None);
    for _ in 0..STEPS {
        if chance.is_empty() {
            break;
        }
        let Ok(step) = chance.arbitrary() else { break };
        world.step(step).await;
        world.bounds_hold();
    }
    world.everything_ends().await;
}

impl World {
    async fn step(&mut self, step: Step) {
        match step {
            Step::Open => self.open(None),
            Step::Resume { of } => {
                if let Some(line) = self.line(of) {
                    let session = self.lines[line].session;
                    self.open(Some(session));
                }
            }
            Step::Cut { which } => {
                if let Some(line) = self.line(which)
                    && self.lines.len() > 1
                {
                    self.lines.remove(line);
                }
            }
            Step::Change { on, id } => self.change(on, u64::from(id) + 1),
            Step::Changes { on, from, many } => {
                for id in 0..u64::from(many) {
                    self.change(on, u64::from(from) + id + 1);
                    if !self.works.is_empty() {
                        self.finish(self.works.len() - 1, How::Well);
                    }
                    self.answer(on);
                }
            }
            Step::Read { on, id } => self.read(on, u64::from(id) + 1),
            Step::TurnAway { on, id } => {
                if let Some(at) = self.line(on) {
                    self.lines[at].turned_away(u64::from(id) + 1);
                }
            }
            Step::Finish { which, how } => {
                if !self.works.is_empty() {
                    self.finish(usize::from(which) % self.works.len(), how);
                }
            }
            Step::Answer { on } => self.answer(on),
            Step::Wait { seconds } => {
                self.forgetful |= seconds > 0;
                tokio::time::advance(Duration::from_secs(seconds.into())).await;
            }
        }
    }

    fn line(&self, which: u8) -> Option<usize> {
        usize::from(which).checked_rem(self.lines.len())
    }

    fn open(&mut self, resumed: Option<SessionId>) {
        if self.lines.len() == CONNECTIONS {
            self.lines.pop_front();
        }
        self.numbers += 1;
        let fresh = SessionId { login: LoginId(Uuid::nil()), open: self.numbers };
        let mut line = Line {
            ids: RequestIds::default(),
            session: resumed.unwrap_or(fresh),
            resumed: resumed.is_some(),
            sent: BTreeSet::new(),
            unknown: BTreeSet::new(),
            away: BTreeSet::new(),
            flying: Vec::new(),
        };
        line.ids.opened(line.resumed);
        self.lines.push_back(line);
    }

    fn change(&mut self, on: u8, id: u64) {
        let Some(at) = self.line(on) else { return };
        if self.numbers > DONE {
            return;
        }
        let line = &mut self.lines[at];
        let session = line.session;
        match line.ids.meet_keeping(id, &self.replies, session) {
            Ok(Met::New(recorder)) => {
                let running = self.works.iter().any(|it| (it.session, it.id) == (session, id));
                assert!(!running, "{id} is done twice at once");
                line.may_be_done(id);
                if let Some(account) = self.accounts.get(&session)
                    && !self.forgetful
                {
                    let known = account.last.iter().any(|(known, _)| *known == id);
                    assert!(!known, "the answer of {id} was not kept");
                }
                self.numbers += 1;
                line.ids.flies(id);
                line.flying.push((id, Flight::Own(self.numbers)));
                self.works.push(Work { number: self.numbers, session, id, recorder });
            }
            Ok(Met::Joins(answer)) => {
                let running = self.works.iter().any(|it| (it.session, it.id) == (session, id));
                assert!(running, "{id} joins what is over");
                line.ids.flies(id);
                line.flying.push((id, Flight::Joined(answer)));
            }
            Ok(Met::Kept(outcome)) => {
                let first = self.accounts.get(&session).and_then(|account| account.all.get(&id));
                assert_eq!(Some(&outcome), first, "another answer than the first of {id}");
                line.answered(id, &outcome);
            }
            Err(used) => line.is_used(id, used),
        }
        line.sent.insert(id);
    }

    fn read(&mut self, on: u8, id: u64) {
        let Some(at) = self.line(on) else { return };
        let line = &mut self.lines[at];
        match line.ids.meet(id) {
            Ok(()) => {
                line.may_be_done(id);
                line.ids.flies(id);
                line.flying.push((id, Flight::Reads));
            }
            Err(used) => line.is_used(id, used),
        }
        line.sent.insert(id);
    }

    fn finish(&mut self, which: usize, how: How) {
        let Work { number, session, id, recorder } = self.works.remove(which);
        let Some(outcome) = how.outcome(number) else {
            drop(recorder);
            self.ended.insert(number, None);
            return;
        };
        let unknown = matches!(how, How::OutcomeUnknown);
        let outcome = recorder.finish(outcome);
        self.ended.insert(number, Some(outcome.clone()));
        let bytes = match outcome.as_ref() {
            Ok(reply) => serde_json::to_vec(reply).unwrap().len(),
            Err(error) => serde_json::to_vec(error).unwrap().len(),
        };
        let account = self.accounts.entry(session).or_default();
        account.last.retain(|(known, _)| *known != id);
        account.all.remove(&id);
        if unknown || bytes > REPLY_BYTES {
            return;
        }
        account.all.insert(id, outcome);
        if self.forgetful {
            return;
        }
        account.last.push_back((id, bytes));
        // Which is forgotten first depends on the order in which they began, so from here on it
        // is left open.
        let bytes: usize = account.last.iter().map(|(_, bytes)| bytes).sum();
        self.forgetful |= account.last.len() > REPLIES || bytes > SPACE_BYTES;
    }

    fn answer(&mut self, on: u8) {
        let Some(at) = self.line(on) else { return };
        let (line, ended) = (&mut self.lines[at], &self.ended);
        let lost = || Arc::new(Err(ErrorBody::new(ErrorCode::Internal, "lost")));
        let mut answers = Vec::new();
        line.flying.retain(|(id, flight)| {
            let outcome = match flight {
                Flight::Own(number) => match ended.get(number) {
                    None => return true,
                    Some(outcome) => outcome.clone().unwrap_or_else(lost),
                },
                Flight::Joined(answer) => {
                    let outcome = answer.borrow().clone();
                    match outcome {
                        Some(outcome) => outcome,
                        None if answer.has_changed().is_err() => lost(),
                        None => return true,
                    }
                }
                Flight::Reads => Arc::new(Ok(Reply::AuthLogout(LogoutReply { ended: 0 }))),
            };
            answers.push((*id, outcome));
            false
        });
        for (id, outcome) in answers {
            line.ids.landed(id);
            line.answered(id, &outcome);
        }
        assert_eq!(line.ids.in_flight(), line.flying.len());
    }

    fn bounds_hold(&self) {
        let bytes = self.replies.bytes();
        assert!(bytes <= self.limit, "{bytes} of {}", self.limit);
        assert!(bytes <= self.accounts.len() * SPACE_BYTES, "{bytes} of all sessions");
    }

    /// When everything has ended and was forgotten, nothing is left.
    async fn everything_ends(&mut self) {
        while !self.works.is_empty() {
            self.finish(0, How::Well);
        }
        for line in 0..self.lines.len() {
            self.answer(u8::try_from(line).unwrap());
            assert_eq!(self.lines[line].ids.in_flight(), 0, "an answer is missing");
        }
        tokio::time::advance(GRACE * 2).await;
        let other = SessionId { login: LoginId(Uuid::nil()), open: 0 };
        drop(self.replies.begin(other, 1));
        assert_eq!(self.replies.bytes(), 0, "something is kept for ever");
    }
}

impl Line {
    /// A request is done once on a connection, and only if it can be the first time, unless
    /// its outcome is unknown.
    fn may_be_done(&mut self, id: u64) {
        let again = self.unknown.remove(&id);
        assert!(again || !self.sent.contains(&id), "{id} is done twice");
        let newest = self.sent.last().is_none_or(|last| id > *last);
        let away = self.away.remove(&id);
        assert!(again || newest || away || self.resumed, "{id} is done, but an older one");
    }

    /// It may come again, unless it is done or being done.
    fn turned_away(&mut self, id: u64) {
        self.ids.turned_away(id);
        if !self.sent.contains(&id) {
            self.away.insert(id);
        }
    }

    fn is_used(&self, id: u64, used: Used) {
        let flies = self.flying.iter().any(|(flying, _)| *flying == id);
        match used {
            Used::InFlight => assert!(flies, "{id} is not in flight"),
            Used::Stale(highest) => {
                assert!(!flies && id <= highest && Some(&highest) == self.sent.last());
                let few = self.sent.len() < RESENT;
                let lost = self.resumed && few && !self.sent.contains(&id);
                assert!(!lost, "{id} may have been lost, and is not done");
            }
        }
    }

    fn answered(&mut self, id: u64, outcome: &Outcome) {
        self.ids.answered(id, outcome);
        match outcome {
            Err(error) if error.code == ErrorCode::Internal => self.unknown.insert(id),
            Ok(_) | Err(_) => self.unknown.remove(&id),
        };
    }
}
