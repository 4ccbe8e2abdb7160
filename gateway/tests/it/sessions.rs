//! Opening, keeping and closing a session.

use std::time::Duration;

use loadtest::{Format, Socket};
use protocol::error::ErrorCode;
use serde_json::{Value, json};

use crate::harness::{Daemun, client, guest, text};

fn open(token: &str) -> Value {
    json!({"token": token, "client": client()})
}

async fn refused(socket: &mut Socket, op: &str, body: Value) -> ErrorCode {
    socket.request(op, body).await.unwrap_err().code().unwrap()
}

#[tokio::test]
async fn a_player_logs_in_and_opens_on_one_socket_in_either_format() {
    let house = Daemun::start().await;
    for format in [Format::Json, Format::Msgpack] {
        let mut socket = house.socket(format).await;
        let login = socket.request("auth.login", guest()).await.unwrap();
        let opened =
            socket.request("session.open", open(text(&login, "access_token"))).await.unwrap();
        assert_eq!(opened["member"], login["member"]["id"]);
        assert_eq!((&opened["resumed"], &opened["seq"]), (&json!(false), &json!(0)));
        assert_eq!(opened["launch"]["status"], 200);
        let me = socket.request("member.me", json!({})).await.unwrap();
        assert_eq!(me["member"], login["member"]);
        assert_eq!(me["identities"][0]["provider"], "guest");
        let pong = socket.request("session.ping", json!({"t": 1.5})).await.unwrap();
        assert_eq!(pong["t"], 1.5);
    }
}

#[tokio::test]
async fn http_and_the_socket_of_one_login_see_the_same() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let over_socket = serde_json::to_value(player.me().await.unwrap()).unwrap();
    let access = player.access_token();
    let over_http = house.http().ask("member.me", Some(access), json!({})).await.unwrap();
    assert_eq!(over_http, over_socket);
    assert_eq!(house.server.gate.node.sessions.awake(), 1, "one actor a member");
}

#[tokio::test]
async fn before_open_only_what_needs_no_login_is_answered() {
    let house = Daemun::start().await;
    let mut socket = house.socket(Format::Json).await;
    for op in ["member.me", "session.ping", "session.close", "auth.logout", "session.list"] {
        assert_eq!(refused(&mut socket, op, json!({})).await, ErrorCode::SessionNotOpen, "{op}");
    }
    assert_eq!(
        refused(&mut socket, "session.refresh", json!({"token": "x"})).await,
        ErrorCode::SessionNotOpen
    );
    socket.request("auth.nonce", json!({"app": "demo"})).await.unwrap();
}

#[tokio::test]
async fn a_second_open_is_refused_and_the_first_stands() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let body = open(player.access_token());
    let socket = player.socket();
    assert_eq!(refused(socket, "session.open", body).await, ErrorCode::SessionAlreadyOpen);
    socket.request("session.ping", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_bad_token_is_refused_and_the_client_may_try_again_on_the_same_socket() {
    let house = Daemun::start().await;
    let mut socket = house.socket(Format::Msgpack).await;
    let login = socket.request("auth.login", guest()).await.unwrap();
    let good = text(&login, "access_token").to_owned();
    for bad in forged(&good).into_iter().chain([keyed_with_the_public_key(&house, &good).await]) {
        assert_eq!(
            refused(&mut socket, "session.open", open(&bad)).await,
            ErrorCode::AuthRefused,
            "{bad}"
        );
    }
    socket.request("session.open", open(&good)).await.unwrap();
}

/// The classic confusion: the public key, which everybody has, used as an HMAC secret.
async fn keyed_with_the_public_key(house: &Daemun, good: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
    let published = house.http().get("/.well-known/jwks.json").await.unwrap();
    let set: Value = serde_json::from_slice(&published.body).unwrap();
    let key = &set["keys"][0];
    let point = [text(key, "x"), text(key, "y")].map(|half| B64.decode(half).unwrap()).concat();
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": key["kid"]}).to_string();
    let claims = good.split('.').nth(1).unwrap();
    let signed = format!("{}.{claims}", B64.encode(header));
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &point);
    let code = aws_lc_rs::hmac::sign(&secret, signed.as_bytes());
    format!("{signed}.{}", B64.encode(code))
}

