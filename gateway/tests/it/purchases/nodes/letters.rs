//! What stores send and are told where two nodes serve a game: each thing once, whichever node
//! it comes to.

use std::time::Duration;

use futures_util::future::join_all;
use protocol::error::ErrorCode;
use serde_json::{Value, json};

use crate::harness::Daemun;
use crate::purchases::buyer::{Bought, Buyer, Market, STORES, TRIES, refused};
use crate::purchases::letters::Letter;
use crate::purchases::orders::comes_to;
use crate::purchases::street::Street;

/// Two nodes, and their markets.
async fn scene() -> (Street, [Daemun; 2], [Market; 2]) {
    let street = Street::open().await;
    let pair = street.nodes(1).await;
    let markets = pair.each_ref().map(|node| street.market(node));
    (street, pair, markets)
}

/// The letter of what happens to a purchase.
async fn happens(
    street: &Street,
    pair: &[Daemun; 2],
    market: &Market,
    what: &str,
    bought: &Bought,
) -> Letter {
    street.advance(pair, Duration::from_secs(1));
    market.happens(what, bought, json!({})).await;
    market.letter(&bought.store, None).await
}

/// Somebody with a purchase that is granted, whose store tells nobody of itself.
async fn granted(here: &Market, store: &str) -> (Buyer, Bought) {
    here.hold_letters(store).await;
    let buyer = here.guest().await;
    let bought = buyer.buys(store, json!({})).await;
    assert_eq!(buyer.shows(&bought).await.unwrap()["purchase"]["state"], "granted", "{store}");
    here.letters(store, None).await;
    (buyer, bought)
}

/// How many purchases were taken back from somebody.
async fn refunds(node: &Daemun, buyer: &Buyer) -> Value {
    let shows = json!({"app": "demo", "member": buyer.login()["member"]["id"]});
    let shown = node.command("/commands/member/show", shows).await;
    shown["refunds"]["purchases"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_comes_to_both_nodes_counts_once() {
    let (street, pair, [here, there]) = scene().await;
    for store in STORES {
        let (buyer, bought) = granted(&here, store).await;
        let letter = happens(&street, &pair, &here, "refund", &bought).await;
        let comes = (0..8).map(|turn| [&here, &there][turn % 2].is_taken(store, &letter));
        join_all(comes).await;
        for market in [&here, &there] {
            comes_to(&buyer.at(market), 0).await;
        }
        assert_eq!(refunds(&pair[1], &buyer).await, 1, "{store}");
        assert_eq!(buyer.at(&there).history().await.len(), 1, "{store}");
    }
}

/// Apple alone undoes refunds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_at_one_node_and_its_undoing_at_the_other_come_to_the_same_in_any_order() {
    let (street, pair, [here, there]) = scene().await;
    for turn in 0..4 {
        let (buyer, bought) = granted(&here, "app_store").await;
        let refund = happens(&street, &pair, &here, "refund", &bought).await;
        let undone = happens(&street, &pair, &here, "reverse", &bought).await;
        match turn {
            0 => {
                here.is_taken("app_store", &refund).await;
                there.is_taken("app_store", &undone).await;
            }
            1 => {
                there.is_taken("app_store", &undone).await;
                here.is_taken("app_store", &refund).await;
            }
            _ => {
                tokio::join!(
                    here.is_taken("app_store", &refund),
                    there.is_taken("app_store", &undone)
                );
            }
        }
        // The last refund counts at either node, whatever became of the first.
        let last = happens(&street, &pair, &here, "refund", &bought).await;
        there.is_taken("app_store", &last).await;
        comes_to(&buyer, 0).await;
        let undone = happens(&street, &pair, &here, "reverse", &bought).await;
        here.is_taken("app_store", &undone).await;
        there.is_taken("app_store", &refund).await;
        comes_to(&buyer.at(&there), 100).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_another_node_hears_of_is_granted_without_its_client() {
    let (street, pair, [here, there]) = scene().await;
    for (what, state, gems) in [("pay", "granted", 100), ("cancel", "cancelled", 0)] {
        here.hold_letters("google_play").await;
        let buyer = here.guest().await;
        let bought = buyer.buys("google_play", json!({"pay_later": true})).await;
        assert_eq!(buyer.shows(&bought).await.unwrap()["purchase"]["state"], "pending");
        let letter = happens(&street, &pair, &here, what, &bought).await;
        there.is_taken("google_play", &letter).await;
        while buyer.history().await[0]["state"] != state {
            tokio::task::yield_now().await;
        }
        assert_eq!(buyer.has("gem").await, gems, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_it_is_counts_whichever_node_hears_of_it_first() {
    let (_street, _pair, [here, there]) = scene().await;
    for store in STORES {
        here.hold_letters(store).await;
        let owner = here.guest().await;
        let other = there.guest().await;
        let bought = owner.buys(store, json!({})).await;
        let letter = here.letter(store, None).await;
        let (theirs, own, ()) = tokio::join!(
            other.shows(&bought),
            owner.shows(&bought),
            there.is_taken(store, &letter)
        );
        assert_eq!(refused(theirs).code, ErrorCode::PurchaseOwnedByAnother, "{store}");
        assert_eq!(own.unwrap()["purchase"]["state"], "granted", "{store}");
        assert_eq!((owner.has("gem").await, other.has("gem").await), (100, 0), "{store}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_told_of_a_grant_by_one_of_two_nodes() {
    let (street, pair, [here, there]) = scene().await;
    for store in ["google_play", "one_store"] {
        let mut all = Vec::new();
        for market in [&here, &there, &here, &there] {
            all.push(granted(market, store).await);
        }
        for _ in 0..TRIES {
            join_all(pair.iter().map(|node| node.server.gate.node.desk.round())).await;
            if here.stands(store).await["acknowledged"] == all.len() {
                break;
            }
        }
        let stands = here.stands(store).await;
        assert_eq!((&stands["acknowledged"], &stands["told"]), (&json!(4), &json!(4)), "{store}");
        // The money stays where it is.
        here.clock(store, json!({"advance_s": 4 * 24 * 3600})).await;
        street.advance(&pair, Duration::from_secs(3600));
        for (buyer, bought) in &all {
            assert_eq!(buyer.shows(bought).await.unwrap()["purchase"]["state"], "granted");
        }
    }
}

/// A store that does not hear of grants from one node hears of them from the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_could_not_tell_the_other_tells() {
    let (street, [here, there], [market, _]) = scene().await;
    for store in ["google_play", "one_store"] {
        market.behave(store, json!({"told": 503, "notifications": "lost"})).await;
        let buyer = market.guest().await;
        let bought = buyer.buys(store, json!({})).await;
        buyer.shows(&bought).await.unwrap();
        while market.stands(store).await["told"] == 0 {
            here.server.gate.node.desk.round().await;
        }
        market.behave(store, json!({})).await;
        // Time passes at the other node alone.
        for _ in 0..TRIES {
            street.house.advance(Duration::from_secs(3600));
            there.advance(Duration::from_secs(3600));
            there.server.gate.node.desk.round().await;
            if market.stands(store).await["acknowledged"] == 1 {
                break;
            }
        }
        assert_eq!(market.stands(store).await["acknowledged"], 1, "{store}");
        assert_eq!(buyer.has("gem").await, 100, "{store}");
    }
}
