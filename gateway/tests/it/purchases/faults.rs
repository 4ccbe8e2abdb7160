//! Stores that do not answer, or wrongly: nothing that was paid is lost, and nothing final is
//! made of it.

use std::time::Duration;

use protocol::error::{ErrorCode, Retry};
use serde_json::json;

use super::buyer::{Market, STORES};
use crate::harness::Daemun;

pub async fn what_a_store_cannot_tell_now_is_kept_and_granted_later_without_its_client(
    house: Daemun,
) {
    let market = Market::of(&house);
    for store in STORES {
        for conduct in [json!({"status": 500}), json!({"status": 429}), json!({"rubbish": true})] {
            // Apple's signed transaction is verified without Apple.
            if store == "app_store" {
                continue;
            }
            let buyer = market.guest().await;
            let bought = buyer.buys(store, json!({})).await;
            market.behave(store, conduct.clone()).await;
            let error = buyer.is_refused(&bought).await;
            assert_eq!(error.code, ErrorCode::PurchaseUnavailable, "{store} {conduct}");
            assert_eq!((error.retry, error.detail), (Retry::Later, Some(json!({"finish": false}))));
            assert!(error.retry_after_ms.is_some());
            assert_eq!(buyer.has("gem").await, 0);
            market.behave(store, json!({})).await;
            house.advance(Duration::from_secs(3600));
            buyer.is_told("granted").await;
            assert_eq!(buyer.has("gem").await, 100);
        }
    }
}

pub async fn credentials_that_a_store_refuses_cost_nobody_a_purchase(house: Daemun) {
    let market = Market::of(&house);
    let buyer = market.guest().await;
    let bought = buyer.buys("google_play", json!({})).await;
    market.behave("google_play", json!({"status": 401})).await;
    let error = buyer.is_refused(&bought).await;
    assert_eq!(error.code, ErrorCode::PurchaseMisconfigured);
    assert_eq!(error.retry, Retry::Later);
    market.behave("google_play", json!({})).await;
    // Refused credentials are not tried again at once. The client may come again itself.
    house.advance(Duration::from_secs(600));
    assert_eq!(buyer.shows(&bought).await.unwrap()["purchase"]["state"], "granted");
    house.advance(Duration::from_secs(3600));
    house.server.gate.node.desk.round().await;
    assert_eq!(buyer.has("gem").await, 100);
}

pub async fn a_store_that_will_not_hear_of_a_grant_is_told_again(house: Daemun) {
    let market = Market::of(&house);
    let buyer = market.guest().await;
    let bought = buyer.buys("one_store", json!({})).await;
    buyer.shows(&bought).await.unwrap();
    market.behave("one_store", json!({"status": 503})).await;
    // The server's own round may have told it before.
    let mut tries = 0;
    while house.server.gate.node.desk.round().await.settled > 0 && tries < 3 {
        house.advance(Duration::from_secs(2 * 3600));
        tries += 1;
    }
    market.behave("one_store", json!({})).await;
    house.advance(Duration::from_secs(2 * 3600));
    while house.server.gate.node.desk.round().await.settled > 0 {}
    market.clock("one_store", json!({"advance_s": 4 * 24 * 3600})).await;
    assert_eq!(buyer.shows(&bought).await.unwrap()["purchase"]["state"], "granted");
}

pub async fn a_session_that_was_replaced_never_stops_a_grant(house: Daemun) {
    let market = Market::of(&house);
    let buyer = market.guest().await;
    let bought = buyer.buys("google_play", json!({})).await;
    market.behave("google_play", json!({"status": 500})).await;
    buyer.is_refused(&bought).await;
    buyer.comes_back().await;
    market.behave("google_play", json!({})).await;
    house.advance(Duration::from_secs(3600));
    buyer.is_told("granted").await;
    assert_eq!(buyer.has("gem").await, 100);
}
