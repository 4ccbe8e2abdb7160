//! Pushes that must arrive, resumes, and requests that are sent again.

use std::time::Duration;

use loadtest::{Format, Player};
use protocol::error::ErrorCode;
use serde_json::{Value, json};

use crate::harness::{Daemun, text};

/// An operator sends a member a message; returns its number.
async fn message(house: &Daemun, player: &Player, words: &str) -> u64 {
    let member = player.login().member.id;
    let body = json!({"app": "demo", "member": member, "text": words});
    house.command("/commands/member/message", body).await["seq"].as_u64().unwrap()
}

async fn receives(player: &mut Player, seq: u64, words: &str) {
    let push = player.socket().next_push().await.unwrap();
    assert_eq!((push.seq, push.word.as_str()), (Some(seq), "message"));
    assert_eq!(push.body["text"], words);
}

async fn list(house: &Daemun, player: &Player, body: Value) -> Value {
    house.http().ask("inbox.list", Some(player.access_token()), body).await.unwrap()
}

#[tokio::test]
async fn messages_reach_an_open_socket_in_order_with_their_numbers() {
    let house = Daemun::start().await;
    for format in [Format::Json, Format::Msgpack] {
        let mut player = house.visitor(format).enter().await.unwrap();
        for n in 1..=70 {
            assert_eq!(message(&house, &player, &format!("m{n}")).await, n);
        }
        for n in 1..=70 {
            receives(&mut player, n, &format!("m{n}")).await;
        }
    }
}

#[tokio::test]
async fn what_was_missed_follows_a_resume_in_order_and_before_anything_new() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    message(&house, &player, "one").await;
    receives(&mut player, 1, "one").await;
    let session = player.session();
    let away = player.drop_hard();
    let body = json!({"app": "demo", "member": away.login().member.id, "text": "two"});
    house.command("/commands/member/message", body).await;
    let mut back = away.reconnect().await.unwrap();
    let opened = back.resume().await.unwrap();
    assert!(opened.resumed && opened.seq == 2, "{opened:?}");
    assert_eq!(back.session(), session);
    message(&house, &back, "three").await;
    receives(&mut back, 2, "two").await;
    receives(&mut back, 3, "three").await;
}

#[tokio::test]
async fn a_resume_works_after_a_restart() {
    // Tokens name the server by its public address, which outlives a test's port.
    let house = Daemun::with(|settings| {
        settings.public_url = Some("http://play.example".into());
    })
    .await;
    let mut player = house.guest().await;
    message(&house, &player, "one").await;
    receives(&mut player, 1, "one").await;
    let (session, access) = (player.session().unwrap(), player.access_token().to_owned());
    let away = player.drop_hard();
    let body = json!({"app": "demo", "member": away.login().member.id, "text": "two"});
    house.command("/commands/member/message", body).await;
    let house = house.restart().await;
    let mut socket = house.socket(Format::Json).await;
    let body = json!({"token": access, "client": crate::harness::client(),
        "resume": {"session": session, "seq": 1}});
    let opened = socket.request("session.open", body).await.unwrap();
    assert_eq!((&opened["resumed"], &opened["session"]), (&json!(true), &json!(session)));
    let push = socket.next_push().await.unwrap();
    assert_eq!((push.seq, &push.body["text"]), (Some(2), &json!("two")));
}

#[tokio::test]
async fn a_resume_that_cannot_be_had_says_why() {
    let house = Daemun::start().await;
    let player = house.guest().await;
    let session = player.session().unwrap();
    let other = house.guest().await.session().unwrap();
    let why = async |session: Value, seq: u64| {
        let mut socket = house.socket(Format::Json).await;
        let body = json!({"token": player.access_token(), "client": crate::harness::client(),
            "resume": {"session": session, "seq": seq}});
        let opened = socket.request("session.open", body).await.unwrap();
        assert_eq!(opened["resumed"], false);
        assert_ne!(opened["session"], json!(session));
        text(&opened, "resume_failed").to_owned()
    };
    assert_eq!(why(json!(other), 0).await, "other_login");
    assert_eq!(why(json!(session), 7).await, "not_kept");
}

#[tokio::test]
async fn the_newest_connection_of_a_login_stands_and_the_older_is_moved() {
    let house = Daemun::start().await;
    let mut old = house.guest().await;
    let mut socket = house.socket(Format::Json).await;
    let resume = old.resume_point().unwrap();
    let body = json!({"token": old.access_token(), "client": crate::harness::client(),
        "resume": resume});
    let opened = socket.request("session.open", body).await.unwrap();
    assert_eq!(opened["resumed"], true);
    let closed = old.socket().closed().await.unwrap();
    assert_eq!((closed.code, closed.reason.as_str()), (4510, "moved"));
    socket.request("session.ping", json!({})).await.unwrap();
}

