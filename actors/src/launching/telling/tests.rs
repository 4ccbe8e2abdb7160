//! What is said when the turn has come.

use protocol::client::Client;
use storage::audit::Actor;
use storage::clock::ManualClock;
use storage::documents::{Document, Kind};
use uuid::Uuid;

use super::*;
use crate::launching::crier::Crier;
use crate::launching::news::{Known, tests::of};

const START: Micros = Micros(1_800_000_000_000_000);

struct Scene {
    launching: Launching,
    clock: Arc<ManualClock>,
    known: Known,
    crier: Crier,
    revision: i64,
}

impl Scene {
    /// Its crier has looked once, so that everybody is there already.
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let launching = Launching::new("ws://here", false, clock.clone());
        let (known, crier) = (Known::default(), Crier::default());
        let mut scene = Self { launching, clock, known, crier, revision: 0 };
        assert!(scene.due().is_empty());
        scene
    }

    /// A document is written, for the time that this is.
    fn write(&mut self, kind: Kind, body: serde_json::Value) {
        self.revision += 1;
        let document = Document {
            kind,
            id: Uuid::from_u128(1),
            app: Some(app()),
            handle: None,
            version: self.revision,
            revision: self.revision,
            body: body.to_string(),
            sealed: None,
            removed: false,
            changed_at: START,
            changed_by: Actor::Command,
        };
        self.known.learn(of(vec![document]));
        self.publish();
    }

    fn publish(&self) {
        let rules = self.known.rules(self.launching.clock.now());
        self.launching.rules.store(Some(Arc::new(rules)));
    }

    /// A window that begins and ends in so many seconds, in these countries.
    fn window(&mut self, from_s: i64, to_s: i64, countries: &[&str]) {
        let at = |s: i64| Micros(START.0 + s * 1_000_000);
        let scope = json!({ "countries": countries });
        let body = json!({ "from": at(from_s), "to": at(to_s), "scope": scope });
        self.write(Kind::Maintenance, body);
    }

    fn version(&mut self, state: &str) {
        let body = json!({ "version": "1.0", "platform": "android", "state": state });
        self.write(Kind::Version, body);
    }

    fn due(&mut self) -> Vec<Cry> {
        self.crier.due(&self.launching.rules(), self.launching.clock.now())
    }

    /// What somebody in a country is told of it now: the words of the pushes, and the closes.
    fn told(&self, cries: &[Cry], country: &str) -> Vec<String> {
        self.told_to(cries, &audience(country))
    }

    fn told_to(&self, cries: &[Cry], audience: &Audience) -> Vec<String> {
        let words = cries.iter().filter_map(|cry| word_for(&self.launching, cry, audience));
        let said = |word: Word| {
            let close = word.close.map(|close| format!("{:?}", close.code));
            let pushes = word.pushes.into_iter().map(|push| push.push().word().to_owned());
            pushes.chain(close)
        };
        words.flat_map(said).collect()
    }
}

fn app() -> protocol::ids::AppId {
    "demo".parse().unwrap()
}

fn audience(country: &str) -> Audience {
    let client = json!({ "version": "1.0", "platform": "android", "country": country });
    let client: Client = serde_json::from_value(client).unwrap();
    Audience::of(&app(), &client, None)
}

/// Somebody with this device, as the rules see him when he comes.
fn with_device(scene: &Scene, device: &str) -> Audience {
    let client = json!({ "version": "1.0", "platform": "android", "device_id": device });
    let client: Client = serde_json::from_value(client).unwrap();
    scene.launching.rules().audience(&app(), &client, [192, 0, 2, 1].into())
}

const NOTHING: [&str; 0] = [];

#[test]
fn what_is_so_no_more_when_the_turn_has_come_is_not_said() {
    let mut scene = Scene::new();
    scene.window(0, 600, &[]);
    let started = scene.due();
    assert_eq!(scene.told(&started, "KR"), ["maintenance.started", "Maintenance"]);
    // It was changed meanwhile: the change is told of by itself.
    scene.window(0, 900, &[]);
    assert_eq!(scene.told(&started, "KR"), NOTHING);
    let started = scene.due();
    assert_eq!(scene.told(&started, "KR"), ["maintenance.started", "Maintenance"]);
    scene.clock.advance(Duration::from_secs(900));
    assert_eq!(scene.told(&started, "KR"), NOTHING, "it is over");
    let ended = scene.due();
    assert_eq!(scene.told(&ended, "KR"), ["maintenance.ended"]);
    scene.clock.set(START);
    assert_eq!(scene.told(&ended, "KR"), NOTHING, "it holds again");

    let mut scene = Scene::new();
    scene.window(60, 600, &[]);
    scene.due();
    scene.window(30, 600, &[]);
    let scheduled = scene.due();
    assert_eq!(scene.told(&scheduled, "KR"), ["maintenance.scheduled"]);
    scene.clock.advance(Duration::from_secs(30));
    assert_eq!(scene.told(&scheduled, "KR"), NOTHING, "it has begun");
}

