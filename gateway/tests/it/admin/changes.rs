//! Two operators at one record, requests that are sent again, and who did what.

use serde_json::{Value, json};

use super::{Account, Browser, operator, with_owner};
use crate::harness::{Daemun, text};

async fn make(browser: &Browser, key: &str, body: Value) -> super::Said {
    browser.with("POST", "/admin/v1/operators", &[("idempotency-key", key)], Some(body)).await
}

fn change(name: &str) -> Value {
    json!({"name": name, "roles": [], "grants": [], "disabled": false})
}

pub(super) async fn of_two_who_change_one_record_the_second_is_told_what_stands(house: Daemun) {
    let (_house, _, browser) = with_owner(house).await;
    let made = make(&browser, "k", operator("lee", "viewer")).await;
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")));
    let path = format!("/admin/v1/operators/{}", text(&made.ok()["operator"], "id"));
    let put = async |headers: &[(&str, &str)], name: &str| {
        browser.with("PUT", &path, headers, Some(change(name))).await
    };
    assert_eq!(put(&[], "lee2").await.refused(), (428, "document.version_required"));
    for wrong in ["1", "W/\"1\"", "*", "\"x\""] {
        assert_eq!(
            put(&[("if-match", wrong)], "lee2").await.refused(),
            (400, "body.invalid"),
            "{wrong}"
        );
    }
    let first = put(&[("if-match", "\"1\"")], "lee2").await;
    assert_eq!((first.status, first.header("etag")), (200, Some("\"2\"")));
    let second = put(&[("if-match", "\"1\"")], "lee3").await;
    assert_eq!(second.refused(), (412, "document.stale"));
    assert_eq!(
        (&second.body["err"]["detail"]["name"], &second.body["err"]["detail"]["version"]),
        (&json!("lee2"), &json!(2))
    );
    assert_eq!(browser.get(&path).await.header("etag"), Some("\"2\""));
    let gone = browser.with("DELETE", &path, &[("if-match", "\"2\"")], None).await;
    assert_eq!(gone.status, 200);
    assert_eq!(browser.get(&path).await.refused(), (404, "document.missing"));
    assert_eq!(put(&[("if-match", "\"3\"")], "lee4").await.refused(), (404, "document.missing"));
}

pub(super) async fn what_is_sent_again_under_its_key_is_done_once(house: Daemun) {
    let (_house, _, browser) = with_owner(house).await;
    let none = browser.post("/admin/v1/operators", operator("lee", "viewer")).await;
    assert_eq!(none.refused(), (400, "body.invalid"));
    let first = make(&browser, "k", operator("lee", "viewer")).await.ok();
    let again = make(&browser, "k", operator("lee", "viewer")).await.ok();
    assert_eq!(first, again, "its answer was lost, with the secret in it");
    let other = make(&browser, "k", operator("lee", "editor")).await;
    assert_eq!(other.refused(), (422, "op.key_reused"));
    let taken = make(&browser, "l", operator("LEE", "viewer")).await;
    assert_eq!(taken.refused(), (409, "document.exists"));
    let long = make(&browser, &"k".repeat(129), operator("max", "viewer")).await;
    assert_eq!(long.refused(), (400, "body.invalid"));
    assert_eq!(make(&browser, &"k".repeat(128), operator("max", "viewer")).await.status, 201);

    let path = format!("/admin/v1/operators/{}", text(&first["operator"], "id"));
    let put = async |key: &str| {
        let headers = [("if-match", "\"1\""), ("idempotency-key", key)];
        browser.with("PUT", &path, &headers, Some(change("lee"))).await
    };
    let changed = put("m").await;
    assert_eq!(changed.status, 200);
    assert_eq!(put("m").await.body, changed.body);
    assert_eq!(put("n").await.refused(), (412, "document.stale"));
}

