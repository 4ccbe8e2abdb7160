//! What is asked of the truth when there is a cache in front of it.

use futures_util::FutureExt;
use futures_util::future::join_all;
use protocol::text::Text;
use uuid::Uuid;

use super::*;
use crate::actor::fake::Fake;
use crate::actor::records::Records;
use crate::clock::Micros;
use crate::config::StorageSettings;
use crate::conformance::cache::key;
use crate::embedded::cache::NearCache;
use crate::members::{Ban, By, Members};
use crate::members::{BanWrite, MembersDuty};
use crate::purchases::{Finishing, PurchasesDuty};
use crate::push::NewPush;
use crate::redis::tests::scene;

const LIFE: Duration = Duration::from_secs(30);

fn near() -> Arc<dyn CacheDuty> {
    Arc::new(NearCache::new(LIFE, 1_000))
}

/// Two nodes' own, in front of one Redis.
async fn far() -> [Arc<dyn CacheDuty>; 2] {
    let scene = scene::Scene::new().await;
    [scene.cache.0.clone(), scene::node(&scene.url, LIFE).await.0]
}

/// A node in front of a backend, that waits for others for as long as a busy machine takes.
fn node(truth: &Arc<Fake>, cache: Arc<dyn CacheDuty>) -> Arc<Fronted> {
    let patience = Duration::from_secs(60);
    Arc::new(Fronted { patience, ..Fronted::new(truth.clone(), cache) })
}

impl Fronted {
    /// What a node says of a member: how often it was banned.
    async fn says(&self, key: &CacheKey) -> Result<i64> {
        let member = self.member(key.app.clone(), key.member).await?;
        Ok(member.unwrap().created_at.0)
    }

    async fn bans(&self, key: &CacheKey) -> Result<Option<u64>> {
        let (app, member) = (key.app.clone(), key.member);
        let reason = Text::new("").unwrap();
        let ban = Ban { id: Uuid::nil(), reason, until: None, at: Micros(0), by: By::Command };
        let push = NewPush { word: String::new(), body: String::new(), expires_at: Micros(0) };
        self.ban(BanWrite { app, member, ban, push }).await
    }
}

fn reads(truth: &Fake) -> usize {
    *truth.member.reads.borrow()
}

