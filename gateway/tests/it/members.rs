//! Members who are kept out, at every door.

mod commands;
mod races;

use std::time::Duration;

use loadtest::{Failure, Format, HttpClient, Player, Socket};
use protocol::error::{ErrorBody, ErrorCode, Retry};
use protocol::ids::MemberId;
use serde_json::{Value, json};
use storage::clock::Micros;

use crate::harness::{Daemun, START, client, guest, text};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Bans a member for good, or as `more` says.
async fn ban(house: &Daemun, member: MemberId, more: Value) -> Value {
    let mut body = json!({"app": "demo", "member": member, "reason": "부정행위"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    house.command("/commands/member/ban", body).await
}

async fn unban(house: &Daemun, member: MemberId) -> Value {
    house.command("/commands/member/unban", json!({"app": "demo", "member": member})).await
}

async fn show(house: &Daemun, member: MemberId) -> Value {
    house.command("/commands/member/show", json!({"app": "demo", "member": member})).await
}

/// That an error is the ban's, and what its detail says.
fn banned(outcome: Result<Value, Failure>) -> Value {
    let failure = outcome.unwrap_err();
    let ErrorBody { code, retry, detail, .. } = failure.refused().unwrap().clone();
    assert_eq!((code, retry), (ErrorCode::MemberBanned, Retry::Never));
    detail.unwrap()
}

/// Logs the same guest in again.
async fn again(http: &HttpClient, login: &Value) -> Result<Value, Failure> {
    let mut body = guest();
    body["credential"] = login["credential"].clone();
    http.ask("auth.login", None, body).await
}

fn refresh(login: &Value) -> Value {
    json!({"app": "demo", "refresh_token": login["refresh_token"]})
}

fn member_of(login: &Value) -> MemberId {
    text(&login["member"], "id").parse().unwrap()
}

async fn open(house: &Daemun, token: &str) -> (Socket, Result<Value, Failure>) {
    let mut socket = house.socket(Format::Json).await;
    let body = json!({"token": token, "client": client()});
    let outcome = socket.request("session.open", body).await;
    (socket, outcome)
}

/// The log's records of a member, by kind, with their fields.
async fn logged(house: &Daemun, member: MemberId) -> Vec<(String, Value)> {
    let gamelog = &house.server.gate.node.storage.gamelog;
    gamelog.flush().await.unwrap();
    let kept = gamelog.of_member("demo".parse().unwrap(), member, Micros(0), 100).await.unwrap();
    kept.into_iter().map(|record| (record.kind, record.fields)).collect()
}

#[tokio::test]
async fn an_open_socket_is_told_and_then_closed_in_either_format() {
    let house = Daemun::start().await;
    for format in [Format::Json, Format::Msgpack] {
        let mut player = house.visitor(format).enter().await.unwrap();
        let done = ban(&house, player.login().member.id, json!({})).await;
        assert_eq!(done, json!({"until": null, "seq": 1}));
        let push = player.socket().next_push().await.unwrap();
        assert_eq!((push.seq, push.word.as_str()), (Some(1), "member.banned"));
        assert_eq!(push.body, json!({"reason": "부정행위"}));
        let closed = player.socket().closed().await.unwrap();
        assert_eq!((closed.code, closed.reason.as_str()), (4504, "banned"));
    }
    assert!(house.metric("daemun_socket_closes_total{code=\"banned\"}").await >= 2.0);
}

#[tokio::test]
async fn the_end_is_told_in_the_push_the_close_and_the_error() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let member = player.login().member.id;
    let until = START.after(DAY).to_string();
    let done = ban(&house, member, json!({"for_s": DAY.as_secs()})).await;
    assert_eq!(done["until"], json!(until));
    let push = player.socket().next_push().await.unwrap();
    assert_eq!(push.body, json!({"reason": "부정행위", "until": until}));
    let closed = player.socket().closed().await.unwrap();
    let reason: Value = serde_json::from_str(&closed.reason).unwrap();
    assert_eq!((closed.code, reason), (4504, json!({"until": until})));
    let (mut socket, outcome) = open(&house, player.access_token()).await;
    assert_eq!(banned(outcome), push.body);
    let ping = socket.request("session.ping", json!({})).await.unwrap_err();
    assert_eq!(ping.code(), Some(ErrorCode::SessionNotOpen));
}

#[tokio::test]
async fn what_was_missed_comes_before_the_ban_and_the_ban_before_the_close() {
    let house = Daemun::start().await;
    let player = house.guest().await;
    let member = player.login().member.id;
    let away = player.drop_hard();
    // More than is read from an inbox at a time.
    for n in 1..=150 {
        let body = json!({"app": "demo", "member": member, "text": format!("m{n}")});
        house.command("/commands/member/message", body).await;
    }
    let mut back = away.reconnect().await.unwrap();
    assert!(back.resume().await.unwrap().resumed);
    assert_eq!(ban(&house, member, json!({})).await["seq"], 151);
    for n in 1..=151 {
        let push = back.socket().next_push().await.unwrap();
        let word = if n == 151 { "member.banned" } else { "message" };
        assert_eq!((push.seq, push.word.as_str()), (Some(n), word));
    }
    assert_eq!(back.socket().closed().await.unwrap().code, 4504);
}

#[tokio::test]
async fn both_doors_and_the_legacy_one_refuse_and_nothing_is_used_up() {
    let house = Daemun::start().await;
    let (http, login) = (house.http(), house.login().await);
    let member = member_of(&login);
    let token = text(&login, "access_token");
    http.ask("member.me", Some(token), json!({})).await.unwrap();
    ban(&house, member, json!({})).await;

    let why = json!({"reason": "부정행위"});
    assert_eq!(banned(again(&http, &login).await), why);
    for _ in 0..3 {
        assert_eq!(banned(http.ask("auth.refresh", None, refresh(&login)).await), why);
    }
    assert_eq!(banned(open(&house, token).await.1), why);
    for operation in
        ["member.me", "identity.list", "session.list", "inbox.list", "auth.logout_everywhere"]
    {
        assert_eq!(banned(http.ask(operation, Some(token), json!({})).await), why, "{operation}");
    }
    let (status, body) = http.call("member.me", Some(token), json!({})).await.unwrap();
    assert_eq!((status, &body["err"]["retry"]), (403, &json!("never")));
    let mut socket = house.socket(Format::Msgpack).await;
    assert_eq!(banned(socket.request("auth.refresh", refresh(&login)).await), why);
    let legacy = json!({"accessToken": token}).to_string();
    let request = http
        .request(hyper::Method::POST, "/legacy/v1/member/me")
        .header("content-type", "application/json")
        .body(legacy.into());
    let answer = http.send(request).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((&answer["header"]["resultCode"], &answer["error"]["detail"]), (&json!(4002), &why));

    // A stranger who does not know the secret is told what every stranger is.
    let mut wrong = guest();
    wrong["credential"] = login["credential"].clone();
    wrong["credential"]["secret"] = json!("not this one");
    let refused = http.ask("auth.login", None, wrong).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::AuthRefused));

    assert_eq!(unban(&house, member).await["lifted"]["reason"], "부정행위");
    assert_eq!(unban(&house, member).await, json!({"lifted": null}));
    http.ask("member.me", Some(token), json!({})).await.unwrap();
    let tokens = http.ask("auth.refresh", None, refresh(&login)).await.unwrap();
    let listed = http.ask("session.list", Some(text(&tokens, "access_token")), json!({})).await;
    assert_eq!(listed.unwrap()["logins"].as_array().unwrap().len(), 1, "no login was made");
}

