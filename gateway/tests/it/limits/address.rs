//! What one address may do without a login, and whose address it is.

use gateway::config::ForwardedHeader;
use hyper::Method;
use loadtest::http::HttpAnswer;
use loadtest::{Failure, Format, Socket};
use protocol::error::ErrorCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{legacy, limited, status, told};
use crate::harness::{Daemun, client, guest, text};

/// More than the burst and what comes back of it in any time that a test takes.
const MANY: usize = 200;

/// A house in which an address may ask five times at once, then once a second.
async fn house(proxies: &[&str], header: ForwardedHeader) -> Daemun {
    Daemun::with(|settings| {
        settings.gateway.limits.address_per_second = Some(1);
        settings.gateway.limits.address_burst = Some(5);
        settings.gateway.trusted_proxies =
            proxies.iter().map(|network| network.parse().unwrap()).collect();
        settings.gateway.forwarded_header = header;
    })
    .await
}

/// Asks until it is refused.
async fn until_refused(house: &Daemun, headers: impl Fn(usize) -> Option<String>) -> HttpAnswer {
    for n in 0..MANY {
        let said = headers(n);
        let said: Vec<_> = said.iter().map(|value| ("x-forwarded-for", value.as_str())).collect();
        let answer = status(house, &said).await;
        if answer.status != 200 {
            assert!(n >= 5, "the burst passes");
            return answer;
        }
    }
    panic!("nothing was refused");
}

#[tokio::test]
async fn an_address_without_a_login_has_a_rate_at_every_door() {
    let house = house(&[], ForwardedHeader::default()).await;
    let before = limited(&house, "address").await;
    let mut socket = house.socket(Format::Json).await;
    let login = socket.request("auth.login", guest()).await.unwrap();
    let body = json!({"token": login["access_token"], "client": client()});
    socket.request("session.open", body).await.unwrap();
    let mut unopened = house.socket(Format::Json).await;

    let mut n = 0;
    let answer = loop {
        let answer = status(&house, &[]).await;
        n += 1;
        if answer.status != 200 || n == MANY {
            break answer;
        }
    };
    assert_eq!(answer.status, 429);
    let error = told(&answer);
    assert_eq!(error["code"], "limit.rate");
    assert!(error["retry_after_ms"].as_u64().unwrap() <= 2_000, "{error}");
    let mut refused = false;
    for _ in 0..MANY {
        let nonce = unopened.request("auth.nonce", json!({"app": "demo"})).await;
        let upgrade = Socket::connect(&house.ws(), Format::Json, None).await;
        let forged = house.http().ask("member.me", Some("forged"), json!({})).await;
        let (nonce, forged) = (nonce.map_err(|e| e.code()), forged.map_err(|e| e.code()));
        refused = nonce == Err(Some(ErrorCode::LimitRate))
            && matches!(upgrade, Err(Failure::NotUpgraded { status: 429, .. }))
            && forged == Err(Some(ErrorCode::LimitRate))
            && legacy(&house, "launch/status").await == 8001;
        if refused {
            break;
        }
    }
    assert!(refused, "each of them is");
    // Who has a login is not concerned.
    for _ in 0..20 {
        socket.request("session.ping", json!({})).await.unwrap();
        house.http().ask("member.me", Some(text(&login, "access_token")), json!({})).await.unwrap();
    }
    assert!(limited(&house, "address").await >= before + 5.0);
}

#[tokio::test]
async fn a_stranger_does_not_escape_by_naming_other_addresses() {
    let house = house(&[], ForwardedHeader::default()).await;
    let answer = until_refused(&house, |n| Some(format!("198.51.100.{n}"))).await;
    assert_eq!(told(&answer)["code"], "limit.rate");
}

