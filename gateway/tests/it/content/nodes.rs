//! Two nodes with one database, without a Redis and while it is away: what is written at one is told
//! at the other.

use serde_json::json;
use storage::config::ServerUrl;
use storage::servers::{Binaries, MariaDb, Redis};

use super::{being, enters, hours, notice, order, told};
use crate::harness::Daemun;

/// Two nodes on a database of their own, and on that Redis.
async fn nodes(redis: Option<&str>) -> [Daemun; 2] {
    let database = ServerUrl::new(MariaDb::shared().unwrap().database("content").unwrap());
    let node = async || {
        Daemun::with(|settings| {
            settings.storage.mariadb.url = Some(database.clone());
            settings.storage.mariadb.migrate_at_start = true;
            settings.storage.redis.url = redis.map(ServerUrl::new);
        })
        .await
    };
    [node().await, node().await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_at_one_node_is_on_the_screens_of_the_other() {
    let [here, there] = nodes(None).await;
    let mut player = enters(&there, &being("ko", json!({}))).await;
    let made = notice(&here, "hello", json!({})).await;
    assert_eq!(told(&mut player, "notice.published").await["notice"]["id"], made["id"]);
    player.socket().request("content.seen", json!({"ids": [made["id"]]})).await.unwrap();
    order(&here, "notice", json!({"do": "remove", "id": made["id"]})).await;
    assert_eq!(told(&mut player, "notice.withdrawn").await["id"], made["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_redis_is_away_is_told_at_both_nodes() {
    let mut redis = Redis::start(&Binaries::default(), &[]).unwrap();
    let [here, there] = nodes(Some(redis.databases().url())).await;
    let client = being("ko", json!({}));
    let mut players = [enters(&here, &client).await, enters(&there, &client).await];

    redis.pause().unwrap();
    let made = notice(&here, "hello", json!({})).await;
    for player in &mut players {
        assert_eq!(told(player, "notice.published").await["notice"]["id"], made["id"]);
    }
    let plan = |begin, end| {
        let window =
            json!({"from": here.now().after(hours(begin)), "to": here.now().after(hours(end))});
        json!({"do": "plan", "app": "demo", "plan": window})
    };
    let window = here.command("/commands/maintenance", plan(24, 25)).await[0].clone();
    for player in &mut players {
        assert_eq!(told(player, "maintenance.scheduled").await["id"], window["id"]);
    }

    redis.kill().unwrap();
    order(&there, "notice", json!({"do": "remove", "id": made["id"]})).await;
    for player in &mut players {
        assert_eq!(told(player, "notice.withdrawn").await["id"], made["id"]);
    }
    let window = there.command("/commands/maintenance", plan(48, 49)).await[0].clone();
    for player in &mut players {
        assert_eq!(told(player, "maintenance.scheduled").await["id"], window["id"]);
    }
}
