//! The HTTP door's own manners.

use loadtest::HttpClient;
use protocol::error::ErrorCode;
use serde_json::{Value, json};

use crate::harness::{Daemun, guest, text};

/// Posts a body as it is, and returns the status and the error's code.
async fn post(
    http: &HttpClient,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (u16, String) {
    let mut request = http.request(hyper::Method::POST, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = http.send(request.body(body.into())).await.unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status, body["err"]["code"].as_str().unwrap_or("ok").to_owned())
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn each_fault_has_its_status_and_its_code() {
    let house = Daemun::start().await;
    let http = house.http();
    let login = "/v1/auth/login";
    let says = async |path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let (status, code) = post(&http, path, headers, body.to_vec()).await;
        format!("{status} {code}")
    };
    assert_eq!(says("/v1/purchase/steal", &[JSON], b"{}").await, "404 op.unknown");
    assert_eq!(says("/v1/session/open", &[JSON], b"{}").await, "404 op.unknown");
    assert_eq!(says("/nowhere", &[JSON], b"{}").await, "404 op.unknown");
    assert_eq!(says(login, &[JSON], b"{").await, "400 body.invalid");
    assert_eq!(says(login, &[JSON], b"[]").await, "400 body.invalid");
    assert_eq!(says(login, &[JSON], b"").await, "400 body.invalid");
    assert_eq!(says(login, &[("content-type", "text/plain")], b"{}").await, "415 body.media_type");
    let gzip = [JSON, ("content-encoding", "gzip")];
    assert_eq!(says(login, &gzip, b"{}").await, "415 body.media_type");
    assert_eq!(says(login, &[JSON], &vec![b' '; 65 * 1024]).await, "413 body.too_large");
    assert_eq!(says("/v1/member/me", &[JSON], b"{}").await, "401 auth.required");
    let bad = [JSON, ("authorization", "Bearer nonsense")];
    assert_eq!(says("/v1/member/me", &bad, b"{}").await, "401 auth.refused");
    let basic = [JSON, ("authorization", "Basic bm9ib2R5")];
    assert_eq!(says("/v1/member/me", &basic, b"{}").await, "401 auth.required");
    assert_eq!(says("/v1/auth/login?access_token=x", &[JSON], b"{}").await, "400 auth.in_query");
    let answer = http.get("/v1/auth/login").await.unwrap();
    assert_eq!(answer.status, 405);
    let answer = http.get("/v1/ws").await.unwrap();
    assert_eq!(answer.status, 426);
    assert_eq!(http.get("/v1/ws?token=abc").await.unwrap().status, 400);
    assert_eq!(http.get("/v1/ws?access_t%6Fken=abc").await.unwrap().status, 400);
    assert_eq!(says("/v1/%ff/x", &[JSON], b"{}").await, "404 op.unknown");
}

#[tokio::test]
async fn a_request_without_a_body_is_an_empty_one() {
    let house = Daemun::start().await;
    let login = house.login().await;
    let bearer = format!("Bearer {}", text(&login, "access_token"));
    let headers = [("authorization", bearer.as_str())];
    let (status, _) = post(&house.http(), "/v1/member/me", &headers, Vec::new()).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn msgpack_is_spoken_over_http_too() {
    let house = Daemun::start().await;
    let http = house.http();
    let body = rmp_serde::to_vec_named(&guest()).unwrap();
    let request = http
        .request(hyper::Method::POST, "/v1/auth/login")
        .header("content-type", "application/msgpack")
        .body(body.into());
    let answer = http.send(request).await.unwrap();
    assert_eq!(answer.headers["content-type"], "application/msgpack");
    let answer: Value = rmp_serde::from_slice(&answer.body).unwrap();
    assert_eq!(answer["ok"]["new_member"], true);
}

#[tokio::test]
async fn later_says_when_in_the_header_too() {
    let house = Daemun::start().await;
    let token = house.id_token("google", json!({"subject": "alice"})).await;
    let control = house.private();
    let behave = control
        .request(hyper::Method::POST, "/sim/oidc/google/behave")
        .header("content-type", "application/json")
        .body(json!({"down": true}).to_string().into());
    control.send(behave).await.unwrap();
    let http = house.http();
    let body = crate::harness::with_token("google", &token).to_string();
    let request = http
        .request(hyper::Method::POST, "/v1/auth/login")
        .header("content-type", "application/json")
        .body(body.into());
    let answer = http.send(request).await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn health_readiness_and_metrics_are_on_the_private_listener_alone() {
    let house = Daemun::start().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(house.private().get(path).await.unwrap().status, 200, "{path}");
        assert_eq!(house.http().get(path).await.unwrap().status, 404, "{path}");
    }
    house.server.gate.begin_drain();
    assert_eq!(house.private().get("/readyz").await.unwrap().status, 503);
    assert_eq!(house.private().get("/healthz").await.unwrap().status, 200);
}

#[tokio::test]
async fn commands_need_the_token_of_the_data_folder() {
    let house = Daemun::start().await;
    let body = json!({"ahead_s": 0}).to_string().into_bytes();
    let path = "/commands/keys/rotate";
    let (status, code) = post(&house.private(), path, &[JSON], body.clone()).await;
    assert_eq!((status, code.as_str()), (401, ErrorCode::AuthRequired.word()));
    assert_eq!(post(&house.http(), path, &[JSON], body).await.0, 404, "not for players");
    use std::os::unix::fs::PermissionsExt;
    let file = std::fs::metadata(house.settings.data.join("private.json")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}
