//! Money that goes back, told of twice, late, early, in the wrong order, or in part.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::buyer::{Bought, Buyer, Market, STORES};
use super::letters::Letter;
use crate::game_servers::{GameServer, code};
use crate::harness::{Daemun, text};

const SECOND: Duration = Duration::from_secs(1);

/// Returns when there is so much.
pub async fn comes_to(buyer: &Buyer, gems: i64) {
    while buyer.has("gem").await != gems {
        tokio::task::yield_now().await;
    }
}

/// By how much what somebody has was ever changed, from the most that was taken on.
async fn ledger(house: &Daemun, buyer: &Buyer) -> Vec<i64> {
    let member = json!({"member": buyer.login()["member"]["id"]});
    let answer = GameServer::demo(house).ask("wallet/transfers", member).await;
    let amount = |transfer: &Value| transfer["items"][0]["amount"].as_i64().unwrap();
    let mut all: Vec<_> = answer["transfers"].as_array().unwrap().iter().map(amount).collect();
    all.sort_unstable();
    all
}

/// Somebody with a purchase that is granted, whose store tells nobody of itself.
async fn granted(market: &Market, store: &str, more: Value) -> (Buyer, Bought) {
    market.hold_letters(store).await;
    let buyer = market.guest().await;
    let bought = buyer.buys(store, more).await;
    let shown = buyer.shows(&bought).await.unwrap();
    assert_eq!(text(&shown["purchase"], "state"), "granted", "{store}");
    market.letters(store, None).await;
    (buyer, bought)
}

/// The letter of a refund, which nobody has got yet.
pub async fn refund(house: &Daemun, market: &Market, bought: &Bought, more: Value) -> Letter {
    house.advance(SECOND);
    market.happens("refund", bought, more).await;
    market.letter(&bought.store, None).await
}

async fn reversal(house: &Daemun, market: &Market, bought: &Bought) -> Letter {
    house.advance(SECOND);
    market.happens("reverse", bought, json!({})).await;
    market.letter(&bought.store, None).await
}

pub async fn a_refund_that_is_told_of_often_is_taken_back_once(house: Daemun) {
    let market = Market::of(&house);
    for store in STORES {
        let (buyer, bought) = granted(&market, store, json!({})).await;
        let letter = refund(&house, &market, &bought, json!({})).await;
        join_all((0..5).map(|_| market.is_taken(store, &letter))).await;
        comes_to(&buyer, 0).await;
        // The same letter, another about the same, and the client.
        market.is_taken(store, &letter).await;
        let another = market.tells(&bought, None).await;
        market.is_taken(store, &another).await;
        assert_eq!(buyer.shows(&bought).await.unwrap()["purchase"]["state"], "refunded");
        assert_eq!(ledger(&house, &buyer).await, [-100, 100], "{store}");
    }
}

pub async fn a_refund_that_is_told_of_before_the_purchase_is_shown_leaves_nothing_to_grant(
    house: Daemun,
) {
    let market = Market::of(&house);
    for store in STORES {
        market.hold_letters(store).await;
        let buyer = market.guest().await;
        let bought = buyer.buys(store, json!({})).await;
        market.letters(store, None).await;
        let letter = refund(&house, &market, &bought, json!({})).await;
        market.is_taken(store, &letter).await;
        // Whose it is says the token that went through the store.
        while buyer.history().await.is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..2 {
            let shown = buyer.shows(&bought).await.unwrap();
            let answer = (text(&shown["purchase"], "state"), &shown["finish"]);
            assert_eq!(answer, ("refunded", &json!(true)), "{store}");
        }
        assert_eq!(ledger(&house, &buyer).await, [0; 0], "{store}");
    }
}

/// Apple alone undoes refunds.
pub async fn a_refund_that_comes_after_its_undoing_takes_nothing(house: Daemun) {
    let market = Market::of(&house);
    let (buyer, bought) = granted(&market, "app_store", json!({})).await;
    let late = refund(&house, &market, &bought, json!({})).await;
    let undone = reversal(&house, &market, &bought).await;
    market.is_taken("app_store", &undone).await;
    market.is_taken("app_store", &late).await;
    // The next refund is taken back and undone; then the first comes once more.
    let second = refund(&house, &market, &bought, json!({})).await;
    market.is_taken("app_store", &second).await;
    comes_to(&buyer, 0).await;
    let undone = reversal(&house, &market, &bought).await;
    market.is_taken("app_store", &undone).await;
    comes_to(&buyer, 100).await;
    for letter in [&late, &second, &undone, &late] {
        market.is_taken("app_store", letter).await;
    }
    let third = refund(&house, &market, &bought, json!({})).await;
    market.is_taken("app_store", &third).await;
    comes_to(&buyer, 0).await;
    assert_eq!(ledger(&house, &buyer).await, [-100, -100, 100, 100]);
}

