//! Versions decide what a client is told, whether it comes in, and whether it stays.

use loadtest::{Format, Player};
use protocol::client::{Platform, StoreName};
use protocol::close::CloseCode;
use protocol::error::{ErrorCode, Retry};
use serde_json::json;

use super::{being, code, put, status, told, visitor};
use crate::harness::{Daemun, text};

pub(super) async fn the_state_of_its_version_decides_what_a_client_is_told_and_whether_it_comes_in(
    house: Daemun,
) {
    put(&house, "2.10", "in_service", json!({"url": "https://game.example/new"})).await;
    put(&house, "2.9", "in_service", json!({})).await;
    for (number, state, status_code, error) in [
        ("1.1", "test", 203, None),
        ("1.2", "beta", 205, None),
        ("1.3", "in_review", 204, None),
        ("1.4", "in_service", 200, None),
        ("1.5", "update_recommended", 201, None),
        ("1.6", "update_required", 300, Some(ErrorCode::LaunchUpdateRequired)),
        ("1.7", "blocked", 301, Some(ErrorCode::LaunchBlocked)),
        ("1.8", "closed", 302, Some(ErrorCode::LaunchClosed)),
    ] {
        let message = json!({"message": {"ko": "업데이트", "en": "Update"}});
        put(&house, number, state, message).await;
        // Written another way it is the same version.
        let client = being(&format!("{number}.0"), "d", "ko-KR");
        let told = status(&house, &client).await.unwrap();
        assert_eq!((&told["status"], &told["word"]), (&json!(status_code), &json!(state)));
        if matches!(status_code, 201 | 300) {
            let update = json!({
                "latest": "2.10", "url": "https://game.example/new", "message": "업데이트",
            });
            assert_eq!(told["update"], update);
        } else {
            assert_eq!((&told["update"], &told["message"]), (&json!(null), &json!("업데이트")));
        }
        let entered = visitor(&house, &client).enter().await;
        assert_eq!(entered.err().map(|refused| refused.code().unwrap()), error, "{state}");
    }
}

pub(super) async fn who_claims_an_unknown_version_is_told_where_a_known_one_is(house: Daemun) {
    let more = json!({"store": "google_play", "url": "market://details?id=demo"});
    put(&house, "1.9", "in_service", more.clone()).await;
    put(&house, "1.10", "in_service", more).await;
    put(&house, "3.0", "in_service", json!({"url": "https://game.example/apk"})).await;
    for claimed in ["1.11", "1.9.1", "banana", "1.10-beta"] {
        let client = being(claimed, "d", "ko");
        let failure = status(&house, &client).await.unwrap_err();
        let error = failure.refused().unwrap();
        assert_eq!(error.code, ErrorCode::LaunchVersionUnknown);
        let expected = json!({"update": {"latest": "1.10", "url": "market://details?id=demo"}});
        assert_eq!(error.detail, Some(expected), "{claimed}");
        let login = visitor(&house, &client).enter().await;
        assert_eq!(code(login), ErrorCode::LaunchVersionUnknown);
    }
    // What is registered for any store is there for those in which nothing else is.
    assert!(status(&house, &being("3.0", "d", "ko")).await.is_ok());
    let mut other = being("1.10", "d", "ko");
    other.store = None;
    assert_eq!(code(status(&house, &other).await), ErrorCode::LaunchVersionUnknown);
}

pub(super) async fn a_version_may_be_served_elsewhere(house: Daemun) {
    let elsewhere = json!({"server_address": "wss://review.example/v1/ws"});
    put(&house, "2.0", "in_review", elsewhere).await;
    put(&house, "1.0", "in_service", json!({})).await;
    let address = async |version: &str| {
        let told = status(&house, &being(version, "d", "ko")).await.unwrap();
        text(&told, "server_address").to_owned()
    };
    assert_eq!(address("2.0").await, "wss://review.example/v1/ws");
    assert_eq!(address("1.0").await, house.ws());
}