#[tokio::test]
async fn an_expired_range_is_told_as_a_gap() {
    let house = Daemun::start().await;
    let player = house.guest().await;
    let member = player.login().member.id;
    for (words, expires_s) in [("a", 10), ("b", 10), ("c", 1_000)] {
        let body = json!({"app": "demo", "member": member, "text": words, "expires_s": expires_s});
        house.command("/commands/member/message", body).await;
    }
    let away = player.drop_hard();
    house.advance(Duration::from_secs(60));
    let mut back = away.reconnect().await.unwrap();
    // It has received nothing yet, as far as it knows.
    assert!(back.resume().await.unwrap().resumed);
    let gap = back.socket().next_push().await.unwrap();
    assert_eq!((gap.seq, gap.word.as_str()), (Some(2), "inbox.gap"));
    assert_eq!(gap.body, json!({"from": 1, "to": 2}));
    receives(&mut back, 3, "c").await;
    let listed = list(&house, &back, json!({})).await;
    assert_eq!(listed["pushes"][0]["push"], "inbox.gap");
    assert_eq!((&listed["pushes"][1]["seq"], &listed["seq"]), (&json!(3), &json!(3)));
}

#[tokio::test]
async fn what_is_acknowledged_does_not_come_again() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    for words in ["a", "b", "c"] {
        message(&house, &player, words).await;
    }
    for (seq, words) in [(1, "a"), (2, "b"), (3, "c")] {
        receives(&mut player, seq, words).await;
    }
    player.socket().ack(2).await.unwrap();
    // A request of the same socket is answered after the acknowledgement was taken; that it is
    // stored is seen when the list says so.
    while list(&house, &player, json!({})).await["pushes"].as_array().unwrap().len() != 1 {
        player.ping(None).await.unwrap();
    }
    let body = json!({"seq": 3});
    let acked = house.http().ask("inbox.ack", Some(player.access_token()), body).await.unwrap();
    assert_eq!(acked["acked"], 3);
    let listed = list(&house, &player, json!({})).await;
    assert_eq!(listed, json!({"pushes": [], "seq": 3}));
}

#[tokio::test]
async fn a_long_poll_is_answered_by_a_push() {
    let house = Daemun::start().await;
    let player = house.guest().await;
    let (http, token) = (house.http(), player.access_token().to_owned());
    let polling = tokio::spawn(async move {
        http.ask("inbox.list", Some(&token), json!({"wait_s": 9})).await.unwrap()
    });
    // The poller takes a place beside the socket when it begins to wait.
    while house.server.gate.node.sessions.attached() < 2 {
        tokio::task::yield_now().await;
    }
    message(&house, &player, "now").await;
    let listed = polling.await.unwrap();
    assert_eq!(listed["pushes"][0]["body"]["text"], "now");
    let token = Some(player.access_token());
    let wrong = house.http().ask("inbox.list", token, json!({"wait_s": 31})).await.unwrap_err();
    assert_eq!(wrong.refused().unwrap().detail.as_ref().unwrap()["field"], "wait_s");
    let wrong = house.http().ask("inbox.list", token, json!({"limit": 0})).await.unwrap_err();
    assert_eq!(wrong.refused().unwrap().detail.as_ref().unwrap()["field"], "limit");
}

#[tokio::test]
async fn polls_of_either_door_are_answered_from_memory_while_nothing_is_new() {
    let house = Daemun::start().await;
    let player = house.guest().await;
    message(&house, &player, "one").await;
    assert_eq!(list(&house, &player, json!({"after": 0})).await["seq"], 1);
    let taken = || house.server.gate.node.storage.records.taken();
    let mut quiet = 0;
    for _ in 0..20 {
        let before = taken();
        let listed = list(&house, &player, json!({"after": 1})).await;
        assert_eq!(listed, json!({"pushes": [], "seq": 1}));
        let poll = house
            .http()
            .request(hyper::Method::POST, "/legacy/v1/inbox/poll")
            .header("authorization", format!("Bearer {}", player.access_token()))
            .body(json!({"after": 1}).to_string().into());
        let answer = house.http().send(poll).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((&answer["header"]["resultCode"], &answer["seq"]), (&json!(0), &json!(1)));
        quiet += usize::from(taken() == before);
    }
    // The node itself looks now and then what operators wrote.
    assert!(quiet > 10, "{quiet}");
}

