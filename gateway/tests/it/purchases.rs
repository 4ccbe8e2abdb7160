//! What support staff learns of a purchase, by the program itself.

pub mod buyer;
mod faults;
mod forged;
pub mod killed;
mod letters;
mod nodes;
mod orders;
mod parked;
mod policies;
mod refunds;
mod street;
mod way;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use self::street::beside_both;
use crate::harness::{Daemun, before_both, text};

before_both! {
    way::what_is_bought_is_granted_once_and_taken_once
    way::several_bought_at_once_grant_so_much_more
    way::whoever_shows_it_the_member_whose_token_it_carries_gets_it
    way::what_carries_no_token_is_whose_it_is_shown_by_first
    way::a_token_of_nobody_is_held
    way::what_the_catalogue_does_not_know_or_price_so_is_held
    way::a_testers_purchase_counts_for_testers_alone
    way::evidence_that_is_none_is_refused
    way::what_makes_no_sense_is_named
    way::a_socket_is_told_of_what_it_bought
    refunds::what_is_refunded_is_taken_back_once
    refunds::what_was_refunded_before_it_was_shown_is_never_granted
    refunds::a_refund_that_was_undone_grants_again
    refunds::a_part_that_is_given_back_is_a_part_that_is_taken
    refunds::a_payment_that_comes_later_is_granted_without_a_client
    refunds::what_a_store_says_twice_counts_once_and_what_it_loses_is_asked_for
    refunds::stores_are_told_of_what_was_granted_before_they_give_the_money_back
    refunds::who_is_no_store_is_not_believed
    orders::a_refund_that_is_told_of_often_is_taken_back_once
    orders::a_refund_that_is_told_of_before_the_purchase_is_shown_leaves_nothing_to_grant
    orders::a_refund_that_comes_after_its_undoing_takes_nothing
    orders::a_part_is_taken_back_once_at_every_store_that_knows_parts
    orders::what_was_given_back_in_part_before_it_was_shown_is_held
    orders::what_was_spent_is_owed_and_earned_back
    orders::a_refund_that_meets_a_showing_leaves_nothing
    forged::evidence_that_is_wrong_in_one_way_is_refused
    forged::notifications_that_apple_has_not_signed_are_not_believed
    forged::pushes_that_google_has_not_sent_are_not_believed
    forged::payments_that_one_store_has_not_signed_are_not_believed
    forged::what_a_store_does_not_confirm_is_not_granted
    faults::what_a_store_cannot_tell_now_is_kept_and_granted_later_without_its_client
    faults::a_store_that_never_answers_is_given_up_and_asked_again
    faults::credentials_that_a_store_refuses_cost_nobody_a_purchase
    faults::a_store_that_will_not_hear_of_a_grant_three_times_is_told_again
    faults::a_session_that_was_replaced_never_stops_a_grant
}

beside_both! {
    policies::a_sandbox_counts_for_whom_the_game_says
    policies::a_payload_is_empty_in_a_sandbox_and_null_outside
    policies::a_wrong_market_code_refuses_what_is_granted_under_the_right_one
}

