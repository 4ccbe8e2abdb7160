//! What the node takes of everybody together.

use futures_util::future::join_all;
use loadtest::{Format, Socket};
use protocol::error::ErrorCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{legacy, limited, status, told};
use crate::harness::{Daemun, client, guest, text, with_token};

/// A provider whose keys are asked for and never come: logins by it stay in flight until it
/// is dropped.
struct Silent(TcpListener);

impl Silent {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn provider(&self) -> Value {
        json!({"kind": "oidc", "issuers": ["https://silent.example"], "audiences": ["game"],
            "jwks_url": format!("http://{}/", self.0.local_addr().unwrap()),
            "allow_insecure_loopback": true, "require_nonce": false})
    }

    fn token() -> String {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
        let claims = json!({"iss": "https://silent.example", "aud": "game", "sub": "x",
            "iat": 1_800_000_000, "exp": 1_900_000_000});
        let header = json!({"alg": "RS256", "kid": "one"});
        let [header, claims] = [header, claims].map(|part| B64.encode(part.to_string()));
        format!("{header}.{claims}.{}", B64.encode([0; 256]))
    }
}

/// A house that does `requests` things at once, and keeps `polls` polls.
async fn house(silent: &Silent, requests: u32, polls: u32) -> Daemun {
    Daemun::with(|settings| {
        settings.gateway.limits.requests_in_flight = Some(requests);
        settings.gateway.limits.long_polls = Some(polls);
        let app = actors::apps::AppSettings {
            providers: [
                ("guest".to_owned(), json!({"kind": "guest"})),
                ("silent".to_owned(), silent.provider()),
            ]
            .into(),
            ..Default::default()
        };
        settings.apps.insert("demo".into(), app);
    })
    .await
}

