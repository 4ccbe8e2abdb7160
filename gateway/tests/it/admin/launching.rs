//! Versions, maintenance and testers, as operators write them and players notice.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use super::{Account, Browser, Said, with_owner};
use crate::harness::{Daemun, client, text};

/// Makes something, under a key of this request's own: the same again is the same request.
async fn make(browser: &Browser, path: &str, body: Value) -> Said {
    let mut key = DefaultHasher::new();
    (path, body.to_string()).hash(&mut key);
    let key = key.finish().to_string();
    browser.with("POST", path, &[("idempotency-key", &key)], Some(body)).await
}

const VERSIONS: &str = "/admin/v1/apps/demo/versions";
const MAINTENANCE: &str = "/admin/v1/apps/demo/maintenance";
const TESTERS: &str = "/admin/v1/apps/-/testers";

fn version(state: &str) -> Value {
    json!({"version": "1.4.0", "platform": "android", "store": "google_play", "state": state,
        "message": {"en": "Hello", "ko": "안녕"}})
}

async fn status(house: &Daemun) -> Value {
    let asked = json!({"app": "demo", "client": client()});
    house.http().ask("launch.status", None, asked).await.unwrap()
}

pub(super) async fn a_version_is_registered_changed_and_taken_away_and_players_notice_at_once(
    house: Daemun,
) {
    let (house, _, browser) = with_owner(house).await;
    let made = make(&browser, VERSIONS, version("in_service")).await;
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{}", made.body);
    let path = format!("{VERSIONS}/{}", text(&made.ok(), "id"));
    assert_eq!(status(&house).await["status"], 200);
    let twice = make(&browser, VERSIONS, version("blocked")).await;
    assert_eq!(twice.refused(), (409, "document.exists"));

    let tag = [("if-match", "\"1\"")];
    let put = async |body: Value| browser.with("PUT", &path, &tag, Some(body)).await;
    let mut other = version("blocked");
    other["version"] = json!("1.5");
    assert_eq!(put(other).await.refused(), (400, "body.invalid"));
    let mut typo = version("blocked");
    typo["mesage"] = json!({});
    let said = put(typo).await;
    assert_eq!(said.refused(), (400, "body.invalid"));
    assert!(said.body["err"]["message"].as_str().unwrap().contains("mesage"), "{}", said.body);
    assert_eq!(put(version("blocked")).await.status, 200);
    assert_eq!(status(&house).await["status"], 301);
    let stale = put(version("in_service")).await;
    assert_eq!(stale.refused(), (412, "document.stale"));
    assert_eq!(stale.body["err"]["detail"]["body"]["state"], "blocked");

    let list = browser.get(VERSIONS).await.ok();
    assert_eq!(
        (list["items"].as_array().unwrap().len(), &list["items"][0]["version"]),
        (1, &json!(2))
    );
    let gone = browser.with("DELETE", &path, &[("if-match", "\"2\"")], None).await;
    assert_eq!(gone.status, 200, "{}", gone.body);
    assert_eq!(browser.get(&path).await.refused(), (404, "document.missing"));
    assert_eq!(status(&house).await["status"], 200);
    let audit = browser.get("/admin/v1/apps/demo/audit").await.ok();
    let whats: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|act| text(act, "what")).collect();
    assert_eq!(whats, ["version.remove", "version.put", "version.put"]);
    let publishers = make(&browser, "/admin/v1/apps/-/versions", version("beta")).await;
    assert_eq!(publishers.refused(), (404, "document.missing"));
}

