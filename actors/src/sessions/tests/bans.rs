//! Bans that meet what is under way.

use std::sync::Arc;

use futures_util::FutureExt;
use parking_lot::Mutex;
use protocol::close::{CloseCode, CloseReason};
use protocol::error::{ErrorBody, ErrorCode};
use protocol::members::Ban;
use protocol::operation::MemberRequest;
use protocol::push::{ListRequest, Push};
use protocol::text::Text;
use storage::actor::records::Key;
use storage::members::By;
use storage::open::Storage;
use tokio::sync::oneshot;

use super::{all_asleep, me, sessions};
use crate::identity::tokens::Caller;
use crate::sessions::{Broadcast, Connection, Sessions};
use crate::testing::Ground;

/// A connection that remembers how it was to be closed.
#[derive(Default)]
struct Seen(Mutex<Vec<(u64, CloseCode)>>);

impl Connection for Seen {
    fn push(&self, _: &Push) {}

    fn broadcast(&self, _: &Broadcast) {}

    fn look(&self, _: u64) {}

    fn close_after(&self, seq: u64, code: CloseCode, _: CloseReason) {
        self.0.lock().push((seq, code));
    }
}

async fn ban(sessions: &Sessions, caller: &Caller) -> Result<u64, ErrorBody> {
    let told = Ban { reason: Text::new("Cheating").unwrap(), until: None };
    sessions.ban(caller.app.clone(), caller.member, By::Command, told).await
}

/// Holds up everything that is asked of a member's rows, until it is sent word or dropped.
fn held_up(storage: &Storage, caller: &Caller) -> oneshot::Sender<()> {
    let (word, wait) = oneshot::channel::<()>();
    let (records, key) = (storage.records.clone(), Key::Member(caller.member));
    let mut held = Box::pin(async move {
        let wait = async move |_| {
            let _ = wait.await;
            Ok(())
        };
        records.call(key, wait).await
    });
    // It is in the queue from its first step on.
    assert!(held.as_mut().now_or_never().is_none());
    word
}

#[tokio::test]
async fn a_ban_behind_the_reading_of_an_open_finds_it_attached() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let caller = ground.log_in(1).await;
    let word = held_up(&ground.storage, &caller);
    let seen = Arc::new(Seen::default());
    let mut open = Box::pin(sessions.open(&caller, seen.clone(), None));
    assert!(open.as_mut().now_or_never().is_none(), "its reading is in the queue");
    let mut banning = Box::pin(ban(&sessions, &caller));
    assert!(banning.as_mut().now_or_never().is_none(), "behind it is the ban");
    word.send(()).unwrap();
    // The open goes on only after the ban has seen to everyone who was there.
    assert_eq!(banning.await, Ok(1));
    assert_eq!(*seen.0.lock(), [(1, CloseCode::Banned)]);
    assert!(open.await.is_ok(), "it was read before the ban");
}

#[tokio::test]
async fn an_open_behind_a_ban_is_refused() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let caller = ground.log_in(1).await;
    let word = held_up(&ground.storage, &caller);
    let mut banning = Box::pin(ban(&sessions, &caller));
    assert!(banning.as_mut().now_or_never().is_none());
    // Its own task comes next, and stands in the queue then.
    tokio::task::yield_now().await;
    let seen = Arc::new(Seen::default());
    let mut open = Box::pin(sessions.open(&caller, seen.clone(), None));
    assert!(open.as_mut().now_or_never().is_none());
    word.send(()).unwrap();
    let refused = open.await.err().unwrap();
    assert_eq!(refused.code, ErrorCode::MemberBanned);
    assert_eq!(banning.await, Ok(1));
    assert_eq!(sessions.attached(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_opens_during_a_ban_is_refused_or_closed() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let (mut refused, mut closed) = (0, 0);
    for person in 0..60 {
        let caller = ground.log_in(person).await;
        let seen = Arc::new(Seen::default());
        let opening = {
            let (sessions, caller, seen) = (sessions.clone(), caller.clone(), seen.clone());
            tokio::spawn(async move { sessions.open(&caller, seen, None).await })
        };
        for _ in 0..person % 12 {
            tokio::task::yield_now().await;
        }
        ban(&sessions, &caller).await.unwrap();
        match opening.await.unwrap() {
            Ok(_attachment) => {
                assert_eq!(*seen.0.lock(), [(1, CloseCode::Banned)]);
                closed += 1;
            }
            Err(error) => {
                assert_eq!(error.code, ErrorCode::MemberBanned);
                refused += 1;
            }
        }
    }
    assert_eq!(refused + closed, 60);
}

#[tokio::test]
async fn connections_of_every_login_are_closed_and_nobody_elses() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let (older, other) = (ground.log_in(1).await, ground.log_in(2).await);
    let mut seen = Vec::new();
    let mut attached = Vec::new();
    let mut attach = async |caller: &Caller| {
        let connection = Arc::new(Seen::default());
        attached.push(sessions.open(caller, connection.clone(), None).await.unwrap());
        seen.push(connection);
    };
    attach(&older).await;
    // It is replaced, but its connection has not gone yet.
    let newer = ground.log_in(1).await;
    attach(&newer).await;
    attach(&other).await;
    ban(&sessions, &newer).await.unwrap();
    let closed: Vec<_> = seen.iter().map(|seen| seen.0.lock().clone()).collect();
    let banned = vec![(1, CloseCode::Banned)];
    assert_eq!(closed, [banned.clone(), banned, Vec::new()]);
    for caller in [older, newer] {
        let refused = sessions.request(caller, me()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::MemberBanned);
    }
    sessions.request(other, me()).await.unwrap();
}

#[tokio::test]
async fn an_actor_that_remembers_its_standing_hears_of_a_ban() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 60_000).await;
    let caller = ground.log_in(1).await;
    sessions.request(caller.clone(), me()).await.unwrap();
    ban(&sessions, &caller).await.unwrap();
    let refused = sessions.request(caller.clone(), me()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::MemberBanned);
    let unban = async || {
        sessions.unban(caller.app.clone(), caller.member, By::Command).await.unwrap().is_some()
    };
    assert!(unban().await);
    assert!(!unban().await, "there is nothing to lift");
    sessions.request(caller.clone(), me()).await.unwrap();
}

#[tokio::test]
async fn who_waits_for_a_push_is_refused_at_once() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1).await;
    let caller = ground.log_in(1).await;
    let list = ListRequest { wait_s: Some(30), ..ListRequest::default() };
    let waiting = tokio::spawn(sessions.request(caller.clone(), MemberRequest::InboxList(list)));
    // It waits when it has its place and nothing is being read for it.
    while sessions.attached() == 0 || sessions.awake() > 0 {
        tokio::task::yield_now().await;
    }
    ban(&sessions, &caller).await.unwrap();
    let refused = waiting.await.unwrap().unwrap_err();
    assert_eq!(refused.code, ErrorCode::MemberBanned);
    all_asleep(&sessions).await;
}

#[tokio::test]
async fn a_ban_reaches_the_connections_though_the_one_who_asked_has_left() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let caller = ground.log_in(1).await;
    let seen = Arc::new(Seen::default());
    let _place = sessions.open(&caller, seen.clone(), None).await.unwrap();
    let word = held_up(&ground.storage, &caller);
    let mut banning = Box::pin(ban(&sessions, &caller));
    assert!(banning.as_mut().now_or_never().is_none());
    drop(banning);
    word.send(()).unwrap();
    while seen.0.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(*seen.0.lock(), [(1, CloseCode::Banned)]);
}
