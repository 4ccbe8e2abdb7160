use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use protocol::close::CloseCode;
use protocol::error::ErrorCode;
use protocol::frame::{ClientFrame, ServerFrame};
use protocol::push::Push as Said;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::*;
use crate::fake::{self, Peer, message_of};

async fn connect(url: &str, format: Format) -> Socket {
    Socket::connect(url, format, None).await.unwrap()
}

/// Waits for a request and gives its id and the name of its operation.
async fn heard(peer: &mut Peer, format: Format) -> (u64, String) {
    let payload = peer.next().await.unwrap().unwrap().into_data();
    match ClientFrame::read(format, &payload).unwrap() {
        ClientFrame::Request(request) => (request.id, request.op.into_owned()),
        ClientFrame::Ack(seq) => (seq, "ack".to_owned()),
    }
}

async fn say(peer: &mut Peer, format: Format, frame: Value) {
    let mut payload = Vec::new();
    format.encode(&frame, &mut payload).unwrap();
    peer.send(message_of(format, payload)).await.unwrap();
}

/// Answers each request with its operation's name, after a push and a ping.
async fn chatter(mut peer: Peer, format: Format) {
    loop {
        let (id, op) = heard(&mut peer, format).await;
        let push = ServerFrame::push(&Said::SessionExpiring { expires_s: 60 });
        peer.send(message_of(format, push.encode(format).unwrap())).await.unwrap();
        peer.send(Message::Ping(Bytes::from_static(b"there?"))).await.unwrap();
        say(&mut peer, format, json!({"id": id, "ok": {"op": op}})).await;
        let pong = peer.next().await.unwrap().unwrap();
        assert_eq!(pong, Message::Pong(Bytes::from_static(b"there?")));
    }
}

#[tokio::test]
async fn requests_are_answered_and_pushes_kept_in_either_format() {
    let url = fake::websocket(chatter).await;
    for format in Format::ALL {
        let mut socket = connect(&url, *format).await;
        for id in 1..=2 {
            let reply = socket.request("member.me", json!({})).await;
            assert_eq!(reply, Ok(json!({"op": "member.me"})));
            assert_eq!(socket.last_id(), id);
        }
        for _ in 0..2 {
            let push = socket.next_push().await.unwrap();
            assert_eq!(
                (push.word.as_str(), push.body),
                ("session.expiring", json!({"expires_s": 60}))
            );
        }
    }
}

#[tokio::test]
async fn answers_may_come_in_any_order() {
    let url = fake::websocket(async |mut peer, format| {
        let (first, _) = heard(&mut peer, format).await;
        let (second, _) = heard(&mut peer, format).await;
        let error = ErrorBody::new(ErrorCode::SessionNotOpen, "open it first");
        say(&mut peer, format, json!({"id": second, "err": error})).await;
        say(&mut peer, format, json!({"id": first, "ok": {}})).await;
        let _ = peer.next().await;
    })
    .await;
    let mut socket = connect(&url, Format::Json).await.counting_from(40);
    let first = socket.send("session.ping", json!({})).await.unwrap();
    let second = socket.send("member.me", json!({})).await.unwrap();
    assert_eq!((first, second), (41, 42));
    assert_eq!(socket.answer(first).await, Ok(json!({})));
    let failure = socket.answer(second).await.unwrap_err();
    assert_eq!(failure.code(), Some(ErrorCode::SessionNotOpen));
}

#[tokio::test]
async fn numbered_pushes_are_counted_and_acknowledged() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let url = fake::websocket(move |mut peer, format| {
        let tell = tell.clone();
        async move {
            say(&mut peer, format, json!({"seq": 41, "push": "message", "body": {}})).await;
            say(&mut peer, format, json!({"seq": 42, "push": "message", "body": {}})).await;
            tell.send(heard(&mut peer, format).await).unwrap();
        }
    })
    .await;
    let mut socket = connect(&url, Format::Msgpack).await;
    assert_eq!(socket.seq(), 0);
    assert_eq!(socket.next_push().await.unwrap().seq, Some(41));
    assert_eq!(socket.next_push().await.unwrap().seq, Some(42));
    socket.ack(socket.seq()).await.unwrap();
    assert_eq!(told.recv().await, Some((42, "ack".to_owned())));
}

