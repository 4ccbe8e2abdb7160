//! A poll is cheap, and misses nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use protocol::ids::MemberId;
use protocol::operation::{MemberRequest, Reply};
use protocol::push::{AckRequest, ListReply, ListRequest};
use storage::cache::{CacheDuty, CacheKey, Fill, Look};
use storage::config::StorageSettings;
use storage::embedded::cache::NearCache;
use storage::open::Storage;
use storage::push::NewPush;

use super::sessions;
use crate::identity::tokens::Caller;
use crate::sessions::{Sessions, SessionsSettings};
use crate::testing::Ground;

const STANDING: Duration = Duration::from_millis(30_000);

async fn list(sessions: &Sessions, caller: &Caller, after: u64, wait_s: u16) -> ListReply {
    let list = ListRequest { after: Some(after), limit: None, wait_s: Some(wait_s) };
    match sessions.request(caller.clone(), MemberRequest::InboxList(list)).await {
        Ok(Reply::InboxList(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

async fn poll(sessions: &Sessions, caller: &Caller, after: u64) -> (usize, u64) {
    let reply = list(sessions, caller, after, 0).await;
    (reply.pushes.len(), reply.seq)
}

async fn acknowledge(sessions: &Sessions, caller: &Caller, seq: u64) {
    let ack = MemberRequest::InboxAck(AckRequest { seq });
    sessions.request(caller.clone(), ack).await.unwrap();
}

async fn post(sessions: &Sessions, caller: &Caller) -> u64 {
    let push = NewPush {
        word: "message".into(),
        body: "{}".into(),
        expires_at: caller.expires_at.after(Duration::from_secs(1 << 20)),
    };
    sessions.post(caller.app.clone(), caller.member, vec![push]).await.unwrap()
}

/// How many calls on storage some work makes.
async fn calls<T>(ground: &Ground, work: impl Future<Output = T>) -> (T, u64) {
    let before = ground.storage.records.taken();
    (work.await, ground.storage.records.taken() - before)
}

async fn polls(sessions: &Sessions, caller: &Caller, after: u64, seq: u64) {
    for _ in 0..50 {
        assert_eq!(poll(sessions, caller, after).await, (0, seq));
    }
}

#[tokio::test]
async fn polls_with_nothing_new_cost_one_read_in_all() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 60_000).await;
    let caller = ground.log_in(1).await;
    assert_eq!(calls(&ground, polls(&sessions, &caller, 0, 0)).await.1, 1);

    for seq in 1..=3 {
        assert_eq!(calls(&ground, post(&sessions, &caller)).await, (seq, 1));
        // It is there for the next poll, which reads it, and known from then on.
        assert_eq!(calls(&ground, poll(&sessions, &caller, seq - 1)).await, ((1, seq), 1));
        assert_eq!(calls(&ground, polls(&sessions, &caller, seq, seq)).await.1, 0);
    }

    // What was acknowledged is not new either, whatever is asked for.
    assert_eq!(poll(&sessions, &caller, 0).await, (3, 3));
    acknowledge(&sessions, &caller, 3).await;
    assert_eq!(calls(&ground, polls(&sessions, &caller, 0, 3)).await.1, 0);

    // Once in a while the truth is looked at.
    ground.clock.advance(STANDING);
    assert_eq!(calls(&ground, polls(&sessions, &caller, 0, 3)).await.1, 1);
}

#[tokio::test]
async fn a_long_poll_with_nothing_new_costs_no_more() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 60_000).await;
    let caller = ground.log_in(1).await;
    poll(&sessions, &caller, 0).await;
    let (_, cost) = calls(&ground, async {
        let mut waiting = std::pin::pin!(list(&sessions, &caller, 0, 30));
        while sessions.attached() == 0 {
            assert!(futures_util::poll!(&mut waiting).is_pending());
            tokio::task::yield_now().await;
        }
        for _ in 0..50 {
            assert!(futures_util::poll!(&mut waiting).is_pending());
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(cost, 0);
}

#[tokio::test]
async fn what_another_node_writes_is_seen_when_the_standing_is_old() {
    let ground = Ground::new();
    let (here, there) = (sessions(&ground, 60_000).await, elsewhere(&ground));
    let caller = ground.log_in(1).await;
    assert_eq!(poll(&here, &caller, 0).await, (0, 0));
    assert_eq!(post(&there, &caller).await, 1);
    ground.clock.advance(STANDING - Duration::from_millis(1));
    assert_eq!(poll(&here, &caller, 0).await, (0, 0), "not yet");
    ground.clock.advance(Duration::from_millis(1));
    assert_eq!(poll(&here, &caller, 0).await, (1, 1));

    // A client that has it from there is not told that there is less.
    assert_eq!(post(&there, &caller).await, 2);
    assert_eq!(poll(&here, &caller, 2).await, (0, 2));
    assert_eq!(calls(&ground, polls(&here, &caller, 2, 2)).await.1, 0);
}

/// The cache of a node that somebody else's reading came to: what is found there is as much older.
struct Older(NearCache, Duration);

#[async_trait]
impl CacheDuty for Older {
    async fn look(&self, keys: Vec<CacheKey>) -> Vec<Look> {
        let older = |look| match look {
            Look::Found { value, age, anew } => Look::Found { value, age: age + self.1, anew },
            Look::Missing(_) | Look::Taken | Look::Away => look,
        };
        self.0.look(keys).await.into_iter().map(older).collect()
    }

    async fn fill(&self, fills: Vec<Fill>) -> Vec<bool> {
        self.0.fill(fills).await
    }

    async fn forget(&self, members: Vec<MemberId>) {
        self.0.forget(members).await;
    }

    fn is_near(&self) -> bool {
        true
    }

    fn trouble(&self) -> Option<String> {
        None
    }
}

#[tokio::test]
async fn what_was_found_in_a_cache_is_remembered_for_as_much_less() {
    let second = Duration::from_secs(1);
    let ground = Ground::over(|data| {
        let settings = StorageSettings::default();
        let (truth, log) = storage::embedded::open(data, &settings).unwrap();
        let cache = Older(NearCache::new(STANDING, 100), 10 * second);
        Storage::cached(Arc::new(truth), Arc::new(cache), Arc::new(log), &settings)
    });
    let (first, other) = (sessions(&ground, 60_000).await, elsewhere(&ground));
    let caller = ground.log_in(1).await;
    assert_eq!(poll(&first, &caller, 0).await, (0, 0));
    // The first read it from the truth, the second finds it, ten seconds old and a little more.
    assert_eq!(calls(&ground, polls(&other, &caller, 0, 0)).await.1, 1);
    ground.clock.advance(STANDING - 11 * second);
    assert_eq!(calls(&ground, polls(&other, &caller, 0, 0)).await.1, 0);
    ground.clock.advance(second);
    assert_eq!(calls(&ground, polls(&first, &caller, 0, 0)).await.1, 0);
    assert_eq!(calls(&ground, poll(&other, &caller, 0)).await.1, 1);
}

fn elsewhere(ground: &Ground) -> Sessions {
    let settings = SessionsSettings::default();
    Sessions::new(
        ground.storage.clone(),
        ground.clock.clone(),
        settings,
        crate::purchases::desk::Desk::closed(ground.storage.clone(), ground.clock.clone()),
        crate::content::Content::closed(ground.clock.clone()),
    )
}

#[tokio::test]
async fn a_posting_is_finished_and_told_without_its_caller() {
    let ground = Ground::new();
    let sessions = sessions(&ground, 60_000).await;
    let caller = ground.log_in(1).await;
    assert_eq!(poll(&sessions, &caller, 0).await, (0, 0));
    {
        let mut posting = std::pin::pin!(post(&sessions, &caller));
        assert!(futures_util::poll!(&mut posting).is_pending());
    }
    while poll(&sessions, &caller, 0).await != (1, 1) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_push_is_never_missed_by_a_poll_that_begins_after_it() {
    let ground = Ground::new();
    // Actors that sleep about as often as they are asked, and forget.
    let sessions = sessions(&ground, 1).await;
    let pairs = (0..4).map(|person| {
        let sessions = sessions.clone();
        let logging_in = ground.log_in(person);
        async move {
            let caller = logging_in.await;
            let noise = tokio::spawn({
                let (sessions, caller) = (sessions.clone(), caller.clone());
                async move {
                    // Others who poll the same inbox at any time.
                    let mut after = 0;
                    while after < 60 {
                        let (found, seq) = poll(&sessions, &caller, after).await;
                        assert_eq!(after + found as u64, seq);
                        after = seq;
                    }
                }
            });
            for after in (0..60).step_by(2) {
                let seq = post(&sessions, &caller).await;
                assert_eq!(poll(&sessions, &caller, after).await, (1, seq));
                // And one that waits while the next is posted. Were it missed, it would find
                // nothing in all its time.
                let (waiting, seq) =
                    tokio::join!(list(&sessions, &caller, seq, 30), post(&sessions, &caller),);
                assert_eq!((waiting.pushes.len(), waiting.seq), (1, seq));
            }
            noise.await.unwrap();
        }
    });
    futures_util::future::join_all(pairs).await;
}
