//! What a client is shown.

use image::ImageFormat;
use serde_json::json;

use super::{being, hours, image, notice, notices, order, titles, with};
use crate::harness::{Daemun, START, text};

pub(super) async fn a_client_is_shown_what_is_for_it_in_its_language_and_in_order(house: Daemun) {
    let scoped = |scope| json!({ "scope": scope });
    notice(&house, "all", json!({"title": {"en": "all", "ko": "모두"}})).await;
    notice(&house, "front", json!({"priority": 5, "order": 2})).await;
    notice(&house, "before it", json!({"priority": 5, "order": 1})).await;
    notice(&house, "android", scoped(json!({"platforms": ["android"]}))).await;
    notice(&house, "one store", scoped(json!({"stores": ["one_store"]}))).await;
    notice(&house, "old", scoped(json!({"versions": [{"to": "1.4"}]}))).await;
    notice(&house, "older", scoped(json!({"versions": [{"to": "1.3.9"}]}))).await;
    notice(&house, "japan", scoped(json!({"countries": ["JP"]}))).await;
    notice(&house, "korean", json!({"languages": ["ko"]})).await;
    notice(&house, "testers", json!({"testers_only": true})).await;
    notice(&house, "later", json!({"from": START.after(hours(1))})).await;
    notice(&house, "draft", json!({"draft": true})).await;
    let everybodys = json!({"kind": "notice", "app": null, "deed": {
        "do": "put", "id": null, "sent": {"title": {"en": "publisher"}, "priority": 9},
    }});
    house.command("/commands/piece", everybodys).await;

    let shown = notices(&house, &being("ko-KR", json!({}))).await;
    assert_eq!(
        titles(&shown),
        ["publisher", "before it", "front", "korean", "old", "android", "모두"],
        "the greatest priority, the smallest order, the newest"
    );
    let tester = json!({"do": "add", "app": "demo", "tester": {"device_id": "lab"}});
    house.command("/commands/tester", tester).await;
    let lab = json!({"device_id": "lab", "platform": "ios", "country": "jp", "store": null});
    let shown = notices(&house, &being("fr", lab)).await;
    assert_eq!(
        titles(&shown),
        ["publisher", "before it", "front", "testers", "japan", "old", "all"]
    );
    house.advance(hours(1));
    assert!(titles(&notices(&house, &being("en", json!({}))).await).contains(&"later"));
}

pub(super) async fn a_list_that_a_client_has_is_left_out_and_one_that_it_has_not_is_named(
    house: Daemun,
) {
    let client = being("ko", json!({}));
    let ask = async |known: &str| {
        let body = json!({"app": "demo", "client": client, "known": known});
        house.http().ask("notice.list", None, body).await.unwrap()
    };
    let empty = notices(&house, &client).await;
    let made = notice(&house, "one", json!({"text": {"en": "hello"}, "hide_days": 7})).await;
    let full = ask(text(&empty, "version")).await;
    assert_eq!((titles(&full), full.get("unchanged")), (vec!["one"], None));
    let version = text(&full, "version").to_owned();
    assert_eq!(ask(&version).await, json!({"version": version, "unchanged": true, "notices": []}));
    assert_eq!(
        full["notices"][0],
        json!({
            "id": made["id"], "change": 1, "title": "one", "text": "hello", "priority": 0,
            "hide_days": 7,
        })
    );
    // The versions are said before the login, and when the session opens.
    let status = json!({"app": "demo", "client": client});
    let status = house.http().ask("launch.status", None, status).await.unwrap();
    assert_eq!(text(&status["content"], "notices"), version);
    let guest = json!({"app": "demo", "provider": "guest", "client": client});
    let login = house.http().ask("auth.login", None, guest).await.unwrap();
    let token = text(&login, "access_token").to_owned();
    for (known, changed) in [
        (json!({"notices": version}), None),
        (json!({"notices": text(&empty, "version")}), Some(json!(["notices"]))),
        (json!({"notices": version, "banners": "x"}), Some(json!(["banners"]))),
    ] {
        let mut socket = house.socket(loadtest::Format::Msgpack).await;
        let open = json!({"token": token, "client": client, "known": known});
        let opened = socket.request("session.open", open).await.unwrap();
        assert_eq!(opened.get("changed"), changed.as_ref(), "{known}");
        assert_eq!(opened["launch"]["content"], status["content"]);
    }
}

pub(super) async fn a_banner_is_its_picture(house: Daemun) {
    let client = being("ko", json!({}));
    let list = async || {
        let body = json!({"app": "demo", "client": client});
        house.http().ask("banner.list", None, body).await.unwrap()["banners"].clone()
    };
    let korean = image(&house, ImageFormat::Png).await;
    let english = image(&house, ImageFormat::Jpeg).await;
    let sent = json!({
        "images": {"ko": korean["id"], "en": english["id"]}, "place": "lobby",
        "title": {"ko": "봄"},
        "action": {"kind": "url", "target": "https://game.example/spring"},
    });
    let put = |sent| json!({"do": "put", "id": null, "sent": sent});
    let made = order(&house, "banner", put(sent.clone())).await[0].clone();
    let body = &korean["body"];
    let path = format!("/images/{}.png", text(body, "hash"));
    let image = json!({
        "url": format!("{}{path}", house.url()), "media_type": "image/png",
        "width": body["width"], "height": body["height"], "bytes": body["bytes"],
    });
    assert_eq!(
        list().await,
        json!([{
            "id": made["id"], "change": 1, "image": image, "title": "봄", "place": "lobby",
            "priority": 0, "action": {"kind": "url", "target": "https://game.example/spring"},
        }])
    );
    // It is there, and stays while the banner shows it.
    let fetched = house.http().get(&path).await.unwrap();
    assert_eq!(
        (fetched.status, fetched.body.len()),
        (200, body["bytes"].as_u64().unwrap() as usize)
    );
    let remove = json!({"do": "remove", "app": "demo", "id": korean["id"]});
    let control = gateway::control::read(&house.settings.data).unwrap();
    let said = control.call("/commands/image", Some(remove.to_string().as_bytes())).await;
    assert!(said.unwrap_err().to_string().contains(text(&made, "id")), "who uses it is named");
    let unknown = "019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10";
    for (wrong, word) in [
        (with(sent.clone(), json!({"images": {}})), "field images: has no picture"),
        (with(sent.clone(), json!({"images": {"ko": unknown}})), "there is no such image"),
        (with(sent.clone(), json!({"text": {"ko": "글"}})), "field text: is said by notices"),
    ] {
        let order = json!({"kind": "banner", "app": "demo", "deed": put(wrong)});
        let said = super::state::refused(&house, order).await;
        assert!(said.contains(word), "{said}");
    }
}
