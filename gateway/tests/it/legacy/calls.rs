//! Every operation, by either way of writing it.

use actors::apps::AppSettings;
use protocol::operation::{Access, Doors, Effect, Operation};
use serde_json::{Value, json};

use super::{FORM, JSON, LOGIN, ask, post};
use crate::harness::{Daemun, client, guest, text};

fn served() -> impl Iterator<Item = &'static Operation> {
    Operation::ALL.iter().filter(|operation| operation.doors() == Doors::Both)
}

#[tokio::test]
async fn every_operation_of_the_http_door_is_here_and_no_other() {
    let house = Daemun::start().await;
    let http = house.http();
    for operation in Operation::ALL {
        let answer = ask(&http, operation.name(), json!({"unknown": 1})).await;
        let served = answer.code() != "op.unknown";
        assert_eq!(served, operation.doors() == Doors::Both, "{}", operation.name());
    }
    assert!(house.metric(&count("none", "op.unknown")).await >= 1.0);
}

#[tokio::test]
async fn the_answers_are_those_of_the_http_door() {
    let house = Daemun::start().await;
    let http = house.http();
    let login = house.login().await;
    let token = text(&login, "access_token");
    let body = json!({"app": "demo", "client": client(), "t": 1.5});
    // A nonce is another one each time.
    let reads = served().filter(|op| op.effect() == Effect::Reads && **op != Operation::AuthNonce);
    for operation in reads {
        let there = http.ask(operation.name(), Some(token), body.clone()).await.unwrap();
        let mut body = body.clone();
        body["accessToken"] = token.into();
        let here = ask(&http, operation.name(), body).await.reply();
        assert_eq!(here, there, "{}", operation.name());
    }
}

#[tokio::test]
async fn the_errors_are_those_of_the_http_door() {
    let house = Daemun::start().await;
    let http = house.http();
    for operation in served() {
        let (_, there) = http.call(operation.name(), None, json!({})).await.unwrap();
        let here = ask(&http, operation.name(), json!({})).await;
        assert_eq!(here.0["error"], there["err"], "{}", operation.name());
        assert_eq!(here.0["header"]["resultMessage"], there["err"]["message"]);
    }
}

#[tokio::test]
async fn a_guest_logs_in_with_json_and_with_a_form() {
    let house = Daemun::start().await;
    let http = house.http();
    let login = ask(&http, "auth.login", guest()).await.reply();
    assert_eq!(login["new_member"], true);

    let first = post(&http, "auth/login", &[FORM], LOGIN).await.reply();
    assert_eq!(first["new_member"], true);
    assert_ne!(first["member"]["id"], login["member"]["id"]);
    let (guest, secret) =
        (text(&first["credential"], "guest"), text(&first["credential"], "secret"));
    let again = format!("{LOGIN}&credential.guest={guest}&credential.secret={secret}");
    let again = post(&http, "auth/login", &[FORM], again).await.reply();
    assert_eq!(again["new_member"], false);
    assert_eq!(again["member"]["id"], first["member"]["id"]);
    assert!(house.metric(&count("auth.login", "ok")).await >= 3.0);
}