pub(super) async fn a_maintenance_is_planned_extended_and_ended_early(house: Daemun) {
    let (house, _, browser) = with_owner(house).await;
    let at = |minutes: u64| house.now().after(std::time::Duration::from_secs(60 * minutes));
    let plan = json!({"from": at(0), "to": at(10), "reason": "new tables"});
    let made = make(&browser, MAINTENANCE, plan.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let again = make(&browser, MAINTENANCE, plan).await;
    assert_eq!(again.body, made.body, "one window, asked for twice under one key");
    let window = made.ok();
    assert_eq!(
        (&window["state"], &window["body"]["reason"]),
        (&json!("in_progress"), &json!("new tables"))
    );
    assert_eq!(status(&house).await["status"], 303);

    let path = format!("{MAINTENANCE}/{}", text(&window, "id"));
    let post = async |deed: &str, tag: &str, body: Value| {
        browser.with("POST", &format!("{path}/{deed}"), &[("if-match", tag)], Some(body)).await
    };
    let longer = post("extend", "\"1\"", json!({"to": at(20)})).await;
    assert_eq!(longer.status, 200, "{}", longer.body);
    assert_eq!(
        post("extend", "\"1\"", json!({"to": at(30)})).await.refused(),
        (412, "document.stale")
    );
    let before = post("extend", "\"2\"", json!({"to": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(before.refused(), (400, "body.invalid"));
    assert_eq!(post("extend", "\"2\"", json!({})).await.refused(), (400, "body.invalid"));
    house.advance(std::time::Duration::from_secs(60));
    let ended = post("end", "\"2\"", json!({})).await;
    assert_eq!((ended.status, &ended.body["ok"]["state"]), (200, &json!("done")), "{}", ended.body);
    assert_eq!(status(&house).await["status"], 200);

    let wrong = json!({"from": at(20), "to": at(10)});
    let said = make(&browser, MAINTENANCE, wrong).await;
    assert_eq!(said.refused(), (400, "body.invalid"));
    assert_eq!(said.body["err"]["detail"]["field"], "to");
    let later =
        make(&browser, "/admin/v1/apps/-/maintenance", json!({"from": at(20), "to": at(30)})).await;
    let path = format!("/admin/v1/apps/-/maintenance/{}", text(&later.ok(), "id"));
    let elsewhere = browser.get(&path.replace("/-/", "/demo/")).await;
    assert_eq!(elsewhere.refused(), (404, "document.missing"), "it is the publisher's");
    assert_eq!(browser.with("DELETE", &path, &[("if-match", "\"1\"")], None).await.status, 200);
    assert_eq!(browser.get(&path).await.ok()["state"], "off");
}

pub(super) async fn a_tester_is_let_in_by_who_may(house: Daemun) {
    let (house, _, browser) = with_owner(house).await;
    let tester = json!({"network": "127.0.0.0/8", "note": "us"});
    let made = make(&browser, TESTERS, tester.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let at = |minutes: u64| house.now().after(std::time::Duration::from_secs(60 * minutes));
    make(&browser, MAINTENANCE, json!({"from": at(0), "to": at(10)})).await.ok();
    assert_eq!(status(&house).await["status"], 202);
    let both = json!({"network": "10.0.0.0/8", "device_id": "x"});
    assert_eq!(make(&browser, TESTERS, both).await.refused(), (400, "body.invalid"));
    let support = Account::new(&house, "support", &["support@demo"]).await.enter(&house).await;
    let theirs = "/admin/v1/apps/demo/testers";
    assert_eq!(
        make(&support, TESTERS, tester.clone()).await.refused(),
        (403, "operator.forbidden")
    );
    assert_eq!(make(&support, theirs, tester).await.status, 201);
    let plan = json!({"from": at(20), "to": at(30)});
    assert_eq!(make(&support, MAINTENANCE, plan).await.refused(), (403, "operator.forbidden"));
    assert_eq!(support.get(MAINTENANCE).await.status, 200);
    let path = format!("{TESTERS}/{}", text(&made.ok(), "id"));
    let note = json!({"network": "127.0.0.0/8", "note": "the office"});
    let changed = browser.with("PUT", &path, &[("if-match", "\"1\"")], Some(note)).await;
    assert_eq!(changed.ok()["body"]["note"], "the office");
    assert_eq!(browser.with("DELETE", &path, &[("if-match", "\"2\"")], None).await.status, 200);
}
