//! The office on embedded storage: what it refuses, and what it says to who asks again.

use protocol::client::Platform;
use storage::clock::Clock;
use storage::open::Storage;

use super::*;
use crate::launching::testers::Tester;
use crate::launching::versions::Version;
use crate::launching::windows::{Plan, When};
use crate::testing::Ground;

struct House {
    ground: Ground,
    office: Office,
}

fn app() -> AppId {
    "demo".parse().unwrap()
}

fn version(number: usize) -> Version {
    let platform = Platform::Android;
    let body = serde_json::json!({
        "version": format!("1.{number}"), "platform": platform, "state": "in_service",
    });
    serde_json::from_value(body).unwrap()
}

fn tester(number: usize) -> Tester {
    Tester { device_id: Some(format!("d{number}")), network: None, note: String::new() }
}

fn keyed(key: &str) -> By {
    let actor = Actor::Operator(Uuid::from_u128(7));
    By { actor, key: Some(SentKey::new(key, key)) }
}

fn full<T: std::fmt::Debug>(done: Result<T, Refused>, most: usize) {
    let refused = done.unwrap_err();
    assert!(matches!(refused, Refused::Full { most: said, .. } if said == most), "{refused:?}");
}

impl House {
    async fn new() -> Self {
        let ground = Ground::new();
        ground.storage.start_alone().await.unwrap();
        let office = Office::new(ground.storage.documents.clone(), None, ground.clock.clone());
        Self { ground, office }
    }

    /// A plan of a window that begins and ends in so many seconds.
    fn plan(&self, from_s: i64, to_s: i64) -> Plan {
        let at = |s: i64| When::Moment(Micros(self.office.now().0 + s * 1_000_000));
        Plan {
            scope: Default::default(),
            from: at(from_s),
            to: at(to_s),
            zone: None,
            reason: String::new(),
            message: Default::default(),
            page: None,
        }
    }

    async fn planned(&self, from_s: i64, to_s: i64) -> Document {
        let plan = self.plan(from_s, to_s);
        self.office.plan(&By::command(), Some(&app()), plan).await.unwrap()
    }

    async fn amend(&self, by: &By, of: &Document, amend: Amend) -> Result<Document, Refused> {
        self.office.amend(by, Some(&app()), of.id, amend, Some(of.version)).await
    }

    /// Writes so many documents that say the same.
    async fn fill(&self, kind: Kind, body: &impl Serialize, count: usize) {
        let body = serde_json::to_string(body).unwrap();
        let storage: &Storage = &self.ground.storage;
        let now = self.ground.clock.now();
        let writes = (0..count).map(|_| {
            storage.documents.change(Change {
                kind,
                id: random::uuid(now),
                app: Some(app()),
                handle: Some(random::uuid(now).to_string()),
                expected: None,
                write: Write::Put { body: body.clone(), sealed: Sealed::Keep },
                by: Actor::Command,
                key: None,
                what: "test.fill",
                now,
            })
        });
        for write in writes {
            assert!(matches!(write.await.unwrap(), Changed::Written(_)));
        }
    }
}

#[tokio::test]
async fn a_window_that_is_over_is_not_planned_anew() {
    let house = House::new().await;
    let over = house.planned(0, 60).await;
    let over = house.amend(&By::command(), &over, Amend::End).await.unwrap();
    let off = house.planned(60, 120).await;
    let off = house.amend(&By::command(), &off, Amend::Off).await.unwrap();
    for window in [over, off] {
        let again = Amend::Replan(Box::new(house.plan(0, 600)));
        let refused = house.amend(&By::command(), &window, again).await.unwrap_err();
        assert!(refused.to_string().contains("plan another"), "{refused}");
    }
}

#[tokio::test]
async fn a_window_that_has_begun_keeps_its_beginning_and_its_bound() {
    let house = House::new().await;
    let window = house.planned(0, 60).await;
    let began: crate::launching::windows::WindowBody = house.office.body(&window).unwrap();
    house.ground.clock.advance(std::time::Duration::from_secs(10));
    let year = 366 * 24 * 3600;
    let longest = Amend::Replan(Box::new(house.plan(1, year - 10)));
    let window = house.amend(&By::command(), &window, longest).await.unwrap();
    let body: crate::launching::windows::WindowBody = house.office.body(&window).unwrap();
    assert_eq!(body.from, began.from);
    let longer = Amend::Replan(Box::new(house.plan(1, year - 9)));
    let refused = house.amend(&By::command(), &window, longer).await.unwrap_err();
    assert!(refused.to_string().contains("366 days"), "{refused}");
}