#[tokio::test]
async fn clients_of_a_trusted_proxy_are_told_apart_by_what_it_saw() {
    let house = house(&["127.0.0.0/8", "10.0.0.0/8"], ForwardedHeader::default()).await;
    for n in 0..30 {
        let address = format!("198.51.100.{n}");
        assert_eq!(status(&house, &[("x-forwarded-for", &address)]).await.status, 200);
    }
    // What a client says of itself stands on the left, and changes nothing.
    let spoofed = |n| Some(format!("198.51.100.{n}, 203.0.113.7, 10.0.0.3"));
    assert_eq!(until_refused(&house, spoofed).await.status, 429);
    assert_eq!(status(&house, &[("x-forwarded-for", "203.0.113.8")]).await.status, 200);
}

#[tokio::test]
async fn forwarded_is_read_where_it_is_the_proxys_header() {
    let house = house(&["127.0.0.1/32"], ForwardedHeader::Forwarded).await;
    for n in 0..30 {
        let said = format!("for=198.51.100.{n}");
        assert_eq!(status(&house, &[("forwarded", &said)]).await.status, 200);
    }
    let before = house.metric("daemun_forwarded_malformed_total").await;
    // Who is not named rightly is the proxy itself.
    let mut answers = Vec::new();
    for _ in 0..MANY {
        answers.push(status(&house, &[("forwarded", "for=unknown")]).await.status);
        if answers.last() == Some(&429) {
            break;
        }
    }
    assert_eq!(answers.last(), Some(&429));
    let malformed = house.metric("daemun_forwarded_malformed_total").await - before;
    assert!(malformed >= answers.len() as f64, "{malformed}");
}

async fn not_upgraded(house: &Daemun) -> bool {
    match Socket::connect(&house.ws(), Format::Json, None).await {
        Ok(_) => false,
        Err(Failure::NotUpgraded { status: 429, body }) => {
            assert!(body.contains("limit.rate"), "{body}");
            true
        }
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_address_has_so_many_connections_without_a_session() {
    let house = Daemun::with(|settings| {
        settings.gateway.limits.unopened_per_address = Some(20);
    })
    .await;
    let before = limited(&house, "unopened").await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(house.socket(Format::Json).await);
    }
    assert!(not_upgraded(&house).await, "the 21st");
    let http = house.http();
    let upgrade = http
        .request(Method::GET, "/v1/ws")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let answer = http.send(upgrade.body(Default::default())).await.unwrap();
    assert_eq!((answer.status, &told(&answer)["code"]), (429, &json!("limit.rate")));
    assert!(limited(&house, "unopened").await >= before + 2.0);

    // A login alone, or an open that fails, gives nothing back.
    let socket = &mut sockets[0];
    let login = socket.request("auth.login", guest()).await.unwrap();
    let open = |token: &str| json!({"token": token, "client": client()});
    socket.request("session.open", open("forged")).await.unwrap_err();
    assert!(not_upgraded(&house).await);
    // One that opens does, and so does one that goes.
    sockets[0].request("session.open", open(text(&login, "access_token"))).await.unwrap();
    sockets.push(house.socket(Format::Json).await);
    assert!(not_upgraded(&house).await);
    sockets.pop().unwrap().drop_hard();
    while not_upgraded(&house).await {}
}

#[tokio::test]
async fn an_address_has_so_many_connections_without_a_request() {
    let house = Daemun::with(|settings| {
        settings.gateway.limits.connecting_per_address = Some(2);
    })
    .await;
    let before = limited(&house, "connecting").await;
    let connect = async || TcpStream::connect(house.server.public).await.unwrap();
    let silent = [connect().await, connect().await];
    let mut third = connect().await;
    let mut read = Vec::new();
    // A reset is as good an end as any.
    let _ = third.read_to_end(&mut read).await;
    assert!(read.is_empty());
    assert!(limited(&house, "connecting").await >= before + 1.0);

    // One that has asked is not counted any more, though it stays.
    let [mut first, _second] = silent;
    let head = b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\n\r\n";
    first.write_all(head).await.unwrap();
    let mut status = [0; 12];
    first.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    house.login().await;
}
