//! Stores that do not answer, or wrongly: nothing that was paid is lost, and nothing final is
//! made of it.

use std::time::Duration;

use futures_util::future::join_all;
use protocol::error::{ErrorCode, Retry};
use serde_json::{Value, json};

use super::buyer::{Bought, Buyer, Market, STORES, TRIES};
use crate::harness::Daemun;

/// Buys what its store has to be asked about, of which the store tells nobody.
async fn buys(buyer: &Buyer, store: &str) -> Bought {
    buyer.market.behave(store, json!({"notifications": "lost"})).await;
    let bought = buyer.buys(store, json!({})).await;
    // Apple's signed transaction is verified without Apple.
    let evidence = match store {
        "app_store" => json!({"transaction": bought.transaction}),
        _ => bought.evidence.clone(),
    };
    Bought { evidence, ..bought }
}

/// Is told to come later, and has nothing yet.
async fn is_put_off(buyer: &Buyer, bought: &Bought) {
    let error = buyer.is_refused(bought).await;
    assert_eq!(error.code, ErrorCode::PurchaseUnavailable, "{}", bought.store);
    assert_eq!((error.retry, error.detail), (Retry::Later, Some(json!({"finish": false}))));
    assert!(error.retry_after_ms.is_some());
    assert_eq!(buyer.has("gem").await, 0, "{}", bought.store);
    assert_eq!(buyer.history().await, Vec::<Value>::new(), "{}", bought.store);
}

/// What was shown is asked about when the store is well again, whether its client comes or not.
async fn is_granted_later(house: &Daemun, buyer: &Buyer) {
    house.advance(Duration::from_secs(3600));
    buyer.is_told("granted").await;
    assert_eq!(buyer.has("gem").await, 100);
}

pub async fn what_a_store_cannot_tell_now_is_kept_and_granted_later_without_its_client(
    house: Daemun,
) {
    let market = Market::of(&house);
    for store in STORES {
        for conduct in [
            json!({"status": 500}),
            json!({"status": 429}),
            json!({"rubbish": true}),
            // A page of whoever stands before the store says nothing about a purchase.
            json!({"rubbish": true, "status": 404}),
            json!({"oversize": true}),
        ] {
            let buyer = market.guest().await;
            let bought = buys(&buyer, store).await;
            market.behave(store, conduct).await;
            is_put_off(&buyer, &bought).await;
            market.behave(store, json!({})).await;
            is_granted_later(&house, &buyer).await;
        }
    }
}

pub async fn a_store_that_never_answers_is_given_up_and_asked_again(house: Daemun) {
    let (market, house) = (&Market::of(&house), &house);
    let all = STORES.map(|store| async move {
        let buyer = market.guest().await;
        let bought = buys(&buyer, store).await;
        market.behave(store, json!({"never": true})).await;
        is_put_off(&buyer, &bought).await;
        market.behave(store, json!({})).await;
        buyer
    });
    for buyer in join_all(all).await {
        is_granted_later(house, &buyer).await;
    }
}

pub async fn credentials_that_a_store_refuses_cost_nobody_a_purchase(house: Daemun) {
    let market = Market::of(&house);
    for store in STORES {
        for status in [401, 403] {
            let buyer = market.guest().await;
            let bought = buys(&buyer, store).await;
            market.behave(store, json!({ "status": status })).await;
            let error = buyer.is_refused(&bought).await;
            assert_eq!(error.code, ErrorCode::PurchaseMisconfigured, "{store} {status}");
            assert_eq!(error.retry, Retry::Later);
            assert_eq!(buyer.history().await, Vec::<Value>::new(), "{store} {status}");
            market.behave(store, json!({})).await;
            // Refused credentials are not tried again at once. The client may come again itself.
            house.advance(Duration::from_secs(600));
            assert_eq!(buyer.shows(&bought).await.unwrap()["purchase"]["state"], "granted");
            house.advance(Duration::from_secs(3600));
            house.server.gate.node.desk.round().await;
            assert_eq!(buyer.has("gem").await, 100, "{store} {status}");
        }
    }
}

/// Lets time pass and rounds be made until a store stands so.
async fn goes_on_until(house: &Daemun, store: &str, stands: impl Fn(&Value) -> bool) {
    let market = Market::of(house);
    for _ in 0..TRIES {
        if stands(&market.stands(store).await) {
            return;
        }
        house.advance(Duration::from_secs(2 * 3600));
        house.server.gate.node.desk.round().await;
    }
    panic!("{store}: {}", market.stands(store).await);
}

pub async fn a_store_that_will_not_hear_of_a_grant_three_times_is_told_again(house: Daemun) {
    let market = Market::of(&house);
    for store in ["google_play", "one_store"] {
        let buyer = market.guest().await;
        market.behave(store, json!({"told": 503})).await;
        let bought = buyer.buys(store, json!({})).await;
        assert_eq!(buyer.shows(&bought).await.unwrap()["purchase"]["state"], "granted");
        goes_on_until(&house, store, |stands| stands["told"].as_u64().unwrap() >= 3).await;
        assert_eq!(market.stands(store).await["acknowledged"], 0, "{store}");
        market.behave(store, json!({})).await;
        goes_on_until(&house, store, |stands| stands["acknowledged"] == 1).await;
        // So the money is not given back.
        market.clock(store, json!({"advance_s": 4 * 24 * 3600})).await;
        house.advance(Duration::from_secs(24 * 3600));
        house.server.gate.node.desk.slow_round().await;
        assert_eq!(buyer.shows(&bought).await.unwrap()["purchase"]["state"], "granted");
        assert_eq!(buyer.has("gem").await, 100, "{store}");
    }
}

pub async fn a_session_that_was_replaced_never_stops_a_grant(house: Daemun) {
    let market = Market::of(&house);
    let buyer = market.guest().await;
    let bought = buys(&buyer, "google_play").await;
    market.behave("google_play", json!({"status": 500})).await;
    buyer.is_refused(&bought).await;
    buyer.comes_back().await;
    market.behave("google_play", json!({})).await;
    is_granted_later(&house, &buyer).await;
}
