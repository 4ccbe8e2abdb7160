//! The store's answers, its worst ones, and notifications that are not its own.

mod notifications;

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::signature::{KeyPair, RsaKeyPair};
use serde_json::{Value, json};
use storage::clock::ManualClock;
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::purchases::reply::{MAX_ANSWER, PATIENCE};
use crate::purchases::testing::{FakeStore, START, clock, file, parts};
use crate::purchases::verifier::Happened;

static KEY: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap());

fn license_key() -> String {
    STANDARD.encode(KEY.public_key().as_ref())
}

struct Scene {
    clock: Arc<ManualClock>,
    store: FakeStore,
    sandbox: FakeStore,
    one: OneStore,
}

impl Scene {
    /// A game whose access tokens are there already.
    async fn open(takes_sandbox: bool) -> Self {
        let (clock, folder) = (clock(), TempDir::new().unwrap());
        let (store, sandbox) = (FakeStore::open().await, FakeStore::open().await);
        let settings = OneStoreSettings {
            client_id: "com.example.game".into(),
            client_secret_file: file(&folder, "secret", "s3cr&t\n"),
            license_file: file(&folder, "license", &license_key()),
            api_base: store.url.clone(),
            sandbox_api_base: sandbox.url.clone(),
            allow_insecure_loopback: true,
            ..OneStoreSettings::default()
        };
        let one = OneStore::open(&settings, takes_sandbox, &parts(&clock)).unwrap();
        let scene = Self { clock, store, sandbox, one };
        for (store, environment) in
            [(&scene.store, Environment::Production), (&scene.sandbox, Environment::Sandbox)]
        {
            store.answers(200, &token("first"));
            store.answers(200, &bought(json!({})));
            scene.one.asked(Some(environment), "gem_100", "t").await.unwrap();
            store.anew();
        }
        scene
    }

    async fn verify(&self, evidence: Value) -> Result<Verified, Fault> {
        let evidence = Evidence::read(evidence.to_string().as_bytes()).unwrap();
        self.one.verify(&evidence).await
    }

    async fn bought(&self, changes: Value) -> Result<Verified, Fault> {
        self.store.anew();
        self.store.answers(200, &bought(changes));
        self.verify(evidence()).await
    }
}

fn token(token: &str) -> String {
    json!({"client_id": "com.example.game", "access_token": token, "token_type": "bearer",
           "expires_in": 3600, "scope": "DEFAULT"})
    .to_string()
}

fn evidence() -> Value {
    json!({"token": "t", "product": "gem_100"})
}

fn bought(changes: Value) -> String {
    let mut purchase = json!({
        "consumptionState": 0, "developerPayload": null, "purchaseState": 0,
        "purchaseTime": START * 1_000 - 60_000, "purchaseId": "26091804355110440543",
        "acknowledgeState": 0, "quantity": 1,
    });
    for (name, value) in changes.as_object().unwrap() {
        purchase[name] = value.clone();
    }
    purchase.to_string()
}

fn says(code: &str) -> String {
    json!({"error": {"code": code, "message": "x"}}).to_string()
}

fn transaction(environment: Option<Environment>) -> Transaction {
    Transaction { environment, product: Some("gem_100".into()), id: "t".into() }
}

fn lines(store: &FakeStore) -> Vec<String> {
    store.asked().into_iter().map(|asked| asked.line).collect()
}

