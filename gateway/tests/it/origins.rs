//! Whose pages may connect.

use actors::apps::AppSettings;
use loadtest::{Failure, Format, Socket};
use protocol::error::ErrorCode;
use serde_json::json;

use crate::harness::{Daemun, guest};

async fn house() -> Daemun {
    Daemun::with(|settings| {
        let app = |origin: &str| AppSettings {
            origins: vec![origin.to_owned()],
            providers: [("guest".to_owned(), json!({"kind": "guest"}))].into(),
            ..AppSettings::default()
        };
        settings.apps.insert("demo".into(), app("https://demo.example"));
        settings.apps.insert("chess".into(), app("https://chess.example"));
    })
    .await
}

#[tokio::test]
async fn a_strangers_page_is_refused_at_the_upgrade() {
    let house = house().await;
    let refused = Socket::connect(&house.ws(), Format::Json, Some("https://evil.example")).await;
    assert!(matches!(refused.err().unwrap(), Failure::NotUpgraded { status: 403, .. }));
    assert!(house.metric("daemun_origins_refused_total").await >= 1.0);
}

#[tokio::test]
async fn another_games_page_is_refused_at_the_login() {
    let house = house().await;
    let chess = Some("https://chess.example");
    let mut socket = Socket::connect(&house.ws(), Format::Json, chess).await.unwrap();
    let refused = socket.request("auth.login", guest()).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::OriginRefused));

    let demo = Some("https://demo.example");
    let mut socket = Socket::connect(&house.ws(), Format::Json, demo).await.unwrap();
    socket.request("auth.login", guest()).await.unwrap();
}

#[tokio::test]
async fn another_games_page_is_refused_at_the_open() {
    let house = house().await;
    let login = house.login().await;
    let chess = Some("https://chess.example");
    let mut socket = Socket::connect(&house.ws(), Format::Json, chess).await.unwrap();
    let body = json!({"token": login["access_token"], "client": crate::harness::client()});
    let refused = socket.request("session.open", body).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::OriginRefused));
}

#[tokio::test]
async fn one_games_token_is_of_no_use_in_another() {
    let house = house().await;
    let login = house.login().await;
    let body = json!({"app": "chess", "refresh_token": login["refresh_token"]});
    let refused = house.http().ask("auth.refresh", None, body).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::AuthRefused));
    let mut socket = house.socket(Format::Json).await;
    let mut client = crate::harness::client();
    client["app"] = "chess".into();
    let body = json!({"token": login["access_token"], "client": client});
    let refused = socket.request("session.open", body).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::BodyInvalid));
}

#[tokio::test]
async fn browsers_are_told_which_pages_may_call() {
    let house = house().await;
    let asked = |origin: &'static str| {
        let http = house.http();
        async move {
            let request = http
                .request(hyper::Method::OPTIONS, "/v1/auth/login")
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "content-type,authorization")
                .body(String::new().into());
            let answer = http.send(request).await.unwrap();
            answer
                .headers
                .get("access-control-allow-origin")
                .map(|value| value.to_str().unwrap().to_owned())
        }
    };
    assert_eq!(asked("https://demo.example").await.as_deref(), Some("https://demo.example"));
    assert_eq!(asked("https://evil.example").await, None);
}
