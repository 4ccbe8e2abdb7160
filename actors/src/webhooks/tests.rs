//! What games' servers are told, on real storage and over real HTTP, by a clock that tests move.

mod receiver;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use protocol::client::StoreName;
use protocol::ids::MemberId;
use protocol::purchases::{Environment, Grant, Kind};
use protocol::text::Text;
use storage::outbox::{Notice, NoticesRead, Sent};
use storage::purchases::claim::{Named, State};
use storage::purchases::{Facts, PurchaseKey, Said, Source};

use super::*;
use crate::outside::http_client;
use crate::random;
use crate::testing::Ground;
use receiver::{Answer, Receiver, product};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const DAY: Duration = Duration::from_secs(24 * 3600);

struct Scene {
    ground: Ground,
    receiver: Receiver,
    webhooks: Webhooks,
}

impl Scene {
    async fn new() -> Self {
        let ground = Ground::new();
        ground.storage.start_alone().await.unwrap();
        let receiver = Receiver::open().await;
        let webhooks = worker(&ground, &[("demo", &receiver)]);
        Self { ground, receiver, webhooks }
    }

    /// A member of the demo game.
    async fn member(&self, person: u16) -> MemberId {
        self.ground.log_in(person).await.member
    }

    /// Grants a purchase to a member of a game, which its server is told of.
    async fn grant(&self, member: MemberId, product: &str) {
        buy(&self.ground, "demo", member, product).await;
    }

    /// Looks once, and returns when all that was sent is answered.
    async fn look(&self) {
        self.webhooks.look().await;
        self.webhooks.settled().await;
    }

    async fn notices(&self, member: MemberId) -> Vec<Notice> {
        let app = "demo".parse().unwrap();
        let read = NoticesRead { app, member: Some(member), sent: None, before: None, limit: 100 };
        let mut notices = self.ground.storage.outbox.notices(read).await.unwrap();
        notices.sort_by_key(|notice| notice.seq);
        notices
    }

    fn advance(&self, by: Duration) {
        self.ground.clock.advance(by);
    }
}

impl Webhooks {
    /// Returns when nothing is being sent.
    async fn settled(&self) {
        let mut sending = std::mem::take(&mut *self.0.sending.lock());
        while let Some(sent) = sending.join_next().await {
            sent.unwrap();
        }
    }
}

fn worker(ground: &Ground, games: &[(&str, &Receiver)]) -> Webhooks {
    // Whoever is silent is given up soon.
    patient(ground, games, Duration::from_millis(300))
}

fn patient(ground: &Ground, games: &[(&str, &Receiver)], patience: Duration) -> Webhooks {
    let target = |url: &str| Target { url: url.to_owned(), secrets: Secrets::one(SECRET).unwrap() };
    let targets = games.iter().map(|(word, it)| (word.parse().unwrap(), target(&it.url)));
    let targets = Targets(targets.collect::<BTreeMap<_, _>>());
    let outbox = ground.storage.outbox.clone();
    Webhooks::patient(targets, outbox, http_client().unwrap(), ground.clock.clone(), patience)
}

