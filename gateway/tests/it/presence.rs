//! Two nodes that share a Redis.

use serde_json::json;
use storage::config::ServerUrl;
use storage::servers::Redis;

use crate::harness::Daemun;

async fn node(url: &str) -> Daemun {
    let url = ServerUrl::new(url);
    Daemun::with(|settings| settings.storage.redis.url = Some(url)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_are_counted_on_all_nodes() {
    let url = Redis::shared().unwrap().database().unwrap();
    let (one, other) = (node(&url).await, node(&url).await);
    let alone = Daemun::start().await;
    let _players = [one.guest().await, one.guest().await, other.guest().await, alone.guest().await];
    let counted = async |house: &Daemun| house.command("/commands/app/players", json!({})).await;
    for house in [&one, &other] {
        house.server.gate.node.roll.say().await.unwrap();
    }
    assert_eq!(counted(&one).await, json!({"players": {"demo": 3}, "nodes": 2}));
    assert_eq!(counted(&other).await, json!({"players": {"demo": 3}, "nodes": 2}));
    assert_eq!(counted(&alone).await, json!({"players": {"demo": 1}, "nodes": 1}));
    // A node that ends takes its players with it.
    other.server.drain(std::future::ready(())).await;
    assert_eq!(counted(&one).await, json!({"players": {"demo": 2}, "nodes": 1}));
}
