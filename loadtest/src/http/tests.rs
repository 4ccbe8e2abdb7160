use protocol::error::ErrorCode;
use serde_json::json;

use super::*;
use crate::fake;

async fn answering(status: u16, body: Value) -> HttpClient {
    HttpClient::new(&fake::http(move |_, _, _| (status, body.to_string())).await)
}

#[tokio::test]
async fn an_operation_is_posted_to_its_path_with_its_token() {
    let base = fake::http(|path, bearer, body| {
        let body = String::from_utf8_lossy(body);
        (200, json!({"ok": format!("{path} {bearer:?} {body}")}).to_string())
    });
    let http = HttpClient::new(&(base.await + "/"));
    let said = http.ask("session.list", Some("t0"), json!({"a": 1})).await;
    assert_eq!(said, Ok(json!(r#"/v1/session/list Some("t0") {"a":1}"#)));
    let answer = http.get("/health").await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(&answer.body[..], br#"{"ok":"/health None "}"#);
}

#[tokio::test]
async fn an_error_is_an_answer_to_a_call_and_a_refusal_to_who_asks() {
    let error = protocol::error::ErrorBody::new(ErrorCode::AuthRefused, "no");
    let http = answering(401, json!({ "err": error })).await;
    let (status, body) = http.call("member.me", None, json!({})).await.unwrap();
    assert_eq!((status, &body["err"]["code"]), (401, &json!("auth.refused")));
    let failure = http.ask("member.me", None, json!({})).await.unwrap_err();
    assert_eq!(failure.code(), Some(ErrorCode::AuthRefused));
}

#[tokio::test]
async fn a_status_that_does_not_go_with_the_body_is_strange() {
    for (status, body) in [(201, json!({"ok": {}})), (200, json!({})), (200, json!([]))] {
        let http = answering(status, body).await;
        let failure = http.ask("member.me", None, json!({})).await.unwrap_err();
        assert!(matches!(failure, Failure::Strange(_)), "{failure}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_not() {
    let http = HttpClient::new("http://127.0.0.1:9");
    let failure = http.call("member.me", Some("a\nb"), json!({})).await.unwrap_err();
    assert!(matches!(failure, Failure::Unsendable(_)), "{failure}");
}
