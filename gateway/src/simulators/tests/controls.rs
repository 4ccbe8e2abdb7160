//! Keys that turn, and key sets that cannot be had.

use std::time::Duration;

use actors::identity::provider::{Refusal, reason};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt;

use super::{COOLDOWN, Simulators, Stage, told};

#[tokio::test]
async fn the_key_set_is_served_as_the_real_ones_are_and_its_fetches_are_counted() {
    let stage = Stage::open().await;
    let before = stage.states().await;
    assert_eq!(before["google"]["keys"], json!([]), "no key before the first use");
    let google = stage.jwks("google").await.unwrap();
    assert!(google.headers()["cache-control"].to_str().unwrap().contains("max-age=21600"));
    let (status, set) = told(google).await;
    assert_eq!(status, 200);
    let key = &set["keys"][0];
    for (field, value) in [("kty", "RSA"), ("use", "sig"), ("alg", "RS256"), ("e", "AQAB")] {
        assert_eq!(key[field], value);
    }
    // 2048 bits in base64url.
    assert_eq!(key["n"].as_str().unwrap().len(), 342);
    assert_eq!(key.as_object().unwrap().len(), 6, "nothing of the private half");

    let apple = stage.jwks("apple").await.unwrap();
    assert_eq!(apple.headers().get("cache-control"), None);
    stage.jwks("apple").await.unwrap();
    let after = stage.states().await;
    assert_eq!(after["google"]["keys"], json!([{"kid": key["kid"], "signing": true}]));
    assert_eq!(after["google"]["jwks_fetches"], 1);
    assert_eq!(after["apple"]["jwks_fetches"], 2);
    assert_eq!(after["apple"]["tokens"], 0);
}

#[tokio::test]
async fn the_verifier_fetches_once_for_many_tokens() {
    let stage = Stage::open().await;
    for subject in ["alice", "bob", "carol"] {
        let token = stage.token("google", json!({ "subject": subject })).await;
        assert!(stage.verify("google", &token, None).await.is_ok());
    }
    let google = stage.states().await["google"].clone();
    assert_eq!((&google["jwks_fetches"], &google["tokens"]), (&json!(1), &json!(3)));
}

#[tokio::test]
async fn after_a_rotation_old_and_new_tokens_pass_if_the_old_key_is_kept() {
    let stage = Stage::open().await;
    let old = stage.token("google", json!({"subject": "alice"})).await;
    assert!(stage.verify("google", &old, None).await.is_ok());
    let state = stage.rotate("google", json!({})).await;
    assert_eq!(state["keys"].as_array().unwrap().len(), 2);
    assert_ne!(state["keys"][0]["kid"], state["keys"][1]["kid"]);

    let new = stage.token("google", json!({"subject": "alice"})).await;
    let soon = stage.verify("google", &new, None).await;
    assert_eq!(soon, Err(Refusal::Unavailable { retry_after_ms: 10_000 }));
    stage.clock.advance(COOLDOWN);
    assert!(stage.verify("google", &new, None).await.is_ok());
    assert!(stage.verify("google", &old, None).await.is_ok());
}

#[tokio::test]
async fn after_a_rotation_old_tokens_are_refused_if_the_old_key_is_withdrawn() {
    let stage = Stage::open().await;
    let old = stage.token("apple", json!({"subject": "alice"})).await;
    assert!(stage.verify("apple", &old, None).await.is_ok());
    let state = stage.rotate("apple", json!({"keep_old": false})).await;
    assert_eq!(state["keys"].as_array().unwrap().len(), 1);

    let new = stage.token("apple", json!({"subject": "alice"})).await;
    stage.clock.advance(COOLDOWN);
    assert!(stage.verify("apple", &new, None).await.is_ok());
    stage.clock.advance(COOLDOWN);
    let refused = Err(Refusal::Rejected(reason::KID_UNKNOWN));
    assert_eq!(stage.verify("apple", &old, None).await, refused);
}

#[tokio::test]
async fn an_issuer_that_is_down_or_fails_is_unavailable_until_it_recovers() {
    let stage = Stage::open().await;
    let token = stage.token("google", json!({"subject": "alice"})).await;
    let failures = [json!({"down": true}), json!({"status": 500}), json!({"status": 302})];
    for failure in failures {
        stage.behave("google", failure.clone()).await;
        assert_eq!(stage.states().await["apple"]["behaviour"]["down"], false, "apple is well");
        let answer = stage.verify("google", &token, None).await;
        let unavailable = Err(Refusal::Unavailable { retry_after_ms: 10_000 });
        assert_eq!(answer, unavailable, "{failure}");
        stage.clock.advance(COOLDOWN);
    }
    stage.behave("google", Value::Null).await;
    assert!(stage.verify("google", &token, None).await.is_ok());
}

#[tokio::test]
async fn the_connection_breaks_off_when_an_issuer_is_down() {
    let stage = Stage::open().await;
    stage.behave("apple", json!({"down": true})).await;
    let answer = match stage.jwks("apple").await {
        Ok(answer) => answer.bytes().await,
        Err(error) => Err(error),
    };
    let error = answer.unwrap_err();
    assert!(!error.is_timeout(), "{error}");
}

#[tokio::test]
async fn a_client_with_less_patience_than_a_slow_issuer_gives_up() {
    let stage = Stage::open().await;
    stage.behave("google", json!({"slow_ms": 60_000})).await;
    let url = format!("{}/sim/oidc/google/jwks", stage.public);
    let answer = stage.client.get(url).timeout(Duration::from_millis(20)).send().await;
    assert!(answer.unwrap_err().is_timeout());
}

#[tokio::test(start_paused = true)]
async fn a_slow_issuer_answers_after_the_time_that_was_set() {
    let clock = std::sync::Arc::new(storage::clock::SystemClock);
    let simulators = Simulators::new("http://127.0.0.1:7350", clock);
    // The key is made beforehand, so that nothing but the delay takes time.
    let jwks = || Request::get("/oidc/google/jwks").body(Body::empty()).unwrap();
    simulators.public_router().oneshot(jwks()).await.unwrap();
    let behave = Request::post("/oidc/google/behave").header("content-type", "application/json");
    let behave = behave.body(Body::from(r#"{"slow_ms": 2500, "status": 503}"#)).unwrap();
    assert_eq!(simulators.control_router().oneshot(behave).await.unwrap().status(), 200);

    let before = Instant::now();
    let answer = simulators.public_router().oneshot(jwks()).await.unwrap();
    assert_eq!(answer.status(), 503);
    // Timers count whole milliseconds and round up.
    let waited = before.elapsed().as_millis();
    assert!((2_500..=2_501).contains(&waited), "{waited} ms");
}

#[tokio::test]
async fn each_setting_of_the_behaviour_replaces_the_whole_of_it() {
    let stage = Stage::open().await;
    let behaviour = async || stage.states().await["google"]["behaviour"].clone();
    stage.behave("google", json!({"down": true, "slow_ms": 5})).await;
    stage.behave("google", json!({"status": 404})).await;
    assert_eq!(behaviour().await, json!({"down": false, "slow_ms": 0, "status": 404}));
    stage.behave("google", Value::Null).await;
    assert_eq!(behaviour().await, json!({"down": false, "slow_ms": 0, "status": null}));
}

#[tokio::test]
async fn only_so_many_old_keys_stay_published() {
    let stage = Stage::open().await;
    let mut state = Value::Null;
    for _ in 0..6 {
        state = stage.rotate("google", json!({"keep_old": true})).await;
    }
    let keys = state["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 5);
    assert_eq!(keys.iter().filter(|key| key["signing"] == true).count(), 1);
}