async fn in_flight(house: &Daemun, requests: usize) {
    while house.server.gate.limits.in_flight() != requests {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_node_answers_so_many_at_once_over_all_doors() {
    let silent = Silent::new().await;
    let house = house(&silent, 2, 1).await;
    let mut player = house.guest().await;
    let mut other = house.socket(Format::Json).await;
    let login = with_token("silent", &Silent::token());

    // One is held over each door.
    let (http, body) = (house.http(), login.clone());
    let over_http = tokio::spawn(async move { http.ask("auth.login", None, body).await });
    let over_socket = other.send("auth.login", login).await.unwrap();
    in_flight(&house, 2).await;

    let answer = status(&house, &[]).await;
    assert_eq!((answer.status, &told(&answer)["code"]), (503, &json!("limit.overloaded")));
    let hint = told(&answer)["retry_after_ms"].as_u64().unwrap();
    assert!((500..1_500).contains(&hint), "{hint}");
    assert_eq!(legacy(&house, "auth/nonce").await, 8002);
    let refused = |outcome: Result<Value, loadtest::Failure>| outcome.unwrap_err().code();
    let overloaded = Some(ErrorCode::LimitOverloaded);
    let token = player.access_token().to_owned();
    assert_eq!(refused(house.http().ask("member.me", Some(&token), json!({})).await), overloaded);
    let logout = player.socket().send("auth.logout", json!({})).await.unwrap();
    assert_eq!(refused(player.socket().answer(logout).await), overloaded);
    let mut third = house.socket(Format::Json).await;
    let open = json!({"token": token, "client": client()});
    assert_eq!(refused(third.request("session.open", open).await), overloaded);

    // What keeps a connection alive, or ends it, is never shed; nor is a poll, which waits.
    player.ping(None).await.unwrap();
    house.http().ask("session.ping", Some(&token), json!({})).await.unwrap();
    player.socket().ack(0).await.unwrap();
    house.http().ask("inbox.list", Some(&token), json!({"wait_s": 1})).await.unwrap();
    let mut closing = house.socket(Format::Json).await;
    assert_eq!(
        refused(closing.request("member.me", json!({})).await),
        Some(ErrorCode::SessionNotOpen)
    );

    // When one is done there is room for one.
    drop(silent);
    over_http.await.unwrap().unwrap_err();
    other.answer(over_socket).await.unwrap_err();
    in_flight(&house, 0).await;
    status(&house, &[]).await;
    // What was refused was not begun, and its id is not used.
    player.socket().send_as(logout, "auth.logout", json!({})).await.unwrap();
    player.socket().answer(logout).await.unwrap();
    assert_eq!(player.socket().closed().await.unwrap().code, 4509);
    assert!(limited(&house, "in_flight").await >= 5.0);
}

#[tokio::test]
async fn a_session_is_closed_in_order_while_the_node_is_full() {
    let silent = Silent::new().await;
    let house = house(&silent, 1, 1).await;
    let mut player = house.guest().await;
    let mut other = house.socket(Format::Json).await;
    other.send("auth.login", with_token("silent", &Silent::token())).await.unwrap();
    in_flight(&house, 1).await;
    player.socket().request("session.close", json!({})).await.unwrap();
    assert_eq!(player.socket().closed().await.unwrap().code, 1000);
}

#[tokio::test]
async fn polls_that_wait_have_a_bound_of_their_own() {
    let silent = Silent::new().await;
    let house = house(&silent, 1, 2).await;
    let player = house.guest().await;
    let ask = |wait_s: u64| {
        let (http, token) = (house.http(), player.access_token().to_owned());
        async move { http.ask("inbox.list", Some(&token), json!({"wait_s": wait_s})).await }
    };
    let waiting = [tokio::spawn(ask(9)), tokio::spawn(ask(9))];
    while house.server.gate.node.sessions.attached() < 3 {
        tokio::task::yield_now().await;
    }
    let limits = &house.server.gate.limits;
    assert_eq!((limits.in_flight(), limits.long_polls()), (0, 2));
    assert_eq!(ask(9).await.unwrap_err().code(), Some(ErrorCode::LimitOverloaded));
    // One that does not wait is like any other request.
    ask(0).await.unwrap();
    let body = json!({"app": "demo", "member": player.login().member.id, "text": "hello"});
    house.command("/commands/member/message", body).await;
    for poll in waiting {
        assert_eq!(poll.await.unwrap().unwrap()["pushes"][0]["body"]["text"], "hello");
    }
    assert_eq!(limits.long_polls(), 0);
    assert!(limited(&house, "long_polls").await >= 1.0);
}

#[tokio::test]
async fn logins_over_the_rate_are_told_when_to_come_back() {
    let house = Daemun::with(|settings| {
        settings.gateway.limits.logins_per_second = Some(1);
        settings.gateway.limits.admission_wait_ms = 0;
    })
    .await;
    // All within one turn, or nearly.
    let logins = join_all((0..20).map(|n| {
        let (http, url) = (house.http(), house.ws());
        async move {
            if n % 2 == 0 {
                return http.ask("auth.login", None, guest()).await;
            }
            let mut socket = Socket::connect(&url, Format::Json, None).await.unwrap();
            socket.request("auth.login", guest()).await
        }
    }))
    .await;
    assert!(logins.iter().any(Result::is_ok));
    let refused: Vec<_> = logins.iter().filter_map(|login| login.as_ref().err()).collect();
    assert!(!refused.is_empty());
    for failure in refused {
        let error = failure.refused().unwrap();
        assert_eq!(error.code, ErrorCode::LimitOverloaded);
        assert!(error.retry_after_ms.unwrap() > 0);
    }
    assert!(limited(&house, "logins").await >= 1.0);
    // Nobody else stands in that line.
    status(&house, &[]).await;
    let login = logins.iter().find_map(|login| login.as_ref().ok()).unwrap();
    let refresh = json!({"app": "demo", "refresh_token": text(login, "refresh_token")});
    house.http().ask("auth.refresh", None, refresh).await.unwrap();
}

#[tokio::test]
async fn opens_over_the_rate_wait_for_their_turn_and_no_longer() {
    let house = Daemun::with(|settings| {
        settings.gateway.limits.opens_per_second = Some(1);
        settings.gateway.limits.admission_wait_ms = 0;
    })
    .await;
    let mut players = Vec::new();
    for _ in 0..8 {
        let login = house.login().await;
        let open = json!({"token": login["access_token"], "client": client()});
        players.push((house.socket(Format::Json).await, open));
    }
    let opens = join_all(players.iter_mut().map(|(socket, open)| {
        let open = open.clone();
        async move { socket.request("session.open", open).await }
    }))
    .await;
    assert!(opens.iter().any(Result::is_ok));
    let place = opens.iter().position(Result::is_err).unwrap();
    let error = opens[place].as_ref().unwrap_err().refused().unwrap().clone();
    assert_eq!(error.code, ErrorCode::LimitOverloaded);
    // It may try again on the same socket, under the same id.
    let (socket, open) = &mut players[place];
    loop {
        socket.send_as(1, "session.open", open.clone()).await.unwrap();
        match socket.answer(1).await {
            Ok(opened) => break assert_eq!(opened["resumed"], false),
            Err(error) => assert_eq!(error.code(), Some(ErrorCode::LimitOverloaded)),
        }
    }
}
