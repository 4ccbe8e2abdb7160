//! Two nodes with one database and no Redis: what is written at one holds at the other.

use protocol::close::CloseCode;
use protocol::error::ErrorCode;
use serde_json::json;
use storage::config::ServerUrl;
use storage::servers::MariaDb;

use super::{amend, being, code, minutes, plan, put, told, visitor};
use crate::harness::{Daemun, START};

/// Two nodes on a database of their own.
async fn nodes() -> [Daemun; 2] {
    let database = ServerUrl::new(MariaDb::shared().unwrap().database("launching").unwrap());
    let node = async || {
        Daemun::with(|settings| {
            settings.storage.mariadb.url = Some(database.clone());
            settings.storage.mariadb.migrate_at_start = true;
        })
        .await
    };
    [node().await, node().await]
}

/// Waits until a node knows of something that was written.
async fn knows(there: &Daemun) {
    while there.server.gate.node.launching.rules().revision == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tester_who_is_dropped_at_one_node_is_closed_at_the_other() {
    let [here, there] = nodes().await;
    let tester = json!({"do": "add", "app": "demo", "tester": {"device_id": "lab"}});
    let tester = here.command("/commands/tester", tester).await[0].clone();
    knows(&there).await;
    let mut player = visitor(&there, &being("1.0", "lab", "ko")).enter().await.unwrap();
    let window = plan(&here, START, START.after(minutes(9)), json!({})).await;
    assert_eq!(told(&mut player, "maintenance.started").await["id"], window["id"]);
    player.me().await.unwrap();
    let order = json!({"do": "remove", "app": "demo", "id": tester["id"]});
    here.command("/commands/tester", order).await;
    told(&mut player, "maintenance.started").await;
    assert!(player.socket().closed().await.unwrap().is(CloseCode::Maintenance));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_at_one_node_is_told_at_the_other() {
    let [here, there] = nodes().await;
    let client = being("1.0", "d", "ko");
    put(&here, "1.0", "in_service", json!({})).await;
    // Until it knows of it the version is as if no versions were there: all come in.
    knows(&there).await;
    let mut player = visitor(&there, &client).enter().await.unwrap();
    let window = plan(&here, START.after(minutes(1)), START.after(minutes(9)), json!({})).await;
    assert_eq!(told(&mut player, "maintenance.scheduled").await["id"], window["id"]);
    // Each by its own clock.
    there.advance(minutes(1));
    told(&mut player, "maintenance.started").await;
    assert!(player.socket().closed().await.unwrap().is(CloseCode::Maintenance));
    visitor(&here, &client).enter().await.unwrap();
    assert_eq!(code(visitor(&there, &client).enter().await), ErrorCode::LaunchMaintenance);
    let mut other = visitor(&here, &client).enter().await.unwrap();
    here.advance(minutes(1));
    told(&mut other, "maintenance.started").await;
    assert!(other.socket().closed().await.unwrap().is(CloseCode::Maintenance));
    amend(&there, "end", &window["id"], json!({})).await;
    let mut again = visitor(&there, &client).enter().await.unwrap();
    put(&here, "1.0", "closed", json!({})).await;
    // Who came in right after the end may hear of it, too.
    let announced = loop {
        let push = again.socket().next_push().await.unwrap();
        if push.word != "maintenance.ended" {
            break push;
        }
    };
    assert_eq!(
        (announced.word.as_str(), &announced.body["status"]),
        ("update.announced", &json!(302))
    );
    assert!(again.socket().closed().await.unwrap().is(CloseCode::UpdateRequired));
}
