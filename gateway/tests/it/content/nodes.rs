//! Two nodes with one database and no Redis: what is written at one is shown at the other.

use serde_json::json;
use storage::config::ServerUrl;
use storage::servers::MariaDb;

use super::{being, enters, notice, order, told};
use crate::harness::Daemun;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_at_one_node_is_on_the_screens_of_the_other() {
    let database = ServerUrl::new(MariaDb::shared().unwrap().database("content").unwrap());
    let node = async || {
        Daemun::with(|settings| {
            settings.storage.mariadb.url = Some(database.clone());
            settings.storage.mariadb.migrate_at_start = true;
        })
        .await
    };
    let [here, there] = [node().await, node().await];
    let mut player = enters(&there, &being("ko", json!({}))).await;
    let made = notice(&here, "hello", json!({})).await;
    assert_eq!(told(&mut player, "notice.published").await["notice"]["id"], made["id"]);
    player.socket().request("content.seen", json!({"ids": [made["id"]]})).await.unwrap();
    order(&here, "notice", json!({"do": "remove", "id": made["id"]})).await;
    assert_eq!(told(&mut player, "notice.withdrawn").await["id"], made["id"]);
}
