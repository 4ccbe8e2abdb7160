//! Google's answers, its worst ones, and pushes that are not Pub/Sub's.

mod pushes;

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::encoding::Pkcs8V1Der;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use storage::clock::ManualClock;
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::purchases::reply::{MAX_ANSWER, PATIENCE};
use crate::purchases::testing::{FakeStore, START, clock, file, parts};
use crate::purchases::verified::Environment;
use crate::purchases::verifier::Happened;

const EMAIL: &str = "pusher@example.iam.gserviceaccount.com";

static KEY: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

fn pem() -> String {
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&*KEY).unwrap();
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

struct Scene {
    clock: Arc<ManualClock>,
    store: FakeStore,
    play: GooglePlay,
}

impl Scene {
    /// A game whose access token is there already.
    async fn open() -> Self {
        let scene = Self::bare("").await;
        scene.store.answers(200, &token("first", 3600));
        scene.store.answers(200, &bought(json!({})));
        scene.verify(json!({"token": "t"})).await.unwrap();
        scene.store.anew();
        scene
    }

    async fn bare(jwks_url: &str) -> Self {
        let (clock, folder) = (clock(), TempDir::new().unwrap());
        let store = FakeStore::open().await;
        let account = json!({
            "type": "service_account",
            "client_email": "daemun@example.iam.gserviceaccount.com",
            "private_key_id": "key id",
            "private_key": pem(),
            "token_uri": format!("{}/token", store.url),
        });
        let settings = GooglePlaySettings {
            package_name: "com.example.game".into(),
            service_account_file: file(&folder, "account.json", &account.to_string()),
            push_audience: "https://play.example.com".into(),
            push_email: EMAIL.into(),
            push_jwks_url: jwks_url.into(),
            api_base: store.url.clone(),
            allow_insecure_loopback: true,
            ..GooglePlaySettings::default()
        };
        let play = GooglePlay::open(&settings, &parts(&clock)).unwrap();
        Self { clock, store, play }
    }

    async fn verify(&self, evidence: Value) -> Result<Verified, Fault> {
        let evidence = Evidence::read(evidence.to_string().as_bytes()).unwrap();
        self.play.verify(&evidence).await
    }

    async fn bought(&self, changes: Value) -> Result<Verified, Fault> {
        self.store.anew();
        self.store.answers(200, &bought(changes));
        self.verify(json!({"token": "t"})).await
    }

    fn lines(&self) -> Vec<String> {
        self.store.asked().into_iter().map(|asked| asked.line).collect()
    }
}

fn token(token: &str, expires_in: u64) -> String {
    json!({"access_token": token, "expires_in": expires_in, "token_type": "Bearer"}).to_string()
}

fn bought(changes: Value) -> String {
    let mut product = json!({
        "kind": "androidpublisher#productPurchaseV2",
        "productLineItem": [{"productId": "gem_100", "productOfferDetails": {
            "quantity": 1, "refundableQuantity": 1,
            "consumptionState": "CONSUMPTION_STATE_YET_TO_BE_CONSUMED",
        }}],
        "purchaseStateContext": {"purchaseState": "PURCHASED"},
        "orderId": "GPA.3300-0000-0000-00001",
        "obfuscatedExternalAccountId": "account",
        "regionCode": "KR",
        "purchaseCompletionTime": "2027-01-15T07:59:00Z",
        "acknowledgementState": "ACKNOWLEDGEMENT_STATE_PENDING",
    });
    for (name, value) in changes.as_object().unwrap() {
        product[name] = value.clone();
    }
    product.to_string()
}

fn google_says(code: u16) -> String {
    json!({"error": {"code": code, "message": "x", "status": "X"}}).to_string()
}

fn transaction() -> Transaction {
    Transaction { environment: None, product: Some("gem_100".into()), id: "t".into() }
}