async fn buy(ground: &Ground, app: &str, member: MemberId, product: &str) {
    let now = ground.clock.now();
    let said = Said {
        key: PurchaseKey {
            app: app.parse().unwrap(),
            store: StoreName::GooglePlay,
            environment: Environment::Production,
            key: random::uuid(now).to_string(),
        },
        facts: Facts {
            transaction: "t".into(),
            product: product.into(),
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
        product: Some(Text::new(product).unwrap()),
        grants: vec![Grant { item: Text::new("gem").unwrap(), amount: 1 }],
        settled: true,
        look_at: None,
        candidate: random::uuid(now),
        evidence: None,
        webhook: true,
        now,
    };
    ground.storage.purchases.hear(said).await.unwrap();
}

fn stands(notices: &[Notice]) -> Vec<(Sent, u32)> {
    notices.iter().map(|notice| (notice.sent, notice.tries)).collect()
}

#[tokio::test]
async fn notices_are_signed_and_come_in_order() {
    let scene = Scene::new().await;
    let member = scene.member(1).await;
    for product in ["a", "b", "c"] {
        scene.grant(member, product).await;
    }
    scene.look().await;
    assert_eq!(scene.receiver.told(), ["a", "b", "c"]);
    let notices = scene.notices(member).await;
    assert_eq!(stands(&notices), [(Sent::Done, 0); 3]);
    let now = scene.ground.clock.now().seconds();
    for (notice, came) in notices.iter().zip(scene.receiver.came()) {
        assert_eq!(came.line, "POST /hook?of=game");
        assert_eq!(came.header("content-type"), Some("application/json"));
        assert_eq!(came.body, notice.body);
        let id = notice.id.to_string();
        assert_eq!(came.header("webhook-id"), Some(id.as_str()));
        assert_eq!(came.header("webhook-timestamp"), Some(now.to_string().as_str()));
        let signature = came.header("webhook-signature").unwrap();
        assert!(Secrets::one(SECRET).unwrap().verify(signature, &id, now, came.body.as_bytes()));
    }
    scene.look().await;
    assert_eq!(scene.receiver.came().len(), 3, "what was taken is not sent again");
}

#[tokio::test]
async fn one_that_is_not_taken_holds_up_its_members_later_ones_and_nobody_elses() {
    let scene = Scene::new().await;
    let (one, other) = (scene.member(1).await, scene.member(2).await);
    scene.receiver.answers(|asked| match product(asked).as_str() {
        "bad" => Answer::Status(500),
        _ => Answer::Status(200),
    });
    for product in ["first", "bad", "held"] {
        scene.grant(one, product).await;
    }
    scene.grant(other, "others").await;
    scene.look().await;
    let told = scene.receiver.told();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.contains(&"others".to_owned()) && !told.contains(&"held".to_owned()), "{told:?}");
    let notices = scene.notices(one).await;
    assert_eq!(stands(&notices), [(Sent::Done, 0), (Sent::Waiting, 1), (Sent::Waiting, 0)]);
    assert_eq!(notices[1].why.as_deref(), Some("status 500"));

    // What comes meanwhile waits too, and nothing is sent before the rest is over.
    scene.grant(one, "later").await;
    scene.advance(Duration::from_millis(4_900));
    scene.look().await;
    assert_eq!(scene.receiver.came().len(), 3);
    scene.receiver.answers(|_| Answer::Status(200));
    scene.advance(Duration::from_millis(1_400));
    scene.look().await;
    assert_eq!(scene.receiver.told()[3..], ["bad", "held", "later"]);
    let came = scene.receiver.came();
    let bad: Vec<_> = came.iter().filter(|came| product(came) == "bad").collect();
    assert_eq!(bad[0].header("webhook-id"), bad[1].header("webhook-id"));
    let at = |came: &crate::purchases::testing::Asked| {
        came.header("webhook-timestamp").unwrap().parse::<i64>().unwrap()
    };
    assert_eq!(at(bad[1]) - at(bad[0]), 6, "the time is that of the try");
}

#[tokio::test]
async fn after_three_days_it_is_set_aside_and_the_next_goes_out() {
    let scene = Scene::new().await;
    let member = scene.member(1).await;
    scene.receiver.answers(|asked| match product(asked).as_str() {
        "bad" => Answer::Status(404),
        _ => Answer::Status(200),
    });
    scene.grant(member, "bad").await;
    scene.grant(member, "good").await;
    let mut tries = 0;
    // An hour is the longest rest, so it is tried in each.
    for _ in 0..72 {
        scene.look().await;
        let now = scene.receiver.came().len();
        assert!(now > tries, "after {tries}");
        tries = now;
        scene.advance(Duration::from_secs(3600));
    }
    assert_eq!(stands(&scene.notices(member).await)[0], (Sent::Waiting, 72));
    scene.look().await;
    let notices = scene.notices(member).await;
    assert_eq!(stands(&notices), [(Sent::Failed, 73), (Sent::Waiting, 0)]);
    scene.look().await;
    assert_eq!(scene.receiver.told().last().unwrap(), "good");
    assert_eq!(stands(&scene.notices(member).await)[1], (Sent::Done, 0));

    // Somebody mends it, and has it sent again.
    scene.receiver.answers(|_| Answer::Status(200));
    let (outbox, now) = (&scene.ground.storage.outbox, scene.ground.clock.now());
    assert!(outbox.replay("demo".parse().unwrap(), member, notices[0].seq, now).await.unwrap());
    scene.look().await;
    assert_eq!(scene.receiver.told().last().unwrap(), "bad");
    let again = scene.receiver.came().pop().unwrap();
    assert_eq!(again.header("webhook-id"), Some(notices[0].id.to_string().as_str()));
}

