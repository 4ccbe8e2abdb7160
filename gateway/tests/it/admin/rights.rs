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
        | Endpoint::ImageShow => {
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
        | Endpoint::ImageRemove => &["owner", "editor", "owner@demo"],
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

#[tokio::test]
async fn every_role_may_what_it_may_and_nothing_else() {
    let house = Daemun::start().await;
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

#[tokio::test]
async fn who_is_not_logged_in_gets_nothing() {
    let house = Daemun::start().await;
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

#[tokio::test]
async fn a_field_that_is_not_known_is_told_everywhere() {
    let house = Daemun::start().await;
    let browser = Account::new(&house, "owner", &["owner"]).await.enter(&house).await;
    for endpoint in Endpoint::ALL.iter().filter(|it| it.method() != Method::Get) {
        let said = ask(&browser, *endpoint).await;
        // Its body is an image, and has no fields.
        let image = *endpoint == Endpoint::ImageUpload;
        let expected = if image { (415, "body.media_type") } else { (400, "body.invalid") };
        assert_eq!((said.0, said.1.as_str()), expected, "{endpoint:?}");
    }
}

#[tokio::test]
async fn nobody_gives_himself_more() {
    let house = Daemun::start().await;
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
