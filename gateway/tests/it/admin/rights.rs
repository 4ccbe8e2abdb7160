//! Every role on every row of the table, and everybody who has none.

use protocol::operators::endpoint::{Endpoint, Method};
use serde_json::json;
use uuid::Uuid;

use super::{Account, Browser};
use crate::harness::Daemun;

/// Who is asked for, in the order of [`allowed`].
const WHO: [&str; 7] =
    ["owner", "editor", "support", "viewer", "owner@demo", "viewer@demo", "owner@cats"];

/// Who may ask for it; a judgement on each row, made by hand.
fn allowed(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::Login
        | Endpoint::Logout
        | Endpoint::Prove
        | Endpoint::Me
        | Endpoint::MyPassword
        | Endpoint::MySessions
        | Endpoint::MySessionEnd
        | Endpoint::Apps => &WHO,
        Endpoint::Operators
        | Endpoint::OperatorCreate
        | Endpoint::OperatorShow
        | Endpoint::OperatorChange
        | Endpoint::OperatorRemove
        | Endpoint::OperatorPassword
        | Endpoint::OperatorTotp
        | Endpoint::OperatorSessions
        | Endpoint::OperatorSessionsEnd => &["owner"],
        Endpoint::Audit => &["owner", "editor", "support"],
        Endpoint::AppAudit => &["owner", "editor", "support", "owner@demo"],
        Endpoint::VersionList
        | Endpoint::VersionShow
        | Endpoint::MaintenanceList
        | Endpoint::MaintenanceShow
        | Endpoint::TesterList
        | Endpoint::TesterShow
        | Endpoint::ImageList
        | Endpoint::ImageShow
        | Endpoint::NoticeList
        | Endpoint::NoticeShow
        | Endpoint::NoticeCounts
        | Endpoint::BannerList
        | Endpoint::BannerShow
        | Endpoint::BannerCounts => {
            &["owner", "editor", "support", "viewer", "owner@demo", "viewer@demo"]
        }
        Endpoint::VersionCreate
        | Endpoint::VersionChange
        | Endpoint::VersionRemove
        | Endpoint::MaintenanceCreate
        | Endpoint::MaintenanceChange
        | Endpoint::MaintenanceRemove
        | Endpoint::MaintenanceExtend
        | Endpoint::MaintenanceEnd
        | Endpoint::ImageUpload
        | Endpoint::ImageRemove
        | Endpoint::NoticeCreate
        | Endpoint::NoticeChange
        | Endpoint::NoticeRemove
        | Endpoint::BannerCreate
        | Endpoint::BannerChange
        | Endpoint::BannerRemove => &["owner", "editor", "owner@demo"],
        Endpoint::TesterCreate | Endpoint::TesterChange | Endpoint::TesterRemove => {
            &["owner", "editor", "support", "owner@demo"]
        }
    }
}

/// The row asked for as whoever this browser is, at a record that is not there.
async fn ask(browser: &Browser, endpoint: Endpoint) -> (u16, String) {
    let path = endpoint.path().replace("{app}", "demo").replace("{id}", &Uuid::nil().to_string());
    let headers = [("if-match", "\"1\""), ("idempotency-key", "k")];
    // Too little for any of them: nothing is done.
    let body = (endpoint.method() != Method::Get).then(|| json!({"nothing": "known"}));
    let said = browser.with(endpoint.method().word(), &path, &headers, body).await;
    let (status, word) = said.refused();
    (status, word.to_owned())
}

pub(super) async fn every_role_may_what_it_may_and_nothing_else(house: Daemun) {
    let mut browsers = Vec::new();
    for (at, role) in WHO.iter().enumerate() {
        browsers
            .push(Account::new(&house, &format!("who-{at}"), &[role]).await.enter(&house).await);
    }
    for endpoint in Endpoint::ALL {
        for (role, browser) in WHO.iter().zip(&browsers) {
            let (status, word) = ask(browser, *endpoint).await;
            let refused = (status, word.as_str()) == (403, "operator.forbidden");
            let may = allowed(*endpoint).contains(role);
            assert_eq!(refused, !may, "{role} at {endpoint:?}: {status} {word}");
            assert_ne!(status, 401, "{role} at {endpoint:?}");
        }
    }
}

