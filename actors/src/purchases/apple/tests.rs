//! Chains and signed texts that are wrong in one way, and the API at its worst.

mod api;
mod chains;
mod notifications;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use storage::clock::ManualClock;
use tempfile::TempDir;

use super::*;
use crate::purchases::settings::AppleSettings;
use crate::purchases::testing::{
    APPLE, AS_APPLE, FakeStore, OTHER_ROOT, ROOT, START, clock, file, parts,
};
use crate::purchases::verified::{Kind, Price, State};

const START_MS: i64 = START * 1_000;

/// A game at a store on loopback.
struct Scene {
    clock: Arc<ManualClock>,
    store: FakeStore,
    sandbox: FakeStore,
    apple: Apple,
}

impl Scene {
    async fn open() -> Self {
        Self::with(true).await
    }

    async fn with(takes_sandbox: bool) -> Self {
        let (clock, folder) = (clock(), TempDir::new().unwrap());
        let (store, sandbox) = (FakeStore::open().await, FakeStore::open().await);
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let settings = AppleSettings {
            bundle_id: "com.example.game".into(),
            issuer_id: "issuer".into(),
            key_id: "KEY".into(),
            key_file: file(&folder, "key.p8", &key),
            roots_file: Some(file(&folder, "root.pem", &ROOT.pem())),
            api_base: store.url.clone(),
            sandbox_api_base: sandbox.url.clone(),
            allow_insecure_loopback: true,
        };
        let apple = Apple::open(&settings, takes_sandbox, &parts(&clock)).unwrap();
        Self { clock, store, sandbox, apple }
    }

    async fn verify(&self, evidence: Value) -> Result<Verified, Fault> {
        let evidence = Evidence::read(evidence.to_string().as_bytes()).unwrap();
        self.apple.verify(&evidence).await
    }

    async fn shown(&self, jws: &str) -> Result<Verified, Fault> {
        self.verify(json!({ "jws": jws })).await
    }
}

/// A transaction that was signed just now.
fn transaction() -> Value {
    json!({
        "transactionId": "2000000123456789",
        "originalTransactionId": "2000000123456789",
        "bundleId": "com.example.game",
        "productId": "gem_100",
        "purchaseDate": START_MS - 2_000,
        "originalPurchaseDate": START_MS - 2_000,
        "quantity": 1,
        "type": "Consumable",
        "appAccountToken": "7E3FB20B-4cdb-47cc-936d-99d65f608138",
        "inAppOwnershipType": "PURCHASED",
        "signedDate": START_MS - 1_000,
        "environment": "Production",
        "transactionReason": "PURCHASE",
        "storefront": "KOR",
        "price": 1_100_000,
        "currency": "KRW",
    })
}

fn with(changes: Value) -> Value {
    let mut payload = transaction();
    for (name, value) in changes.as_object().unwrap() {
        payload[name] = value.clone();
    }
    payload
}

fn info(payload: &Value) -> String {
    json!({ "signedTransactionInfo": APPLE.sign(payload) }).to_string()
}

#[tokio::test]
async fn a_transaction_says_what_was_bought() {
    let scene = Scene::open().await;
    let jws = APPLE.sign(&transaction());
    let bought = scene.shown(&jws).await.unwrap();
    assert_eq!((bought.environment, bought.state), (Environment::Production, State::Paid));
    assert_eq!((bought.key.as_str(), bought.product.as_str()), ("2000000123456789", "gem_100"));
    assert_eq!((bought.kind, bought.quantity), (Some(Kind::Consumable), 1));
    let token = "7e3fb20b-4cdb-47cc-936d-99d65f608138";
    assert_eq!(bought.account_token.as_deref(), Some(token));
    let price = Price { micros: 1_100_000_000, currency: "KRW".into() };
    assert_eq!(bought.price, Some(price));
    assert_eq!(bought.purchased_at, Some(Micros((START_MS - 2_000) * 1_000)));
    assert_eq!(bought.changed_at, Micros((START_MS - 1_000) * 1_000));
    assert!(bought.acknowledged && bought.settle_by.is_none() && bought.refund.is_none());
    assert!(scene.store.asked().is_empty(), "what is new needs no question");
    // Another signature of the same text is the same evidence.
    let again = scene.shown(&APPLE.sign(&transaction())).await.unwrap();
    assert_eq!(again.evidence, bought.evidence);
}

#[tokio::test]
async fn what_is_not_for_sale_here_is_refused() {
    let scene = Scene::open().await;
    let cases = [
        (json!({"bundleId": "com.example.other"}), reason::OTHER_APP),
        (json!({"type": "Auto-Renewable Subscription"}), reason::KIND),
        (json!({"inAppOwnershipType": "FAMILY_SHARED"}), reason::FAMILY),
        (json!({"environment": "Xcode"}), reason::ENVIRONMENT),
        (json!({"environment": "LocalTesting"}), reason::ENVIRONMENT),
        (json!({"environment": "production"}), reason::ENVIRONMENT),
    ];
    for (changes, why) in cases {
        let answer = scene.shown(&APPLE.sign(&with(changes.clone()))).await;
        assert_eq!(answer, Err(Fault::Refused(why)), "{changes}");
    }
    let sandbox = scene.shown(&APPLE.sign(&with(json!({"environment": "Sandbox"})))).await;
    assert_eq!(sandbox.unwrap().environment, Environment::Sandbox);
}