pub(super) async fn an_outdated_client_gets_in_by_no_door_and_uses_nothing_up(house: Daemun) {
    let old = being("1.0", "d", "ko");
    let player = visitor(&house, &old).enter().await.unwrap();
    let (access, login) = (player.access_token().to_owned(), player.login().clone());
    drop(player);
    put(&house, "1.0", "update_required", json!({})).await;
    put(&house, "1.1", "in_service", json!({})).await;
    let http = house.http();
    let refused = ErrorCode::LaunchUpdateRequired;
    // With the token of before, over HTTP and by a socket, and with what gets new ones.
    assert_eq!(code(http.ask("member.me", Some(&access), json!({})).await), refused);
    let mut socket = house.socket(Format::Json).await;
    let open = json!({"token": access, "client": old});
    assert_eq!(code(socket.request("session.open", open).await), refused);
    let token = &login.tokens.refresh_token;
    let refresh = json!({"app": "demo", "refresh_token": token});
    let failure = http.ask("auth.refresh", None, refresh.clone()).await.unwrap_err();
    let error = failure.refused().unwrap();
    assert_eq!((error.code, error.retry), (refused, Retry::Never));
    let mut lies = refresh.clone();
    lies["client"] = json!(being("1.0.0", "d", "ko"));
    assert_eq!(code(http.ask("auth.refresh", None, lies).await), refused);
    // It updated itself: the refresh token is as good as before, and so is what comes of it.
    let mut updated = refresh;
    updated["client"] = json!(being("1.1", "d", "ko"));
    let tokens = http.ask("auth.refresh", None, updated).await.unwrap();
    let access = text(&tokens, "access_token");
    http.ask("member.me", Some(access), json!({})).await.unwrap();
    let open = json!({"token": access, "client": being("1.1", "d", "ko")});
    let opened = socket.request("session.open", open).await.unwrap();
    assert_eq!(opened["launch"]["status"], 200);
    // Whoever may do nothing else may leave.
    put(&house, "1.1", "blocked", json!({})).await;
    assert_eq!(
        code(http.ask("member.me", Some(access), json!({})).await),
        ErrorCode::LaunchBlocked
    );
    http.ask("auth.logout", Some(access), json!({})).await.unwrap();
}

pub(super) async fn who_is_connected_is_told_what_becomes_of_his_version(house: Daemun) {
    put(&house, "1.0", "in_service", json!({})).await;
    put(&house, "1.1", "in_service", json!({})).await;
    let mut old = visitor(&house, &being("1.0", "d", "en")).enter().await.unwrap();
    let mut new = visitor(&house, &being("1.1", "d", "en")).enter().await.unwrap();
    put(&house, "1.0", "update_recommended", json!({"message": {"en": "New maps!"}})).await;
    let body = told(&mut old, "update.announced").await;
    let update = json!({"latest": "1.1", "message": "New maps!"});
    assert_eq!(body, json!({"status": 201, "word": "update_recommended", "update": update}));
    old.me().await.unwrap();
    put(&house, "1.0", "update_required", json!({})).await;
    let body = told(&mut old, "update.announced").await;
    assert_eq!(body["status"], 300);
    assert!(old.socket().closed().await.unwrap().is(CloseCode::UpdateRequired));
    // Of one that is not registered any more nothing is known.
    let document = put(&house, "1.1", "in_service", json!({"url": "https://game.example"})).await;
    let order = json!({"do": "remove", "app": "demo", "id": document["id"]});
    house.command("/commands/version", order).await;
    assert!(new.socket().closed().await.unwrap().is(CloseCode::VersionUnknown));
}

pub(super) async fn a_game_with_players_begins_with_any_and_nobody_is_closed(house: Daemun) {
    let mut apple = being("1.0", "d", "en");
    (apple.platform, apple.store) = (Platform::Ios, Some(StoreName::AppStore));
    let mut old = visitor(&house, &being("1.0", "d", "en")).enter().await.unwrap();
    let mut other = visitor(&house, &apple).enter().await.unwrap();
    let any = put(&house, "any", "in_service", json!({})).await;
    put(&house, "1.1", "in_service", json!({})).await;
    assert_eq!(status(&house, &being("1.0", "d", "en")).await.unwrap()["status"], 200);
    let stays = async |player: &mut Player| player.me().await.unwrap();
    stays(&mut old).await;
    stays(&mut other).await;
    // All others are to be updated.
    let message = json!({"message": {"en": "Please update."}});
    put(&house, "any", "update_required", message).await;
    let body = told(&mut old, "update.announced").await;
    let update = json!({"latest": "1.1", "message": "Please update."});
    assert_eq!((&body["status"], &body["update"]), (&json!(300), &update));
    assert!(old.socket().closed().await.unwrap().is(CloseCode::UpdateRequired));
    let refused = visitor(&house, &being("0.1-beta", "d", "en")).enter().await;
    assert_eq!(code(refused), ErrorCode::LaunchUpdateRequired);
    let order = json!({"do": "remove", "app": "demo", "id": any["id"]});
    house.command("/commands/version", order).await;
    assert_eq!(
        code(status(&house, &being("1.0", "d", "en")).await),
        ErrorCode::LaunchVersionUnknown
    );
    stays(&mut other).await;
}