#[tokio::test]
async fn google_says_what_was_bought() {
    let scene = Scene::open().await;
    let paid_at = Micros::from_seconds(START - 60);
    let bought = scene.bought(json!({})).await.unwrap();
    assert_eq!((bought.environment, bought.state), (Environment::Production, State::Paid));
    assert_eq!((bought.key.as_str(), bought.product.as_str()), ("t", "gem_100"));
    assert_eq!((bought.quantity, bought.account_token.as_deref()), (1, Some("account")));
    assert_eq!((bought.purchased_at, bought.changed_at), (Some(paid_at), paid_at));
    let three_days = Duration::from_secs(3 * 86_400);
    assert_eq!(bought.settle_by, Some(paid_at.after(three_days)));
    assert!(!bought.acknowledged && !bought.consumed && bought.refund.is_none());
    let path = "GET /androidpublisher/v3/applications/com.example.game/purchases";
    assert_eq!(scene.lines(), [format!("{path}/productsv2/tokens/t")]);
    assert_eq!(scene.store.asked()[0].header("authorization"), Some("Bearer first"));

    let acknowledged = json!({"acknowledgementState": "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED"});
    let bought = scene.bought(acknowledged).await.unwrap();
    assert!(bought.acknowledged && bought.settle_by.is_none());
    let test = scene.bought(json!({"testPurchaseContext": {"fopType": "TEST"}})).await.unwrap();
    assert_eq!(test.environment, Environment::Sandbox);
    let promotion = json!({"orderId": null, "obfuscatedExternalAccountId": ""});
    let bought = scene.bought(promotion).await.unwrap();
    assert_eq!((bought.order, bought.account_token), (None, None));
}

#[tokio::test]
async fn states_are_googles_and_never_the_clients() {
    let scene = Scene::open().await;
    let state = |word: &str| json!({"purchaseState": word});
    let context = |word| json!({"purchaseStateContext": state(word)});
    let unpaid =
        |word| json!({"purchaseStateContext": state(word), "purchaseCompletionTime": null});
    assert_eq!(scene.bought(unpaid("PENDING")).await.unwrap().state, State::Pending);
    assert_eq!(scene.bought(unpaid("CANCELLED")).await.unwrap().state, State::Cancelled);
    let refunded = scene.bought(context("CANCELLED")).await.unwrap();
    assert_eq!(refunded.state, State::Refunded);
    assert_eq!(refunded.refund.unwrap().basis_points, 10_000);
    assert!(refunded.settle_by.is_none());
    for odd in [
        context("SOMETHING_NEW"),
        json!({"productLineItem": []}),
        json!({"productLineItem": [{"productId": "a"}, {"productId": "b"}]}),
        json!({"productLineItem": [{"productId": "a", "productOfferDetails": {"quantity": 0}}]}),
        json!({"purchaseCompletionTime": "yesterday"}),
        json!({"purchaseStateContext": {}}),
    ] {
        assert_eq!(scene.bought(odd.clone()).await, Err(LATER), "{odd}");
    }
    // What the client says of it is not read.
    scene.store.anew();
    scene.store.answers(200, &bought(unpaid("PENDING")));
    let claimed = json!({"token": "t", "purchaseState": 0, "state": "PURCHASED"});
    assert_eq!(scene.verify(claimed).await.unwrap().state, State::Pending);
}

#[tokio::test]
async fn some_of_several_may_be_taken_back() {
    let scene = Scene::open().await;
    let offer = |quantity: u32, refundable: u32| {
        json!({"productLineItem": [{"productId": "gem_100", "productOfferDetails": {
            "quantity": quantity, "refundableQuantity": refundable,
        }}]})
    };
    for (quantity, refundable, share) in [(3, 2, 3_333), (3, 0, 10_000), (2, 1, 5_000)] {
        let bought = scene.bought(offer(quantity, refundable)).await.unwrap();
        assert_eq!((bought.quantity, bought.state), (quantity, State::Paid));
        assert_eq!(bought.refund.unwrap().basis_points, share);
    }
    assert_eq!(scene.bought(offer(3, 3)).await.unwrap().refund, None);
}

#[tokio::test]
async fn product_and_package_are_compared_where_the_client_names_them() {
    let scene = Scene::open().await;
    scene.store.answers(200, &bought(json!({})));
    let says = async |evidence| scene.verify(evidence).await.map(|_| ());
    let good = json!({"token": "t", "product": "gem_100", "package": "com.example.game"});
    assert_eq!(says(good).await, Ok(()));
    let other = json!({"token": "t", "product": "gem_10"});
    assert_eq!(says(other).await, Err(Fault::Refused(reason::PRODUCT)));
    let asked = scene.lines().len();
    let other = json!({"token": "t", "package": "com.example.other"});
    assert_eq!(says(other).await, Err(Fault::Refused(reason::OTHER_APP)));
    for odd in [json!({}), json!({"token": ".."}), json!({"token": "a b"})] {
        assert_eq!(says(odd).await, Err(Fault::Refused(reason::EVIDENCE_SHAPE)));
    }
    assert_eq!(scene.lines().len(), asked);
    assert_eq!(says(json!({"token": "a/b+c=%?"})).await, Ok(()));
    assert!(scene.lines().pop().unwrap().ends_with("/tokens/a%2Fb%2Bc%3D%25%3F"));
}

