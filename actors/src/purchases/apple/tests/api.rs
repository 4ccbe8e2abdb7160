use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use tokio::time::Instant;

use super::*;
use crate::purchases::reply::{MAX_ANSWER, PATIENCE};

const ID: &str = "2000000123456789";

fn by_id() -> Value {
    json!({ "transaction": ID })
}

fn not_found() -> String {
    json!({"errorCode": 4_040_010, "errorMessage": "Transaction id not found."}).to_string()
}

/// What is a day old.
fn old() -> Value {
    with(json!({"signedDate": START_MS - 86_400_000}))
}

#[tokio::test]
async fn a_transaction_that_is_not_quite_new_is_read_again() {
    let scene = Scene::open().await;
    let refunded = with(json!({"revocationDate": START_MS - 500}));
    scene.store.answers(200, &info(&refunded));
    let minute = |ms: i64| with(json!({"signedDate": START_MS - ms}));
    assert_eq!(scene.shown(&APPLE.sign(&minute(299_999))).await.unwrap().state, State::Paid);
    assert!(scene.store.asked().is_empty());
    let jws = APPLE.sign(&minute(300_000));
    let bought = scene.shown(&jws).await.unwrap();
    assert_eq!(bought.state, State::Refunded, "Apple's present word counts");
    assert_eq!(scene.store.asked().len(), 1);
    // The digest stays that of what was shown.
    let digest = Signed::open(&jws, &Roots::given(ROOT.pem().as_bytes()).unwrap()).unwrap().digest;
    assert_eq!(bought.evidence, digest);
}

