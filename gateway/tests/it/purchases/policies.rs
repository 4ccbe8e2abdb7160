//! How a game is sold: whose purchases in a sandbox count, and on which market it is.

use actors::purchases::verdict::SandboxPolicy;
use actors::purchases::verifier::reason;
use protocol::error::ErrorCode;
use serde_json::{Value, json};
use storage::config::ServerUrl;

use super::buyer::{Bought, Buyer, STORES};
use super::street::Street;
use crate::harness::{Daemun, text};

/// The same house with its game sold otherwise.
async fn sold(mut house: Daemun, policy: SandboxPolicy, tester: &Buyer) -> Daemun {
    let game = house.settings.apps.get_mut("demo").unwrap();
    game.stores.sandbox = policy;
    game.testers = vec![text(&tester.login()["member"], "id").to_owned()];
    house.restart().await
}

/// Why a purchase in a sandbox that does not count is refused.
fn why(store: &str, policy: SandboxPolicy) -> &'static str {
    match (store, policy) {
        // Its sandbox is another host, which is then not even asked.
        ("one_store", SandboxPolicy::Reject) => reason::UNKNOWN,
        _ => reason::SANDBOX,
    }
}

async fn counts(buyer: &Buyer, bought: &Bought, had: i64) {
    let shown = buyer.shows(bought).await.unwrap();
    assert_eq!(text(&shown["purchase"], "state"), "granted", "{}", bought.store);
    assert_eq!(text(&shown["purchase"], "environment"), "sandbox");
    assert_eq!(buyer.has("gem").await, had + 100, "{}", bought.store);
}

pub async fn a_sandbox_counts_for_whom_the_game_says(mariadb: &[ServerUrl]) {
    let street = Street::open().await;
    let mut house = street.house(mariadb, |_| {}).await;
    let market = street.market(&house);
    let (tester, player) = (market.guest().await, market.guest().await);
    for policy in [SandboxPolicy::Allow, SandboxPolicy::Testers, SandboxPolicy::Reject] {
        house = sold(house, policy, &tester).await;
        let market = street.market(&house);
        for store in STORES {
            for (buyer, is_tester) in [(&tester, true), (&player, false)] {
                let buyer = buyer.at(&market);
                let had = buyer.has("gem").await;
                let bought = buyer.buys(store, json!({"sandbox": true})).await;
                let admitted = match policy {
                    SandboxPolicy::Allow => true,
                    SandboxPolicy::Testers => is_tester,
                    SandboxPolicy::Reject => false,
                };
                if admitted {
                    counts(&buyer, &bought, had).await;
                    continue;
                }
                for _ in 0..2 {
                    let error = buyer.is_refused(&bought).await;
                    let detail = json!({"finish": false, "reason": why(store, policy)});
                    assert_eq!(
                        (error.code, error.detail),
                        (ErrorCode::PurchaseRefused, Some(detail)),
                        "{store} {policy:?}"
                    );
                }
                assert_eq!(buyer.has("gem").await, had, "{store} {policy:?}");
                // It is no purchase of the real shop either.
                let real = buyer.buys(store, json!({})).await;
                let shown = buyer.shows(&real).await.unwrap();
                assert_eq!(text(&shown["purchase"], "environment"), "production");
            }
        }
    }
}

/// Without an account a sandbox says an empty text where production says null.
pub async fn a_payload_is_empty_in_a_sandbox_and_null_outside(mariadb: &[ServerUrl]) {
    let street = Street::open().await;
    let house = street.house(mariadb, |game| game.stores.sandbox = SandboxPolicy::Allow).await;
    let market = street.market(&house);
    for sandbox in [true, false] {
        let (first, second) = (market.guest().await, market.guest().await);
        let order = json!({"product": "gem_100", "sandbox": sandbox});
        let bought = market.buy("one_store", order).await;
        let shown = first.shows(&bought).await.unwrap();
        assert_eq!(shown["purchase"]["state"], "granted");
        let error = second.is_refused(&bought).await;
        assert_eq!(error.code, ErrorCode::PurchaseOwnedByAnother);
        assert_eq!((first.has("gem").await, second.has("gem").await), (100, 0));
    }
}

pub async fn a_wrong_market_code_refuses_what_is_granted_under_the_right_one(
    mariadb: &[ServerUrl],
) {
    let street = Street::open().await;
    let elsewhere = |market: &str| {
        let market = market.to_owned();
        move |game: &mut actors::apps::AppSettings| {
            game.stores.one_store.as_mut().unwrap().market = market;
        }
    };
    let mut house = street.house(mariadb, elsewhere("MKT_GLB")).await;
    let buyer = street.market(&house).guest().await;
    let bought = buyer.buys("one_store", json!({})).await;
    let error = buyer.is_refused(&bought).await;
    assert_eq!(error.code, ErrorCode::PurchaseRefused);
    assert_eq!(error.detail, Some(json!({"finish": false, "reason": reason::UNKNOWN})));
    assert_eq!(buyer.history().await, Vec::<Value>::new());
    // Nothing final was made of it: the same is granted when the settings are mended.
    elsewhere("MKT_ONE")(house.settings.apps.get_mut("demo").unwrap());
    house = house.restart().await;
    let buyer = buyer.at(&street.market(&house));
    let shown = buyer.shows(&bought).await.unwrap();
    assert_eq!(text(&shown["purchase"], "state"), "granted");
    assert_eq!(buyer.has("gem").await, 100);
}