#[tokio::test]
async fn the_access_token_is_asked_for_by_the_account_and_kept() {
    let scene = Scene::bare("").await;
    scene.store.answers(200, &token("first", 3600));
    scene.store.answers(200, &bought(json!({})));
    for _ in 0..3 {
        scene.verify(json!({"token": "t"})).await.unwrap();
    }
    assert_eq!(scene.lines().len(), 4, "one token, three questions");
    let asked = scene.store.asked().remove(0);
    assert_eq!(asked.line, "POST /token");
    let (grant, assertion) = asked.body.split_once("&assertion=").unwrap();
    assert_eq!(grant, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer");
    let header = jsonwebtoken::decode_header(assertion).unwrap();
    assert_eq!((header.alg, header.kid.as_deref()), (Algorithm::RS256, Some("key id")));
    use aws_lc_rs::signature::KeyPair;
    let public = DecodingKey::from_rsa_der(KEY.public_key().as_ref());
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims = jsonwebtoken::decode::<Value>(assertion, &public, &validation).unwrap().claims;
    let expected = json!({
        "iss": "daemun@example.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/androidpublisher",
        "aud": format!("{}/token", scene.store.url),
        "iat": START, "exp": START + 3600,
    });
    assert_eq!(claims, expected);
    // Five minutes before its end it is changed.
    scene.clock.advance(Duration::from_secs(3_300));
    scene.store.anew();
    scene.store.answers(200, &token("second", 3600));
    scene.store.answers(200, &bought(json!({})));
    scene.verify(json!({"token": "t"})).await.unwrap();
    assert_eq!(scene.store.asked()[1].header("authorization"), Some("Bearer second"));
}

#[tokio::test]
async fn a_refused_token_is_changed_once() {
    let scene = Scene::open().await;
    scene.store.answers(401, &google_says(401));
    scene.store.answers(200, &token("second", 3600));
    scene.store.answers(200, &bought(json!({})));
    assert!(scene.verify(json!({"token": "t"})).await.is_ok());
    scene.store.anew();
    scene.store.answers(401, &google_says(401));
    scene.store.answers(200, &token("third", 3600));
    scene.store.answers(401, &google_says(401));
    let wrong = Fault::Misconfigured("google_play.service_account_file");
    assert_eq!(scene.verify(json!({"token": "t"})).await, Err(wrong));
    assert_eq!(scene.lines().len(), 3);
}

#[tokio::test]
async fn an_account_that_google_does_not_know_is_our_fault_and_trouble_is_googles() {
    let wrong = Fault::Misconfigured("google_play.service_account_file");
    let cases = [
        (400, r#"{"error":"invalid_grant"}"#, wrong),
        (401, r#"{"error":"invalid_client"}"#, wrong),
        (400, "rubbish", LATER),
        (500, r#"{"error":"internal"}"#, LATER),
        (200, "{}", LATER),
    ];
    for (status, body, fault) in cases {
        let scene = Scene::bare("").await;
        scene.store.answers(status, body);
        assert_eq!(scene.verify(json!({"token": "t"})).await, Err(fault), "{status} {body}");
    }
}

#[tokio::test]
async fn only_googles_own_words_are_final() {
    let scene = Scene::open().await;
    let unknown = Fault::Refused(reason::UNKNOWN);
    let wrong = Fault::Misconfigured("google_play.service_account_file");
    let cases: Vec<(u16, String, Fault)> = vec![
        (404, google_says(404), unknown),
        (400, google_says(400), unknown),
        (410, google_says(410), unknown),
        (404, "<html>".into(), LATER),
        (404, String::new(), LATER),
        (403, google_says(403), wrong),
        (409, google_says(409), LATER),
        (429, google_says(429), LATER),
        (500, google_says(500), LATER),
        (503, "rubbish".into(), LATER),
        (200, "rubbish".into(), LATER),
        (302, String::new(), LATER),
        (200, " ".repeat(MAX_ANSWER + 1), LATER),
    ];
    for (status, body, fault) in cases {
        scene.store.anew();
        scene.store.answers(status, &body);
        let answer = scene.verify(json!({"token": "t"})).await;
        assert_eq!(answer, Err(fault), "{status} {body:.40}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_given_up() {
    let scene = Scene::bare("").await;
    scene.store.is_silent();
    let before = Instant::now();
    assert_eq!(scene.verify(json!({"token": "t"})).await, Err(LATER));
    assert!(before.elapsed() <= PATIENCE + Duration::from_millis(2), "{:?}", before.elapsed());
}

#[tokio::test]
async fn a_grant_is_told_and_what_was_told_before_is_as_good() {
    let scene = Scene::open().await;
    let path = "androidpublisher/v3/applications/com.example.game/purchases/products/gem_100";
    scene.store.answers(204, "");
    assert_eq!(scene.play.acknowledge(&transaction()).await, Ok(()));
    assert_eq!(scene.play.consume(&transaction()).await, Ok(()));
    let verbs = ["acknowledge", "consume"].map(|verb| format!("POST /{path}/tokens/t:{verb}"));
    assert_eq!(scene.lines(), verbs);
    assert_eq!(scene.store.asked()[0].body, "{}");

    let acknowledged = json!({"acknowledgementState": "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED"});
    let refunded = json!({"purchaseStateContext": {"purchaseState": "CANCELLED"}});
    for (refusal, now, answer) in [
        (400, acknowledged.clone(), Ok(())),
        (409, acknowledged, Ok(())),
        (400, json!({}), Err(LATER)),
        (410, refunded, Err(Fault::Refused(reason::REFUNDED))),
    ] {
        scene.store.anew();
        scene.store.answers(refusal, &google_says(refusal));
        scene.store.answers(200, &bought(now));
        assert_eq!(scene.play.acknowledge(&transaction()).await, answer, "{refusal}");
        assert_eq!(scene.lines().len(), 2);
    }
    scene.store.anew();
    scene.store.answers(500, "");
    assert_eq!(scene.play.acknowledge(&transaction()).await, Err(LATER));
    assert_eq!(scene.lines().len(), 1);
}

#[tokio::test]
async fn what_was_voided_is_listed_page_by_page() {
    let scene = Scene::open().await;
    let voided = |token: &str| json!({"purchaseToken": token, "voidedTimeMillis": "1800000000000"});
    let page = json!({"voidedPurchases": [voided("a"), voided("b")],
                      "tokenPagination": {"nextPageToken": "n x"}});
    scene.store.answers(200, &page.to_string());
    scene.store.answers(200, "{}");
    let long_ago = Micros::from_seconds(START - 90 * 86_400);
    let TakenBack::Listed { hints, next } = scene.play.taken_back(long_ago, None).await.unwrap()
    else {
        panic!("a list");
    };
    assert_eq!((hints.len(), next.as_deref()), (2, Some("n x")));
    assert_eq!((hints[0].what, hints[0].at), (Happened::Refunded, Micros::from_seconds(START)));
    assert_ne!(hints[0].id, hints[1].id);
    let end = scene.play.taken_back(long_ago, next.as_deref()).await.unwrap();
    assert_eq!(end, TakenBack::Listed { hints: Vec::new(), next: None });
    let lines = scene.lines();
    let month_ago = (START - 30 * 86_400) * 1_000;
    assert!(
        lines[0].contains(&format!("startTime={month_ago}&endTime={START}000&")),
        "{}",
        lines[0]
    );
    assert!(lines[1].ends_with("&token=n%20x"), "{}", lines[1]);
}

#[test]
fn the_account_is_looked_at_when_the_store_is_opened() {
    let good =
        json!({"client_email": "a@b", "private_key": pem(), "token_uri": "https://a.example"});
    let says = |changes: Value| {
        let mut file = good.clone();
        for (name, value) in changes.as_object().unwrap() {
            file[name] = value.clone();
        }
        Account::read(file.to_string().as_bytes(), false).err()
    };
    assert_eq!(says(json!({})), None);
    assert!(says(json!({"private_key": "x"})).unwrap().contains("private_key is not"));
    assert!(says(json!({"token_uri": "http://a.example"})).unwrap().contains("token_uri must"));
    assert!(says(json!({"client_email": null})).unwrap().starts_with("is not a service account"));
    let ec = rcgen::KeyPair::generate().unwrap().serialize_pem();
    assert!(says(json!({ "private_key": ec })).unwrap().contains("private_key is not"));
}