#[tokio::test]
async fn the_device_that_holds_the_session_keeps_it_over_a_refused_login_and_take_over() {
    let house = Daemun::start().await;
    let (http, first) = (house.http(), house.login().await);
    let second = again(&http, &first).await.unwrap();
    ban(&house, member_of(&first), json!({})).await;
    let mut take_over = refresh(&first);
    take_over["take_over"] = json!(true);
    banned(http.ask("auth.refresh", None, take_over).await);
    banned(again(&http, &first).await);
    unban(&house, member_of(&first)).await;
    let (mut socket, opened) = open(&house, text(&second, "access_token")).await;
    opened.unwrap();
    socket.request("member.me", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_ban_ends_by_itself_and_a_refused_player_comes_back_with_what_it_had() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let member = player.login().member.id;
    ban(&house, member, json!({"for_s": 600})).await;
    assert_eq!(player.socket().closed().await.unwrap().code, 4504);
    let body = json!({"app": "demo", "member": member, "text": "See you."});
    house.command("/commands/member/message", body).await;
    let away = player.drop_hard();
    let mut early = away.reconnect().await.unwrap();
    let refused = early.resume().await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::MemberBanned));
    let away = early.drop_hard();
    house.advance(Duration::from_secs(599));
    assert_eq!(show(&house, member).await["state"], "banned");
    house.advance(Duration::from_secs(1));
    let shown = show(&house, member).await;
    assert_eq!((&shown["state"], &shown["ban"]), (&json!("active"), &Value::Null));
    let mut back: Player = away.reconnect().await.unwrap();
    assert!(back.resume().await.unwrap().resumed);
    // What came while it was kept out waited for it.
    let push = back.socket().next_push().await.unwrap();
    assert_eq!((push.seq, &push.body["text"]), (Some(2), &json!("See you.")));
    assert_eq!(json!(back.me().await.unwrap().member.state), "active");
    back.refresh().await.unwrap();
}

