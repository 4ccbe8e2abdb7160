//! The caller's own word for a call comes back, whatever came of the call.

use hyper::Method;
use serde_json::json;

use super::{FORM, JSON, LOGIN, ask, post, send};
use crate::harness::{Daemun, guest, text};

const HEAD: (&str, &str) = ("x-transaction-id", "head-1");

#[tokio::test]
async fn it_comes_back_from_the_body_and_from_the_head() {
    let house = Daemun::start().await;
    let http = house.http();
    let mut body = guest();
    body["transactionId"] = "json-1".into();
    assert_eq!(ask(&http, "auth.login", body.clone()).await.transaction(), "json-1");
    let form = format!("{LOGIN}&transactionId=form%201");
    assert_eq!(post(&http, "auth/login", &[FORM], form).await.transaction(), "form 1");
    assert_eq!(post(&http, "auth/login", &[FORM, HEAD], LOGIN).await.transaction(), "head-1");
    let both = post(&http, "auth/login", &[JSON, HEAD], body.to_string()).await;
    assert_eq!((both.transaction(), both.code()), ("json-1", "ok"), "the body goes first");
    body["transactionId"] = 7_000_000_000_u64.into();
    assert_eq!(ask(&http, "auth.login", body).await.transaction(), "7000000000");
}

#[tokio::test]
async fn it_comes_back_with_every_error() {
    let house = Daemun::start().await;
    let http = house.http();
    let body = r#"{"transactionId": "t-1"}"#;
    for (path, code) in [
        ("/v1/auth/login", "body.invalid"),
        ("/v1/member/me", "auth.required"),
        ("/v1/member/me?token=x", "auth.in_query"),
        ("/v1/purchase/steal", "op.unknown"),
        ("/v2/auth/login", "op.unknown"),
        ("", "op.unknown"),
    ] {
        let answer = send(&http, Method::POST, path, &[JSON, HEAD], body).await;
        assert_eq!((answer.transaction(), answer.code()), ("t-1", code), "{path}");
    }
    let answer = send(&http, Method::PUT, "/v1/auth/login", &[JSON], body).await;
    assert_eq!((answer.transaction(), answer.code()), ("t-1", "op.method"));
    // What cannot be read holds no id, but the head does.
    for (headers, body, code) in [
        (&[JSON, HEAD][..], b"{".to_vec(), "body.invalid"),
        (&[JSON, HEAD][..], vec![b' '; 65 * 1024], "body.too_large"),
        (&[FORM, HEAD][..], b"a=1&a=2&transactionId=t-1".to_vec(), "body.invalid"),
        (&[HEAD, ("content-type", "text/plain")][..], b"{}".to_vec(), "body.media_type"),
        (&[HEAD, JSON, ("content-encoding", "gzip")][..], b"{}".to_vec(), "body.media_type"),
    ] {
        let answer = post(&http, "auth/login", headers, body).await;
        assert_eq!((answer.transaction(), answer.code()), ("head-1", code));
    }
}

#[tokio::test]
async fn one_is_made_when_none_is_given() {
    let house = Daemun::start().await;
    let http = house.http();
    let mut seen = std::collections::BTreeSet::new();
    for headers in [&[JSON][..], &[JSON, ("x-transaction-id", "")][..]] {
        for body in ["{}", r#"{"transactionId": null}"#, r#"{"transactionId": ""}"#, "", "broken"] {
            let answer = post(&http, "launch/status", headers, body).await;
            let id = uuid::Uuid::parse_str(answer.transaction()).unwrap();
            assert_eq!(id.get_version_num(), 7);
            assert!(seen.insert(id), "made once");
        }
    }
}

#[tokio::test]
async fn one_that_is_not_fit_is_refused_by_name_and_replaced() {
    let house = Daemun::start().await;
    let http = house.http();
    let fit = "x".repeat(128);
    let body = json!({"app": "demo", "transactionId": fit});
    let answer = ask(&http, "auth.nonce", body).await;
    assert_eq!((answer.transaction(), answer.code()), (fit.as_str(), "ok"));
    let long = fit + "x";
    let unfit =
        [json!(long), json!("a\nb"), json!("대문"), json!("\u{7f}"), json!(["a"]), json!(true)];
    for id in unfit {
        let body = json!({"app": "demo", "transactionId": id});
        let answer = post(&http, "auth/nonce", &[JSON, HEAD], body.to_string()).await;
        assert_eq!((answer.code(), answer.field()), ("body.invalid", "transactionId"), "{id}");
        uuid::Uuid::parse_str(answer.transaction()).unwrap();
    }
    for id in [long.as_str(), "a\tb"] {
        let headers = [JSON, ("x-transaction-id", id)];
        let answer = post(&http, "auth/nonce", &headers, r#"{"app": "demo"}"#).await;
        assert_eq!((answer.code(), answer.field()), ("body.invalid", "X-Transaction-Id"));
        uuid::Uuid::parse_str(answer.transaction()).unwrap();
    }
}

#[tokio::test]
async fn a_refused_transaction_does_nothing() {
    let house = Daemun::start().await;
    let http = house.http();
    let login = house.login().await;
    let token = text(&login, "access_token");
    let body = json!({"accessToken": token, "transactionId": "\n"});
    assert_eq!(ask(&http, "auth.logout", body).await.code(), "body.invalid");
    assert_eq!(ask(&http, "member.me", json!({"accessToken": token})).await.code(), "ok");
}
