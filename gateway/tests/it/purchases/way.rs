//! The way of a purchase, as who buys sees it, in every store.

use protocol::error::ErrorCode;
use serde_json::{Value, json};

use super::buyer::{Bought, Market, STORES, refused};
use crate::harness::{Daemun, text};

pub async fn what_is_bought_is_granted_once_and_taken_once(house: Daemun) {
    let market = Market::of(&house);
    for store in STORES {
        // The store itself would tell of it, and then it was seen before.
        market.hold_letters(store).await;
        let buyer = market.guest().await;
        let bought = buyer.buys(store, json!({})).await;
        let first = buyer.shows(&bought).await.unwrap();
        assert_eq!((&first["seen_before"], &first["finish"]), (&json!(false), &json!(true)));
        let purchase = &first["purchase"];
        assert_eq!(text(purchase, "state"), "granted");
        assert_eq!(text(purchase, "product"), "gem_100");
        assert_eq!(text(purchase, "environment"), "production");
        assert_eq!(purchase["grants"], json!([{"item": "gem", "amount": 100}]));
        let again = buyer.shows(&bought).await.unwrap();
        assert_eq!(again["purchase"], first["purchase"]);
        assert_eq!(again["seen_before"], true);
        assert_eq!(buyer.has("gem").await, 100);

        // It is offered again after each login until the game has taken it.
        assert_eq!(buyer.unconsumed().await, std::slice::from_ref(purchase));
        let login = buyer.comes_back().await;
        assert_eq!(login["todo"]["unconsumed_purchases"], 1);
        let id = json!({"purchase": purchase["id"]});
        let taken = buyer.ask("purchase.consume", id.clone()).await.unwrap();
        assert_eq!(taken["seen_before"], false);
        assert!(taken["purchase"]["consumed_at"].is_string());
        let again = buyer.ask("purchase.consume", id).await.unwrap();
        assert_eq!(again["seen_before"], true);
        assert_eq!(again["purchase"], taken["purchase"]);
        assert_eq!(buyer.unconsumed().await, Vec::<Value>::new());
        assert_eq!(buyer.history().await, [taken["purchase"].clone()]);
        // And what was granted is there as before.
        assert_eq!(buyer.has("gem").await, 100);
        let told = buyer.is_told("granted").await;
        assert_eq!(told["id"], purchase["id"]);
    }
}

pub async fn several_bought_at_once_grant_so_much_more(house: Daemun) {
    let market = Market::of(&house);
    let buyer = market.guest().await;
    for store in STORES {
        let before = buyer.has("gem").await;
        let bought =
            buyer.buys(store, json!({"quantity": 3, "price_micros": 3_300_000_000_i64})).await;
        let shown = buyer.shows(&bought).await.unwrap();
        assert_eq!(shown["purchase"]["quantity"], 3);
        assert_eq!(buyer.has("gem").await, before + 300, "{store}");
    }
}

pub async fn whoever_shows_it_the_member_whose_token_it_carries_gets_it(house: Daemun) {
    let market = Market::of(&house);
    for store in STORES {
        let (owner, other) = (market.guest().await, market.guest().await);
        let bought = owner.buys(store, json!({})).await;
        let error = other.is_refused(&bought).await;
        assert_eq!(error.code, ErrorCode::PurchaseOwnedByAnother);
        assert_eq!(error.detail, Some(json!({"finish": true})), "nothing else is told");
        assert_eq!(owner.is_told("granted").await["store"], *store);
        assert_eq!((owner.has("gem").await, other.has("gem").await), (100, 0));
        assert_eq!(owner.shows(&bought).await.unwrap()["finish"], true);
    }
}

pub async fn what_carries_no_token_is_whose_it_is_shown_by_first(house: Daemun) {
    let market = Market::of(&house);
    for store in STORES {
        let (first, second) = (market.guest().await, market.guest().await);
        let bought = market.buy(store, json!({"product": "gem_100"})).await;
        assert_eq!(first.shows(&bought).await.unwrap()["finish"], true);
        for _ in 0..2 {
            let error = second.is_refused(&bought).await;
            assert_eq!(error.code, ErrorCode::PurchaseOwnedByAnother);
        }
        assert_eq!((first.has("gem").await, second.has("gem").await), (100, 0));
    }
}

pub async fn a_token_of_nobody_is_held(house: Daemun) {
    let market = Market::of(&house);
    let strange = "7e3fb20b-4cdb-47cc-936d-99d65f608138";
    for store in STORES {
        let buyer = market.guest().await;
        let order = json!({"product": "gem_100", "account": strange});
        let bought = market.buy(store, order).await;
        let error = buyer.is_refused(&bought).await;
        assert_eq!(error.code, ErrorCode::PurchaseHeld);
        assert_eq!(error.detail, Some(json!({"finish": false})));
        assert_eq!(buyer.has("gem").await, 0);
        assert_eq!(buyer.history().await, Vec::<Value>::new());
    }
}