#[tokio::test]
async fn long_polls_on_either_door_end_with_the_error() {
    let house = Daemun::with(|settings| settings.sessions.quiet_ms = 1).await;
    let mut player = house.guest().await;
    let (http, token) = (house.http(), player.access_token().to_owned());
    let polling =
        tokio::spawn(
            async move { http.ask("inbox.list", Some(&token), json!({"wait_s": 30})).await },
        );
    let id = player.socket().send("inbox.list", json!({"wait_s": 30})).await.unwrap();
    let sessions = &house.server.gate.node.sessions;
    // Both wait when both have their places and nothing is being read for them.
    while sessions.attached() < 3 || sessions.awake() > 0 {
        tokio::task::yield_now().await;
    }
    ban(&house, player.login().member.id, json!({})).await;
    banned(polling.await.unwrap());
    // The socket's own poll is answered before the socket is closed.
    banned(player.socket().answer(id).await);
    assert_eq!(player.socket().next_push().await.unwrap().word, "member.banned");
    assert_eq!(player.socket().closed().await.unwrap().code, 4504);
}

#[tokio::test]
async fn a_banned_member_can_still_log_out() {
    let house = Daemun::start().await;
    let (http, login) = (house.http(), house.login().await);
    ban(&house, member_of(&login), json!({})).await;
    let token = Some(text(&login, "access_token"));
    let ended = http.ask("auth.logout", token, json!({})).await.unwrap();
    assert_eq!(ended["ended"], 1);
    // What is told first is what the token itself has come to.
    let refused = http.ask("member.me", token, json!({})).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::AuthLoggedOut));
}

#[tokio::test]
async fn an_unban_leaves_no_push_of_the_ban_behind() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let member = player.login().member.id;
    player.ping(None).await.unwrap();
    let away = player.drop_hard();
    ban(&house, member, json!({})).await;
    unban(&house, member).await;
    let mut back = away.reconnect().await.unwrap();
    assert!(back.resume().await.unwrap().resumed);
    let push = back.socket().next_push().await.unwrap();
    assert_eq!((push.seq, push.word.as_str()), (Some(1), "inbox.gap"));
    back.me().await.unwrap();
}

#[tokio::test]
async fn the_log_says_what_was_done_and_who_was_refused_without_the_reason() {
    let house = Daemun::start().await;
    let login = house.login().await;
    let member = member_of(&login);
    // Records of one moment have no order.
    let later = || house.advance(Duration::from_secs(1));
    later();
    let until = ban(&house, member, json!({"for_s": 60})).await["until"].clone();
    let id = show(&house, member).await["ban"]["id"].clone();
    later();
    banned(again(&house.http(), &login).await);
    later();
    unban(&house, member).await;
    unban(&house, member).await;
    let kept = logged(&house, member).await;
    let refused = json!({"provider": "guest", "code": "member.banned"});
    let expected = [
        ("member_banned", json!({"ban": id, "until": until, "by": "command"})),
        ("login_refused", refused),
        ("member_unbanned", json!({"ban": id, "by": "command"})),
    ];
    let of_login = |kind: &str| ["login", "identity_linked"].contains(&kind);
    let kept = kept.iter().map(|(kind, fields)| (kind.as_str(), fields));
    let kept: Vec<_> = kept.filter(|(kind, _)| !of_login(kind)).collect();
    let expected: Vec<_> = expected.iter().map(|(kind, fields)| (*kind, fields)).collect();
    assert_eq!(kept, expected);
}