/// What the program prints, or says on standard error.
async fn daemun(data: &Path, evidence: &Value, more: &[&str]) -> Result<Value, String> {
    let file = data.with_file_name("evidence.json");
    std::fs::write(&file, evidence.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.env_clear().args(["--data".as_ref(), data.as_os_str()]).args(["purchase", "verify"]);
    command.args(["--evidence".as_ref(), file.as_os_str()]).args(more);
    // A configuration that lies about is not read.
    command.current_dir(data).stdin(Stdio::null());
    // The server that it asks runs in this process.
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

async fn buy(house: &Daemun, store: &str, order: Value) -> Value {
    let http = house.http();
    let request = http
        .request(hyper::Method::POST, &format!("/sim/stores/{store}/buy"))
        .header("content-type", "application/json")
        .body(order.to_string().into());
    let answer = http.send(request).await.unwrap();
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    answer["evidence"].clone()
}

#[tokio::test]
async fn support_staff_asks_each_store_and_gets_a_verdict() {
    let house = Daemun::start().await;
    let data = house.settings.data.clone();
    for store in ["app_store", "google_play", "one_store"] {
        let evidence = buy(&house, store, json!({"product": "gem", "account": "mine"})).await;
        let ask = async |more: &[&str]| {
            daemun(&data, &evidence, &[&["--store", store], more].concat()).await
        };
        let answer = ask(&[]).await.unwrap();
        assert_eq!(answer["verdict"], "granted", "{answer}");
        assert_eq!(text(&answer["purchase"], "product"), "gem");
        assert_eq!(answer["purchase"]["has_account"], true);
        let printed = answer.to_string();
        let token = evidence["token"].as_str().unwrap_or("mine");
        assert!(!printed.contains(token), "nothing to claim it with: {printed}");
        assert_eq!(ask(&["--account", "mine"]).await.unwrap()["verdict"], "granted");
        assert_eq!(ask(&["--account", "other"]).await.unwrap()["verdict"], "not_yours");
        let other = ask(&["--product", "other"]).await.unwrap();
        assert_eq!((&other["verdict"], &other["reason"]), (&json!("refused"), &json!("product")));
        let evidence = buy(&house, store, json!({"product": "gem", "sandbox": true})).await;
        let strict = daemun(&data, &evidence, &["--store", store]).await.unwrap();
        assert_eq!(strict["reason"], "sandbox");
        let tester = daemun(&data, &evidence, &["--store", store, "--tester"]).await.unwrap();
        assert_eq!(tester["verdict"], "granted");
    }
    let forged = buy(&house, "app_store", json!({"product": "a", "misbehave": "other_root"})).await;
    let answer = daemun(&data, &forged, &["--store", "app_store"]).await.unwrap();
    assert_eq!(answer, json!({"verdict": "refused", "reason": "chain"}));
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let house = Daemun::start().await;
    let data = house.settings.data.clone();
    let says = async |more: &[&str]| daemun(&data, &json!({}), more).await.unwrap_err();
    assert!(
        says(&["--store", "shop"]).await.contains("expected app_store, google_play or one_store")
    );
    assert!(
        says(&["--store", "steam"]).await.contains("sold at app_store, google_play, one_store")
    );
    assert!(says(&["--store", "app_store", "--app", "other"]).await.contains("sells no such game"));
    let answer = daemun(&data, &json!({}), &["--store", "app_store"]).await.unwrap();
    assert_eq!(answer["reason"], "evidence_shape");
    let large = json!({ "jws": "x".repeat(64 * 1024) });
    let error = daemun(&data, &large, &["--store", "app_store"]).await.unwrap_err();
    assert!(error.contains("has more than 65536 bytes"), "{error}");
}

#[tokio::test]
async fn a_check_looks_at_the_credentials_of_every_store() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = folder.path().join("daemun.toml");
    let secret = folder.path().join("apple.p8");
    std::fs::write(&secret, "hunter2").unwrap();
    let text = format!(
        "[apps.cats.stores.app_store]\nbundle_id = \"a\"\nissuer_id = \"b\"\nkey_id = \"c\"\n\
         key_file = {secret:?}\n[apps.cats.stores.google_play]\npackage_name = \"a\"\n\
         service_account_file = \"/nowhere/account.json\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.env_clear().args(["--data".as_ref(), folder.path().join("data").as_os_str()]);
    command.args(["--config".as_ref(), config.as_os_str()]).arg("check");
    let output = command.current_dir(folder.path()).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    let key = "apps.cats.stores.app_store.key_file: is not a private key";
    assert!(error.contains(key), "{error}");
    let account = "apps.cats.stores.google_play.service_account_file: /nowhere/account.json: ";
    assert!(error.contains(account), "both at once: {error}");
    assert!(!error.contains("hunter2"), "{error}");
}
