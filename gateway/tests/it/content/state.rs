//! What members do with notices and banners.

use std::time::Duration;

use gateway::control;
use protocol::error::ErrorCode;
use serde_json::{Value, json};

use super::{being, enters, hours, notice, order};
use crate::harness::{Daemun, text};

/// What a command is refused with.
pub(super) async fn refused(house: &Daemun, order: Value) -> String {
    let control = control::read(&house.settings.data).unwrap();
    let order = order.to_string();
    control.call("/commands/piece", Some(order.as_bytes())).await.unwrap_err().to_string()
}

pub(super) async fn what_a_member_saw_and_put_away_is_known_on_every_device(house: Daemun) {
    let mut player = enters(&house, &being("ko", json!({}))).await;
    let token = player.access_token().to_owned();
    let ask = async |op: &str, body: Value| house.http().ask(op, Some(&token), body).await.unwrap();
    let seen = notice(&house, "seen", json!({})).await["id"].clone();
    let week = notice(&house, "a week", json!({"hide_days": 7})).await["id"].clone();
    let good = notice(&house, "for good", json!({})).await["id"].clone();
    let began = house.now();
    player.socket().request("content.seen", json!({"ids": [seen, week]})).await.unwrap();
    house.advance(Duration::from_secs(60));
    let again = ask("content.seen", json!({"ids": [seen]})).await;
    assert_eq!(again, json!({}));
    let until = house.now().after(hours(7 * 24));
    assert_eq!(ask("content.dismiss", json!({"id": week})).await, json!({"until": until}));
    assert_eq!(ask("content.dismiss", json!({"id": good})).await, json!({}));
    let state = ask("content.state", json!({})).await;
    assert_eq!(
        state["regards"],
        json!([
            {"id": good, "dismissed": true},
            {"id": week, "seen_at": began, "dismissed": true, "until": until},
            {"id": seen, "seen_at": began, "dismissed": false},
        ])
    );
    assert_eq!(player.socket().request("content.state", json!({})).await.unwrap(), state);
    // Somebody else's is his own.
    let mut other = enters(&house, &being("ko", json!({}))).await;
    let none = other.socket().request("content.state", json!({})).await.unwrap();
    assert_eq!(none["regards"], json!([]));
    // The last word about days counts; what is over is over.
    ask("content.dismiss", json!({"id": good, "days": 1})).await;
    house.clock.set(until);
    let refresh_token = &player.login().tokens.refresh_token;
    let refresh = json!({"app": "demo", "refresh_token": refresh_token});
    let tokens = house.http().ask("auth.refresh", None, refresh).await.unwrap();
    let token = text(&tokens, "access_token").to_owned();
    let later = house.http().ask("content.state", Some(&token), json!({})).await.unwrap();
    let dismissed =
        later["regards"].as_array().unwrap().iter().filter(|it| it["dismissed"] == true);
    assert_eq!(dismissed.count(), 0, "{later}");
    order(&house, "notice", json!({"do": "remove", "id": seen})).await;
    let later = house.http().ask("content.state", Some(&token), json!({})).await.unwrap();
    assert_eq!(later["regards"].as_array().unwrap().len(), 2, "what is gone is nobody's concern");
    // They may still be on somebody's screen: what is gone, and what is a draft again.
    let draft = json!({"title": {"en": "a week"}, "draft": true});
    super::change(&house, &week, draft).await;
    let both = json!({"ids": [seen, week]});
    house.http().ask("content.seen", Some(&token), both).await.unwrap();
    house.http().ask("content.dismiss", Some(&token), json!({"id": seen})).await.unwrap();
}