#[tokio::test]
async fn the_store_says_what_was_bought() {
    let scene = Scene::open(true).await;
    let paid_at = Micros::from_seconds(START - 60);
    let purchase = scene.bought(json!({})).await.unwrap();
    assert_eq!((purchase.environment, purchase.state), (Environment::Production, State::Paid));
    assert_eq!(purchase.key, "26091804355110440543");
    assert_eq!((purchase.other_key.as_deref(), purchase.quantity), (Some("t"), 1));
    assert_eq!((purchase.purchased_at, purchase.account_token), (Some(paid_at), None));
    let three_days = Duration::from_secs(3 * 86_400);
    assert_eq!(purchase.settle_by, Some(paid_at.after(three_days)));
    let asked = scene.store.asked().remove(0);
    assert_eq!(asked.line, "GET /v7/apps/com.example.game/purchases/inapp/products/gem_100/t");
    assert_eq!(asked.header("x-market-code"), Some("MKT_ONE"));
    assert_eq!(asked.header("authorization"), Some("Bearer first"));

    let payload = |value| json!({ "developerPayload": value });
    assert_eq!(scene.bought(payload(json!(""))).await.unwrap().account_token, None);
    let named = scene.bought(payload(json!("account"))).await.unwrap();
    assert_eq!(named.account_token.as_deref(), Some("account"));
    let consumed = scene.bought(json!({"consumptionState": 1})).await.unwrap();
    assert!(consumed.consumed && consumed.acknowledged && consumed.settle_by.is_none());
    scene.clock.advance(Duration::from_secs(5));
    let refunded = scene.bought(json!({"purchaseState": 1})).await.unwrap();
    assert_eq!(refunded.state, State::Refunded);
    assert_eq!(refunded.changed_at, Micros::from_seconds(START + 5), "when it was asked");
    for odd in [
        json!({"purchaseState": 2}),
        json!({"quantity": 0}),
        json!({"purchaseId": ""}),
        json!({"purchaseId": null}),
    ] {
        assert_eq!(scene.bought(odd.clone()).await, Err(LATER), "{odd}");
    }
}

#[tokio::test]
async fn the_host_is_the_environment_whatever_the_client_says() {
    let scene = Scene::open(true).await;
    scene.store.answers(404, &says("NoSuchData"));
    scene.sandbox.answers(200, &bought(json!({})));
    let claimed = json!({"token": "t", "product": "gem_100", "environment": "production"});
    assert_eq!(scene.verify(claimed).await.unwrap().environment, Environment::Sandbox);
    scene.sandbox.anew();
    scene.sandbox.answers(404, &says("NoSuchData"));
    let unknown = Err(Fault::Refused(reason::UNKNOWN));
    assert_eq!(scene.verify(evidence()).await, unknown);
    let strict = Scene::open(false).await;
    strict.store.answers(404, &says("NoSuchData"));
    assert_eq!(strict.verify(evidence()).await, unknown);
    assert!(strict.sandbox.asked().is_empty());
    // A purchase of one environment is never looked for in the other.
    strict.sandbox.answers(200, &bought(json!({})));
    let at = transaction(Some(Environment::Sandbox));
    assert_eq!(strict.one.look(&at).await.unwrap().environment, Environment::Sandbox);
}

#[tokio::test]
async fn evidence_is_a_token_that_can_be_asked_about_and_a_product() {
    let scene = Scene::open(true).await;
    for odd in [
        json!({}),
        json!({"token": "t"}),
        json!({"product": "gem_100"}),
        json!({"token": "a/b", "product": "gem_100"}),
        json!({"token": "..", "product": "gem_100"}),
        json!({"token": "t", "product": "."}),
    ] {
        let answer = scene.verify(odd.clone()).await;
        assert_eq!(answer, Err(Fault::Refused(reason::EVIDENCE_SHAPE)), "{odd}");
    }
    assert!(scene.store.asked().is_empty());
    scene.store.answers(200, &bought(json!({})));
    scene.verify(json!({"token": "a+b=%", "product": "gem 100".replace(' ', "-")})).await.unwrap();
    assert!(lines(&scene.store)[0].ends_with("/gem-100/a%2Bb%3D%25"));
}

#[tokio::test]
async fn only_the_stores_own_words_are_final() {
    let scene = Scene::open(false).await;
    let wrong = Fault::Misconfigured("one_store.client_secret_file");
    let cases: Vec<(u16, String, Fault)> = vec![
        (404, says("NoSuchData"), Fault::Refused(reason::UNKNOWN)),
        (404, "<html>Not Found</html>".into(), LATER),
        (403, says("AccessBlocked"), wrong),
        (400, says("InvalidRequest"), LATER),
        (409, says("InvalidPurchaseState"), LATER),
        (429, String::new(), LATER),
        (500, says("InternalError"), LATER),
        (503, says("ServiceMaintenance"), LATER),
        (200, "rubbish".into(), LATER),
        (200, " ".repeat(MAX_ANSWER + 1), LATER),
        (302, String::new(), LATER),
    ];
    for (status, body, fault) in cases {
        scene.store.anew();
        scene.store.answers(status, &body);
        assert_eq!(scene.verify(evidence()).await, Err(fault), "{status} {body:.40}");
    }
}