#[tokio::test]
async fn the_token_is_in_the_header_or_in_a_field() {
    let house = Daemun::start().await;
    let http = house.http();
    let login = house.login().await;
    let token = text(&login, "access_token");
    let bearer = format!("Bearer {token}");
    let bearer = ("authorization", bearer.as_str());
    let field = format!("accessToken={token}");
    let in_json = json!({"accessToken": token}).to_string();
    let none: [(&str, &str); 0] = [];
    let basic = [FORM, ("authorization", "Basic bm9ib2R5")];
    for (headers, body) in [
        (&[bearer][..], ""),
        (&[FORM, bearer][..], ""),
        (&[bearer, JSON][..], r#"{"accessToken": "the header goes first"}"#),
        (&[FORM][..], field.as_str()),
        (&[JSON][..], in_json.as_str()),
        (&none[..], in_json.as_str()),
        (&basic[..], field.as_str()),
    ] {
        let me = post(&http, "member/me", headers, body).await.reply();
        assert_eq!(me["member"]["id"], login["member"]["id"]);
    }
    for (body, code) in [
        (json!({}), "auth.required"),
        (json!({"accessToken": null}), "auth.required"),
        (json!({"accessToken": ""}), "auth.required"),
        (json!({"accessToken": "nonsense"}), "auth.refused"),
        (json!({"accessToken": ["x"]}), "body.invalid"),
    ] {
        assert_eq!(ask(&http, "member.me", body.clone()).await.code(), code, "{body}");
    }
}

#[tokio::test]
async fn a_token_in_the_query_is_refused() {
    let house = Daemun::start().await;
    let http = house.http();
    let login = house.login().await;
    for name in ["accessToken", "access_token", "token", "Authorization"] {
        let path = format!("member/me?{name}={}", text(&login, "access_token"));
        let answer = post(&http, &path, &[JSON], r#"{"transactionId": "t-1"}"#).await;
        assert_eq!((answer.code(), answer.transaction()), ("auth.in_query", "t-1"), "{name}");
    }
}

#[tokio::test]
async fn typed_fields_are_read_from_forms() {
    let house = Daemun::start().await;
    let http = house.http();
    let login = house.login().await;
    let token = text(&login, "access_token");
    let ping = post(&http, "session/ping", &[FORM], format!("t=1.5&accessToken={token}")).await;
    assert_eq!(ping.reply()["t"], 1.5);

    let refresh = |token: &str, take_over: &str| {
        format!("app=demo&refresh_token={token}&take_over={take_over}")
    };
    let first = refresh(text(&login, "refresh_token"), "maybe");
    let refused = post(&http, "auth/refresh", &[FORM], first).await;
    assert_eq!((refused.code(), refused.field()), ("body.invalid", "take_over"));
    let second = refresh(text(&login, "refresh_token"), "false");
    let tokens = post(&http, "auth/refresh", &[FORM], second).await.reply();
    assert!(tokens["access_token"].is_string());
}

#[tokio::test]
async fn an_alias_leads_to_its_operation() {
    let house = Daemun::start().await;
    let http = house.http();
    let login = house.login().await;
    let body = json!({"accessToken": login["access_token"]});
    match Operation::parse("inbox.list") {
        None => assert_eq!(ask(&http, "inbox.poll", body).await.code(), "op.unknown"),
        Some(list) => {
            assert_eq!(list.access(), Access::Member);
            assert!(ask(&http, "inbox.poll", body).await.reply()["pushes"].is_array());
            assert_eq!(ask(&http, "inbox.poll", json!({})).await.code(), "auth.required");
        }
    }
}

#[tokio::test]
async fn another_games_page_is_refused_here_too() {
    let house = Daemun::with(|settings| {
        for word in ["demo", "chess"] {
            let app = AppSettings {
                origins: vec![format!("https://{word}.example")],
                providers: [("guest".to_owned(), json!({"kind": "guest"}))].into(),
                ..AppSettings::default()
            };
            settings.apps.insert(word.into(), app);
        }
    })
    .await;
    let http = house.http();
    let from = async |origin| {
        let answer = post(&http, "auth/login", &[FORM, ("origin", origin)], LOGIN).await;
        answer.code().to_owned()
    };
    assert_eq!(from("https://demo.example").await, "ok");
    assert_eq!(from("https://chess.example").await, "origin.refused");

    let request = http
        .request(hyper::Method::OPTIONS, "/legacy/v1/auth/login")
        .header("origin", "https://demo.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-transaction-id")
        .body(String::new().into());
    let answer = http.send(request).await.unwrap();
    let allowed = answer.headers["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("x-transaction-id"), "{allowed}");
}

#[tokio::test]
async fn an_error_says_when_to_come_back() {
    let house = Daemun::start().await;
    let token = house.id_token("google", json!({"subject": "alice"})).await;
    let control = house.private();
    let behave = control
        .request(hyper::Method::POST, "/sim/oidc/google/behave")
        .header("content-type", "application/json")
        .body(json!({"down": true}).to_string().into());
    control.send(behave).await.unwrap();
    let body = crate::harness::with_token("google", &token);
    let answer = ask(&house.http(), "auth.login", body).await;
    assert_eq!(answer.code(), "auth.unavailable");
    let error: &Value = &answer.0["error"];
    assert_eq!(error["retry"], "later");
    assert!(error["retry_after_ms"].as_u64().unwrap() > 0);
}

fn count(operation: &str, code: &str) -> String {
    format!(r#"daemun_requests_total{{door="legacy",op="{operation}",code="{code}"}}"#)
}
