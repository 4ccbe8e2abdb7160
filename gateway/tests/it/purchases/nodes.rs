//! Two nodes before one database: one receipt, shown fifty times at once, by two members.

use std::sync::Arc;

use gateway::simulators::Simulators;
use loadtest::Failure;
use protocol::error::ErrorCode;
use serde_json::json;
use storage::config::{MariaDbSettings, ServerSettings, ServerUrl};
use storage::servers::MariaDb;
use tempfile::TempDir;

use super::buyer::{Market, STORES};
use crate::harness::{Daemun, text};

/// How often each receipt is shown at once.
const AT_ONCE: usize = 50;

/// Two nodes of one house before one database, or two, and the house whose stores they sell in.
async fn nodes(databases: usize) -> (Daemun, [Daemun; 2], TempDir) {
    let street = Daemun::start().await;
    let market = Market::of(&street);
    let buyer = market.guest().await;
    let bought = buyer.buys("app_store", json!({})).await;
    buyer.shows(&bought).await.unwrap();
    let simulators = Simulators::new(&street.url(), street.clock.clone());
    let folder = std::path::absolute(street.settings.data.join("simulators")).unwrap();
    let mut game = gateway::demo::game(Some(&simulators), &folder);
    game.name = "Nodes".into();
    let urls: Vec<_> = (0..databases)
        .map(|_| ServerUrl::new(MariaDb::shared().unwrap().database("bought").unwrap()))
        .collect();
    let keys = tempfile::tempdir().unwrap();
    let node = async || {
        Daemun::with(|settings| {
            settings.public_url = Some("http://gate.example".to_owned());
            settings.identity.keys_dir = Some(keys.path().join("keys"));
            settings.storage.mariadb.migrate_at_start = true;
            place(&mut settings.storage.mariadb, &urls);
            settings.apps.insert("demo".into(), game.clone());
        })
        .await
    };
    let pair = [node().await, node().await];
    (street, pair, keys)
}

fn place(settings: &mut MariaDbSettings, urls: &[ServerUrl]) {
    match urls {
        [one] => settings.url = Some(one.clone()),
        several => {
            let halves = ["0-511", "512-1023"];
            for (number, (url, half)) in several.iter().zip(halves).enumerate() {
                let (url, shards) = (url.clone(), Some(half.to_owned()));
                let server = ServerSettings { url, shards, replica_of: None };
                settings.servers.insert(format!("s{number}"), server);
            }
        }
    }
}

fn market(street: &Daemun, node: &Daemun) -> Market {
    Market { players: node.http(), ..Market::of(street) }
}

async fn shown_by_two_members(databases: usize) {
    let (street, pair, _keys) = nodes(databases).await;
    let [here, there] = [market(&street, &pair[0]), market(&street, &pair[1])];
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
        street.advance(std::time::Duration::from_secs(1));
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
            street.advance(std::time::Duration::from_secs(3600));
            for node in &pair {
                node.advance(std::time::Duration::from_secs(3600));
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