#[tokio::test]
async fn a_refused_token_is_changed_once_and_tokens_are_the_hosts_own() {
    let scene = Scene::open(true).await;
    scene.store.answers(401, &says("AccessTokenExpired"));
    scene.store.answers(200, &token("second"));
    scene.store.answers(200, &bought(json!({})));
    assert!(scene.verify(evidence()).await.is_ok());
    let asked = scene.store.asked();
    assert_eq!(asked[1].line, "POST /v7/oauth/token");
    let form = "grant_type=client_credentials&client_id=com.example.game&client_secret=s3cr%26t";
    assert_eq!(asked[1].body, form);
    assert_eq!(asked[2].header("authorization"), Some("Bearer second"));
    scene.store.anew();
    scene.store.answers(401, &says("AccessTokenExpired"));
    scene.store.answers(200, &token("third"));
    scene.store.answers(401, &says("InvalidAccessToken"));
    let wrong = Fault::Misconfigured("one_store.client_secret_file");
    assert_eq!(scene.verify(evidence()).await, Err(wrong));
    scene.sandbox.answers(200, &bought(json!({})));
    scene.one.look(&transaction(Some(Environment::Sandbox))).await.unwrap();
    assert_eq!(scene.sandbox.asked()[0].header("authorization"), Some("Bearer first"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_given_up() {
    let scene = Scene::open(false).await;
    scene.store.anew();
    scene.store.is_silent();
    let before = Instant::now();
    assert_eq!(scene.verify(evidence()).await, Err(LATER));
    assert!(before.elapsed() <= PATIENCE + Duration::from_millis(2), "{:?}", before.elapsed());
}

#[tokio::test]
async fn a_grant_is_told_and_what_was_told_before_is_as_good() {
    let scene = Scene::open(true).await;
    let at = transaction(Some(Environment::Production));
    scene.store.answers(200, r#"{"result":{"code":"Success"}}"#);
    assert_eq!(scene.one.acknowledge(&at).await, Ok(()));
    assert_eq!(scene.one.consume(&at).await, Ok(()));
    let path = "POST /v7/apps/com.example.game/purchases";
    assert_eq!(
        lines(&scene.store),
        [
            format!("{path}/all/products/gem_100/t/acknowledge"),
            format!("{path}/inapp/products/gem_100/t/consume"),
        ]
    );
    for (now, answer) in [
        (json!({"acknowledgeState": 1}), Ok(())),
        (json!({}), Err(LATER)),
        (json!({"purchaseState": 1}), Err(Fault::Refused(reason::REFUNDED))),
    ] {
        scene.store.anew();
        scene.store.answers(409, &says("InvalidPurchaseState"));
        scene.store.answers(200, &bought(now.clone()));
        assert_eq!(scene.one.acknowledge(&at).await, answer, "{now}");
    }
    scene.store.anew();
    scene.store.answers(500, "");
    assert_eq!(scene.one.acknowledge(&at).await, Err(LATER));
    let nameless = Transaction { product: None, ..at };
    let shape = Err(Fault::Refused(reason::EVIDENCE_SHAPE));
    assert_eq!(scene.one.acknowledge(&nameless).await, shape);
    let listed = scene.one.taken_back(Micros(0), None).await;
    assert_eq!(listed, Ok(TakenBack::LookAtEach));
}

#[test]
fn credentials_are_looked_at_when_the_store_is_opened() {
    assert!(license(license_key().as_bytes()).is_ok());
    assert!(license(format!(" {}\n", license_key()).as_bytes()).is_ok());
    for other in ["", "*", "AAAA"] {
        assert!(license(other.as_bytes()).is_err(), "{other}");
    }
    let folder = TempDir::new().unwrap();
    for (secret, good) in [("s", true), ("s\n", true), ("", false), ("\n", false), ("a b", false)] {
        let settings = OneStoreSettings {
            client_secret_file: file(&folder, "secret", secret),
            license_file: file(&folder, "license", &license_key()),
            ..OneStoreSettings::default()
        };
        let opened = OneStore::open(&settings, true, &parts(&clock()));
        assert_eq!(opened.is_ok(), good, "{secret:?}");
    }
}
