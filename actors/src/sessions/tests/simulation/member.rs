//! A member of the simulation: what it does, and what must come of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use parking_lot::Mutex;
use protocol::close::{CloseCode, CloseReason};
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::LoginId;
use protocol::operation::{MemberRequest, Reply};
use protocol::push::{AckRequest, ListRequest, Push};
use storage::push::NewPush;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::super::me;
use crate::identity::tokens::Caller;
use crate::sessions::{Broadcast, Connection, Sessions};
use crate::testing::Ground;

pub(super) struct Member {
    ground: Arc<Ground>,
    sessions: Sessions,
    person: u16,
    caller: Caller,
    facts: Arc<Facts>,
    asked: Vec<JoinHandle<()>>,
    connections: Vec<(Arc<Line>, JoinHandle<()>)>,
}

/// What is true of a member by now.
#[derive(Default)]
struct Facts {
    /// The highest push whose posting has returned.
    posted: AtomicU64,
    /// The highest push that was asked to be acknowledged.
    acknowledged: AtomicU64,
    /// Logins that are not, or may not be, the newest any more.
    replaced: Mutex<Vec<LoginId>>,
    kills: AtomicU64,
}

impl Facts {
    /// Whether an error is one that the caller may be told.
    fn allow(&self, login: LoginId, error: &ErrorBody) {
        match error.code {
            ErrorCode::Internal => assert!(self.kills.load(SeqCst) > 0, "{error}"),
            ErrorCode::SessionReplaced => assert!(self.replaced.lock().contains(&login), "{error}"),
            _ => panic!("{error}"),
        }
    }
}

/// A connection that does as it is told.
#[derive(Default)]
struct Line {
    opened: AtomicBool,
    looked: AtomicU64,
    /// The highest push that it has read.
    read: AtomicU64,
    closed: Mutex<Option<CloseCode>>,
    woken: Notify,
}

impl Connection for Line {
    fn push(&self, _: &Push) {}

    fn broadcast(&self, _: &Broadcast) {}

    fn look(&self, seq: u64) {
        self.looked.fetch_max(seq, SeqCst);
        self.woken.notify_one();
    }

    fn close_after(&self, _: u64, code: CloseCode, _: CloseReason) {
        *self.closed.lock() = Some(code);
        self.woken.notify_one();
    }
}

impl Member {
    pub(super) async fn arrive(ground: &Arc<Ground>, sessions: &Sessions, person: u16) -> Self {
        Self {
            ground: ground.clone(),
            sessions: sessions.clone(),
            person,
            caller: ground.log_in(person).await,
            facts: Arc::default(),
            asked: Vec::new(),
            connections: Vec::new(),
        }
    }

    /// Asks a few things at once, or leaves before the answer.
    pub(super) fn ask(&mut self, random: &mut fastrand::Rng) {
        for _ in 0..random.usize(1..4) {
            let (caller, facts) = (self.caller.clone(), self.facts.clone());
            if random.bool() {
                let asked = self.sessions.request(caller.clone(), me());
                if random.u8(..4) == 0 {
                    continue;
                }
                self.asked.push(tokio::spawn(async move {
                    match asked.await {
                        Ok(Reply::MemberMe(reply)) => assert_eq!(reply.member.id, caller.member),
                        Ok(other) => panic!("{other:?}"),
                        Err(error) => facts.allow(caller.login, &error),
                    }
                }));
            } else {
                let after = facts.posted.load(SeqCst).saturating_sub(random.u64(..3));
                let (least, list) = (facts.posted.load(SeqCst), list(after));
                let asked = self.sessions.request(caller.clone(), list);
                self.asked.push(tokio::spawn(async move {
                    match asked.await {
                        Ok(Reply::InboxList(reply)) => {
                            assert!(reply.seq >= least, "{} misses {least}", reply.seq);
                        }
                        Ok(other) => panic!("{other:?}"),
                        Err(error) => facts.allow(caller.login, &error),
                    }
                }));
            }
        }
    }

