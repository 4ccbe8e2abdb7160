//! Requests that are not understood, and settings.

use std::sync::Arc;

use actors::apps::{AppSettings, Game, Provider};
use serde_json::{Value, json};
use storage::clock::SystemClock;

use super::{ISSUERS, Simulators, Stage};

/// The code and the field of an error.
fn error(body: &Value) -> (&str, Option<&str>) {
    (body["err"]["code"].as_str().unwrap_or_default(), body["err"]["detail"]["field"].as_str())
}

#[tokio::test]
async fn a_bad_token_request_names_its_field() {
    let stage = Stage::open().await;
    let cases = [
        (json!({}), None, "subject"),
        (json!({"subject": 7}), Some("subject"), "string"),
        (json!({"subject": ""}), Some("subject"), "empty"),
        (json!({"subject": "x".repeat(256)}), Some("subject"), "255"),
        (json!({"subject": "a\u{0}b"}), Some("subject"), "control"),
        (json!({"subject": "alice", "nonce": "x".repeat(129)}), Some("nonce"), "128"),
        (json!({"subject": "alice", "nonce": ""}), Some("nonce"), "empty"),
        (json!({"subject": "alice", "audience": ""}), Some("audience"), "empty"),
        (json!({"subject": "alice", "misbehave": "often"}), Some("misbehave"), "wrong_audience"),
        (json!({"subject": "alice", "misbehaviour": "expired"}), Some("misbehaviour"), "misbehave"),
        (json!(["alice"]), None, "object"),
        (json!("alice"), None, "object"),
    ];
    for (request, field, says) in cases {
        let (status, body) = stage.post("/sim/oidc/google/token", &request).await;
        assert_eq!((status, error(&body)), (400, ("body.invalid", field)), "{request}");
        assert!(body["err"]["message"].as_str().unwrap().contains(says), "{body}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_or_too_large_is_refused() {
    let stage = Stage::open().await;
    let good = r#"{"subject": "alice"}"#;
    let form = "application/x-www-form-urlencoded";
    let cases = [
        ("application/json", "{".to_owned(), 400, "body.invalid"),
        ("application/json", format!("{good} and more"), 400, "body.invalid"),
        ("application/json", String::new(), 400, "body.invalid"),
        (form, good.to_owned(), 415, "body.media_type"),
        ("application/json", " ".repeat(16 * 1024 + 1), 413, "body.too_large"),
        ("Application/JSON; charset=utf-8", good.to_owned(), 200, ""),
    ];
    for (kind, body, expected, code) in cases {
        let (status, answer) = stage.post_as("/sim/oidc/google/token", kind, body).await;
        assert_eq!((status, error(&answer).0), (expected, code), "{answer}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_not_played_is_unknown_at_every_route() {
    let stage = Stage::open().await;
    let subject = json!({"subject": "alice"});
    for answer in [
        super::told(stage.jwks("kakao").await.unwrap()).await,
        super::told(stage.jwks("%ff").await.unwrap()).await,
        stage.post("/sim/oidc/kakao/token", &subject).await,
        stage.control("/sim/oidc/kakao/behave", json!({})).await,
        stage.control("/sim/oidc/kakao/rotate", json!({})).await,
    ] {
        assert_eq!((answer.0, error(&answer.1).0), (404, "provider.unknown"));
    }
}

#[tokio::test]
async fn a_bad_control_names_its_field_and_changes_nothing() {
    let stage = Stage::open().await;
    stage.behave("google", json!({"slow_ms": 60_000, "status": 599})).await;
    let before = stage.states().await;
    let cases = [
        ("behave", json!({"slow_ms": 60_001}), "slow_ms"),
        ("behave", json!({"slow_ms": -1}), "slow_ms"),
        ("behave", json!({"status": 200}), "status"),
        ("behave", json!({"status": 600}), "status"),
        ("behave", json!({"down": "yes"}), "down"),
        ("behave", json!({"slow": 1}), "slow"),
        ("rotate", json!({"keep_old": 1}), "keep_old"),
    ];
    for (control, request, field) in cases {
        let (status, body) = stage.control(&format!("/sim/oidc/google/{control}"), request).await;
        assert_eq!((status, error(&body)), (400, ("body.invalid", Some(field))), "{body}");
    }
    assert_eq!(stage.states().await, before);
}

#[tokio::test]
async fn players_do_not_reach_the_controls_nor_the_private_listener_the_tokens() {
    let stage = Stage::open().await;
    for control in ["behave", "rotate"] {
        let path = format!("/sim/oidc/google/{control}");
        assert_eq!(stage.post(&path, &json!({})).await.0, 404);
    }
    let token = json!({"subject": "alice"});
    assert_eq!(stage.control("/sim/oidc/google/token", token).await.0, 404);
}

#[tokio::test]
async fn the_demo_game_is_configured_for_both_issuers() {
    let stage = Stage::open().await;
    let states = stage.states().await;
    for issuer in ISSUERS {
        let Provider::Oidc(settings) = &stage.game.providers[issuer] else { panic!("{issuer}") };
        assert_eq!(settings.issuers, [states[issuer]["issuer"].as_str().unwrap()]);
        assert_eq!(settings.audiences, [states[issuer]["audience"].as_str().unwrap()]);
        assert_eq!(settings.jwks_url, states[issuer]["jwks_url"].as_str().unwrap());
        assert!(!settings.require_nonce);
    }
}

#[test]
fn the_key_sets_are_on_loopback_when_the_listener_is_on_every_address() {
    let cases = [
        ("http://127.0.0.1:7350/", "http://127.0.0.1:7350"),
        ("http://0.0.0.0:7350", "http://127.0.0.1:7350"),
        ("http://[::]:7350", "http://[::1]:7350"),
    ];
    for (base, reached) in cases {
        let providers = Simulators::new(base, Arc::new(SystemClock)).providers();
        let settings = AppSettings { providers, ..AppSettings::default() };
        let game = Game::new("demo".parse().unwrap(), &settings).unwrap();
        let Provider::Oidc(apple) = &game.providers["apple"] else { panic!("{base}") };
        assert_eq!(apple.jwks_url, format!("{reached}/sim/oidc/apple/jwks"));
    }
}