/// Tokens made from a good one that must not pass.
fn forged(good: &str) -> Vec<String> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
    let parts: Vec<&str> = good.split('.').collect();
    let (header, claims, signature) = (parts[0], parts[1], parts[2]);
    let decoded =
        |part: &str| -> Value { serde_json::from_slice(&B64.decode(part).unwrap()).unwrap() };
    let with = |part: &str, field: &str, value: Value| {
        let mut object = decoded(part);
        object[field] = value;
        B64.encode(object.to_string())
    };
    let without = |part: &str, field: &str| {
        let mut object = decoded(part);
        object.as_object_mut().unwrap().remove(field);
        B64.encode(object.to_string())
    };
    vec![
        String::new(),
        "nonsense".into(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{}.{claims}.", with(header, "alg", "none".into())),
        format!("{}.{claims}.{signature}", with(header, "alg", "HS256".into())),
        format!("{}.{claims}.{signature}", with(header, "kid", "dev-0-00000000".into())),
        format!("{}.{claims}.{signature}", without(header, "kid")),
        format!("{header}.{}.{signature}", with(claims, "aud", "other".into())),
        format!("{header}.{}.{signature}", without(claims, "aud")),
        format!("{header}.{}.{signature}", with(claims, "exp", 9_999_999_999_i64.into())),
    ]
}

#[tokio::test]
async fn a_session_goes_on_after_a_cut() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    player.ping(None).await.unwrap();
    let mut back = player.drop_hard().reconnect().await.unwrap();
    let opened = back.resume().await.unwrap();
    assert!(opened.resumed && opened.resume_failed.is_none());
    back.ping(None).await.unwrap();
}

#[tokio::test]
async fn a_newer_login_tells_and_closes_the_older_socket() {
    let house = Daemun::start().await;
    let mut old = house.guest().await;
    let credential = old.login().credential.clone().unwrap();
    let _new = house.visitor(Format::Json).log_in_as(&credential).await.unwrap();
    let push = old.socket().next_push().await.unwrap();
    assert_eq!(push.word, "session.replaced");
    let closed = old.socket().closed().await.unwrap();
    assert_eq!((closed.code, closed.reason.as_str()), (4502, "replaced"));
}

#[tokio::test]
async fn a_session_ends_with_its_token_unless_it_is_refreshed() {
    let house = Daemun::with(|settings| settings.gateway.heartbeat_s = 1).await;
    let mut kept = house.guest().await;
    let mut left = house.guest().await;
    house.advance(Duration::from_secs(14 * 60 + 30));
    for player in [&mut kept, &mut left] {
        let push = player.socket().next_push().await.unwrap();
        assert_eq!(
            (push.word.as_str(), &push.body),
            ("session.expiring", &json!({"expires_s": 30}))
        );
    }
    kept.refresh().await.unwrap();
    assert_eq!(kept.renew().await.unwrap().access_expires_s, 15 * 60);
    // Half a minute was left, and a token is taken for a minute after its end.
    house.advance(Duration::from_secs(90));
    assert_eq!(left.socket().closed().await.unwrap().code, 4003);
    kept.ping(None).await.unwrap();
}

#[tokio::test]
async fn a_token_of_another_login_does_not_extend_a_session() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let other = house.login().await;
    let body = json!({"token": text(&other, "access_token")});
    assert_eq!(refused(player.socket(), "session.refresh", body).await, ErrorCode::AuthRefused);
}

#[tokio::test]
async fn close_is_answered_and_then_done() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    player.socket().request("session.close", json!({})).await.unwrap();
    assert_eq!(player.socket().closed().await.unwrap().code, 1000);
    let access = player.access_token();
    house.http().ask("member.me", Some(access), json!({})).await.expect("the login stays");
}