pub(super) async fn passwords_and_second_factors_are_given_anew_and_end_every_session(
    house: Daemun,
) {
    let (house, _, browser) = with_owner(house).await;
    let kim = Account::new(&house, "kim", &["viewer"]).await;
    let theirs = kim.enter(&house).await;
    let path = format!("/admin/v1/operators/{}", kim.id);
    let tag = browser.get(&path).await.header("etag").unwrap().to_owned();
    let headers = [("if-match", tag.as_str()), ("idempotency-key", "t")];
    let totp = browser.with("POST", &format!("{path}/totp"), &headers, Some(json!({}))).await;
    let secret = text(&totp.body["ok"], "totp_secret").to_owned();
    assert!(text(&totp.body["ok"], "totp_uri").contains(&secret) && secret != kim.secret);
    assert_eq!(theirs.get("/admin/v1/me").await.refused(), (401, "operator.login_required"));
    let theirs = Account { secret, ..kim }.enter(&house).await;
    let tag = browser.get(&path).await.header("etag").unwrap().to_owned();
    let tag = [("if-match", tag.as_str())];
    let short = json!({"password": "short"});
    let said = browser.with("PUT", &format!("{path}/password"), &tag, Some(short)).await;
    assert_eq!(said.refused(), (400, "body.invalid"));
    let body = json!({"password": "another battery"});
    let said = browser.with("PUT", &format!("{path}/password"), &tag, Some(body)).await;
    assert_eq!(said.status, 200, "{}", said.body);
    assert_eq!(theirs.get("/admin/v1/me").await.refused(), (401, "operator.login_required"));
    let sessions = browser.get(&format!("{path}/sessions")).await.ok();
    assert_eq!(sessions["items"], json!([]));
}

pub(super) async fn the_audit_says_who_did_what_and_is_read_page_by_page(house: Daemun) {
    let (house, owner, browser) = with_owner(house).await;
    let lee = make(&browser, "k", operator("lee", "viewer")).await.ok();
    let id = text(&lee["operator"], "id").to_owned();
    let path = format!("/admin/v1/operators/{id}");
    let tag = [("if-match", "\"1\"")];
    browser.with("PUT", &path, &tag, Some(change("lee"))).await.ok();
    let ended = browser.with("DELETE", &format!("{path}/sessions"), &[], None).await.ok();
    assert_eq!(ended, json!({"ended": 0}));

    let all = browser.get("/admin/v1/audit").await.ok();
    let whats: Vec<&str> =
        all["items"].as_array().unwrap().iter().map(|act| text(act, "what")).collect();
    let expected = [
        "operator.send_away",
        "operator.change",
        "operator.create",
        "operator.login",
        "operator.create",
    ];
    assert_eq!(whats, expected);
    let changed = &all["items"][1];
    assert_eq!(
        (&changed["by"], &changed["by_name"]),
        (&json!(format!("operator:{}", owner.id)), &json!("owner"))
    );
    assert_eq!(changed["before"]["roles"], json!([{"app": "*", "role": "viewer"}]));
    assert_eq!((&changed["after"]["roles"], &changed["of"]), (&json!([]), &json!(id)));
    assert_eq!(
        (&all["items"][3]["secret_changed"], &all["items"][4]["by"]),
        (&json!(true), &json!("command"))
    );

    let mut read = Vec::new();
    let mut path = "/admin/v1/audit?limit=2".to_owned();
    loop {
        let page = browser.get(&path).await.ok();
        read.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/admin/v1/audit?limit=2&after={next}");
    }
    assert_eq!(&read, all["items"].as_array().unwrap());
    let asked = async |query: &str| {
        let page = browser.get(&format!("/admin/v1/audit?{query}")).await.ok();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(asked("by=command").await, 1);
    assert_eq!(asked(&format!("of={id}")).await, 3);
    assert_eq!(asked("kind=notice").await, 0);
    assert_eq!(asked(&format!("from={}", text(&all["items"][0], "at"))).await, 4);
    for wrong in ["by=kim", "after=x", "kind=x", "from=now", "of=x"] {
        let said = browser.get(&format!("/admin/v1/audit?{wrong}")).await;
        assert_eq!(said.refused(), (400, "body.invalid"), "{wrong}");
    }
    assert_eq!(browser.get("/admin/v1/apps/demo/audit").await.ok()["items"], json!([]));
    assert_eq!(browser.get("/admin/v1/apps/cats/audit").await.refused(), (404, "app.unknown"));
    drop(house);
}
