//! What the desk does of itself, with stores that hang and processes that died.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use protocol::client::StoreName;
use protocol::error::ErrorBody;
use protocol::ids::{AppId, MemberId};
use protocol::purchases::{Environment, Grant, Kind};
use protocol::text::Text;
use storage::clock::{Clock, Micros};
use storage::gamelog::Of;
use storage::purchases::claim::Named;
use storage::purchases::{
    Evidence as Kept, Facts, Finished, Heard, Purchase, PurchaseKey, Said, Source, State,
};
use tokio::sync::Notify;

use super::{Desk, Shops};
use crate::apps::{AppSettings, Game};
use crate::launching::Launching;
use crate::purchases::stores::Stores;
use crate::purchases::verified::{Transaction, Verified};
use crate::purchases::verifier::{Evidence, Fault, Hint, Notice, Store, TakenBack};
use crate::random;
use crate::testing::Ground;

/// A store whose list never comes, and which says when it is asked.
#[derive(Default)]
pub(crate) struct Hanging {
    /// Its list was asked for.
    pub(crate) listed: Notify,
    /// It was asked about a purchase.
    pub(crate) looked: Notify,
}

const UNASKED: Fault = Fault::Misconfigured("the test does not ask this");

#[async_trait]
impl Store for Hanging {
    fn name(&self) -> StoreName {
        StoreName::GooglePlay
    }

    async fn verify(&self, _: &Evidence) -> Result<Verified, Fault> {
        Err(UNASKED)
    }

    async fn look(&self, _: &Transaction) -> Result<Verified, Fault> {
        self.looked.notify_one();
        Err(Fault::Unavailable { retry_after_ms: 1 })
    }

    async fn acknowledge(&self, _: &Transaction) -> Result<(), Fault> {
        Err(UNASKED)
    }

    async fn consume(&self, _: &Transaction) -> Result<(), Fault> {
        Err(UNASKED)
    }

    async fn notified(&self, _: Notice<'_>) -> Result<Option<Hint>, Fault> {
        Err(UNASKED)
    }

    async fn taken_back(&self, _: Micros, _: Option<&str>) -> Result<TakenBack, Fault> {
        self.listed.notify_one();
        std::future::pending().await
    }
}

struct Shop(Arc<Hanging>);

#[async_trait]
impl Shops for Shop {
    async fn stores(&self, _: &AppId) -> Result<Stores, ErrorBody> {
        Ok(Stores::of(self.0.clone()))
    }
}

/// The desk of a game that is sold at this store.
pub(crate) fn desk(ground: &Ground, store: &Arc<Hanging>) -> Desk {
    let google = serde_json::json!({"package_name": "cats", "service_account_file": "/nowhere"});
    let settings = serde_json::json!({"stores": {"google_play": google}});
    let settings: AppSettings = serde_json::from_value(settings).unwrap();
    let launching = Launching::new("", false, ground.clock.clone());
    launching.knows(Game::new("demo".parse().unwrap(), &settings).unwrap());
    let shops = Arc::new(Shop(store.clone()));
    Desk::new(ground.storage.clone(), launching, shops, ground.clock.clone())
}

/// Something of which its store is to be asked at once.
pub(crate) async fn waits(ground: &Ground) {
    let now = ground.clock.now();
    let kept = Kept {
        app: "demo".parse().unwrap(),
        store: StoreName::GooglePlay,
        source: Source::Told,
        mark: "1".to_owned(),
        body: serde_json::json!({"id": "t", "at": now, "reverses": false}).to_string(),
        reservation: None,
    };
    ground.storage.purchases.receive(kept, now, now).await.unwrap();
}

#[tokio::test]
async fn a_list_that_hangs_is_left_after_its_time() {
    let ground = Ground::new();
    ground.storage.start_alone().await.unwrap();
    let store = Arc::new(Hanging::default());
    let desk = desk(&ground, &store);
    let reading = tokio::spawn(async move { desk.slow_round().await });
    store.listed.notified().await;
    // Nothing but the list is waited for now.
    tokio::time::pause();
    tokio::time::advance(super::reconcile::LIST_MOST - Duration::from_millis(2)).await;
    assert!(!reading.is_finished());
    tokio::time::advance(Duration::from_millis(4)).await;
    tokio::time::resume();
    assert_eq!(reading.await.unwrap(), []);
}

async fn bought(ground: &Ground, member: MemberId) -> (Purchase, u64) {
    let now = ground.clock.now();
    let said = Said {
        key: PurchaseKey {
            app: "demo".parse().unwrap(),
            store: StoreName::GooglePlay,
            environment: Environment::Production,
            key: "t".to_owned(),
        },
        facts: Facts {
            transaction: "t".into(),
            product: "gem_100".into(),
            kind: Some(Kind::Consumable),
            quantity: 1,
            ..Facts::default()
        },
        state: State::Paid,
        refunded_bp: 0,
        reversed: false,
        at: now,
        source: Source::Posted(member),
        named: Named::Nobody,
        hold: None,
        product: Some(Text::new("gem_100").unwrap()),
        grants: vec![Grant { item: Text::new("gem").unwrap(), amount: 100 }],
        settled: true,
        look_at: None,
        candidate: random::uuid(now),
        evidence: None,
        webhook: false,
        now,
    };
    let heard = ground.storage.purchases.hear(said).await.unwrap();
    let Heard::Owned { purchase, pushed: Some(pushed), .. } = heard else { panic!("{heard:?}") };
    (*purchase, pushed)
}

/// Whoever let the rows follow died before the log had it, or after: either way it is there once.
#[tokio::test]
async fn what_was_left_and_is_finished_is_told_and_is_in_the_game_log_once() {
    let ground = Ground::new();
    ground.storage.start_alone().await.unwrap();
    let member = ground.log_in(1).await.member;
    let desk = desk(&ground, &Arc::default());
    let (purchase, seq) = bought(&ground, member).await;
    let finished = |pushed| Finished { purchase: purchase.clone(), hold: None, pushed };
    let logged = async || {
        let log = &ground.storage.gamelog;
        log.flush().await.unwrap();
        let app = purchase.key.app.clone();
        let all = log.list(app, Of::Member(member), Micros(0), 100).await.unwrap();
        all.into_iter()
            .filter(|it| it.kind == "purchase_changed")
            .map(|it| it.id)
            .collect::<Vec<_>>()
    };
    assert!(logged().await.is_empty(), "as if it had died");
    desk.finished(&finished(Some(seq)));
    assert_eq!(logged().await, [purchase.record_id()]);
    // Another had let the rows follow, and may have logged it.
    desk.finished(&finished(None));
    desk.on_record(&purchase);
    assert_eq!(logged().await, [purchase.record_id()]);
}
