//! What comes from elsewhere is turned away, and every answer is guarded.

use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::{Browser, owned};
use crate::harness::Daemun;

#[tokio::test]
async fn a_change_comes_from_this_apis_own_page_alone() {
    let (house, _, browser) = owned().await;
    let port = house.server.admin.port();
    let own = format!("http://localhost:{port}");
    let logout = async |browser: &Browser, headers: &[(&str, &str)]| {
        browser.with("POST", "/admin/v1/logout", headers, Some(json!({}))).await
    };
    let shown = Browser { csrf: None, ..browser.clone() };
    assert_eq!(logout(&shown, &[]).await.refused(), (403, "operator.csrf"));
    let another = Browser { csrf: Some("A".repeat(43)), ..browser.clone() };
    assert_eq!(logout(&another, &[]).await.refused(), (403, "operator.csrf"));
    for headers in [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("origin", house.url().as_str())],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("sec-fetch-site", "none")],
    ] {
        assert_eq!(
            logout(&browser, &headers).await.refused(),
            (403, "operator.csrf"),
            "{headers:?}"
        );
    }
    // A login is a change, too: nobody is logged in as another without knowing.
    let body = json!({"name": "owner", "password": "x", "totp": "1"});
    let evil = [("origin", "https://evil.example")];
    let said = browser.with("POST", "/admin/v1/login", &evil, Some(body)).await;
    assert_eq!(said.refused(), (403, "operator.csrf"));
    assert_eq!(browser.get("/admin/v1/me").await.status, 200, "none of it ended the session");
    let own = [("origin", own.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(logout(&browser, &own).await.status, 200);
    assert_eq!(browser.get("/admin/v1/me").await.refused(), (401, "operator.login_required"));
}

#[tokio::test]
async fn what_a_form_can_send_is_not_read() {
    let (_house, _, browser) = owned().await;
    for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let request = browser
            .http
            .request(hyper::Method::POST, "/admin/v1/login")
            .header("content-type", media)
            .body(r#"{"name": "a", "password": "b", "totp": "c"}"#.into());
        assert_eq!(browser.http.send(request).await.unwrap().status, 415, "{media}");
    }
}

#[tokio::test]
async fn another_name_that_leads_here_is_not_served() {
    let (house, _, browser) = owned().await;
    let port = house.server.admin.port();
    for host in ["evil.example", &format!("evil.example:{port}"), "localhost:1", "localhost"] {
        for path in ["/admin/v1/me", "/admin/docs/", "/nowhere"] {
            let said = browser.with("GET", path, &[("host", host)], None).await;
            assert_eq!(said.refused(), (421, "operator.host"), "{host}{path}");
        }
    }
    let here = format!("localhost:{port}");
    assert_eq!(browser.with("GET", "/admin/v1/me", &[("host", &here)], None).await.status, 200);
}

#[tokio::test]
async fn every_answer_tells_a_browser_what_it_may_do_with_it() {
    let (_house, _, browser) = owned().await;
    let nobody = Browser { cookie: None, csrf: None, ..browser.clone() };
    for (browser, path) in [
        (&browser, "/admin/v1/me"),
        (&nobody, "/admin/v1/me"),
        (&nobody, "/nowhere"),
        (&nobody, "/admin/docs/"),
    ] {
        let said = browser.get(path).await;
        let policy = said.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'")
        );
        assert!(!policy.contains("script-src 'self' 'unsafe"), "{path}");
        assert_eq!(said.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(said.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(said.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(said.header("access-control-allow-origin"), None, "{path}");
        assert_eq!(said.header("strict-transport-security"), None, "there is no TLS");
    }
    let preflight = [("origin", "https://evil.example"), ("access-control-request-method", "POST")];
    let said = nobody.with("OPTIONS", "/admin/v1/login", &preflight, None).await;
    assert_eq!(said.refused(), (405, "op.method"));
    assert_eq!(said.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn behind_tls_the_browser_is_told_to_stay_with_it() {
    let house = Daemun::with(|settings| {
        settings.gateway.admin_url = Some("https://admin.example.com".to_owned());
    })
    .await;
    let browser = Browser::new(&house);
    let host = [("host", "admin.example.com")];
    let said = browser.with("GET", "/admin/v1/me", &host, None).await;
    assert_eq!(said.refused(), (401, "operator.login_required"));
    assert_eq!(said.header("strict-transport-security"), Some("max-age=31536000"));
}

#[tokio::test]
async fn the_operators_door_is_at_its_own_listener_alone() {
    let (house, _, browser) = owned().await;
    for http in [house.http(), house.private()] {
        let elsewhere = Browser { http, ..browser.clone() };
        assert_eq!(elsewhere.get("/admin/v1/me").await.status, 404);
    }
    for path in ["/metrics", "/commands/operator", "/v1/launch/status", "/docs/"] {
        assert_eq!(browser.get(path).await.refused(), (404, "op.unknown"), "{path}");
    }
    let said = browser.get("/admin/v1/me?token=abc").await;
    assert_eq!(said.refused(), (400, "auth.in_query"));
}

#[tokio::test]
async fn a_body_that_is_too_large_or_not_known_is_refused() {
    let (_house, _, browser) = owned().await;
    let large = json!({"totp": "1".repeat(200_000)});
    let said = browser.post("/admin/v1/prove", large).await;
    assert_eq!(said.refused(), (413, "body.too_large"));
    // Of who has not logged in yet less is read.
    let login = |long| json!({"name": "owner", "password": "x".repeat(long), "totp": "1"});
    let said = browser.post("/admin/v1/login", login(4_100)).await;
    assert_eq!(said.refused(), (413, "body.too_large"));
    assert_ne!(browser.post("/admin/v1/login", login(4_000)).await.status, 413);
    let typo = browser.post("/admin/v1/prove", json!({"totp": "1", "topt": "2"})).await;
    assert_eq!(typo.refused(), (400, "body.invalid"));
    assert!(typo.body["err"]["message"].as_str().unwrap().contains("topt"), "{}", typo.body);
    let said = browser.get("/admin/v1/operators?limt=3").await;
    assert_eq!(said.refused(), (400, "body.invalid"));
    assert_eq!(browser.get("/admin/v1/operators?limit=201").await.refused(), (400, "body.invalid"));
}

#[tokio::test]
async fn an_address_has_so_many_connections_to_it() {
    let house = Daemun::start().await;
    let connect = async || TcpStream::connect(house.server.admin).await.unwrap();
    let mut all = Vec::new();
    for _ in 0..64 {
        all.push(connect().await);
    }
    let mut read = Vec::new();
    // A reset is as good an end as any.
    let _ = connect().await.read_to_end(&mut read).await;
    assert!(read.is_empty());
    // Of the others none was closed, and one that goes makes room.
    for stream in &all {
        let mut byte = [0];
        let error = stream.try_read(&mut byte).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    }
    all.pop();
    while house.admin().get("/admin/v1/me").await.is_err() {}
}
