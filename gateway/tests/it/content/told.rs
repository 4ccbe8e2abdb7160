//! Who is told of what changes.

use image::ImageFormat;
use loadtest::Player;
use protocol::content::MAX_SHOWN;
use serde_json::{Value, json};

use super::{being, change, enters, hours, image, notice, notices, order, titles, told};
use crate::harness::{Daemun, START, text};

/// Nothing was said to a player but what was asserted: his answer comes before any push.
async fn heard_nothing(player: &mut Player) {
    player.me().await.unwrap();
    let waiting = tokio::time::timeout(std::time::Duration::ZERO, player.socket().next_push());
    assert!(waiting.await.is_err());
}

pub(super) async fn those_whom_it_is_for_are_told_at_once_and_nobody_else(house: Daemun) {
    let (ko, en) = (being("ko", json!({})), being("en", json!({})));
    let japan = being("ja", json!({"country": "JP"}));
    let (mut korean, mut english, mut other) =
        (enters(&house, &ko).await, enters(&house, &en).await, enters(&house, &japan).await);
    let more = json!({
        "title": {"en": "Hello", "ko": "안녕"}, "scope": {"countries": ["KR"]},
    });
    let made = notice(&house, "", more.clone()).await;
    for (player, client, title) in [(&mut korean, &ko, "안녕"), (&mut english, &en, "Hello")] {
        let published = told(player, "notice.published").await;
        assert_eq!(
            (&published["notice"]["id"], text(&published["notice"], "title")),
            (&made["id"], title)
        );
        let list = notices(&house, client).await;
        assert_eq!(published["version"], list["version"], "what is known is what is listed");
        assert_eq!(published["notice"], list["notices"][0]);
    }
    // It is for others now.
    change(&house, &made["id"], json!({"title": {"en": "Hello"}, "scope": {"countries": ["JP"]}}))
        .await;
    assert_eq!(told(&mut korean, "notice.withdrawn").await["id"], made["id"]);
    told(&mut english, "notice.withdrawn").await;
    assert_eq!(told(&mut other, "notice.published").await["notice"]["change"], 2);
    // A draft, and what is taken back.
    let draft = notice(&house, "draft", json!({"draft": true})).await;
    order(&house, "notice", json!({"do": "remove", "id": draft["id"]})).await;
    order(&house, "notice", json!({"do": "remove", "id": made["id"]})).await;
    let gone = told(&mut other, "notice.withdrawn").await;
    assert_eq!(gone["version"], notices(&house, &japan).await["version"]);
    // A banner brings all of them.
    let picture = image(&house, ImageFormat::Png).await["id"].clone();
    let sent = json!({"images": {"en": picture}, "languages": ["en"]});
    let banner = order(&house, "banner", json!({"do": "put", "id": null, "sent": sent})).await;
    let changed = told(&mut english, "banner.changed").await;
    assert_eq!(changed["banners"][0]["id"], banner[0]["id"]);
    for player in [&mut korean, &mut english, &mut other] {
        heard_nothing(player).await;
    }
}

pub(super) async fn what_begins_and_ends_by_the_clock_is_told_by_it(house: Daemun) {
    let client = being("ko", json!({}));
    let mut player = enters(&house, &client).await;
    let more =
        json!({"from": START.after(hours(1)), "to": "2027-01-15T19:00", "zone": "Asia/Seoul"});
    let made = notice(&house, "an hour", more).await;
    assert_eq!(
        (&made["state"], text(&made["body"], "to")),
        (&json!("reserved"), "2027-01-15T10:00:00.000000Z")
    );
    heard_nothing(&mut player).await;
    assert_eq!(titles(&notices(&house, &client).await), [""; 0]);
    house.advance(hours(1));
    assert_eq!(told(&mut player, "notice.published").await["notice"]["id"], made["id"]);
    house.advance(hours(1));
    assert_eq!(told(&mut player, "notice.withdrawn").await["id"], made["id"]);
    assert_eq!(titles(&notices(&house, &client).await), [""; 0]);
    // A clock that is set back shows it again.
    house.clock.set(START.after(hours(1)));
    told(&mut player, "notice.published").await;
}

pub(super) async fn of_much_at_once_it_is_only_said_that_it_changed(house: Daemun) {
    let client = being("ko", json!({}));
    let mut player = enters(&house, &client).await;
    let begins = json!({"from": START.after(hours(1))});
    let mut made: Vec<Value> = Vec::new();
    for number in 0..=MAX_SHOWN {
        made.push(notice(&house, &number.to_string(), begins.clone()).await);
    }
    house.advance(hours(1));
    let changed = told(&mut player, "notice.changed").await;
    let list = notices(&house, &client).await;
    assert_eq!(changed["version"], list["version"]);
    assert_eq!(titles(&list).len(), MAX_SHOWN, "no more are shown at once");
    assert!(!titles(&list).contains(&"0"), "the oldest is not");
    // One makes room for it.
    order(&house, "notice", json!({"do": "remove", "id": made[7]["id"]})).await;
    assert_eq!(told(&mut player, "notice.withdrawn").await["id"], made[7]["id"]);
    let next = told(&mut player, "notice.published").await;
    assert_eq!(text(&next["notice"], "title"), "0");
}

pub(super) async fn a_server_that_comes_back_goes_on_as_if_it_had_not_been_away(house: Daemun) {
    let client = being("ko", json!({}));
    let before = notice(&house, "before", json!({})).await;
    let meanwhile = json!({"from": START.after(hours(1))});
    notice(&house, "meanwhile", meanwhile).await;
    house.advance(hours(1));
    let house = house.restart().await;
    assert_eq!(titles(&notices(&house, &client).await), ["meanwhile", "before"]);
    let mut player = enters(&house, &client).await;
    order(&house, "notice", json!({"do": "remove", "id": before["id"]})).await;
    assert_eq!(told(&mut player, "notice.withdrawn").await["id"], before["id"]);
    heard_nothing(&mut player).await;
}
