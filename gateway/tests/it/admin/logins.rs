//! Logging in, staying in, and being out.

use std::time::Duration;

use serde_json::json;
use storage::documents::Kind;
use storage::servers::MariaDb;

use super::{Account, Browser, PASSWORD, STEP, with_owner};
use crate::harness::{Daemun, text};

pub(super) async fn a_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(house: Daemun) {
    let kim = Account::new(&house, "Kim", &["viewer@demo"]).await;
    let mut browser = Browser::new(&house);
    let said = browser.log_in("kim", &kim.code(&house)).await;
    let cookie = said.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-daemun="), "{cookie}");
    for flag in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.split("; ").any(|part| part == flag), "{flag} is not in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let token = cookie.split(['=', ';']).nth(1).unwrap();
    assert!(token.len() == 43 && !said.body.to_string().contains(token), "256 bits, shown once");

    let me = browser.get("/admin/v1/me").await.ok();
    assert_eq!((text(&me["operator"], "name"), text(&me["operator"], "id")), ("Kim", &*kim.id));
    let apps = browser.get("/admin/v1/apps").await.ok();
    assert_eq!(apps["items"][0]["app"], "demo");
    assert!(
        apps["items"][0]["rights"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["rights"] == json!(["read"]))
    );
    let out = browser.post("/admin/v1/logout", json!({})).await;
    assert!(out.header("set-cookie").unwrap().starts_with("__Host-daemun=; Path=/; Max-Age=0;"));
    assert_eq!(browser.get("/admin/v1/me").await.refused(), (401, "operator.login_required"));
}

pub(super) async fn a_login_never_goes_on_with_a_session_that_the_browser_had(house: Daemun) {
    let (house, owner, attacker) = with_owner(house).await;
    let kim = Account::new(&house, "kim", &["viewer"]).await;
    // Whatever the browser was given before, the session is a new one, and that one is over.
    let mut victim = Browser { csrf: None, ..attacker.clone() };
    let said = victim.log_in("kim", &kim.code(&house)).await;
    assert_eq!(said.status, 200);
    assert_ne!(victim.cookie, attacker.cookie);
    assert_eq!(attacker.get("/admin/v1/me").await.refused(), (401, "operator.login_required"));
    assert_eq!(text(&victim.get("/admin/v1/me").await.ok()["operator"], "name"), "kim");
    let forged = format!("__Host-daemun={}", "A".repeat(43));
    let mut victim = Browser { cookie: Some(forged.clone()), csrf: None, ..attacker };
    house.advance(STEP);
    victim.log_in("owner", &owner.code(&house)).await;
    assert_ne!(victim.cookie, Some(forged));
}

pub(super) async fn a_code_is_good_once_and_guessing_is_slowed_down(house: Daemun) {
    let kim = Account::new(&house, "kim", &["viewer"]).await;
    let code = kim.code(&house);
    let mut browser = Browser::new(&house);
    assert_eq!(browser.log_in("kim", &code).await.status, 200);
    let mut another = Browser::new(&house);
    let again = another.log_in("kim", &code).await;
    assert_eq!(again.refused(), (401, "operator.login_refused"));
    let nobody = another.log_in("nobody", &code).await;
    assert_eq!(nobody.body, again.body, "who is there is not said");
    assert!(again.header("set-cookie").is_none());
    for _ in 0..4 {
        let wrong = json!({"name": "kim", "password": "wrong wrong wrong", "totp": "000000"});
        let said = another.post("/admin/v1/login", wrong).await;
        assert_eq!(said.refused(), (401, "operator.login_refused"));
    }
    house.advance(Duration::from_millis(1));
    let paused = another.log_in("kim", "000000").await;
    assert_eq!(paused.refused(), (429, "operator.login_paused"));
    assert_eq!(paused.header("retry-after"), Some("1"));
    assert_eq!(browser.get("/admin/v1/me").await.status, 200, "who is in stays in");
    house.advance(STEP);
    assert_eq!(another.log_in("kim", &kim.code(&house)).await.status, 200);
}

pub(super) async fn sessions_are_listed_and_ended_one_by_one(house: Daemun) {
    let (house, owner, here) = with_owner(house).await;
    let there = owner.enter(&house).await;
    let list = here.get("/admin/v1/me/sessions").await.ok();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!((&items[0]["current"], &items[1]["current"]), (&json!(false), &json!(true)));
    assert_eq!(items[0]["address"], "127.0.0.1");
    let end = format!("/admin/v1/me/sessions/{}", text(&items[0], "id"));
    assert_eq!(here.with("DELETE", &end, &[], None).await.ok(), json!({"ended": 1}));
    assert_eq!(there.get("/admin/v1/me").await.refused(), (401, "operator.login_required"));
    let gone = here.with("DELETE", &end, &[], None).await;
    assert_eq!(gone.refused(), (404, "document.missing"));
    let another = Account::new(&house, "kim", &["viewer"]).await.enter(&house).await;
    let own = format!("/admin/v1/me/sessions/{}", text(&items[1], "id"));
    let said = another.with("DELETE", &own, &[], None).await;
    assert_eq!(said.refused(), (404, "document.missing"), "it is another's");
    assert_eq!(here.get("/admin/v1/me").await.status, 200);
}