/// The lease has ended by then, and nobody else has taken it.
#[tokio::test]
async fn one_that_is_set_aside_late_is_set_aside_all_the_same() {
    let scene = Scene::new().await;
    let member = scene.member(1).await;
    scene.grant(member, "bad").await;
    scene.advance(3 * DAY);
    let clock = scene.ground.clock.clone();
    scene.receiver.answers(move |_| {
        clock.advance(LEASE);
        Answer::Status(404)
    });
    scene.look().await;
    assert_eq!(stands(&scene.notices(member).await), [(Sent::Failed, 1)]);
}

#[tokio::test]
async fn what_a_sender_did_not_write_down_is_sent_again_under_the_same_id() {
    let scene = Scene::new().await;
    let member = scene.member(1).await;
    scene.grant(member, "a").await;
    // A sender that dies between its sending and the writing leaves this: a lease, and a game's
    // server that knows.
    scene.receiver.answers(|_| Answer::Silence);
    let doomed = patient(&scene.ground, &[("demo", &scene.receiver)], DAY);
    doomed.look().await;
    scene.receiver.wait(1).await;
    doomed.0.sending.lock().abort_all();
    scene.receiver.answers(|_| Answer::Status(200));
    scene.look().await;
    assert_eq!(scene.receiver.came().len(), 1, "the lease stands");
    scene.advance(LEASE);
    scene.look().await;
    let came = scene.receiver.came();
    assert_eq!(scene.receiver.told(), ["a", "a"]);
    assert_eq!(came[0].header("webhook-id"), came[1].header("webhook-id"));
}

#[tokio::test]
async fn one_that_stops_gives_its_leases_back() {
    let scene = Scene::new().await;
    for person in 0..=u16::try_from(AT_ONCE).unwrap() {
        scene.grant(scene.member(person).await, "a").await;
    }
    scene.receiver.answers(|_| Answer::Silence);
    let stopping = worker(&scene.ground, &[("demo", &scene.receiver)]);
    stopping.look().await;
    scene.receiver.wait(AT_ONCE).await;
    scene.grant(scene.member(99).await, "new").await;
    stopping.leave().await;
    stopping.look().await;
    assert_eq!(scene.receiver.came().len(), AT_ONCE, "it sends nothing more");
    scene.receiver.answers(|_| Answer::Status(200));
    scene.look().await;
    let told = scene.receiver.told().split_off(AT_ONCE);
    assert_eq!(told.len(), 2, "the one that waited for its turn is free at once: {told:?}");
    // The others' answers did not come in time, so they rest; no lease stands in their way.
    scene.advance(Duration::from_secs(7));
    scene.look().await;
    assert_eq!(scene.receiver.came().len(), AT_ONCE + 2 + AT_ONCE);
}

#[tokio::test]
async fn a_slow_games_server_holds_up_no_other_games() {
    let scene = Scene::new().await;
    let (slow, quick) = (&scene.receiver, Receiver::open().await);
    slow.answers(|_| Answer::Silence);
    let webhooks = worker(&scene.ground, &[("demo", slow), ("cats", &quick)]);
    // More than are sent of and wait together; each is a member of its own.
    let members: Vec<_> =
        join_all((0..u16::try_from(AT_ONCE + WAITING + 9).unwrap()).map(|n| scene.member(n))).await;
    for member in &members {
        scene.grant(*member, "slow").await;
    }
    let cat = scene.ground.log_in_to("cats", 1).await.member;
    buy(&scene.ground, "cats", cat, "quick").await;
    webhooks.look().await;
    quick.wait(1).await;
    slow.wait(AT_ONCE).await;
    webhooks.settled().await;
    assert_eq!(quick.told(), ["quick"]);
    assert_eq!(slow.came().len(), AT_ONCE + WAITING);
    // Those who found no room have their leases still, and are told of after these end.
    slow.answers(|_| Answer::Status(200));
    for _ in 0..2 {
        scene.advance(LEASE);
        webhooks.look().await;
        webhooks.settled().await;
    }
    for member in members {
        assert_eq!(scene.notices(member).await[0].sent, Sent::Done, "{member}");
    }
}

