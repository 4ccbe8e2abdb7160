//! Clients that dribble, stall, or say nothing.

use std::time::Duration;

use loadtest::Format;
use loadtest::socket::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::Daemun;

/// Reads until the server closes. The bound is the test's own; it decides nothing.
async fn closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    let reading = stream.read_to_end(&mut read);
    let _ = tokio::time::timeout(Duration::from_secs(30), reading).await.expect("closed in time");
    read
}

#[tokio::test]
async fn a_head_that_dribbles_is_closed() {
    let house = Daemun::with(|settings| settings.gateway.header_timeout_s = 1).await;
    let mut stream = TcpStream::connect(house.server.public).await.unwrap();
    stream.write_all(b"POST /v1/auth/login HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    let answer = closed(&mut stream).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.contains("408"), "{answer}");
    assert!(house.metric("daemun_heads_late_total").await >= 1.0, "it is counted");
    house.login().await;
}

#[tokio::test]
async fn a_first_frame_that_never_comes_is_closed_with_its_own_code() {
    let house = Daemun::with(|settings| settings.gateway.first_frame_timeout_s = 1).await;
    let mut socket = house.socket(Format::Json).await;
    assert_eq!(socket.closed().await.unwrap().code, 4005);
}

#[tokio::test]
async fn an_open_that_never_comes_is_closed_with_its_own_code() {
    let house = Daemun::with(|settings| {
        settings.gateway.first_frame_timeout_s = 1;
        settings.gateway.open_timeout_s = 2;
    })
    .await;
    let mut socket = house.socket(Format::Json).await;
    socket.request("auth.nonce", serde_json::json!({"app": "demo"})).await.unwrap();
    assert_eq!(socket.closed().await.unwrap().code, 4005);
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let house = Daemun::with(|settings| settings.gateway.heartbeat_s = 1).await;
    let player = house.guest().await;
    // Nothing is read on this socket from here on, so no pong is written either.
    house.server.gate.sockets.all_gone().await;
    assert!(house.metric("daemun_socket_closes_total{code=\"no_pong\"}").await >= 1.0);
    drop(player);
}

#[tokio::test]
async fn a_frame_cut_in_the_middle_harms_nobody() {
    let house = Daemun::start().await;
    for cut in [1, 3, 5] {
        let mut stream = TcpStream::connect(house.server.public).await.unwrap();
        let upgrade = "GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n\
            connection: upgrade\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(upgrade.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 101");
        // A masked text frame that claims 100 bytes.
        stream.write_all(&[0x81, 0x80 | 100, 1, 2, 3, 4][..cut]).await.unwrap();
        drop(stream);
    }
    house.server.gate.sockets.all_gone().await;
    house.guest().await.ping(None).await.unwrap();
}

#[tokio::test]
async fn broken_framing_is_closed_as_the_rfc_says() {
    let house = Daemun::start().await;
    // An unmasked frame of a client; a reserved opcode; text that is not UTF-8.
    let frames: [(&[u8], u16); 3] = [
        (&[0x81, 2, b'{', b'}'], 1002),
        (&[0x83, 0x80, 0, 0, 0, 0], 1002),
        (&[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe], 1007),
    ];
    for (frame, code) in frames {
        let mut stream = TcpStream::connect(house.server.public).await.unwrap();
        let upgrade = "GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n\
            connection: upgrade\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(upgrade.as_bytes()).await.unwrap();
        stream.write_all(frame).await.unwrap();
        let answer = closed(&mut stream).await;
        let after = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let close = &answer[after..];
        assert_eq!(close[0], 0x88, "a close frame: {close:?}");
        assert_eq!(u16::from_be_bytes([close[2], close[3]]), code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_does_not_put_off_a_deadline() {
    let house = Daemun::with(|settings| {
        settings.gateway.first_frame_timeout_s = 1;
        settings.gateway.open_timeout_s = 1;
    })
    .await;
    let mut socket = house.socket(Format::Json).await;
    let frame = format!("{{\"ack\":1,\"pad\":[0{}]}}", ",0".repeat(30_000));
    // It sends without a pause until the server no longer takes it.
    while socket.send_raw(Message::Text(frame.clone().into())).await.is_ok() {}
    house.server.gate.sockets.all_gone().await;
    let name = "daemun_socket_closes_total{code=\"not_opened_in_time\"}";
    assert!(house.metric(name).await >= 1.0);
}
