//! Two nodes before one database, or two: one receipt, shown fifty times at once, by two members.

mod letters;

use std::sync::Arc;

use loadtest::Failure;
use protocol::error::ErrorCode;
use serde_json::json;

use super::buyer::STORES;
use super::street::Street;
use crate::harness::text;

/// How often each receipt is shown at once.
const AT_ONCE: usize = 50;

async fn shown_by_two_members(databases: usize) {
    let street = Street::open().await;
    let pair = street.nodes(databases).await;
    let [here, there] = pair.each_ref().map(|node| street.market(node));
    let (mut granted, mut others, mut later) = (0, 0, 0);
    for store in STORES {
        let (a, b) = (here.guest().await, there.guest().await);
        let bought = here.buy(store, json!({"product": "gem_100"})).await;
        let refunded = here.buy(store, json!({"product": "gem_100"})).await;
        let mut shows = Vec::new();
        for turn in 0..AT_ONCE {
            // Each member at both nodes.
            let market = if turn % 2 == 0 { here.clone() } else { there.clone() };
            let buyer = if turn / 2 % 2 == 0 { a.at(&market) } else { b.at(&market) };
            let bought = Arc::new(bought.clone());
            shows.push(tokio::spawn(async move { buyer.shows(&bought).await }));
        }
        // Meanwhile another is refunded as it is shown.
        let showing = tokio::spawn({
            let (a, refunded) = (a.clone(), refunded.clone());
            async move { a.shows(&refunded).await }
        });
        street.house.advance(std::time::Duration::from_secs(1));
        here.refund(&refunded).await;
        for shown in shows {
            match shown.await.unwrap() {
                Ok(answer) => {
                    assert_eq!(text(&answer["purchase"], "state"), "granted");
                    granted += 1;
                }
                Err(Failure::Refused(error)) if error.code == ErrorCode::PurchaseOwnedByAnother => {
                    others += 1;
                }
                Err(Failure::Refused(error))
                    if error.same_id_again() || error.retry_after_ms.is_some() =>
                {
                    later += 1;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        showing.await.unwrap().unwrap();
        // However it went, the store's last word counts.
        while a.shows(&refunded).await.unwrap()["purchase"]["state"] != "refunded" {
            street.advance(&pair, std::time::Duration::from_secs(3600));
            for node in &pair {
                node.server.gate.node.desk.slow_round().await;
                node.server.gate.node.desk.round().await;
            }
        }
        let has = [a.has("gem").await, b.has("gem").await];
        assert!(has == [100, 0] || has == [0, 100], "{store}: {has:?}");
    }
    eprintln!(
        "{} receipts shown {AT_ONCE} times at once by two members on two nodes: granted to one; \
         told so {granted} times, told of another {others}, told to come again {later}",
        STORES.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_shown_fifty_times_by_two_members_is_granted_once() {
    Box::pin(shown_by_two_members(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_with_two_databases() {
    Box::pin(shown_by_two_members(2)).await;
}