pub(super) async fn what_players_do_is_counted_and_logged(house: Daemun) {
    let id = notice(&house, "counted", json!({})).await["id"].clone();
    let mut member = None;
    for _ in 0..3 {
        let mut player = enters(&house, &being("ko", json!({}))).await;
        player.socket().request("content.seen", json!({"ids": [id]})).await.unwrap();
        player.socket().request("content.click", json!({"id": id})).await.unwrap();
        member = Some(player.login().member.id.to_string());
    }
    let mut last = enters(&house, &being("ko", json!({}))).await;
    last.socket().request("content.dismiss", json!({"id": id})).await.unwrap();
    let metric = async |what: &str| {
        house.metric(&format!("daemun_content_happened_total{{what=\"{what}\"}}")).await
    };
    assert!(metric("shown").await >= 3.0 && metric("dismissed").await >= 1.0);
    // What was counted and logged is kept when the server stops, and what comes later is added.
    let house = house.restart().await;
    let order =
        json!({"app": "demo", "member": member, "limit": 50, "since": "2027-01-01T00:00:00Z"});
    let log = house.command("/commands/gamelog", order).await;
    let log = log.to_string();
    assert!(log.contains("content_seen") && log.contains("content_clicked"), "{log}");
    let mut player = enters(&house, &being("ko", json!({}))).await;
    player.socket().request("content.seen", json!({"ids": [id]})).await.unwrap();
    let house = house.restart().await;
    let content = &house.server.gate.node.storage.content;
    let id = text(&json!({ "id": id }), "id").parse().unwrap();
    let days = content.tallied(id, 0, 10).await.unwrap();
    let counts: Vec<_> = days.iter().map(|(_, it)| (it.shown, it.clicked, it.dismissed)).collect();
    assert_eq!(counts, [(4, 3, 1)]);
}

pub(super) async fn what_cannot_be_is_refused_by_its_name(house: Daemun) {
    let mut player = enters(&house, &being("ko", json!({}))).await;
    let id = notice(&house, "here", json!({})).await["id"].clone();
    let unknown = json!("019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10");
    let many: Vec<_> = (0..=50).map(|_| unknown.clone()).collect();
    for (op, body, code, word) in [
        ("content.seen", json!({"ids": [id, unknown]}), ErrorCode::ContentUnknown, "019aac4b"),
        ("content.seen", json!({"ids": []}), ErrorCode::BodyInvalid, "ids"),
        ("content.seen", json!({"ids": many}), ErrorCode::BodyInvalid, "1 to 50"),
        ("content.seen", json!({"ids": [id, id]}), ErrorCode::BodyInvalid, "twice"),
        ("content.seen", json!({"ids": ["x"]}), ErrorCode::BodyInvalid, "ids[0]"),
        ("content.click", json!({"id": unknown}), ErrorCode::ContentUnknown, "019aac4b"),
        ("content.dismiss", json!({"id": unknown}), ErrorCode::ContentUnknown, "019aac4b"),
        ("content.dismiss", json!({"id": id, "days": 0}), ErrorCode::BodyInvalid, "days"),
        ("content.dismiss", json!({"id": id, "days": 366}), ErrorCode::BodyInvalid, "days"),
    ] {
        let failure = player.socket().request(op, body.clone()).await.unwrap_err();
        let error = failure.refused().unwrap();
        assert_eq!(error.code, code, "{op} {body}");
        assert!(error.to_string().contains(word), "{op} {body}: {error}");
    }
    let in_all = |bytes: usize| -> Value {
        let lang = |n: u8| format!("{}{}", char::from(b'a' + n / 26), char::from(b'a' + n % 26));
        (0..32).map(|n| (lang(n), json!("x".repeat(bytes)))).collect()
    };
    for (sent, word) in [
        (json!({}), "field title: has no words"),
        (json!({"title": {"en": "<b>x</b>"}}), "field title.en: holds HTML"),
        (json!({"title": {"e n": "x"}}), "field title.e n: is no language"),
        (json!({"title": {"en": "x"}, "to": "2020-01-01T00:00:00Z"}), "not after the present"),
        (
            json!({"title": {"en": "x"}, "from": "2030-01-02T00:00:00Z", "to": "2030-01-01T00:00:00Z"}),
            "not after its beginning",
        ),
        (
            json!({"title": {"en": "x"}, "from": "2030-03-10T02:30", "zone": "America/New_York"}),
            "does not exist",
        ),
        (
            json!({"title": {"en": "x"}, "action": {"kind": "url", "target": "javascript:alert(1)"}}),
            "action.target",
        ),
        (json!({"title": {"en": "x"}, "hide_days": 0}), "hide_days"),
        (json!({"title": {"en": "x"}, "place": ""}), "place"),
        (json!({"title": {"en": "x"}, "scope": {"countries": ["Korea"]}}), "no country"),
        // Each of its texts is as long as it may be.
        (
            json!({"title": in_all(200), "text": in_all(2_000)}),
            "field text: is the longest of what has",
        ),
    ] {
        let deed = json!({"do": "put", "id": null, "sent": sent});
        let said = refused(&house, json!({"kind": "notice", "app": "demo", "deed": deed})).await;
        assert!(said.contains(word), "{sent}: {said}");
    }
}
