//! `launch.status`, and who may come in.

mod commands;
mod maintenance;
mod nodes;
mod versions;

use std::time::Duration;

use gateway::control;
use loadtest::{Failure, Format, Player, Visitor};
use protocol::client::Client;
use protocol::error::ErrorCode;
use protocol::time::Micros;
use serde_json::{Value, json};

use crate::harness::{Daemun, client, text};

#[tokio::test]
async fn a_game_without_versions_is_in_service_and_says_where() {
    let house = Daemun::start().await;
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

#[tokio::test]
async fn a_game_that_is_not_here_is_named() {
    let house = Daemun::start().await;
    let body = json!({"app": "chess", "client": client()});
    let failure = house.http().ask("launch.status", None, body).await.unwrap_err();
    let error = failure.refused().unwrap();
    assert_eq!(error.code, ErrorCode::AppUnknown);
    assert!(error.message.contains("`chess`"), "{}", error.message);
}

#[tokio::test]
async fn a_client_of_another_game_is_refused() {
    let house = Daemun::start().await;
    let mut of_chess = client();
    of_chess["app"] = "chess".into();
    let body = json!({"app": "demo", "client": of_chess});
    let failure = house.http().ask("launch.status", None, body).await.unwrap_err();
    let error = failure.refused().unwrap();
    assert_eq!(error.code, ErrorCode::BodyInvalid);
    assert_eq!(error.detail.as_ref().unwrap()["field"], "client.app");
}

/// What the client of a version, of a device and in a language says of itself.
fn being(version: &str, device: &str, lang: &str) -> Client {
    let client = json!({
        "version": version, "platform": "android", "store": "google_play", "country": "KR",
        "lang": lang, "device_id": device,
    });
    serde_json::from_value(client).unwrap()
}

/// A visitor with such a client.
fn visitor(house: &Daemun, client: &Client) -> Visitor {
    house.visitor(Format::Json).being(client.clone())
}

/// Registers a version, and returns its document.
async fn put(house: &Daemun, version: &str, state: &str, more: Value) -> Value {
    let mut body = json!({"version": version, "platform": "android", "state": state});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let order = json!({"do": "put", "app": "demo", "version": body});
    house.command("/commands/version", order).await[0].clone()
}

/// Plans a maintenance, and returns its document.
async fn plan(house: &Daemun, from: Micros, to: Micros, more: Value) -> Value {
    let mut plan = json!({"from": from, "to": to, "message": {"en": "Back soon.", "ko": "점검"}});
    plan.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let order = json!({"do": "plan", "app": "demo", "plan": plan});
    house.command("/commands/maintenance", order).await[0].clone()
}

/// Does something about a maintenance of the demo game.
async fn amend(house: &Daemun, what: &str, id: &Value, more: Value) -> Value {
    let mut order = json!({"do": what, "app": "demo", "id": id});
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    house.command("/commands/maintenance", order).await[0].clone()
}

/// What a command is refused with.
async fn refused(house: &Daemun, path: &str, order: Value) -> String {
    let control = control::read(&house.settings.data).unwrap();
    control.call(path, Some(order.to_string().as_bytes())).await.unwrap_err().to_string()
}

async fn status(house: &Daemun, client: &Client) -> Result<Value, Failure> {
    house.http().ask("launch.status", None, json!({"app": "demo", "client": client})).await
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

fn code<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> ErrorCode {
    outcome.unwrap_err().code().unwrap()
}

/// The next push must be of this word; its body.
async fn told(player: &mut Player, word: &str) -> Value {
    let push = player.socket().next_push().await.unwrap();
    assert_eq!(push.word, word, "{push:?}");
    push.body
}
