//! Notices and banners: who is shown what, who is told when it changes, and what comes of it.

mod commands;
mod nodes;
mod shown;
mod state;
mod told;

use std::time::Duration;

use base64::Engine as _;
use image::ImageFormat;
use loadtest::{Format, Player};
use protocol::client::Client;
use serde_json::{Value, json};

use crate::harness::{Daemun, before_both, text};
use crate::images::picture;

before_both! {
    commands::an_operator_shows_a_notice_from_a_shell_and_takes_it_back
    commands::of_two_operators_with_one_notice_the_second_is_told
    shown::a_client_is_shown_what_is_for_it_in_its_language_and_in_order
    shown::a_list_that_a_client_has_is_left_out_and_one_that_it_has_not_is_named
    shown::a_banner_is_its_picture
    told::those_whom_it_is_for_are_told_at_once_and_nobody_else
    told::what_begins_and_ends_by_the_clock_is_told_by_it
    told::of_much_at_once_it_is_only_said_that_it_changed
    told::a_server_that_comes_back_goes_on_as_if_it_had_not_been_away
    state::what_a_member_saw_and_put_away_is_known_on_every_device
    state::what_players_do_is_counted_and_logged
    state::what_cannot_be_is_refused_by_its_name
}

/// What a client in a language says of itself.
fn being(lang: &str, more: Value) -> Client {
    let mut client = json!({
        "version": "1.4.0", "platform": "android", "store": "google_play", "country": "KR",
        "lang": lang,
    });
    client.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(client).unwrap()
}

async fn enters(house: &Daemun, client: &Client) -> Player {
    house.visitor(Format::Json).being(client.clone()).enter().await.unwrap()
}

/// Does something with notices or banners of the demo game.
async fn order(house: &Daemun, kind: &str, deed: Value) -> Value {
    let order = json!({"kind": kind, "app": "demo", "deed": deed});
    house.command("/commands/piece", order).await
}

/// Writes a notice of this title, and returns its document.
async fn notice(house: &Daemun, title: &str, more: Value) -> Value {
    // Each is newer than the one before.
    house.advance(Duration::from_millis(1));
    let sent = with(json!({"title": {"en": title}}), more);
    order(house, "notice", json!({"do": "put", "id": null, "sent": sent})).await[0].clone()
}

/// Has a notice say something else.
async fn change(house: &Daemun, id: &Value, sent: Value) -> Value {
    order(house, "notice", json!({"do": "put", "id": id, "sent": sent})).await[0].clone()
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn notices(house: &Daemun, client: &Client) -> Value {
    house.http().ask("notice.list", None, json!({"app": "demo", "client": client})).await.unwrap()
}

fn titles(reply: &Value) -> Vec<&str> {
    reply["notices"].as_array().unwrap().iter().map(|notice| text(notice, "title")).collect()
}

/// The next push must be of this word; its body.
async fn told(player: &mut Player, word: &str) -> Value {
    let push = player.socket().next_push().await.unwrap();
    assert_eq!(push.word, word, "{push:?}");
    push.body
}

/// A picture that was uploaded: its document.
async fn image(house: &Daemun, format: ImageFormat) -> Value {
    let data = base64::engine::general_purpose::STANDARD.encode(picture(format));
    let order = json!({"do": "put", "app": "demo", "name": "spring", "data": data});
    house.command("/commands/image", order).await[0].clone()
}

fn hours(count: u64) -> Duration {
    Duration::from_secs(3_600 * count)
}
