//! What no store could be asked about for a week, and what an operator sees and does.

use std::time::Duration;

use gateway::control::{self, ControlError};
use serde_json::{Value, json};

use super::buyer::Market;
use crate::harness::{Daemun, text};

/// What members showed. What the store sent of itself is parked beside it.
async fn parked(house: &Daemun) -> Vec<Value> {
    let page = house.command("/commands/purchase/parked", json!({"limit": 10})).await;
    let found = page["parked"].as_array().unwrap().iter();
    found.filter(|it| !it["member"].is_null()).cloned().collect()
}

/// What is said instead of trying again.
async fn refused(house: &Daemun, body: &Value) -> String {
    let control = control::read(&house.settings.data).unwrap();
    let body = serde_json::to_vec(body).unwrap();
    let answer = control.call("/commands/purchase/retry", Some(&body)).await;
    match answer {
        Err(ControlError::Refused(_, text)) => text,
        other => panic!("{other:?}"),
    }
}

/// Lets so much time pass that whatever rests is tried again, so many times.
async fn goes_on(house: &Daemun, times: usize) {
    for _ in 0..times {
        house.advance(Duration::from_secs(9 * 3600));
        house.server.gate.node.desk.round().await;
    }
}

#[tokio::test]
async fn what_is_parked_is_seen_and_tried_again_when_an_operator_wants_it() {
    let house = Daemun::start().await;
    let market = Market::of(&house);
    let buyer = market.guest().await;
    let bought = buyer.buys("google_play", json!({})).await;
    market.behave("google_play", json!({"status": 500})).await;
    buyer.is_refused(&bought).await;
    assert_eq!(parked(&house).await, Vec::<Value>::new(), "it is tried for a week");
    while parked(&house).await.is_empty() {
        goes_on(&house, 1).await;
    }
    let found = parked(&house).await;
    let [one] = &*found else { panic!("{found:?}") };
    assert_eq!((text(one, "store"), text(one, "why")), ("google_play", "unavailable"));
    assert_eq!(one["member"], buyer.login()["member"]["id"]);
    assert!(one["tries"].as_u64().unwrap() >= 8);
    let token = text(&bought.evidence, "token");
    assert!(!one.to_string().contains(token), "what was shown is worth money: {one}");

    // While the store is as it was it is parked again, after some tries.
    let retry = json!({"evidence": one["evidence"]});
    let answer = house.command("/commands/purchase/retry", retry.clone()).await;
    assert_eq!((text(&answer, "shown"), &answer["tries"]), ("waiting", &json!(0)));
    assert_eq!(parked(&house).await, Vec::<Value>::new());
    let again = refused(&house, &retry).await;
    assert!(again.contains("purchase.unknown"), "it is not parked any more: {again}");
    while parked(&house).await.is_empty() {
        goes_on(&house, 1).await;
    }
    assert!(parked(&house).await[0]["tries"].as_u64().unwrap() >= 8);

    market.behave("google_play", json!({})).await;
    house.command("/commands/purchase/retry", retry).await;
    goes_on(&house, 1).await;
    // Nobody told the store of a grant in time, so it had given the money back by then.
    let history = loop {
        let history = buyer.history().await;
        if !history.is_empty() {
            break history;
        }
        goes_on(&house, 1).await;
    };
    assert_eq!(text(&history[0], "state"), "refunded");
    assert_eq!(parked(&house).await, Vec::<Value>::new());
    let wrong = refused(&house, &json!({"evidence": "0f"})).await;
    assert!(wrong.contains("is not 64 hexadecimal digits"), "{wrong}");

    let query = json!({"app": "demo", "kind": "purchase_retried", "limit": 10,
        "since": "2027-01-01T00:00:00Z"});
    let page = house.command("/commands/gamelog", query).await;
    let records = page["records"].as_array().unwrap();
    assert_eq!(records.len(), 2, "{page}");
    let by = json!({"store": "google_play", "by": "command"});
    assert!(records.iter().all(|it| it["fields"] == by), "{page}");
    assert!(records.iter().all(|it| it["member"] == one["member"]), "{page}");
}

#[tokio::test]
async fn who_is_given_money_back_is_seen() {
    let house = Daemun::start().await;
    let market = Market::of(&house);
    let buyer = market.guest().await;
    let shows = json!({"app": "demo", "member": buyer.login()["member"]["id"]});
    let refunds = async || {
        let shown = house.command("/commands/member/show", shows.clone()).await;
        shown["refunds"].clone()
    };
    assert_eq!(refunds().await, json!({"purchases": 0, "sums": {}}));
    for store in ["app_store", "google_play"] {
        let bought = buyer.buys(store, json!({})).await;
        buyer.shows(&bought).await.unwrap();
        house.advance(Duration::from_secs(1));
        market.refund(&bought).await;
    }
    // It is heard of when the stores have been asked.
    let shown = loop {
        let shown = refunds().await;
        if shown["purchases"] == 2 {
            break shown;
        }
        tokio::task::yield_now().await;
    };
    // Google does not say what was paid.
    assert_eq!(shown, json!({"purchases": 2, "sums": {"KRW": 1_100_000_000}}), "{shown}");
}