#[tokio::test]
async fn what_is_not_a_yes_is_tried_again_and_said() {
    let scene = Scene::new().await;
    let member = scene.member(1).await;
    scene.grant(member, "a").await;
    let cases = [
        (Answer::Status(302), "status 302: redirects are not followed"),
        (Answer::Status(503), "status 503"),
        (Answer::Silence, "no answer in time"),
        (Answer::Status(410), "410 Gone: set apps.demo.webhook.url to where notices are taken"),
    ];
    for (n, (answer, says)) in cases.into_iter().enumerate() {
        scene.receiver.answers(move |_| answer);
        scene.look().await;
        let notices = scene.notices(member).await;
        assert_eq!(notices[0].why.as_deref(), Some(says));
        assert_eq!(scene.receiver.came().len(), n + 1, "a redirect is not followed");
        scene.advance(Duration::from_secs(60));
    }
    // Whoever says that it is gone for good is asked once an hour.
    scene.advance(Duration::from_secs(3_500));
    scene.look().await;
    assert_eq!(scene.receiver.came().len(), 4);
    scene.advance(Duration::from_secs(100));
    scene.receiver.answers(|_| Answer::Status(201));
    scene.look().await;
    assert_eq!(stands(&scene.notices(member).await), [(Sent::Done, 4)]);
}

#[tokio::test]
async fn without_the_setting_it_waits_and_says_so() {
    let scene = Scene::new().await;
    let member = scene.member(1).await;
    scene.grant(member, "a").await;
    let ignorant = worker(&scene.ground, &[]);
    ignorant.look().await;
    ignorant.settled().await;
    let notices = scene.notices(member).await;
    assert_eq!(notices[0].why.as_deref(), Some("this server has no apps.demo.webhook"));
    scene.look().await;
    assert_eq!(scene.receiver.came().len(), 0, "it rests for a minute");
    scene.advance(Duration::from_secs(60));
    scene.look().await;
    assert_eq!(scene.receiver.told(), ["a"], "another node knows where");
}

#[tokio::test]
async fn what_was_taken_is_forgotten_after_thirty_days() {
    let scene = Scene::new().await;
    let member = scene.member(1).await;
    scene.grant(member, "a").await;
    scene.look().await;
    scene.advance(30 * DAY);
    scene.look().await;
    assert_eq!(scene.notices(member).await.len(), 1, "not a moment earlier");
    scene.advance(FORGETTING);
    scene.look().await;
    assert_eq!(scene.notices(member).await.len(), 0);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "hunter2").unwrap();
    let of = |previous: Option<&str>| {
        let webhook = WebhookSettings {
            url: "https://game.example".into(),
            secret_file: file.clone(),
            previous_secret_file: previous.map(Into::into),
            allow_insecure_loopback: false,
        };
        let app = AppSettings { webhook: Some(webhook), ..AppSettings::default() };
        Targets::open(&BTreeMap::from([("demo".to_owned(), app)]))
    };
    let wrong = of(None).unwrap_err();
    assert!(wrong[0].starts_with("apps.demo.webhook.secret_file: "), "{wrong:?}");
    assert!(!wrong[0].contains("hunter2"), "{wrong:?}");
    std::fs::write(&file, SECRET).unwrap();
    assert!(of(None).is_ok());
    let wrong = of(Some("/nowhere/secret")).unwrap_err();
    assert!(wrong[0].starts_with("apps.demo.webhook.previous_secret_file: "), "{wrong:?}");
}
