//! What a client is told of a game, before anything is registered of it.

use loadtest::Format;
use protocol::error::ErrorCode;
use serde_json::json;

use crate::harness::{Daemun, client, text};

pub(super) async fn a_game_without_versions_is_in_service_and_says_where(house: Daemun) {
    let body = json!({"app": "demo", "client": client()});
    let over_http = house.http().ask("launch.status", None, body.clone()).await.unwrap();
    assert_eq!(over_http["status"], 200);
    assert_eq!(text(&over_http, "word"), "in_service");
    assert_eq!(text(&over_http, "server_address"), house.ws());
    assert_eq!(text(&over_http, "time"), house.now().to_string());
    for format in [Format::Json, Format::Msgpack] {
        let mut socket = house.socket(format).await;
        assert_eq!(socket.request("launch.status", body.clone()).await.unwrap(), over_http);
    }
}

pub(super) async fn a_game_that_is_not_here_is_named(house: Daemun) {
    let body = json!({"app": "chess", "client": client()});
    let failure = house.http().ask("launch.status", None, body).await.unwrap_err();
    let error = failure.refused().unwrap();
    assert_eq!(error.code, ErrorCode::AppUnknown);
    assert!(error.message.contains("`chess`"), "{}", error.message);
}

pub(super) async fn a_client_of_another_game_is_refused(house: Daemun) {
    let mut of_chess = client();
    of_chess["app"] = "chess".into();
    let body = json!({"app": "demo", "client": of_chess});
    let failure = house.http().ask("launch.status", None, body).await.unwrap_err();
    let error = failure.refused().unwrap();
    assert_eq!(error.code, ErrorCode::BodyInvalid);
    assert_eq!(error.detail.as_ref().unwrap()["field"], "client.app");
}