#[tokio::test]
async fn a_close_is_heard_with_its_code_by_whoever_waits() {
    let url = fake::websocket(async |mut peer, format| {
        heard(&mut peer, format).await;
        let _ = peer.close(Some(fake::close(CloseCode::Kicked))).await;
    })
    .await;
    let mut socket = connect(&url, Format::Json).await;
    let failure = socket.request("member.me", json!({})).await.unwrap_err();
    let kicked = Closed { code: 4503, reason: "kicked".into() };
    assert_eq!(failure, Failure::Closed(kicked.clone()));
    assert!(kicked.is(CloseCode::Kicked));
    // However often it is asked, and whatever is tried, that is how it ended.
    assert_eq!(socket.closed().await, Ok(kicked.clone()));
    assert_eq!(socket.ack(1).await, Err(Failure::Closed(kicked.clone())));
    assert_eq!(socket.next_push().await, Err(Failure::Closed(kicked)));
}

#[tokio::test]
async fn an_end_without_a_close_frame_and_a_close_without_a_code_have_codes_too() {
    let url = fake::websocket(async |peer, _| drop(peer)).await;
    assert_eq!(connect(&url, Format::Json).await.closed().await, Ok(Closed::cut()));
    let url = fake::websocket(async |mut peer, _| {
        let _ = peer.close(None::<CloseFrame>).await;
    })
    .await;
    let closed = connect(&url, Format::Json).await.closed().await.unwrap();
    assert_eq!(closed.code, Closed::NO_STATUS);
}

#[tokio::test]
async fn a_hard_drop_is_a_reset_on_the_other_side() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let url = fake::websocket(move |mut peer, _| {
        let tell = tell.clone();
        async move { tell.send(peer.next().await).unwrap() }
    })
    .await;
    connect(&url, Format::Json).await.drop_hard();
    let end = told.recv().await.unwrap().unwrap().unwrap_err();
    let reset = match &end {
        Error::Io(error) => error.kind() == ErrorKind::ConnectionReset,
        other => matches!(other, Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)),
    };
    assert!(reset, "{end:?}");
}

#[tokio::test]
async fn what_is_not_of_the_contract_is_a_failure_not_a_wait() {
    let url = fake::websocket(async |mut peer, _| {
        peer.send(Message::text("{}")).await.unwrap();
        peer.send(Message::binary(vec![0x80])).await.unwrap();
        let _ = peer.next().await;
    })
    .await;
    for format in Format::ALL {
        let failure = connect(&url, *format).await.next_push().await.unwrap_err();
        assert!(matches!(failure, Failure::Strange(_)), "{failure}");
    }
}

#[tokio::test]
async fn silence_ends_in_late_and_loses_nothing() {
    let (go, wait) = tokio::sync::watch::channel(false);
    let url = fake::websocket(move |mut peer, format| {
        let mut wait = wait.clone();
        async move {
            let (id, _) = heard(&mut peer, format).await;
            wait.wait_for(|go| *go).await.unwrap();
            say(&mut peer, format, json!({"id": id, "ok": {}})).await;
            let _ = peer.next().await;
        }
    })
    .await;
    let mut socket = connect(&url, Format::Json).await.patient_for(Duration::from_millis(1));
    let failure = socket.request("member.me", json!({})).await.unwrap_err();
    assert!(matches!(failure, Failure::Late { what: "an answer", .. }), "{failure}");
    go.send(true).unwrap();
    let mut socket = socket.patient_for(PATIENCE);
    assert_eq!(socket.answer(socket.last_id()).await, Ok(json!({})));
}

#[tokio::test]
async fn an_offer_of_nothing_is_json_and_a_refused_upgrade_says_its_status() {
    let url = fake::websocket(async |mut peer, _| {
        let _ = peer.next().await;
    })
    .await;
    let socket = Socket::connect_offering(&url, &[], Some("https://demo.example")).await.unwrap();
    assert_eq!(socket.format(), Format::Json);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/v1/ws", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    });
    let failure = Socket::connect(&url, Format::Json, None).await.err().unwrap();
    assert!(matches!(failure, Failure::NotUpgraded { status: 403, .. }), "{failure}");

    let failure =
        Socket::connect("wss://demo.example/v1/ws", Format::Json, None).await.err().unwrap();
    assert!(matches!(failure, Failure::Unsendable(_)), "{failure}");
}
