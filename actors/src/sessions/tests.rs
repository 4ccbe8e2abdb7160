//! The slot protocol, with real actors, on many threads, in every order that comes.

mod audiences;
mod bans;
mod broadcast;
mod desk;
mod polling;
mod simulation;

use std::collections::HashSet;
use std::sync::Arc;

use protocol::close::{CloseCode, CloseReason};
use protocol::error::ErrorCode;
use protocol::identity::LogoutRequest;
use protocol::members::MeRequest;
use protocol::operation::{MemberRequest, Reply};
use protocol::push::Push;

use super::{Broadcast, Connection, Sessions, SessionsSettings};
use crate::identity::tokens::Caller;
use crate::testing::Ground;

async fn sessions(ground: &Ground, quiet_ms: u64) -> Sessions {
    ground.storage.start_alone().await.unwrap();
    let settings = SessionsSettings { quiet_ms, ..SessionsSettings::default() };
    Sessions::new(
        ground.storage.clone(),
        ground.clock.clone(),
        settings,
        crate::purchases::desk::Desk::closed(ground.storage.clone(), ground.clock.clone()),
        crate::content::Content::closed(ground.clock.clone()),
    )
}

fn me() -> MemberRequest {
    MemberRequest::MemberMe(MeRequest {})
}

/// Returns when every slot is empty; a slot that stays is what the test's own bound finds.
async fn all_asleep(sessions: &Sessions) {
    while !sessions.registry().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_request_is_answered_while_actors_fall_asleep_and_wake() {
    let ground = Ground::new();
    // So short a quiet that an actor decides to sleep about as often as it is asked.
    let sessions = sessions(&ground, 1).await;
    let mut callers = Vec::new();
    for person in 0..6 {
        callers.push(ground.log_in(person).await);
    }
    let askers = (0..12).map(|asker| {
        let (sessions, callers) = (sessions.clone(), callers.clone());
        tokio::spawn(async move {
            for turn in 0..150 {
                let caller = callers[(asker + turn) % callers.len()].clone();
                let member = caller.member;
                match sessions.request(caller, me()).await {
                    Ok(Reply::MemberMe(reply)) => assert_eq!(reply.member.id, member),
                    other => panic!("{other:?}"),
                }
                if turn % 7 == asker % 7 {
                    // Some quiet, so that actors sleep in the middle of it all.
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                }
            }
        })
    });
    for asker in askers.collect::<Vec<_>>() {
        asker.await.unwrap();
    }
    all_asleep(&sessions).await;
    assert_eq!((sessions.awake(), sessions.attached()), (0, 0));
}

#[tokio::test]
async fn requests_of_one_member_are_answered_in_their_order() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let caller = ground.log_in(1).await;
    let logout = MemberRequest::AuthLogout(LogoutRequest {});
    let before = sessions.request(caller.clone(), me());
    let ending = sessions.request(caller.clone(), logout);
    let after = sessions.request(caller, me());
    // Awaited in the other order: what counts is the order in which they were sent.
    assert_eq!(after.await.unwrap_err().code, ErrorCode::AuthLoggedOut);
    ending.await.unwrap();
    before.await.unwrap();
}

#[tokio::test]
async fn an_actor_that_dies_loses_its_callers_answer_and_nothing_else() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 60_000).await;
    let caller = ground.log_in(1).await;
    sessions.request(caller.clone(), me()).await.unwrap();
    let actor = sessions.registry().actor(caller.member).unwrap();
    let lost = sessions.request(caller.clone(), me());
    actor.kill();
    assert_eq!(lost.await.unwrap_err().code, ErrorCode::Internal);
    while sessions.awake() > 0 {
        tokio::task::yield_now().await;
    }
    sessions.request(caller.clone(), me()).await.unwrap();
    let next = sessions.registry().actor(caller.member).unwrap();
    assert_ne!(next.get_id(), actor.get_id());
}

#[tokio::test]
async fn a_caller_who_left_harms_nobody() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1).await;
    let caller = ground.log_in(1).await;
    for _ in 0..50 {
        drop(sessions.request(caller.clone(), me()));
    }
    sessions.request(caller, me()).await.unwrap();
    all_asleep(&sessions).await;
}

/// A connection that knows how it was closed.
#[derive(Default)]
struct Line(std::sync::OnceLock<CloseCode>);

impl Connection for Line {
    fn push(&self, _: &Push) {}

    fn broadcast(&self, _: &Broadcast) {}

    fn look(&self, _: u64) {}

    fn close_after(&self, _: u64, code: CloseCode, _: CloseReason) {
        let _ = self.0.set(code);
    }
}

#[tokio::test]
async fn the_newer_of_two_connections_stands_though_the_older_is_open_later() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1).await;
    let caller = ground.log_in(1).await;
    let (older, newer) = (Arc::new(Line::default()), Arc::new(Line::default()));
    let mut opening = std::pin::pin!(sessions.open(&caller, older.clone(), None));
    // It has its place, and waits for storage.
    assert!(futures_util::poll!(&mut opening).is_pending());
    assert_eq!(sessions.attached(), 1);
    let _newer = sessions.open(&caller, newer.clone(), None).await.unwrap();
    let _older = opening.await.unwrap();
    assert_eq!((older.0.get(), newer.0.get()), (Some(&CloseCode::Moved), None));
}

#[tokio::test]
async fn a_token_of_another_game_or_of_nobody_is_refused() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1_000).await;
    let caller = ground.log_in(1).await;
    sessions.request(caller.clone(), me()).await.unwrap();
    let other = ground.log_in(2).await;
    let strangers: [Caller; 3] = [
        Caller { app: "chess".parse().unwrap(), ..caller.clone() },
        Caller { member: other.member, ..caller.clone() },
        Caller { login: other.login, ..caller },
    ];
    for stranger in strangers {
        let refused = sessions.request(stranger, me()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::AuthRefused);
    }
}

#[tokio::test]
async fn member_ids_spread_over_the_locks() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 1).await;
    let shards: HashSet<usize> = (0..512_u16)
        .map(|n| sessions.registry().place(protocol::ids::MemberId::compose(n, 0, n)))
        .collect();
    assert!(shards.len() > 48, "{}", shards.len());
}
