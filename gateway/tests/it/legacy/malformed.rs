//! Whatever is sent, the answer is 200 with the envelope.

use std::time::Duration;

use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Answer, FORM, JSON, post, send};
use crate::harness::Daemun;

#[tokio::test]
async fn paths_that_lead_nowhere() {
    let house = Daemun::start().await;
    let http = house.http();
    for path in [
        "",
        "/",
        "/v1",
        "/v1/",
        "//",
        "/v1//",
        "/v2/auth/login",
        "/v1/auth",
        "/v1/auth/",
        "/v1/auth.login",
        "/v1/auth/login/",
        "/v1/auth/login/now",
        "/v1//auth/login",
        "/v1/AUTH/LOGIN",
        "/v1/auth%2Flogin",
        "/v1/auth/%ff",
        "/v1/%00/%",
        "/v1/session/open",
        "/v1/session/close",
        "/v1/purchase/steal",
        "/v1/../v1/auth/login",
        "/v1/ws",
        "/v1/auth/login;jsessionid=1",
        "/legacy/v1/auth/login",
    ] {
        let answer = send(&http, Method::POST, path, &[JSON], "{}").await;
        assert_eq!(answer.code(), "op.unknown", "{path}");
    }
    let long = format!("/v1/{}", "x/".repeat(4_000));
    let answer = send(&http, Method::POST, &long, &[JSON], "{}").await;
    assert_eq!(answer.code(), "op.unknown");
    assert!(answer.0.to_string().len() < 1_000, "a long path is not said back");
}

#[tokio::test]
async fn other_methods_than_post() {
    let house = Daemun::start().await;
    let http = house.http();
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE] {
        for path in ["/v1/auth/login", "/v1/purchase/steal", ""] {
            let answer = send(&http, method.clone(), path, &[], "").await;
            assert_eq!(answer.code(), "op.method", "{method} {path}");
        }
    }
    let own = Method::from_bytes(b"BREW").unwrap();
    assert_eq!(send(&http, own, "/v1/auth/login", &[], "").await.code(), "op.method");
}

#[tokio::test]
async fn bodies_that_say_nothing() {
    let house = Daemun::start().await;
    let http = house.http();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let json: [&[u8]; 16] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"null",
        b"[]",
        b"[{}]",
        b"3",
        b"\"app\"",
        b"{\"app\"}",
        b"{\"app\": \"demo\",}",
        b"{\"app\": 1e999}",
        b"{\"app\": \"\xff\"}",
        b"{\"app\": \"\\ud800\"}",
        b"{} {}",
        deep.as_bytes(),
    ];
    for body in json {
        let answer = post(&http, "auth/login", &[JSON], body).await;
        assert_eq!(answer.code(), "body.invalid", "{}", String::from_utf8_lossy(body));
    }
    let dots = format!("{}=1", "a.".repeat(30_000));
    let form: [&[u8]; 13] = [
        b"",
        b"&&&",
        b"=",
        b"=1",
        b"%",
        b"app=demo&app=demo",
        b"app=%ff",
        b"%ff=demo",
        b"app.x=1&app=demo",
        b"app=demo&app.x=1",
        b"...=1",
        b"{\"app\": \"demo\"}",
        dots.as_bytes(),
    ];
    for body in form {
        let answer = post(&http, "auth/login", &[FORM], body).await;
        assert_eq!(answer.code(), "body.invalid", "{}", String::from_utf8_lossy(body));
    }
    let many = (0..6_000).map(|n| format!("f{n}=1&")).collect::<String>();
    assert_eq!(post(&http, "auth/login", &[FORM], many).await.field(), "app");
}

#[tokio::test]
async fn content_types_that_are_not_read() {
    let house = Daemun::start().await;
    let http = house.http();
    for kind in
        ["text/plain", "application/msgpack", "multipart/form-data; boundary=x", "json", "", ";"]
    {
        let answer = post(&http, "auth/nonce", &[("content-type", kind)], "{}").await;
        assert_eq!(answer.code(), "body.media_type", "{kind}");
    }
    for body in ["app=demo", "[]", " ", "\u{feff}{}"] {
        assert_eq!(post(&http, "auth/nonce", &[], body).await.code(), "body.media_type");
    }
    for kind in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json;"] {
        let headers = [("content-type", kind)];
        assert_eq!(post(&http, "auth/nonce", &headers, r#"{"app": "demo"}"#).await.code(), "ok");
    }
    assert_eq!(post(&http, "auth/nonce", &[], "\n {\"app\": \"demo\"}").await.code(), "ok");
    let coded = [JSON, ("content-encoding", "br")];
    assert_eq!(post(&http, "auth/nonce", &coded, "{}").await.code(), "body.media_type");
}

#[tokio::test]
async fn a_giant_body_is_refused_when_it_is_over_the_limit() {
    let house = Daemun::start().await;
    let http = house.http();
    let most = house.settings.gateway.frame_limit_bytes;
    for kind in [JSON, FORM] {
        let fits = vec![b'x'; most];
        assert_eq!(post(&http, "auth/login", &[kind], fits).await.code(), "body.invalid");
        let giant = vec![b'x'; most + 1];
        assert_eq!(post(&http, "auth/login", &[kind], giant).await.code(), "body.too_large");
    }

    // Ten gigabytes are announced; nobody waits for them, nor makes room.
    let head = "POST /legacy/v1/auth/login HTTP/1.1\r\nhost: x\r\nx-transaction-id: t-1\r\n\
                content-type: application/json\r\ncontent-length: 10000000000\r\n\r\n";
    let stream = begin(&house, head, most + 1).await;
    let answer = answer(stream).await;
    assert_eq!((answer.code(), answer.transaction()), ("body.too_large", "t-1"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_late() {
    let house = Daemun::start().await;
    let head = "POST /legacy/v1/auth/login HTTP/1.1\r\nhost: x\r\nx-transaction-id: t-1\r\n\
                content-type: application/json\r\ncontent-length: 100\r\n\r\n";
    let mut stream = begin(&house, head, 10).await;
    stream.shutdown().await.unwrap();
    let answer = answer(stream).await;
    assert_eq!((answer.code(), answer.transaction()), ("body.late", "t-1"));
}

/// Sends a head and some of the body that it announces.
async fn begin(house: &Daemun, head: &str, body: usize) -> TcpStream {
    let mut stream = TcpStream::connect(house.server.public).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; body]).await.unwrap();
    stream
}

/// Reads the first answer.
async fn answer(mut stream: TcpStream) -> Answer {
    let mut read = Vec::new();
    let whole = async {
        while !read.ends_with(b"}}") {
            let mut part = [0; 4_096];
            let count = stream.read(&mut part).await.unwrap();
            assert!(count > 0, "no whole answer: {}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&part[..count]);
        }
    };
    tokio::time::timeout(Duration::from_secs(10), whole).await.unwrap();
    let read = String::from_utf8(read).unwrap();
    assert!(read.starts_with("HTTP/1.1 200 OK\r\n"), "{read}");
    Answer::read(read.split_once("\r\n\r\n").unwrap().1.as_bytes())
}