#[tokio::test]
async fn a_version_that_is_yet_to_come_is_stale() {
    let house = House::new().await;
    let window = house.planned(0, 60).await;
    let later = Document { version: window.version + 1, ..window.clone() };
    for by in [By::command(), keyed("end")] {
        let refused = house.amend(&by, &later, Amend::End).await.unwrap_err();
        assert!(matches!(refused, Refused::Stale(_)), "{refused:?}");
    }
    let by = By::command();
    let made = house.office.put_tester(&by, None, &tester(1), Some(0)).await.unwrap();
    let remove = |version| house.office.remove(&by, Kind::Tester, None, made.id, Some(version));
    assert!(matches!(remove(2).await, Err(Refused::Stale(_))));
    remove(1).await.unwrap();
}

#[tokio::test]
async fn whoever_asks_again_is_told_what_he_did_however_late() {
    let house = House::new().await;
    let (app, by) = (app(), keyed("plan"));
    let plan = house.plan(0, 60);
    let first = house.office.plan(&by, Some(&app), plan.clone()).await.unwrap();
    let window = house.planned(60, 120).await;
    let off = house.amend(&keyed("off"), &window, Amend::Off).await.unwrap();
    let made = house.office.put_tester(&keyed("t"), None, &tester(1), Some(0)).await.unwrap();
    house.office.remove(&By::command(), Kind::Tester, None, made.id, None).await.unwrap();
    // What was planned lies in the past.
    house.ground.clock.advance(std::time::Duration::from_secs(3600));
    let again = house.office.plan(&by, Some(&app), plan.clone()).await.unwrap();
    assert_eq!((again.id, again.version), (first.id, first.version));
    let again = house.amend(&keyed("off"), &window, Amend::Off).await.unwrap();
    assert_eq!((again.id, again.version), (off.id, off.version));
    let again = house.office.put_tester(&keyed("t"), None, &tester(1), Some(1)).await.unwrap();
    assert_eq!((again.id, again.version), (made.id, 1));
    // But what was asked for under no key, or another, is too late.
    for by in [By::command(), keyed("another")] {
        let refused = house.office.plan(&by, Some(&app), plan.clone()).await.unwrap_err();
        assert!(matches!(refused, Refused::Invalid { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn a_game_has_room_for_two_thousand_versions_and_a_thousand_testers() {
    let house = House::new().await;
    let (by, app) = (By::command(), app());
    house.fill(Kind::Version, &version(0), MAX_VERSIONS - 1).await;
    let put = |by, number| {
        let (office, app) = (house.office.clone(), app.clone());
        async move { office.put_version(&by, &app, &version(number), None).await }
    };
    let last = put(keyed("last"), 1).await.unwrap();
    full(put(by.clone(), 2).await, MAX_VERSIONS);
    assert_eq!(put(keyed("last"), 1).await.unwrap(), last, "it is there already");
    put(by.clone(), 1).await.unwrap();

    house.fill(Kind::Tester, &tester(0), MAX_TESTERS - 1).await;
    let add = async |by: &By, number| {
        house.office.put_tester(by, Some(&app), &tester(number), Some(0)).await
    };
    let last = add(&keyed("lab"), 1).await.unwrap();
    full(add(&by, 2).await, MAX_TESTERS);
    assert_eq!(add(&keyed("lab"), 1).await.unwrap(), last);
    house.office.put_tester(&by, None, &tester(2), None).await.unwrap();
}

#[tokio::test]
async fn windows_that_are_over_take_no_room() {
    let house = House::new().await;
    let (by, app) = (By::command(), app());
    let body = |document: &Document| -> crate::launching::windows::WindowBody {
        house.office.body(document).unwrap()
    };
    let (over, stands) = (house.planned(0, 1).await, house.planned(3600, 7200).await);
    house.fill(Kind::Maintenance, &body(&over), 100).await;
    house.ground.clock.advance(std::time::Duration::from_secs(1));
    house.fill(Kind::Maintenance, &body(&stands), MAX_WINDOWS - 2).await;
    let plan = house.plan(60, 120);
    let last = house.office.plan(&keyed("last"), Some(&app), plan.clone()).await.unwrap();
    full(house.office.plan(&by, Some(&app), plan.clone()).await, MAX_WINDOWS);
    let again = house.office.plan(&keyed("last"), Some(&app), plan.clone()).await.unwrap();
    assert_eq!(again, last);
    house.amend(&by, &last, Amend::Off).await.unwrap();
    house.office.plan(&by, Some(&app), plan).await.unwrap();
}