pub(super) async fn a_grave_act_needs_a_fresh_code(house: Daemun) {
    let (house, owner, browser) = with_owner(house).await;
    let make = async |name: &str| {
        let key = [("idempotency-key", name)];
        let body = super::operator(name, "viewer");
        browser.with("POST", "/admin/v1/operators", &key, Some(body)).await
    };
    assert_eq!(make("one").await.status, 201, "a login shows one");
    house.advance(Duration::from_secs(300));
    assert_eq!(make("two").await.refused(), (403, "operator.proof_required"));
    let prove = async |code: &str| browser.post("/admin/v1/prove", json!({"totp": code})).await;
    assert_eq!(prove("000000").await.refused(), (403, "operator.proof_refused"));
    assert_eq!(prove(&owner.code(&house)).await.status, 200);
    assert_eq!(make("two").await.status, 201);
    assert_eq!(prove(&owner.code(&house)).await.refused(), (403, "operator.proof_refused"));
}

pub(super) async fn who_is_kept_out_is_out_with_the_next_request_and_secrets_are_nowhere(
    house: Daemun,
) {
    let (house, owner, browser) = with_owner(house).await;
    let kim = Account::new(&house, "kim", &["owner"]).await;
    let out = kim.enter(&house).await;
    let disable = json!({"deed": "disable", "name": "Kim"});
    house.command("/commands/operator", disable).await;
    assert_eq!(out.get("/admin/v1/me").await.refused(), (401, "operator.login_required"));
    let mut again = Browser::new(&house);
    house.advance(STEP);
    let said = again.log_in("kim", &kim.code(&house)).await;
    assert_eq!(said.refused(), (401, "operator.login_refused"));

    let mut seen = String::new();
    for path in ["/admin/v1/audit", "/admin/v1/operators", "/admin/v1/me", "/admin/v1/me/sessions"]
    {
        seen += &browser.get(path).await.ok().to_string();
    }
    seen += &house.command("/commands/operator", json!({"deed": "list"})).await.to_string();
    let metrics = house.private().get("/metrics").await.unwrap().body;
    seen += std::str::from_utf8(&metrics).unwrap();
    let token = browser.cookie.as_deref().unwrap().split_once('=').unwrap().1.to_owned();
    for hidden in [PASSWORD, "argon2", &owner.secret, &kim.secret, &token] {
        assert!(!seen.contains(hidden), "{hidden} is seen");
    }
    // Nor is the token in the database.
    let kept = everything_kept(&house);
    assert!(kept.windows(4).any(|part| part == b"kim\""), "it was looked into");
    for hidden in [PASSWORD, &token] {
        assert!(!kept.windows(hidden.len()).any(|part| part == hidden.as_bytes()), "{hidden}");
    }
}

pub(super) async fn a_second_factor_is_kept_under_the_key_that_the_settings_name(house: Daemun) {
    let kim = Account::new(&house, "kim", &["owner"]).await;
    let has = |kept: &[u8], secret: &str| kept.windows(32).any(|part| part == secret.as_bytes());
    assert!(has(&everything_kept(&house), &kim.secret), "there is no key yet");
    let mut house = house;
    let file = house.folder.path().join("operators");
    std::fs::write(&file, "k".repeat(43)).unwrap();
    house.settings.identity.operator_key_file = Some(file);
    let house = house.restart().await;
    let lee = Account::new(&house, "lee", &["viewer"]).await;
    assert!(!has(&everything_kept(&house), &lee.secret));
    lee.enter(&house).await;
    // One that was there is encrypted with the next code.
    let sealed = async || {
        let id = kim.id.parse().unwrap();
        let documents = &house.server.gate.node.storage.documents;
        documents.get(Kind::Operator, id).await.unwrap().unwrap().sealed.unwrap()
    };
    assert!(has(&sealed().await, &kim.secret));
    let browser = kim.enter(&house).await;
    assert!(!has(&sealed().await, &kim.secret));
    house.advance(STEP);
    let said = browser.post("/admin/v1/prove", json!({"totp": kim.code(&house)})).await;
    assert_eq!(said.status, 200, "{}", said.body);
    assert!(!has(&everything_kept(&house), &lee.secret));
}

/// Every byte of the truth.
fn everything_kept(house: &Daemun) -> Vec<u8> {
    let Some(url) = &house.settings.storage.mariadb.url else {
        let file = |name: &str| std::fs::read(house.settings.data.join(name));
        return [file("daemun.db").unwrap(), file("daemun.db-wal").unwrap_or_default()].concat();
    };
    let sql = |statement: &str| {
        let said = MariaDb::shared().unwrap().sql_in(url.expose(), statement).unwrap();
        said.unwrap_or_default()
    };
    let tables = sql("SELECT GROUP_CONCAT(table_name) FROM information_schema.tables \
                      WHERE table_schema = DATABASE()");
    let rows = tables.split(',').map(|table| {
        let columns = sql(&format!(
            "SELECT GROUP_CONCAT('`', column_name, '`') FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = '{table}'"
        ));
        sql(&format!(
            "SELECT GROUP_CONCAT(HEX(CONCAT_WS('|', {columns})) SEPARATOR '') FROM `{table}`"
        ))
    });
    let digits: Vec<u8> = rows.flat_map(String::into_bytes).collect();
    let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}
