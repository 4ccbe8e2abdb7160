//! `launch.status`, and who may come in.

mod commands;
mod maintenance;
mod nodes;
mod service;
mod versions;

use std::time::Duration;

use gateway::control;
use loadtest::{Failure, Format, Player, Visitor};
use protocol::client::Client;
use protocol::error::ErrorCode;
use protocol::time::Micros;
use serde_json::{Value, json};

use crate::harness::{Daemun, before_both};

before_both! {
    service::a_game_without_versions_is_in_service_and_says_where
    service::a_game_that_is_not_here_is_named
    service::a_client_of_another_game_is_refused
    versions::the_state_of_its_version_decides_what_a_client_is_told_and_whether_it_comes_in
    versions::who_claims_an_unknown_version_is_told_where_a_known_one_is
    versions::a_version_may_be_served_elsewhere
    versions::an_outdated_client_gets_in_by_no_door_and_uses_nothing_up
    versions::who_is_connected_is_told_what_becomes_of_his_version
    versions::a_game_with_players_begins_with_any_and_nobody_is_closed
    maintenance::a_maintenance_is_counted_down_then_closes_all_but_testers_and_ends
    maintenance::who_is_under_maintenance_may_log_out
    maintenance::a_maintenance_covers_its_scope_alone
    maintenance::of_windows_that_overlap_the_union_holds_and_the_last_end_is_told
    maintenance::a_plan_is_changed_ended_and_called_off
    maintenance::a_plan_that_makes_no_sense_is_refused_by_its_name
    maintenance::a_server_that_starts_in_the_middle_goes_on_with_what_is_due
    maintenance::a_clock_that_is_set_back_lets_in_and_closes_again
    maintenance::who_tests_from_an_address_stays_in
    maintenance::who_tests_no_more_is_told_and_closed_like_everybody
    maintenance::a_token_that_was_refreshed_without_a_word_is_its_clients
    commands::an_operator_runs_it_from_a_shell
    commands::of_two_operators_who_change_one_version_the_second_is_told
    commands::where_no_server_runs_what_is_written_counts_from_its_start
    commands::a_list_is_whole_however_long_it_is
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