#[tokio::test]
async fn a_change_that_is_sent_again_gets_its_first_answer() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let body = json!({"app": "demo", "refresh_token": player.login().tokens.refresh_token});
    player.socket().send_as(20, "auth.refresh", body.clone()).await.unwrap();
    let first = player.socket().answer(20).await.unwrap();
    player.socket().send_as(20, "auth.refresh", body.clone()).await.unwrap();
    assert_eq!(player.socket().answer(20).await.unwrap(), first);

    let mut back = player.drop_hard().reconnect().await.unwrap();
    assert!(back.resume().await.unwrap().resumed);
    back.socket().send_as(20, "auth.refresh", body).await.unwrap();
    assert_eq!(back.socket().answer(20).await.unwrap(), first, "also after a resume");
}

#[tokio::test]
async fn what_was_in_flight_may_be_sent_again_after_a_resume_in_any_order() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    player.socket().send_as(40, "member.me", json!({})).await.unwrap();
    let mut back = player.drop_hard().reconnect().await.unwrap();
    assert!(back.resume().await.unwrap().resumed);
    let socket = back.socket();
    for id in [90, 42, 41] {
        socket.send_as(id, "member.me", json!({})).await.unwrap();
        socket.answer(id).await.unwrap();
    }
    socket.send_as(41, "member.me", json!({})).await.unwrap();
    assert_eq!(socket.answer(41).await.unwrap_err().code(), Some(ErrorCode::FrameStaleId));
    // So many new requests later, nothing of before is still on its way.
    for id in 100..170 {
        socket.send_as(id, "session.ping", json!({})).await.unwrap();
        socket.answer(id).await.unwrap();
    }
    socket.send_as(43, "member.me", json!({})).await.unwrap();
    assert_eq!(socket.answer(43).await.unwrap_err().code(), Some(ErrorCode::FrameStaleId));
}

#[tokio::test]
async fn a_message_to_nobody_is_refused_and_a_member_can_be_shown() {
    let house = Daemun::start().await;
    let player = house.guest().await;
    let member = player.login().member.id;
    message(&house, &player, "hello").await;
    let shown =
        house.command("/commands/member/show", json!({"app": "demo", "member": member})).await;
    assert_eq!((&shown["providers"], &shown["inbox"]), (&json!(["guest"]), &json!(1)));
    assert_eq!(shown["logins"].as_array().unwrap().len(), 1);
    let control = gateway::control::read(&house.settings.data).unwrap();
    let nobody = json!({"app": "demo", "member": "0000000000001", "text": "x"}).to_string();
    let refused = control.call("/commands/member/message", Some(nobody.as_bytes())).await;
    assert!(refused.unwrap_err().to_string().contains("member.unknown"));
}

#[tokio::test]
async fn an_announcement_is_heard_by_everyone_who_is_there_and_kept_for_nobody() {
    let house = Daemun::start().await;
    let mut there = Vec::new();
    for format in [Format::Json, Format::Msgpack, Format::Json] {
        there.push(house.visitor(format).enter().await.unwrap());
    }
    let away = house.guest().await.drop_hard();
    while house.metric("daemun_sessions_attached").await > 3.0 {
        tokio::task::yield_now().await;
    }
    let body = json!({"app": "demo", "title": "Soon", "text": "The doors close."});
    let told = house.command("/commands/app/announce", body).await;
    assert_eq!(told, json!({"told": 3}));
    for player in &mut there {
        let push = player.socket().next_push().await.unwrap();
        assert_eq!((push.seq, push.word.as_str()), (None, "announcement"));
        assert_eq!(push.body, json!({"title": "Soon", "text": "The doors close."}));
        player.ping(None).await.unwrap();
    }
    let mut back = away.reconnect().await.unwrap();
    assert_eq!(back.resume().await.unwrap().seq, 0);
    back.ping(None).await.unwrap();

    let control = gateway::control::read(&house.settings.data).unwrap();
    for (body, word) in [
        (json!({"app": "nowhere", "text": "x"}), "app.unknown"),
        (json!({"app": "demo", "text": "x".repeat(2_049)}), "text"),
        (json!({"app": "demo"}), "text"),
    ] {
        let body = serde_json::to_vec(&body).unwrap();
        let refused = control.call("/commands/app/announce", Some(&body)).await.unwrap_err();
        assert!(refused.to_string().contains(word), "{refused}");
    }
}
