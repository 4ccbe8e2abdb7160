//! Money that goes back, in whatever order it is heard of. What stores send comes through
//! `/hooks`, as in the field.

use std::time::Duration;

use serde_json::{Value, json};

use super::buyer::{Market, STORES};
use crate::harness::{Daemun, text};

pub async fn what_is_refunded_is_taken_back_once(house: Daemun) {
    let market = Market::of(&house);
    for store in STORES {
        let buyer = market.guest().await;
        let bought = buyer.buys(store, json!({})).await;
        buyer.shows(&bought).await.unwrap();
        house.advance(Duration::from_secs(1));
        market.refund(&bought).await;
        let told = buyer.is_told("refunded").await;
        assert_eq!(told["refunded_bp"], 10_000);
        market.happens("notify", &bought, json!({})).await;
        // Neither another notice of it nor the evidence brings anything back, or takes more.
        let shown = buyer.shows(&bought).await.unwrap();
        assert_eq!(
            (text(&shown["purchase"], "state"), &shown["finish"]),
            ("refunded", &json!(true))
        );
        assert_eq!(buyer.has("gem").await, 0, "{store}");
        assert_eq!(buyer.unconsumed().await, Vec::<Value>::new());
    }
}

pub async fn what_was_refunded_before_it_was_shown_is_never_granted(house: Daemun) {
    let market = Market::of(&house);
    // ONE store has no list, and its word is asked for with each showing.
    for store in ["app_store", "google_play"] {
        let buyer = market.guest().await;
        market.behave(store, json!({"notifications": "lost"})).await;
        let bought = market.buy(store, json!({"product": "gem_100"})).await;
        market.refund(&bought).await;
        house.advance(Duration::from_secs(7 * 3600));
        house.server.gate.node.desk.slow_round().await;
        let shown = buyer.shows(&bought).await.unwrap();
        assert_eq!(text(&shown["purchase"], "state"), "refunded", "{store}");
        assert_eq!(shown["seen_before"], true);
        assert_eq!(buyer.has("gem").await, 0);
        // It was never there, so nothing of it was ever moved.
        let history = buyer.history().await;
        assert_eq!(history.len(), 1);
    }
}

pub async fn a_refund_that_was_undone_grants_again(house: Daemun) {
    let market = Market::of(&house);
    let buyer = market.guest().await;
    // Apple alone undoes refunds.
    let bought = buyer.buys("app_store", json!({})).await;
    buyer.shows(&bought).await.unwrap();
    for _ in 0..2 {
        house.advance(Duration::from_secs(1));
        market.refund(&bought).await;
        while buyer.has("gem").await != 0 {
            tokio::task::yield_now().await;
        }
        house.advance(Duration::from_secs(1));
        market.happens("reverse", &bought, json!({})).await;
        while buyer.has("gem").await != 100 {
            tokio::task::yield_now().await;
        }
    }
    let states: Vec<_> = buyer.history().await.iter().map(|it| it["state"].clone()).collect();
    assert_eq!(states, ["granted"]);
}

pub async fn a_part_that_is_given_back_is_a_part_that_is_taken(house: Daemun) {
    let market = Market::of(&house);
    let buyer = market.guest().await;
    let bought = buyer.buys("app_store", json!({})).await;
    buyer.shows(&bought).await.unwrap();
    house.advance(Duration::from_secs(1));
    market.happens("refund", &bought, json!({"percent": 25})).await;
    while buyer.has("gem").await != 75 {
        tokio::task::yield_now().await;
    }
    let purchase = buyer.history().await.remove(0);
    assert_eq!((text(&purchase, "state"), &purchase["refunded_bp"]), ("granted", &json!(2_500)));
}

pub async fn a_payment_that_comes_later_is_granted_without_a_client(house: Daemun) {
    let market = Market::of(&house);
    let buyer = market.guest().await;
    let bought = buyer.buys("google_play", json!({"pay_later": true})).await;
    let shown = buyer.shows(&bought).await.unwrap();
    assert_eq!((text(&shown["purchase"], "state"), &shown["finish"]), ("pending", &json!(false)));
    assert_eq!(buyer.has("gem").await, 0);
    house.advance(Duration::from_secs(60));
    market.happens("pay", &bought, json!({})).await;
    buyer.is_told("granted").await;
    assert_eq!(buyer.has("gem").await, 100);

    let bought = buyer.buys("google_play", json!({"pay_later": true})).await;
    buyer.shows(&bought).await.unwrap();
    market.happens("cancel", &bought, json!({})).await;
    buyer.is_told("cancelled").await;
    assert_eq!(buyer.has("gem").await, 100);
}

pub async fn what_a_store_says_twice_counts_once_and_what_it_loses_is_asked_for(house: Daemun) {
    let market = Market::of(&house);
    for store in STORES {
        let buyer = market.guest().await;
        market.behave(store, json!({"notifications": "twice"})).await;
        let bought = buyer.buys(store, json!({})).await;
        buyer.shows(&bought).await.unwrap();
        assert_eq!(buyer.has("gem").await, 100);
        market.behave(store, json!({"notifications": "lost"})).await;
        house.advance(Duration::from_secs(1));
        market.refund(&bought).await;
        assert_eq!(buyer.has("gem").await, 100);
        // The stores' lists are read, or the purchase is looked at, within hours.
        house.advance(Duration::from_secs(7 * 3600));
        house.server.gate.node.desk.slow_round().await;
        while buyer.has("gem").await != 0 {
            house.server.gate.node.desk.round().await;
        }
        market.behave(store, json!({})).await;
    }
}

pub async fn stores_are_told_of_what_was_granted_before_they_give_the_money_back(house: Daemun) {
    let market = Market::of(&house);
    for store in ["google_play", "one_store"] {
        let buyer = market.guest().await;
        let bought = buyer.buys(store, json!({})).await;
        let shown = buyer.shows(&bought).await.unwrap();
        let body = json!({"purchase": shown["purchase"]["id"]});
        buyer.ask("purchase.consume", body).await.unwrap();
        while house.server.gate.node.desk.round().await.settled > 0 {}
        let request = json!({"advance_s": 4 * 24 * 3600});
        market.clock(store, request).await;
        // The money stays where it is.
        let shown = buyer.shows(&bought).await.unwrap();
        assert_eq!(text(&shown["purchase"], "state"), "granted", "{store}");
        house.server.gate.node.desk.slow_round().await;
        assert_eq!(buyer.has("gem").await, 100, "{store}");
    }
}

pub async fn who_is_no_store_is_not_believed(house: Daemun) {
    let market = Market::of(&house);
    for (store, body) in [
        ("app_store", json!({"signedPayload": "a.b.c"})),
        ("google_play", json!({"message": {"data": "e30=", "messageId": "1"}})),
        ("one_store", json!({"msgVersion": "3.1.0", "signature": "AAAA"})),
    ] {
        let request = market
            .players
            .request(hyper::Method::POST, &format!("/hooks/{store}/demo"))
            .header("content-type", "application/json")
            .body(body.to_string().into());
        let answer = market.players.send(request).await.unwrap();
        assert!((400..500).contains(&answer.status), "{store}: {}", answer.status);
    }
    for path in ["/hooks/shop/demo", "/hooks/steam/demo", "/hooks/app_store/nothing"] {
        let request = market.players.request(hyper::Method::POST, path).body("{}".into());
        let answer = market.players.send(request).await.unwrap();
        assert_eq!(answer.status, 404, "{path}");
    }
}
