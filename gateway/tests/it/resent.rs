//! Requests that are sent again: with an `Idempotency-Key` over HTTP, with their id on a socket.

mod nodes;

use loadtest::{HttpClient, Player};
use protocol::error::ErrorCode;
use serde_json::{Value, json};
use storage::actor::records::Key;
use tokio::sync::oneshot;

use crate::harness::{Daemun, text};

/// Posts an operation with header fields, and returns the status and the whole answer.
async fn call(
    http: &HttpClient,
    op: &str,
    token: &str,
    keys: &[&str],
    body: Value,
) -> (u16, Value) {
    let path = format!("/v1/{}", op.replace('.', "/"));
    let mut request = http
        .request(hyper::Method::POST, &path)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    for key in keys {
        request = request.header("idempotency-key", *key);
    }
    let answer = http.send(request.body(body.to_string().into())).await.unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

/// Keeps every call on a member's rows waiting until it is dropped.
struct Held(#[expect(dead_code, reason = "dropped to let go")] oneshot::Sender<()>);

async fn hold(house: &Daemun, player: &Player) -> Held {
    let records = house.server.gate.node.storage.records.clone();
    let key = Key::Member(player.login().member.id);
    let (running, runs) = oneshot::channel();
    let (let_go, goes) = oneshot::channel();
    tokio::spawn(async move {
        let held = records.call(key, |_| async move {
            running.send(()).unwrap();
            let _: Result<(), _> = goes.await;
            Ok(())
        });
        // When the factory is killed there is no answer.
        let _ = held.await;
    });
    runs.await.unwrap();
    Held(let_go)
}

/// Returns when another call waits behind the one that is held.
async fn one_waits(house: &Daemun) {
    while house.server.gate.node.storage.records.under_way() < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_key_gives_the_first_answer_again() {
    let house = Daemun::start().await;
    let (http, player) = (house.http(), house.guest().await);
    let token = player.access_token();
    let (status, first) = call(&http, "auth.logout", token, &["k-1"], json!({})).await;
    assert_eq!((status, &first), (200, &json!({"ok": {"ended": 1}})));
    assert_eq!(call(&http, "auth.logout", token, &["k-1"], json!({})).await, (200, first));
    for other in [&["k-2"][..], &[]] {
        let (status, answer) = call(&http, "auth.logout", token, other, json!({})).await;
        assert_eq!((status, text(&answer["err"], "code")), (401, "auth.logged_out"));
    }
    // A refusal that is final is an answer too.
    let (_, again) = call(&http, "auth.logout", token, &["k-2"], json!({})).await;
    assert_eq!(text(&again["err"], "code"), "auth.logged_out");
}

#[tokio::test]
async fn one_in_flight_is_joined_and_finished_without_its_client() {
    let house = Daemun::start().await;
    let player = house.guest().await;
    let held = hold(&house, &player).await;
    let ask = || {
        let (http, token) = (house.http(), player.access_token().to_owned());
        tokio::spawn(async move { call(&http, "auth.logout", &token, &["k"], json!({})).await })
    };
    let leaving = ask();
    one_waits(&house).await;
    leaving.abort();
    let joining = ask();
    // So that it is there; were it not, it would get the kept answer.
    for _ in 0..3 {
        house.http().get("/.well-known/jwks.json").await.unwrap();
    }
    assert!(!joining.is_finished());
    drop(held);
    assert_eq!(joining.await.unwrap(), (200, json!({"ok": {"ended": 1}})));
    assert_eq!(ask().await.unwrap(), (200, json!({"ok": {"ended": 1}})));
}

#[tokio::test]
async fn a_key_is_for_one_request_of_one_login() {
    let house = Daemun::start().await;
    let (http, player, other) = (house.http(), house.guest().await, house.guest().await);
    let ack = async |token: &str, seq: u64| {
        call(&http, "inbox.ack", token, &["k"], json!({"seq": seq})).await
    };
    assert_eq!(ack(player.access_token(), 0).await, (200, json!({"ok": {"acked": 0}})));
    let (status, answer) = ack(player.access_token(), 1).await;
    assert_eq!((status, text(&answer["err"], "code")), (422, "op.key_reused"));
    let (status, _) = call(&http, "auth.logout", player.access_token(), &["k"], json!({})).await;
    assert_eq!(status, 422, "another operation");
    // What changes nothing is simply done; so is another member's request.
    let me = call(&http, "member.me", player.access_token(), &["k"], json!({})).await;
    assert_eq!(me.0, 200);
    assert_eq!(ack(other.access_token(), 1).await, (200, json!({"ok": {"acked": 0}})));
    // Its owner alone is answered.
    let (status, _) = call(&http, "inbox.ack", "nonsense", &["k"], json!({"seq": 0})).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_by_its_name() {
    let house = Daemun::start().await;
    let (http, player) = (house.http(), house.guest().await);
    let says = async |keys: &[&str]| {
        let body = json!({"seq": 0});
        let (status, answer) = call(&http, "inbox.ack", player.access_token(), keys, body).await;
        if status == 400 {
            assert_eq!(answer["err"]["detail"]["field"], "Idempotency-Key", "{answer}");
        }
        status
    };
    assert_eq!(says(&[&"k".repeat(255)]).await, 200);
    assert_eq!(says(&["\"8e03978e-40d5-43dd-bc93-6894a57f9324\""]).await, 200);
    for wrong in [&[""][..], &[&"k".repeat(256)], &["caf\u{e9}"], &["a\tb"], &["a", "b"]] {
        assert_eq!(says(wrong).await, 400, "{wrong:?}");
    }
}

#[tokio::test]
async fn the_legacy_door_knows_the_header_and_takes_no_transaction_for_a_key() {
    let house = Daemun::start().await;
    let (http, player) = (house.http(), house.guest().await);
    let logout = async |transaction: &str, key: Option<&str>| {
        let body = json!({"transactionId": transaction, "accessToken": player.access_token()});
        let mut request = http
            .request(hyper::Method::POST, "/legacy/v1/auth/logout")
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = http.send(request.body(body.to_string().into())).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        answer["header"]["resultCode"].as_i64().unwrap()
    };
    assert_eq!(logout("t-1", Some("k")).await, 0);
    assert_eq!(logout("t-2", Some("k")).await, 0, "the first answer, to a new transaction");
    assert_eq!(logout("t-1", None).await, 2006, "auth.logged_out");
}

#[tokio::test]
async fn what_was_answered_same_id_on_a_socket_is_done_when_it_comes_again() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let member = player.login().member.id;
    let message = json!({"app": "demo", "member": member, "text": "hello"});
    house.command("/commands/member/message", message).await;
    for (id, op) in [(20, "inbox.ack"), (21, "member.me")] {
        let body = json!({"seq": 1});
        let held = hold(&house, &player).await;
        player.socket().send_as(id, op, body.clone()).await.unwrap();
        one_waits(&house).await;
        // Nobody will ever say how the calls ended that were on their way.
        house.server.gate.node.storage.records.actor().unwrap().kill();
        let unknown = player.socket().answer(id).await.unwrap_err();
        assert_eq!(unknown.code(), Some(ErrorCode::Internal));
        assert_eq!(unknown.refused().unwrap().retry, protocol::error::Retry::SameId);
        drop(held);
        while house.server.gate.node.storage_answers().await.is_err() {
            tokio::task::yield_now().await;
        }
        player.socket().send_as(id, op, body.clone()).await.unwrap();
        player.socket().answer(id).await.unwrap();
        // Once more: now it has its answer, or is stale if none is kept.
        player.socket().send_as(id, op, body).await.unwrap();
        match player.socket().answer(id).await {
            Ok(kept) => assert_eq!((op, kept), ("inbox.ack", json!({"acked": 1}))),
            Err(stale) => {
                assert_eq!((op, stale.code()), ("member.me", Some(ErrorCode::FrameStaleId)));
            }
        }
    }
}