/// A thousand who find nothing there, on two nodes, ask the truth once.
async fn herd(caches: [Arc<dyn CacheDuty>; 2]) {
    let (truth, key) = (Arc::new(Fake::new(0)), key());
    let nodes = caches.map(|cache| node(&truth, cache));
    let readers = (0..1_000).map(|place| {
        let (node, key) = (nodes[place % 2].clone(), key.clone());
        tokio::spawn(async move { node.says(&key).await })
    });
    for said in join_all(readers).await {
        assert_eq!(said.unwrap(), Ok(0));
    }
    assert_eq!(reads(&truth), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_cold_readers_ask_the_truth_once() {
    let cache = near();
    herd([cache.clone(), cache]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_cold_readers_of_two_nodes_ask_the_truth_once() {
    herd(far().await).await;
}

async fn writes_are_seen(caches: [Arc<dyn CacheDuty>; 2]) {
    let (truth, key) = (Arc::new(Fake::new(0)), key());
    let [one, other] = caches.map(|cache| node(&truth, cache));
    for round in 0..5 {
        for _ in 0..3 {
            assert_eq!(one.says(&key).await, Ok(round));
            assert_eq!(other.says(&key).await, Ok(round));
        }
        assert_eq!(reads(&truth), usize::try_from(round).unwrap() + 1);
        other.bans(&key).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_written_is_read_by_whoever_asks_afterwards() {
    let cache = near();
    writes_are_seen([cache.clone(), cache]).await;
    writes_are_seen(far().await).await;
}

#[tokio::test]
async fn a_write_of_an_unknown_outcome_is_forgotten_and_one_that_was_not_done_is_not() {
    let (truth, key) = (Arc::new(Fake::new(0)), key());
    let node = node(&truth, near());
    assert_eq!(node.says(&key).await, Ok(0));
    *truth.member.fault.lock().unwrap() = Some(StorageError::OutcomeUnknown);
    assert_eq!(node.bans(&key).await, Err(StorageError::OutcomeUnknown));
    assert_eq!((node.says(&key).await, reads(&truth)), (Ok(1), 2));
    *truth.member.fault.lock().unwrap() = Some(StorageError::Locked);
    assert_eq!(node.bans(&key).await, Err(StorageError::Locked));
    assert_eq!((node.says(&key).await, reads(&truth)), (Ok(1), 2));
}

/// The rows of one who owns a claim that was left may have followed it, or not.
#[tokio::test]
async fn who_may_have_been_written_to_by_finishing_is_forgotten() {
    let (truth, key, other) = (Arc::new(Fake::new(0)), key(), key());
    let node = node(&truth, near());
    for key in [&key, &other] {
        assert_eq!(node.says(key).await, Ok(0));
    }
    *truth.unsure.lock().unwrap() = vec![key.member];
    node.finish(Finishing { before: Micros(0), now: Micros(0), limit: 1 }).await.unwrap();
    for key in [&key, &other] {
        assert_eq!(node.says(key).await, Ok(0));
    }
    assert_eq!(reads(&truth), 3, "the other is remembered");
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_often_is_read_anew_behind_the_answers() {
    let (truth, key) = (Arc::new(Fake::new(0)), key());
    let node = node(&truth, near());
    assert_eq!(node.says(&key).await, Ok(0));
    tokio::time::advance(LIFE.mul_f64(0.77)).await;
    // All of them find it, at once, and one reads it anew.
    truth.member.door.forget_permits(usize::MAX);
    for _ in 0..10 {
        assert_eq!(node.says(&key).now_or_never(), Some(Ok(0)));
    }
    truth.member.reads.subscribe().wait_for(|reads| *reads == 2).await.unwrap();
    truth.member.door.add_permits(10);
    // Long after it would have ended it is there, and nobody waited.
    for _ in 0..10 {
        tokio::time::sleep(LIFE / 5).await;
        assert_eq!(node.says(&key).await, Ok(0));
    }
    assert!(reads(&truth) < 8, "{}", reads(&truth));
}

#[tokio::test]
async fn a_reader_that_was_overtaken_by_a_write_leaves_nothing_behind() {
    for cache in [near(), far().await[0].clone()] {
        let (truth, key) = (Arc::new(Fake::new(0)), key());
        let node = node(&truth, cache);
        truth.member.door.forget_permits(usize::MAX);
        let slow = tokio::spawn({
            let (node, key) = (node.clone(), key.clone());
            async move { node.says(&key).await }
        });
        truth.member.reads.subscribe().wait_for(|reads| *reads == 1).await.unwrap();
        node.bans(&key).await.unwrap();
        truth.member.door.add_permits(10);
        // It began before the ban was answered, so either answer was right.
        assert_eq!(slow.await.unwrap(), Ok(0));
        assert_eq!(node.says(&key).await, Ok(1));
    }
}

#[tokio::test]
async fn without_a_cache_that_answers_the_truth_does() {
    let mut server =
        crate::servers::Redis::start(&crate::servers::Binaries::default(), &[]).unwrap();
    let cache = scene::node(server.databases().url(), LIFE).await.0;
    server.kill().unwrap();
    let (truth, key) = (Arc::new(Fake::new(0)), key());
    let node = node(&truth, cache);
    for round in 0..3 {
        assert_eq!(node.says(&key).await, Ok(round));
        node.bans(&key).await.unwrap();
    }
    assert_eq!(reads(&truth), 3);
}

/// What is remembered is answered while the truth hangs, through all that stands between.
#[tokio::test]
async fn a_truth_that_hangs_holds_up_nobody_who_does_not_need_it() {
    let (truth, known) = (Arc::new(Fake::new(0)), key());
    let records = Records::new(truth.clone(), Some(near()), StorageSettings::default());
    records.start(None).await.unwrap();
    let members = Members(records);
    let get = |key: &CacheKey| members.get(key.app.clone(), key.member);
    get(&known).await.unwrap();
    truth.member.door.forget_permits(usize::MAX);
    let strangers: Vec<CacheKey> = (0..10).map(|_| key()).collect();
    let mut hung = join_all(strangers.iter().map(get)).boxed();
    assert!(futures_util::poll!(&mut hung).is_pending());
    // The lane takes two batches at once, of what came until then.
    truth.member.reads.subscribe().wait_for(|reads| *reads >= 2).await.unwrap();
    for _ in 0..100 {
        get(&known).await.unwrap();
    }
    assert!(futures_util::poll!(&mut hung).is_pending());
    truth.member.door.add_permits(100);
    hung.await;
}
