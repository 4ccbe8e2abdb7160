//! Frames that are wrong, each with its own answer or close.

use loadtest::socket::Message;
use loadtest::{Format, Socket};
use protocol::error::ErrorCode;
use serde_json::{Value, json};

use crate::harness::Daemun;

/// Sends a message and says with which code the server closes.
async fn close_of(house: &Daemun, format: Format, message: Message) -> u16 {
    let mut socket = house.socket(format).await;
    socket.send_raw(message).await.unwrap();
    socket.closed().await.unwrap().code
}

fn json_frame(text: &str) -> Message {
    Message::Text(text.to_owned().into())
}

#[tokio::test]
async fn what_makes_no_sense_is_closed_with_bad_frame() {
    let house = Daemun::start().await;
    for frame in
        ["[1]", "7", "{}", "{", "null", "{\"id\":0,\"op\":\"x\"}", "{\"id\":\"1\",\"op\":\"x\"}"]
    {
        assert_eq!(close_of(&house, Format::Json, json_frame(frame)).await, 4500, "{frame}");
    }
    for frame in [&b"\x93\x01\x02\x03"[..], b"\xc1", b"\x81\xa2id", b"\xdf\xff\xff\xff\xff"] {
        let message = Message::Binary(frame.to_vec().into());
        assert_eq!(close_of(&house, Format::Msgpack, message).await, 4500, "{frame:?}");
    }
    let text = json_frame("{\"id\":1,\"op\":\"session.ping\"}");
    assert_eq!(close_of(&house, Format::Msgpack, text).await, 4500, "text on a binary protocol");
    let binary = Message::Binary(b"\x81\xa2id\x01".to_vec().into());
    assert_eq!(close_of(&house, Format::Json, binary).await, 4500, "binary on a text protocol");
    assert!(house.metric("daemun_socket_closes_total{code=\"bad_frame\"}").await >= 12.0);
    house.guest().await.ping(None).await.expect("the server goes on");
}

#[tokio::test]
async fn a_frame_over_the_limit_is_closed_and_one_at_it_is_read() {
    let house = Daemun::start().await;
    let padded = |bytes: usize| {
        let frame = |pad: usize| {
            json!({"id": 1, "op": "auth.nonce", "body": {"app": "demo", "pad": "x".repeat(pad)}})
                .to_string()
        };
        json_frame(&frame(bytes - frame(0).len()))
    };
    assert_eq!(close_of(&house, Format::Json, padded(65 * 1024)).await, 1009);
    assert_eq!(close_of(&house, Format::Json, padded(64 * 1024 + 1)).await, 1009);
    let mut socket = house.socket(Format::Json).await;
    socket.send_raw(padded(64 * 1024)).await.unwrap();
    socket.answer(1).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_answered_and_the_connection_stays() {
    let house = Daemun::start().await;
    for format in [Format::Json, Format::Msgpack] {
        let mut socket = house.socket(format).await;
        let mut id = 0;
        let mut asks = async |op: &str, body: Value| {
            id += 1;
            socket.send_as(id, op, body).await.unwrap();
            socket.answer(id).await.unwrap_err().refused().unwrap().clone()
        };
        let unknown = asks("purchase.steal", json!({})).await;
        assert_eq!(unknown.code, ErrorCode::OpUnknown);
        let missing = asks("auth.nonce", json!({})).await;
        assert_eq!(missing.code, ErrorCode::BodyInvalid);
        assert_eq!(missing.detail.unwrap()["field"], "app");
        let wrong = asks("auth.nonce", json!({"app": 7})).await;
        assert_eq!(
            (wrong.code, &wrong.detail.unwrap()["field"]),
            (ErrorCode::BodyInvalid, &json!("app"))
        );
        let not_a_map = asks("auth.nonce", json!(["demo"])).await;
        assert_eq!(not_a_map.code, ErrorCode::BodyInvalid);
        socket.send_as(3, "auth.nonce", json!({"app": "demo"})).await.unwrap();
        let stale = socket.answer(3).await.unwrap_err();
        assert_eq!(stale.code(), Some(ErrorCode::FrameStaleId));
        socket.send_as(9, "auth.nonce", json!({"app": "demo"})).await.unwrap();
        socket.answer(9).await.unwrap();
    }
}

#[tokio::test]
async fn a_request_without_an_operation_is_answered_by_its_id() {
    let house = Daemun::start().await;
    let mut socket = house.socket(Format::Json).await;
    socket.send_raw(json_frame("{\"id\":4}")).await.unwrap();
    assert_eq!(socket.answer(4).await.unwrap_err().code(), Some(ErrorCode::FrameBad));
    socket.send_raw(json_frame("{\"id\":4}")).await.unwrap();
    assert_eq!(socket.answer(4).await.unwrap_err().code(), Some(ErrorCode::FrameStaleId));
    socket.send_raw(json_frame("{\"id\":5,\"op\":7}")).await.unwrap();
    assert_eq!(socket.answer(5).await.unwrap_err().code(), Some(ErrorCode::FrameBad));
}

#[tokio::test]
async fn subprotocols_are_chosen_or_refused() {
    let house = Daemun::start().await;
    let mut socket = Socket::connect_offering(&house.ws(), &[], None).await.unwrap();
    socket.request("auth.nonce", json!({"app": "demo"})).await.expect("JSON when none is offered");
    let refused = Socket::connect_offering(&house.ws(), &["graphql-ws"], None).await;
    assert!(format!("{:?}", refused.err().unwrap()).contains("400"));
}
