//! Two nodes on one MariaDB: a session holds at both, and is over at both.

use serde_json::json;
use storage::config::ServerUrl;
use storage::servers::MariaDb;

use super::{Account, Browser, STEP, operator};
use crate::harness::Daemun;

/// Two nodes on a database of their own.
pub(super) async fn two_nodes() -> [Daemun; 2] {
    let database = ServerUrl::new(MariaDb::shared().unwrap().database("operators").unwrap());
    let node = async || {
        Daemun::with(|settings| {
            settings.storage.mariadb.url = Some(database.clone());
            settings.storage.mariadb.connections = 4;
            settings.storage.mariadb.migrate_at_start = true;
        })
        .await
    };
    [node().await, node().await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_out_at_one_node_is_out_at_the_other_with_the_next_request() {
    let [here, there] = two_nodes().await;
    let owner = Account::new(&here, "owner", &["owner"]).await;
    let browser = owner.enter(&here).await;
    there.advance(STEP);
    let elsewhere = Browser { http: there.admin(), ..browser.clone() };
    let me = elsewhere.get("/admin/v1/me").await.ok();
    assert_eq!(me["operator"]["name"], "owner");

    let kim = Account::new(&there, "kim", &["editor"]).await;
    let theirs = kim.enter(&here).await;
    there.advance(STEP);
    let theirs_there = Browser { http: there.admin(), ..theirs.clone() };
    assert_eq!(theirs_there.get("/admin/v1/audit").await.status, 200);
    // The code was used at the other node.
    let mut again = Browser::new(&there);
    assert_eq!(
        again.log_in("kim", &kim.code(&there)).await.refused(),
        (401, "operator.login_refused")
    );

    let path = format!("/admin/v1/operators/{}", kim.id);
    let tag = browser.get(&path).await.header("etag").unwrap().to_owned();
    let less = json!({"name": "kim", "roles": [], "grants": [], "disabled": false});
    let said = browser.with("PUT", &path, &[("if-match", &tag)], Some(less.clone())).await;
    assert_eq!(said.status, 200, "{}", said.body);
    assert_eq!(theirs_there.get("/admin/v1/audit").await.refused(), (403, "operator.forbidden"));
    let stale = elsewhere.with("PUT", &path, &[("if-match", &tag)], Some(less.clone())).await;
    assert_eq!(stale.refused(), (412, "document.stale"));
    let tag = elsewhere.get(&path).await.header("etag").unwrap().to_owned();
    let out = json!({"name": "kim", "roles": [], "grants": [], "disabled": true});
    elsewhere.with("PUT", &path, &[("if-match", &tag)], Some(out)).await.ok();
    assert_eq!(theirs.get("/admin/v1/me").await.refused(), (401, "operator.login_required"));

    // One key is one request, wherever it is sent.
    let key = [("idempotency-key", "one")];
    let new = operator("lee", "viewer");
    let first = browser.with("POST", "/admin/v1/operators", &key, Some(new.clone())).await.ok();
    let second = elsewhere.with("POST", "/admin/v1/operators", &key, Some(new)).await.ok();
    assert_eq!(first, second);
    browser.post("/admin/v1/logout", json!({})).await.ok();
    assert_eq!(elsewhere.get("/admin/v1/me").await.refused(), (401, "operator.login_required"));
}