#[tokio::test]
async fn a_quiet_session_actor_sleeps_and_wakes_for_the_next_request() {
    let house = Daemun::with(|settings| settings.sessions.quiet_ms = 1).await;
    let mut player = house.guest().await;
    let sessions = house.server.gate.node.sessions.clone();
    for _ in 0..20 {
        player.me().await.unwrap();
        // Yields to the actor until it has gone; the test's own bound is its time-out.
        while sessions.awake() > 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(sessions.attached(), 1);
}

#[tokio::test]
async fn many_requests_in_flight_are_all_answered() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let socket = player.socket();
    let mut ids = Vec::new();
    for n in 0..200 {
        let op = if n % 3 == 0 { "member.me" } else { "session.ping" };
        ids.push(socket.send(op, json!({})).await.unwrap());
    }
    for id in ids {
        socket.answer(id).await.unwrap();
    }
}

#[tokio::test]
async fn a_drain_sends_everyone_elsewhere_and_answers_what_is_in_flight() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let id = player.socket().send("member.me", json!({})).await.unwrap();
    let drained = tokio::spawn(house.server.drain(std::future::pending()));
    // Whatever was read before the drain is answered; what came after it is not read.
    let answered = player.socket().answer(id).await.is_ok();
    let closed = player.socket().closed().await.unwrap();
    assert_eq!(closed.code, 4000, "answered: {answered}");
    let reason: Value = serde_json::from_str(&closed.reason).unwrap();
    assert!(reason["retry_after_ms"].as_u64().unwrap() < 15_000);
    drained.await.unwrap();
}

#[tokio::test]
async fn a_restart_keeps_members_and_logins() {
    let house = Daemun::start().await;
    let login = house.login().await;
    let house = house.restart().await;
    let body = json!({"app": "demo", "refresh_token": login["refresh_token"]});
    let tokens = house.http().ask("auth.refresh", None, body).await.unwrap();
    let me = house.http().ask("member.me", Some(text(&tokens, "access_token")), json!({})).await;
    assert_eq!(me.unwrap()["member"], login["member"]);
}

#[tokio::test]
async fn sockets_count_among_the_connections_that_may_be_open() {
    let house = Daemun::with(|settings| settings.gateway.max_connections = 2).await;
    let first = house.socket(Format::Json).await;
    let _second = house.socket(Format::Json).await;
    assert!(Socket::connect(&house.ws(), Format::Json, None).await.is_err());
    assert!(house.metric("daemun_connections_refused_total").await >= 1.0);
    first.drop_hard();
    while Socket::connect(&house.ws(), Format::Json, None).await.is_err() {}
}

#[tokio::test]
async fn a_replaced_device_can_still_end_its_own_login() {
    let house = Daemun::start().await;
    let first = house.login().await;
    let mut again = guest();
    again["credential"] = first["credential"].clone();
    house.http().ask("auth.login", None, again).await.unwrap();
    let old = Some(text(&first, "access_token"));
    let ended = house.http().ask("auth.logout", old, json!({})).await.unwrap();
    assert_eq!(ended["ended"], 1);
    let listed = house.http().ask("session.list", old, json!({})).await.unwrap_err();
    assert_eq!(listed.code(), Some(ErrorCode::AuthLoggedOut));
}

#[tokio::test]
async fn a_newcomer_in_a_drain_is_refused_and_machines_can_see_it() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let (public, private) = (house.ws(), house.private());
    // The player's socket is not read, so the drain is not over before it is closed below.
    let Daemun { server, .. } = house;
    let drained = tokio::spawn(server.drain(std::future::pending()));
    while Socket::connect(&public, Format::Json, None).await.is_ok() {}
    assert_eq!(private.get("/readyz").await.map(|answer| answer.status).unwrap_or(503), 503);
    assert_eq!(player.socket().closed().await.unwrap().code, 4000);
    drained.await.unwrap();
}