pub(super) async fn who_is_not_logged_in_gets_nothing(house: Daemun) {
    let nobody = Browser::new(&house);
    let forged = Browser {
        cookie: Some(format!("__Host-daemun={}", "A".repeat(43))),
        csrf: Some("A".repeat(43)),
        ..nobody.clone()
    };
    for endpoint in Endpoint::ALL.iter().filter(|it| **it != Endpoint::Login) {
        for browser in [&nobody, &forged] {
            let said = ask(browser, *endpoint).await;
            assert_eq!(said, (401, "operator.login_required".to_owned()), "{endpoint:?}");
        }
    }
}

pub(super) async fn a_field_that_is_not_known_is_told_everywhere(house: Daemun) {
    let browser = Account::new(&house, "owner", &["owner"]).await.enter(&house).await;
    for endpoint in Endpoint::ALL.iter().filter(|it| it.method() != Method::Get) {
        let said = ask(&browser, *endpoint).await;
        // Its body is an image, and has no fields.
        let image = *endpoint == Endpoint::ImageUpload;
        let expected = if image { (415, "body.media_type") } else { (400, "body.invalid") };
        assert_eq!((said.0, said.1.as_str()), expected, "{endpoint:?}");
    }
}

pub(super) async fn nobody_gives_himself_more(house: Daemun) {
    let owner = Account::new(&house, "owner", &["owner"]).await.enter(&house).await;
    let grants =
        json!([{"app": "*", "resource": "operators", "rights": ["read", "write", "delete"]}]);
    let new = json!({"name": "chief", "roles": [], "grants": grants, "password": super::PASSWORD});
    let key = [("idempotency-key", "k")];
    let made = owner.with("POST", "/admin/v1/operators", &key, Some(new)).await.ok();
    let account = Account {
        name: "chief".to_owned(),
        id: made["operator"]["id"].as_str().unwrap().to_owned(),
        secret: made["totp_secret"].as_str().unwrap().to_owned(),
    };
    let chief = account.enter(&house).await;
    let path = format!("/admin/v1/operators/{}", account.id);
    let tag = chief.get(&path).await.header("etag").unwrap().to_owned();
    let more = json!({"name": "chief", "roles": [{"app": "*", "role": "owner"}], "grants": grants,
        "disabled": false});
    let said = chief.with("PUT", &path, &[("if-match", &tag)], Some(more)).await;
    assert_eq!(said.refused(), (403, "operator.forbidden"));
    let mine = json!({"name": "own", "roles": [{"app": "demo", "role": "viewer"}],
        "password": super::PASSWORD});
    let said = chief.with("POST", "/admin/v1/operators", &key, Some(mine)).await;
    assert_eq!(said.refused(), (403, "operator.forbidden"));
}

pub(super) async fn what_is_done_to_operators_is_audited_for_who_may_see_operators(house: Daemun) {
    let owner = Account::new(&house, "owner", &["owner"]).await.enter(&house).await;
    let support = Account::new(&house, "support", &["support"]).await.enter(&house).await;
    let path = "/admin/v1/apps/demo/versions";
    let version = json!({"version": "1.0", "platform": "web", "state": "beta"});
    let key = [("idempotency-key", "k")];
    assert_eq!(owner.with("POST", path, &key, Some(version)).await.status, 201);
    let kinds = async |browser: &Browser, query: &str| {
        let page = browser.get(&format!("/admin/v1/audit?{query}")).await.ok();
        let items = page["items"].as_array().unwrap().clone();
        let kinds: Vec<String> =
            items.iter().map(|act| act["kind"].as_str().unwrap().to_owned()).collect();
        (kinds, page["next"].is_string())
    };
    let (all, _) = kinds(&owner, "").await;
    assert_eq!((all.len(), &all[0]), (5, &"version".to_owned()));
    assert_eq!(kinds(&support, "").await, (vec!["version".to_owned()], false));
    // Whoever asks for pages comes to what is behind.
    assert!(kinds(&support, "limit=1").await.1);
    let said = support.get("/admin/v1/audit?kind=operator").await;
    assert_eq!(said.refused(), (403, "operator.forbidden"));
    assert_eq!(kinds(&owner, "kind=operator").await.0.len(), 4);
    let id = support.get("/admin/v1/me").await.ok()["operator"]["id"].as_str().unwrap().to_owned();
    assert_eq!(kinds(&support, &format!("of={id}")).await.0.len(), 0);
}