pub async fn what_the_catalogue_does_not_know_or_price_so_is_held(house: Daemun) {
    let market = Market::of(&house);
    let buyer = market.guest().await;
    for store in STORES {
        let bought = market.buy(store, json!({"product": "sword"})).await;
        let shown = buyer.shows(&bought).await.unwrap();
        assert_eq!((text(&shown["purchase"], "state"), &shown["finish"]), ("held", &json!(false)));
    }
    // Apple alone tells what was paid, and of which kind it is.
    let cheap = buyer.buys("app_store", json!({"price_micros": 1})).await;
    let other = buyer.buys("app_store", json!({"non_consumable": true})).await;
    for bought in [cheap, other] {
        let shown = buyer.shows(&bought).await.unwrap();
        assert_eq!(text(&shown["purchase"], "state"), "held");
    }
    assert_eq!(buyer.has("gem").await, 0);
}

pub async fn a_testers_purchase_counts_for_testers_alone(house: Daemun) {
    let market = Market::of(&house);
    for store in STORES {
        let buyer = market.guest().await;
        let bought = buyer.buys(store, json!({"sandbox": true})).await;
        let error = buyer.is_refused(&bought).await;
        assert_eq!(error.code, ErrorCode::PurchaseRefused);
        assert_eq!(error.detail, Some(json!({"finish": false, "reason": "sandbox"})));
        assert_eq!(buyer.has("gem").await, 0);
    }
}

pub async fn evidence_that_is_none_is_refused(house: Daemun) {
    let market = Market::of(&house);
    let buyer = market.guest().await;
    for evidence in [json!({}), json!({"token": ""}), json!({"jws": 7}), json!({"token": "x"})] {
        for store in STORES {
            let bought = Bought {
                store: store.to_owned(),
                transaction: String::new(),
                evidence: evidence.clone(),
            };
            let error = buyer.is_refused(&bought).await;
            assert_eq!(error.code, ErrorCode::PurchaseRefused, "{store} {evidence}");
        }
    }
    assert_eq!(buyer.has("gem").await, 0);
    assert_eq!(buyer.history().await, Vec::<Value>::new());
}

pub async fn what_makes_no_sense_is_named(house: Daemun) {
    let market = Market::of(&house);
    let buyer = market.guest().await;
    let code = async |op: &str, body| refused(buyer.ask(op, body).await).code;
    let submit = |store: &str| json!({"store": store, "evidence": {"token": "x"}});
    assert_eq!(code("purchase.submit", submit("steam")).await, ErrorCode::StoreUnknown);
    assert_eq!(code("purchase.submit", submit("shop")).await, ErrorCode::BodyInvalid);
    let reserve = |product: &str, store: &str| json!({"product": product, "store": store});
    assert_eq!(
        code("purchase.reserve", reserve("sword", "app_store")).await,
        ErrorCode::ProductUnknown
    );
    assert_eq!(
        code("purchase.reserve", reserve("gem_100", "steam")).await,
        ErrorCode::ProductUnknown
    );
    let strange = json!({"purchase": "019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10"});
    assert_eq!(code("purchase.consume", strange).await, ErrorCode::PurchaseUnknown);
    assert_eq!(code("purchase.history", json!({"limit": 101})).await, ErrorCode::BodyInvalid);
    let big = json!({"store": "google_play", "evidence": {"token": "x".repeat(1 << 20)}});
    assert_eq!(code("purchase.submit", big).await, ErrorCode::BodyTooLarge);
    // Another's purchase is nobody's business.
    let other = market.guest().await;
    let bought = other.buys("app_store", json!({})).await;
    let purchase = other.shows(&bought).await.unwrap()["purchase"]["id"].clone();
    let theirs = json!({ "purchase": purchase });
    assert_eq!(code("purchase.consume", theirs).await, ErrorCode::PurchaseUnknown);
}

pub async fn a_socket_is_told_of_what_it_bought(house: Daemun) {
    let market = Market::of(&house);
    let mut player = house.guest().await;
    let bought = market.buy("one_store", json!({"product": "gem_100"})).await;
    let body = json!({"store": "one_store", "evidence": bought.evidence});
    let answer = player.socket().request("purchase.submit", body).await.unwrap();
    assert_eq!(answer["purchase"]["state"], "granted");
    let first = player.socket().next_push().await.unwrap();
    assert_eq!((first.word.as_str(), first.seq), ("purchase.updated", Some(1)));
    let second = player.socket().next_push().await.unwrap();
    assert_eq!((second.word.as_str(), second.seq), ("wallet.changed", Some(2)));
}