#[tokio::test]
async fn each_request_has_a_token_of_its_own() {
    let (clock, folder) = (clock(), TempDir::new().unwrap());
    let store = FakeStore::open().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let settings = AppleSettings {
        bundle_id: "com.example.game".into(),
        issuer_id: "issuer".into(),
        key_id: "KEY".into(),
        key_file: file(&folder, "key.p8", &key.serialize_pem()),
        roots_file: Some(file(&folder, "root.pem", &ROOT.pem())),
        api_base: store.url.clone(),
        sandbox_api_base: store.url.clone(),
        allow_insecure_loopback: true,
    };
    let apple = Apple::open(&settings, true, &parts(&clock)).unwrap();
    store.answers(200, &info(&transaction()));
    let evidence = Evidence::read(by_id().to_string().as_bytes()).unwrap();
    apple.verify(&evidence).await.unwrap();
    let asked = store.asked().remove(0);
    assert_eq!(asked.line, format!("GET /inApps/v1/transactions/{ID}"));
    let token = asked.header("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!((header.alg, header.kid.as_deref()), (Algorithm::ES256, Some("KEY")));
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    validation.set_audience(&["appstoreconnect-v1"]);
    let public = DecodingKey::from_ec_pem(key.public_key_pem().as_bytes()).unwrap();
    let claims = jsonwebtoken::decode::<Value>(&token, &public, &validation).unwrap().claims;
    let expected = json!({
        "iss": "issuer", "iat": START, "exp": START + 300,
        "aud": "appstoreconnect-v1", "bid": "com.example.game",
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn a_bare_id_is_looked_for_in_production_and_then_in_the_sandbox() {
    let scene = Scene::open().await;
    scene.store.answers(404, &not_found());
    scene.sandbox.answers(200, &info(&with(json!({"environment": "Sandbox"}))));
    let bought = scene.verify(by_id()).await.unwrap();
    assert_eq!(bought.environment, Environment::Sandbox);
    scene.sandbox.anew();
    scene.sandbox.answers(404, &not_found());
    assert_eq!(scene.verify(by_id()).await, Err(Fault::Refused(reason::UNKNOWN)));
    assert_eq!((scene.store.asked().len(), scene.sandbox.asked().len()), (2, 1));
    // A game that takes no purchases of the sandbox does not ask there.
    let strict = Scene::with(false).await;
    strict.store.answers(404, &not_found());
    assert_eq!(strict.verify(by_id()).await, Err(Fault::Refused(reason::UNKNOWN)));
    assert!(strict.sandbox.asked().is_empty());
}

#[tokio::test]
async fn an_answer_about_something_else_is_no_answer() {
    let scene = Scene::open().await;
    for other in [json!({"transactionId": "1"}), json!({"environment": "Sandbox"})] {
        scene.store.anew();
        scene.store.answers(200, &info(&with(other.clone())));
        assert_eq!(scene.verify(by_id()).await, Err(LATER), "{other}");
    }
    // Signed by whoever stands between us and Apple.
    let forged = OTHER_ROOT.chain(AS_APPLE).sign(&transaction());
    scene.store.anew();
    scene.store.answers(200, &json!({ "signedTransactionInfo": forged }).to_string());
    assert_eq!(scene.verify(by_id()).await, Err(Fault::Refused(reason::CHAIN)));
}

#[tokio::test]
async fn what_apple_signed_apple_cannot_disown() {
    let scene = Scene::open().await;
    scene.store.answers(404, &not_found());
    assert_eq!(scene.shown(&APPLE.sign(&old())).await, Err(LATER));
}

#[tokio::test]
async fn only_apples_own_words_are_final() {
    let later = |retry_after_ms| Fault::Unavailable { retry_after_ms };
    let code = |code: i64| json!({"errorCode": code, "errorMessage": "x"}).to_string();
    let cases: Vec<(u16, &str, String, Fault)> = vec![
        (404, "", code(4_040_010), Fault::Refused(reason::UNKNOWN)),
        (404, "", code(4_040_005), Fault::Refused(reason::UNKNOWN)),
        (400, "", code(4_000_006), Fault::Refused(reason::UNKNOWN)),
        (404, "", code(4_040_002), LATER),
        (404, "", code(4_040_004), LATER),
        (404, "", code(4_040_006), LATER),
        (404, "", "<html>not here</html>".into(), LATER),
        (404, "", String::new(), LATER),
        (400, "", code(4_000_001), LATER),
        (401, "", String::new(), Fault::Misconfigured("app_store.key_file")),
        (403, "", code(1), Fault::Misconfigured("app_store.key_file")),
        (429, "", code(4_290_000), LATER),
        (429, "Retry-After: 1800000007000\r\n", code(4_290_000), later(7_000)),
        (429, "Retry-After: 9\r\n", String::new(), later(9_000)),
        (500, "", code(5_000_000), LATER),
        (503, "", "rubbish".into(), LATER),
        (200, "", "rubbish".into(), LATER),
        (200, "", "{}".into(), LATER),
        (204, "", String::new(), LATER),
        (302, "Location: http://127.0.0.1:1/\r\n", String::new(), LATER),
    ];
    let scene = Scene::with(false).await;
    for (status, header, body, fault) in cases {
        scene.store.anew();
        scene.store.answers_with(status, header, &body);
        assert_eq!(scene.verify(by_id()).await, Err(fault), "{status} {body}");
        assert_eq!(scene.store.asked().len(), 1, "no redirect is followed, nothing asked twice");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let scene = Scene::with(false).await;
    scene.sandbox.answers(200, &info(&transaction()));
    let there = format!("Location: {}/inApps/v1/transactions/{ID}\r\n", scene.sandbox.url);
    for status in [301, 302, 307, 308] {
        scene.store.anew();
        scene.store.answers_with(status, &there, "");
        assert_eq!(scene.verify(by_id()).await, Err(LATER));
    }
    assert!(scene.sandbox.asked().is_empty());
}

#[tokio::test]
async fn an_answer_of_a_mebibyte_is_read_and_one_byte_more_is_not() {
    let scene = Scene::with(false).await;
    let info = info(&transaction());
    scene.store.answers(200, &format!("{info}{}", " ".repeat(MAX_ANSWER - info.len())));
    assert!(scene.verify(by_id()).await.is_ok());
    scene.store.anew();
    scene.store.answers(200, &format!("{info}{}", " ".repeat(MAX_ANSWER + 1 - info.len())));
    assert_eq!(scene.verify(by_id()).await, Err(LATER));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_given_up() {
    let scene = Scene::with(false).await;
    scene.store.is_silent();
    let before = Instant::now();
    assert_eq!(scene.verify(by_id()).await, Err(LATER));
    // Paused time moves on when nothing else can, and timers round up to milliseconds.
    assert!(before.elapsed() <= PATIENCE + Duration::from_millis(2), "{:?}", before.elapsed());
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let scene = Scene::with(false).await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let mut apple = scene.apple;
    apple.api.set_production(base);
    let evidence = Evidence::read(by_id().to_string().as_bytes()).unwrap();
    assert_eq!(apple.verify(&evidence).await, Err(LATER));
}

#[tokio::test]
async fn a_transaction_is_looked_at_where_it_is_and_finished_there() {
    let scene = Scene::open().await;
    scene.sandbox.answers(200, &info(&with(json!({"environment": "Sandbox"}))));
    let transaction =
        Transaction { environment: Some(Environment::Sandbox), product: None, id: ID.to_owned() };
    assert!(scene.apple.look(&transaction).await.is_ok());
    assert_eq!(scene.apple.acknowledge(&transaction).await, Ok(()));
    assert_eq!(scene.apple.consume(&transaction).await, Ok(()));
    let lines: Vec<_> = scene.sandbox.asked().into_iter().map(|asked| asked.line).collect();
    let path = format!("/inApps/v1/transactions/{ID}");
    assert_eq!(lines, [format!("GET {path}"), format!("POST {path}/finish")]);
    assert!(scene.store.asked().is_empty());
    let up = Transaction { id: "..".into(), ..transaction };
    assert_eq!(scene.apple.look(&up).await, Err(Fault::Refused(reason::EVIDENCE_SHAPE)));
}

#[tokio::test]
async fn a_history_is_read_to_its_end_and_no_further() {
    let scene = Scene::open().await;
    let page = |ids: &[&str], revision: &str, more: bool| {
        let signed: Vec<_> =
            ids.iter().map(|id| APPLE.sign(&with(json!({ "transactionId": id })))).collect();
        json!({"signedTransactions": signed, "revision": revision, "hasMore": more}).to_string()
    };
    scene.store.answers(200, &page(&["1", "2"], "a=b", true));
    scene.store.answers(200, &page(&["3"], "c", false));
    let of = Transaction { environment: None, product: None, id: "1".into() };
    let history = scene.apple.history(&of, false).await.unwrap();
    let keys: Vec<_> = history.iter().map(|bought| bought.key.as_str()).collect();
    assert_eq!(keys, ["1", "2", "3"]);
    let lines: Vec<_> = scene.store.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(lines, ["GET /inApps/v2/history/1", "GET /inApps/v2/history/1?revision=a%3Db"]);
    // A store that turns in a circle does not keep us.
    scene.store.anew();
    scene.store.answers(200, &page(&["1"], "same", true));
    assert_eq!(scene.apple.history(&of, true).await.unwrap().len(), 2);
    assert_eq!(scene.store.asked()[0].line, "GET /inApps/v2/refund/lookup/1");
}
