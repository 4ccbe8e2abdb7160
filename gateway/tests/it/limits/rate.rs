//! How often a login may ask.

use loadtest::{Format, Player};
use protocol::error::{ErrorBody, ErrorCode, Retry};
use serde_json::json;

use super::limited;
use crate::harness::Daemun;

/// A house in which a login may ask so often at once, then once a minute.
async fn house(burst: u32) -> Daemun {
    Daemun::with(|settings| {
        settings.gateway.limits.session_per_minute = Some(1);
        settings.gateway.limits.session_burst = Some(burst);
    })
    .await
}

async fn refused(player: &mut Player, op: &str) -> ErrorBody {
    player.socket().request(op, json!({})).await.unwrap_err().refused().unwrap().clone()
}

#[tokio::test]
async fn the_socket_and_http_of_a_login_share_its_rate() {
    let house = house(4).await;
    let before = limited(&house, "session").await;
    for format in [Format::Json, Format::Msgpack] {
        let mut player = house.visitor(format).enter().await.unwrap();
        let token = player.access_token().to_owned();
        player.ping(None).await.unwrap();
        house.http().ask("session.ping", Some(&token), json!({})).await.unwrap();
        player.me().await.unwrap();
        house.http().ask("member.me", Some(&token), json!({})).await.unwrap();

        let error = refused(&mut player, "session.ping").await;
        assert_eq!((error.code, error.retry), (ErrorCode::LimitRate, Retry::Later));
        let wait = error.retry_after_ms.unwrap();
        assert!((1..=60_000).contains(&wait), "{wait}");
        let (status, body) = house.http().call("member.me", Some(&token), json!({})).await.unwrap();
        assert_eq!((status, &body["err"]["code"]), (429, &json!("limit.rate")));
        // An acknowledgement is no request.
        player.socket().ack(0).await.unwrap();
        assert_eq!(refused(&mut player, "member.me").await.code, ErrorCode::LimitRate);
    }
    // Another login is not concerned.
    house.guest().await.ping(None).await.unwrap();
    assert!(limited(&house, "session").await >= before + 6.0);
}

#[tokio::test]
async fn every_request_counts_whatever_becomes_of_it() {
    let house = house(3).await;
    let mut player = house.guest().await;
    assert_eq!(refused(&mut player, "no.such").await.code, ErrorCode::OpUnknown);
    player.socket().send_as(1, "member.me", json!({})).await.unwrap();
    let stale = player.socket().answer(1).await.unwrap_err();
    assert_eq!(stale.code(), Some(ErrorCode::FrameStaleId));
    let body = json!({"seq": "x"});
    let invalid = player.socket().request("inbox.ack", body).await.unwrap_err();
    assert_eq!(invalid.code(), Some(ErrorCode::BodyInvalid));
    assert_eq!(refused(&mut player, "session.ping").await.code, ErrorCode::LimitRate);
}

#[tokio::test]
async fn what_was_over_the_rate_was_not_done_and_may_come_again_under_its_id() {
    let house = Daemun::with(|settings| {
        settings.gateway.limits.session_per_minute = Some(600);
        settings.gateway.limits.session_burst = Some(2);
        settings.gateway.limits.session_refusals = 1_000_000;
    })
    .await;
    let mut player = house.guest().await;
    let login = player.login().clone();
    let socket = player.socket();
    // Two pass; the next are refused, one of them a change.
    let refresh = json!({"app": "demo", "refresh_token": login.tokens.refresh_token});
    for (id, op, body) in [
        (10, "session.ping", json!({})),
        (11, "session.ping", json!({})),
        (12, "auth.refresh", refresh.clone()),
    ] {
        socket.send_as(id, op, body).await.unwrap();
    }
    socket.answer(10).await.unwrap();
    socket.answer(11).await.unwrap();
    let mut answer = socket.answer(12).await;
    assert_eq!(answer.as_ref().unwrap_err().code(), Some(ErrorCode::LimitRate));
    // A later one passes first.
    loop {
        socket.send_as(13, "session.ping", json!({})).await.unwrap();
        match socket.answer(13).await {
            Ok(_) => break,
            Err(error) => assert_eq!(error.code(), Some(ErrorCode::LimitRate)),
        }
    }
    while let Err(error) = &answer {
        assert_eq!(error.code(), Some(ErrorCode::LimitRate));
        socket.send_as(12, "auth.refresh", refresh.clone()).await.unwrap();
        answer = socket.answer(12).await;
    }
    let rotated = answer.unwrap();
    assert_ne!(rotated["refresh_token"], refresh["refresh_token"]);
    // It was done once: now its id is used, and the answer kept.
    loop {
        socket.send_as(12, "auth.refresh", refresh.clone()).await.unwrap();
        match socket.answer(12).await {
            Ok(again) => break assert_eq!(again, rotated),
            Err(error) => assert_eq!(error.code(), Some(ErrorCode::LimitRate)),
        }
    }
}

#[tokio::test]
async fn only_who_goes_on_and_on_is_closed() {
    let house = Daemun::with(|settings| {
        settings.gateway.limits.session_per_minute = Some(1);
        settings.gateway.limits.session_burst = Some(2);
        settings.gateway.limits.session_refusals = 3;
    })
    .await;
    let mut player = house.guest().await;
    player.ping(None).await.unwrap();
    player.ping(None).await.unwrap();
    for _ in 0..2 {
        assert_eq!(refused(&mut player, "session.ping").await.code, ErrorCode::LimitRate);
    }
    player.socket().ack(0).await.unwrap();
    // The third is still answered, then the socket is closed.
    assert_eq!(refused(&mut player, "session.ping").await.code, ErrorCode::LimitRate);
    let closed = player.socket().closed().await.unwrap();
    assert_eq!(closed.code, 4007);
    let reason: serde_json::Value = serde_json::from_str(&closed.reason).unwrap();
    assert!(reason["retry_after_ms"].as_u64().unwrap() > 0, "{reason}");
    assert!(house.metric("daemun_socket_closes_total{code=\"rate_limited\"}").await >= 1.0);
}

#[tokio::test]
async fn a_game_may_have_a_rate_of_its_own() {
    let house = Daemun::with(|settings| {
        let app = |burst| actors::apps::AppSettings {
            providers: [("guest".to_owned(), json!({"kind": "guest"}))].into(),
            requests_per_minute: Some(1),
            requests_burst: Some(burst),
            ..Default::default()
        };
        settings.apps.insert("demo".into(), app(2));
        settings.apps.insert("chess".into(), app(5));
    })
    .await;
    for (game, burst) in [("demo", 2), ("chess", 5)] {
        let visitor = loadtest::Visitor::new(&house.url(), game, Format::Json).unwrap();
        let mut player = visitor.enter().await.unwrap();
        for _ in 0..burst {
            player.ping(None).await.unwrap();
        }
        assert_eq!(refused(&mut player, "session.ping").await.code, ErrorCode::LimitRate);
    }
}

#[tokio::test]
async fn development_does_not_limit_this_machine_unless_it_is_told_to() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    for _ in 0..500 {
        player.ping(None).await.unwrap();
    }
}
