//! Requests that are sent again to another node: both share a database and a Redis.

use loadtest::Format;
use serde_json::{Value, json};
use storage::servers::{Binaries, Redis};

use super::call;
use crate::harness::{Daemun, client, text};
use crate::nodes::nodes;

/// Returns when a node has told the other so many answers.
async fn told(house: &Daemun, answers: f64) {
    while house.metric("daemun_replies_told_total").await < answers {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_gives_the_first_answer_again_at_another_node() {
    let redis = Redis::shared().unwrap().database().unwrap();
    let ([here, there], _keys) = nodes(&redis).await;
    let player = here.guest().await;
    let before = here.metric("daemun_replies_told_total").await;
    let logout = async |house: &Daemun, key| {
        call(&house.http(), "auth.logout", player.access_token(), &[key], json!({})).await
    };
    let first = logout(&here, "k").await;
    assert_eq!(first, (200, json!({"ok": {"ended": 1}})));
    told(&here, before + 1.0).await;
    assert_eq!(logout(&there, "k").await, first);
    assert_eq!(logout(&there, "k").await, first, "and it is known there now");
    let (status, other) = logout(&there, "l").await;
    assert_eq!((status, text(&other["err"], "code")), (401, "auth.logged_out"));
    // The same key for something else is refused there as it would be here.
    let body = json!({"seq": 1});
    let (_, reused) = call(&there.http(), "inbox.ack", player.access_token(), &["k"], body).await;
    assert_eq!(text(&reused["err"], "code"), "op.key_reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_gives_the_first_answer_again_when_its_session_goes_on_at_another_node() {
    let redis = Redis::shared().unwrap().database().unwrap();
    let ([here, there], _keys) = nodes(&redis).await;
    let mut player = here.guest().await;
    let (member, session) = (player.login().member.id, player.session());
    let before = here.metric("daemun_replies_told_total").await;
    // There is nothing to acknowledge now; later there is.
    let ack = json!({"seq": 2});
    player.socket().send_as(20, "inbox.ack", ack.clone()).await.unwrap();
    let first = player.socket().answer(20).await.unwrap();
    assert_eq!(first, json!({"acked": 0}));
    told(&here, before + 1.0).await;
    let token = player.access_token().to_owned();
    drop(player.drop_hard());
    for words in ["one", "two"] {
        let body = json!({"app": "demo", "member": member, "text": words});
        here.command("/commands/member/message", body).await;
    }
    let mut socket = there.socket(Format::Json).await;
    let open: Value = json!({"token": token, "client": client(),
        "resume": {"session": session, "seq": 0}});
    let opened = socket.request("session.open", open).await.unwrap();
    assert_eq!(opened["resumed"], true, "{opened}");
    socket.send_as(20, "inbox.ack", ack.clone()).await.unwrap();
    assert_eq!(socket.answer(20).await.unwrap(), first);
    socket.send_as(21, "inbox.ack", ack).await.unwrap();
    assert_eq!(socket.answer(21).await.unwrap(), json!({"acked": 2}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_redis_each_node_answers_for_itself() {
    let mut server = Redis::start(&Binaries::default(), &[]).unwrap();
    let url = server.databases().database().unwrap();
    let ([here, there], _keys) = nodes(&url).await;
    server.kill().unwrap();
    let player = here.guest().await;
    let logout = async |house: &Daemun| {
        call(&house.http(), "auth.logout", player.access_token(), &["k"], json!({})).await
    };
    let first = logout(&here).await;
    assert_eq!(first, (200, json!({"ok": {"ended": 1}})));
    assert_eq!(logout(&here).await, first);
    let (status, other) = logout(&there).await;
    assert_eq!((status, text(&other["err"], "code")), (401, "auth.logged_out"));
}