#[tokio::test]
async fn a_restored_product_is_the_one_that_was_bought_and_a_consumable_never_is() {
    let scene = Scene::open().await;
    let restored = json!({"originalTransactionId": "1", "type": "Non-Consumable"});
    let bought = scene.shown(&APPLE.sign(&with(restored))).await.unwrap();
    assert_eq!((bought.key.as_str(), bought.original.as_deref()), ("1", Some("1")));
    assert_eq!(bought.transaction.id, "2000000123456789");
    let consumable = json!({"originalTransactionId": "1"});
    let bought = scene.shown(&APPLE.sign(&with(consumable))).await.unwrap();
    assert_eq!(bought.key, "2000000123456789");
}

#[tokio::test]
async fn refunds_are_whole_or_in_part() {
    let scene = Scene::open().await;
    let cases = [
        (json!({}), State::Refunded, 10_000),
        (json!({"revocationType": "REFUND_FULL"}), State::Refunded, 10_000),
        (json!({"revocationType": "FAMILY_REVOKE"}), State::Refunded, 10_000),
        (json!({"revocationType": "SOMETHING_NEW"}), State::Refunded, 10_000),
        (json!({"revocationType": "REFUND_PRORATED"}), State::Refunded, 10_000),
        (
            json!({"revocationType": "REFUND_PRORATED", "revocationPercentage": 100_000}),
            State::Refunded,
            10_000,
        ),
        (
            json!({"revocationType": "REFUND_PRORATED", "revocationPercentage": 25_500}),
            State::Paid,
            2_550,
        ),
        (json!({"revocationType": "REFUND_PRORATED", "revocationPercentage": 0}), State::Paid, 1),
        (
            json!({"revocationType": "REFUND_PRORATED", "revocationPercentage": i64::MAX}),
            State::Refunded,
            10_000,
        ),
    ];
    for (mut changes, state, basis_points) in cases {
        changes["revocationDate"] = json!(START_MS - 1_500);
        changes["revocationReason"] = json!(1);
        let bought = scene.shown(&APPLE.sign(&with(changes.clone()))).await.unwrap();
        let refund = bought.refund.unwrap();
        assert_eq!((bought.state, refund.basis_points), (state, basis_points), "{changes}");
        assert_eq!(refund.at, Some(Micros((START_MS - 1_500) * 1_000)));
        assert_eq!(refund.reason.as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn what_is_apples_and_not_understood_is_never_final() {
    let scene = Scene::open().await;
    for changes in [
        json!({"quantity": 0}),
        json!({"quantity": "1"}),
        json!({"transactionId": ""}),
        json!({"transactionId": 7}),
        json!({"bundleId": null}),
        json!({"purchaseDate": "yesterday"}),
    ] {
        let answer = scene.shown(&APPLE.sign(&with(changes.clone()))).await;
        assert_eq!(answer, Err(LATER), "{changes}");
    }
    // An app that sets no token may send an empty one.
    let empty = scene.shown(&APPLE.sign(&with(json!({"appAccountToken": ""})))).await;
    assert_eq!(empty.unwrap().account_token, None);
}

#[tokio::test]
async fn what_is_signed_in_the_future_waits_for_our_clock() {
    let scene = Scene::open().await;
    let ahead = |seconds: i64| APPLE.sign(&with(json!({"signedDate": START_MS + seconds * 1_000})));
    assert!(scene.shown(&ahead(300)).await.is_ok());
    assert_eq!(scene.shown(&ahead(301)).await, Err(LATER));
    scene.clock.advance(Duration::from_secs(1));
    assert!(scene.shown(&ahead(301)).await.is_ok());
}

#[tokio::test]
async fn evidence_is_one_of_two_forms() {
    let scene = Scene::open().await;
    for (evidence, why) in [
        (json!({}), reason::EVIDENCE_SHAPE),
        (json!({"jws": 7}), reason::EVIDENCE_SHAPE),
        (json!({"jws": ""}), reason::EVIDENCE_SHAPE),
        (json!({"transaction": ".."}), reason::EVIDENCE_SHAPE),
        (json!({"transaction": "1 2"}), reason::EVIDENCE_SHAPE),
        (json!({"transaction": "1".repeat(513)}), reason::EVIDENCE_SIZE),
        (json!({"jws": "a".repeat(signed::MAX_SIGNED + 1)}), reason::EVIDENCE_SIZE),
    ] {
        assert_eq!(scene.verify(evidence.clone()).await, Err(Fault::Refused(why)));
    }
    assert!(scene.store.asked().is_empty());
}

#[test]
fn credentials_are_looked_at_when_a_store_is_opened() {
    let folder = TempDir::new().unwrap();
    let settings = |key: &str, roots: Option<&str>| AppleSettings {
        key_file: file(&folder, "key.p8", key),
        roots_file: roots.map(|roots| file(&folder, "roots.pem", roots)),
        ..AppleSettings::default()
    };
    let says = |settings: &AppleSettings| {
        let opened = Apple::open(settings, true, &parts(&clock()));
        opened.err().map(|problem| problem.to_string())
    };
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(says(&settings(&key, None)), None);
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    for other in ["", "hello", &p384.serialize_pem(), &ROOT.pem()] {
        let problem = says(&settings(other, None)).unwrap();
        assert!(
            problem.starts_with("stores.app_store.key_file: is not a private key"),
            "{problem}"
        );
    }
    for other in ["", "hello", &key] {
        let problem = says(&settings(&key, Some(other))).unwrap();
        assert!(problem.starts_with("stores.app_store.roots_file: holds no"), "{problem}");
    }
    assert_eq!(says(&settings(&key, Some(&ROOT.pem()))), None);
    let gone = AppleSettings { key_file: "/nowhere/key.p8".into(), ..AppleSettings::default() };
    assert!(says(&gone).unwrap().contains("/nowhere/key.p8: "));
    let large = settings(&"x".repeat(64 * 1024 + 1), None);
    assert!(says(&large).unwrap().ends_with("has more than 65536 bytes"));
}