    /// Acknowledges one push after the other without waiting: answers that are not exactly
    /// what was asked for would show another order.
    pub(super) fn acknowledge(&mut self, random: &mut fastrand::Rng) {
        let up_to = self.facts.posted.load(SeqCst);
        let from = self.facts.acknowledged.load(SeqCst) + 1;
        let numbers: Vec<u64> = (from..=up_to).take(random.usize(1..6)).collect();
        self.facts.acknowledged.fetch_add(numbers.len() as u64, SeqCst);
        let asked = numbers.into_iter().map(|seq| {
            let request = MemberRequest::InboxAck(AckRequest { seq });
            (seq, self.sessions.request(self.caller.clone(), request))
        });
        let asked: Vec<_> = asked.collect();
        let (facts, login) = (self.facts.clone(), self.caller.login);
        self.asked.push(tokio::spawn(async move {
            for (seq, asked) in asked {
                match asked.await {
                    Ok(Reply::InboxAck(reply)) => assert_eq!(reply.acked, seq),
                    Ok(other) => panic!("{other:?}"),
                    Err(error) => facts.allow(login, &error),
                }
            }
        }));
    }

    pub(super) async fn post(&mut self, count: usize) {
        let app = self.caller.app.clone();
        let push = NewPush {
            word: "message".into(),
            body: "{}".into(),
            expires_at: self.caller.expires_at,
        };
        let posted = self.sessions.post(app, self.caller.member, vec![push; count]).await.unwrap();
        let before = self.facts.posted.swap(posted, SeqCst);
        assert_eq!(posted, before + count as u64);
    }

    pub(super) fn connect(&mut self) {
        let line = Arc::new(Line::default());
        let task = tokio::spawn(serve(
            self.sessions.clone(),
            self.caller.clone(),
            self.facts.clone(),
            line.clone(),
        ));
        self.connections.push((line, task));
    }

    pub(super) fn disconnect(&mut self, random: &mut fastrand::Rng) {
        if !self.connections.is_empty() {
            let at = random.usize(..self.connections.len());
            self.connections.swap_remove(at).1.abort();
        }
    }

    pub(super) async fn log_in_again(&mut self) {
        // It is true before the login's own answer says so.
        let older = self.caller.login;
        self.facts.replaced.lock().push(older);
        self.caller = self.ground.log_in(self.person).await;
        self.sessions.replaced(self.caller.member, Some(older));
    }

    pub(super) fn kill_actor(&mut self) {
        if let Some(actor) = self.sessions.registry().actor(self.caller.member) {
            self.facts.kills.fetch_add(1, SeqCst);
            actor.kill();
        }
    }

    /// Waits until all is answered and every connection has all, and hangs up.
    pub(super) async fn settle(self) {
        for asked in self.asked {
            asked.await.unwrap();
        }
        let posted = self.facts.posted.load(SeqCst);
        for (line, task) in self.connections {
            while !task.is_finished() && line.read.load(SeqCst) < posted {
                let told = line.looked.load(SeqCst).max(line.read.load(SeqCst));
                assert!(!line.opened.load(SeqCst) || told >= posted, "{told} of {posted} told");
                tokio::task::yield_now().await;
            }
            if task.is_finished() {
                // It was closed, or it could not be opened: not by a fault of its own.
                task.await.unwrap();
            } else {
                assert!(line.looked.load(SeqCst) <= posted);
                task.abort();
            }
        }
    }
}

fn list(after: u64) -> MemberRequest {
    MemberRequest::InboxList(ListRequest { after: Some(after), limit: None, wait_s: None })
}

/// Opens a session and reads the inbox whenever it is told to look, until it is closed.
async fn serve(sessions: Sessions, caller: Caller, facts: Arc<Facts>, line: Arc<Line>) {
    let (_place, standing) = match sessions.open(&caller, line.clone(), None).await {
        Ok(opened) => opened,
        Err(error) => return facts.allow(caller.login, &error),
    };
    let mut read = standing.inbox;
    line.read.store(read, SeqCst);
    line.opened.store(true, SeqCst);
    loop {
        if line.closed.lock().is_some() {
            return;
        }
        if line.looked.load(SeqCst) <= read {
            line.woken.notified().await;
            continue;
        }
        match sessions.request(caller.clone(), list(read)).await {
            Ok(Reply::InboxList(reply)) => {
                // What was acknowledged meanwhile does not come again, and is no gap.
                let missing = reply.pushes.first().map_or(reply.seq, |push| push.seq - 1);
                assert!(missing <= read.max(facts.acknowledged.load(SeqCst)), "a gap");
                read = read.max(missing);
                for push in reply.pushes {
                    assert_eq!((push.seq, push.push.as_str()), (read + 1, "message"));
                    read = push.seq;
                }
                line.read.store(read, SeqCst);
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) if error.code == ErrorCode::Internal => facts.allow(caller.login, &error),
            Err(error) => return facts.allow(caller.login, &error),
        }
    }
}