/// Apple gives back percents, Google some of several; ONE store knows nothing of the kind.
pub async fn a_part_is_taken_back_once_at_every_store_that_knows_parts(house: Daemun) {
    let market = Market::of(&house);
    for store in ["app_store", "google_play"] {
        let four = json!({"quantity": 4, "price_micros": 4_400_000_000_i64});
        let (buyer, bought) = granted(&market, store, four).await;
        assert_eq!(buyer.has("gem").await, 400);
        let letter = refund(&house, &market, &bought, json!({"percent": 25})).await;
        market.is_taken(store, &letter).await;
        comes_to(&buyer, 300).await;
        market.is_taken(store, &letter).await;
        let another = market.tells(&bought, None).await;
        market.is_taken(store, &another).await;
        let shown = buyer.shows(&market.shows_again(&bought).await).await.unwrap();
        let purchase = &shown["purchase"];
        assert_eq!((text(purchase, "state"), &purchase["refunded_bp"]), ("granted", &json!(2_500)));
        assert_eq!(ledger(&house, &buyer).await, [-100, 400], "{store}");
    }
}

pub async fn what_was_given_back_in_part_before_it_was_shown_is_held(house: Daemun) {
    let market = Market::of(&house);
    for store in ["app_store", "google_play"] {
        market.hold_letters(store).await;
        let buyer = market.guest().await;
        let four = json!({"quantity": 4, "price_micros": 4_400_000_000_i64});
        let bought = buyer.buys(store, four).await;
        house.advance(SECOND);
        market.happens("refund", &bought, json!({"percent": 25})).await;
        let shown = buyer.shows(&market.shows_again(&bought).await).await.unwrap();
        let answer = (text(&shown["purchase"], "state"), &shown["finish"]);
        assert_eq!(answer, ("held", &json!(false)), "{store}");
        assert_eq!(ledger(&house, &buyer).await, [0; 0], "{store}");
    }
}

pub async fn what_was_spent_is_owed_and_earned_back(house: Daemun) {
    let market = Market::of(&house);
    let server = GameServer::demo(&house);
    for store in STORES {
        let (buyer, bought) = granted(&market, store, json!({})).await;
        let member = buyer.login()["member"]["id"].clone();
        let gems =
            |amount: i64| json!({"member": member, "items": [{"item": "gem", "amount": amount}]});
        server.surely("wallet/spend", &format!("{store}-a"), &gems(60)).await;
        let letter = refund(&house, &market, &bought, json!({})).await;
        market.is_taken(store, &letter).await;
        comes_to(&buyer, -60).await;
        let poor = server.once("wallet/spend", &format!("{store}-b"), gems(1)).await;
        assert_eq!(code(&poor), (409, "wallet.too_little"), "{store}");
        server.surely("wallet/grant", &format!("{store}-c"), &gems(61)).await;
        server.surely("wallet/spend", &format!("{store}-d"), &gems(1)).await;
        assert_eq!(ledger(&house, &buyer).await, [-100, -60, -1, 61, 100], "{store}");
    }
}

/// However a showing and a refund meet, nothing stays granted.
pub async fn a_refund_that_meets_a_showing_leaves_nothing(house: Daemun) {
    let market = Market::of(&house);
    for store in STORES {
        market.hold_letters(store).await;
        let buyer = market.guest().await;
        let mut all = Vec::new();
        for _ in 0..4 {
            let bought = buyer.buys(store, json!({})).await;
            market.letters(store, None).await;
            let letter = refund(&house, &market, &bought, json!({})).await;
            all.push((bought, letter));
        }
        let meets = all.iter().map(async |(bought, letter)| {
            let (shown, ()) = tokio::join!(buyer.shows(bought), market.is_taken(store, letter));
            shown.unwrap()
        });
        join_all(meets).await;
        let refunded = |it: &Value| it["state"] == "refunded";
        while !buyer.history().await.iter().all(refunded) {
            tokio::task::yield_now().await;
        }
        assert_eq!(buyer.history().await.len(), 4, "{store}");
        assert_eq!(buyer.has("gem").await, 0, "{store}");
        assert_eq!(ledger(&house, &buyer).await.iter().sum::<i64>(), 0, "{store}");
    }
}