#[test]
fn who_tests_no_more_is_sent_away_from_what_holds() {
    let mut scene = Scene::new();
    let tester = |device: &str| json!({ "device_id": device });
    scene.write(Kind::Tester, tester("lab"));
    assert!(scene.due().is_empty(), "nothing holds");
    let (lab, player) = (with_device(&scene, "lab"), with_device(&scene, "phone"));
    scene.window(0, 600, &[]);
    let started = scene.due();
    assert_eq!(scene.told_to(&started, &lab), ["maintenance.started"]);
    // The same is written again, and then another.
    scene.write(Kind::Tester, tester("lab"));
    let same = scene.due();
    assert_eq!(scene.told_to(&same, &lab), NOTHING);
    scene.write(Kind::Tester, tester("other"));
    let other = scene.due();
    assert_eq!(scene.told_to(&other, &lab), ["maintenance.started", "Maintenance"]);
    assert_eq!(scene.told_to(&other, &player), NOTHING, "he was sent away when it began");
    assert!(scene.due().is_empty(), "once");
    // He is let in again before his turn has come.
    scene.write(Kind::Tester, tester("lab"));
    assert_eq!(scene.told_to(&other, &lab), NOTHING);
    // Who is none any more when it begins is sent away then.
    scene.clock.advance(Duration::from_secs(600));
    scene.due();
    scene.write(Kind::Tester, tester("other"));
    assert!(scene.due().is_empty());
    scene.window(600, 900, &[]);
    let started = scene.due();
    assert_eq!(scene.told_to(&started, &lab), ["maintenance.started", "Maintenance"]);
}

#[test]
fn a_countdown_counts_from_when_it_is_said() {
    let mut scene = Scene::new();
    scene.window(300, 600, &[]);
    scene.due();
    scene.clock.advance(Duration::from_secs(120));
    let cries = scene.due();
    scene.clock.advance(Duration::from_secs(1));
    let word = word_for(&scene.launching, &cries[0], &audience("KR")).unwrap();
    let push = &word.pushes[0];
    assert!(matches!(push.push(), Push::MaintenanceCountdown(it) if it.begins_in_s == 179));
}

#[test]
fn for_whom_a_plan_covers_no_more_it_is_over() {
    for from_s in [0, 600] {
        let mut scene = Scene::new();
        scene.window(from_s, 900, &["KR", "JP"]);
        scene.due();
        scene.window(from_s, 900, &["KR", "US"]);
        let cries = scene.due();
        let goes_on = if from_s == 0 { "maintenance.started" } else { "maintenance.scheduled" };
        assert_eq!(scene.told(&cries, "KR")[0], goes_on);
        assert_eq!(scene.told(&cries, "US")[0], goes_on);
        assert_eq!(scene.told(&cries, "JP"), ["maintenance.ended"]);
        assert_eq!(scene.told(&cries, "DE"), NOTHING);
        // It is narrowed and over before anybody looked.
        scene.window(-9, -1, &["KR"]);
        let cries = scene.due();
        assert_eq!(scene.told(&cries, "US"), ["maintenance.ended"]);
    }
}

#[test]
fn whoever_came_in_between_two_looks_is_sent_away_too() {
    let mut scene = Scene::new();
    scene.version("closed");
    let closed = scene.due();
    assert_eq!(scene.told(&closed, "KR"), ["update.announced", "UpdateRequired"]);
    scene.version("in_service");
    assert_eq!(scene.told(&closed, "KR"), NOTHING, "it was opened meanwhile");
    scene.version("closed");
    let cries = scene.due();
    assert_eq!(scene.told(&cries, "KR"), ["update.announced", "UpdateRequired"]);
    assert!(scene.due().is_empty());
    // Who may be in is told once.
    scene.version("update_recommended");
    let cries = scene.due();
    assert_eq!(scene.told(&cries, "KR"), ["update.announced"]);
    scene.version("update_recommended");
    let cries = scene.due();
    assert_eq!(scene.told(&cries, "KR"), NOTHING);
}

#[test]
fn who_asks_comes_back_as_slowly_as_who_was_sent_away() {
    let mut scene = Scene::new();
    scene.window(0, 60, &[]);
    let window = scene.launching.rules().windows().next().unwrap().clone();
    let now = scene.launching.clock.now();
    scene.launching.crowds.note(&scene.launching.rules(), window.id, 100_000, now);
    let asked = |_| {
        let status = scene.launching.status_of(&audience("KR")).unwrap();
        let refused = scene.launching.admit(&audience("KR")).unwrap_err();
        let after = status.maintenance.unwrap().check_after_ms.unwrap();
        [after, refused.retry_after_ms.unwrap()]
    };
    let (soonest, latest) = (60_000, 60_000 + 500_000);
    let all: Vec<u64> = (0..64).flat_map(asked).collect();
    assert!(all.iter().all(|after| (soonest..latest).contains(after)), "{all:?}");
    // One in 10^36 times all of them are within the least spread and twice that.
    assert!(all.iter().any(|after| *after > 60_000 + 60_000), "{all:?}");
}
