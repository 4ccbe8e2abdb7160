//! Two nodes that share a database and a Redis: what happens on one holds on the other.

use loadtest::Format;
use protocol::error::ErrorCode;
use serde_json::json;
use storage::config::ServerUrl;
use storage::servers::{MariaDb, Redis};
use tempfile::TempDir;

use crate::harness::Daemun;

/// Two nodes of one house, whose tokens are good at both.
pub async fn nodes(redis: &str) -> ([Daemun; 2], TempDir) {
    let mariadb = ServerUrl::new(MariaDb::shared().unwrap().database("nodes").unwrap());
    let (redis, keys) = (ServerUrl::new(redis), tempfile::tempdir().unwrap());
    let node = async || {
        Daemun::with(|settings| {
            settings.public_url = Some("http://gate.example".to_owned());
            settings.identity.keys_dir = Some(keys.path().join("keys"));
            settings.storage.mariadb.url = Some(mariadb.clone());
            settings.storage.mariadb.migrate_at_start = true;
            settings.storage.redis.url = Some(redis.clone());
            settings.storage.redis.deadline_ms = 10_000;
        })
        .await
    };
    ([node().await, node().await], keys)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_socket_is_closed_for_what_happened_on_another_node() {
    let redis = Redis::shared().unwrap().database().unwrap();
    let ([here, there], _keys) = nodes(&redis).await;
    let [mut banned, mut left, mut replaced, mut other] =
        [there.guest().await, there.guest().await, there.guest().await, there.guest().await];

    let member = banned.login().member.id;
    let body = json!({"app": "demo", "member": member, "reason": "Cheating"});
    here.command("/commands/member/ban", body).await;
    here.http().ask("auth.logout", Some(left.access_token()), json!({})).await.unwrap();
    let credential = replaced.login().credential.clone().unwrap();
    here.visitor(Format::Json).log_in_as(&credential).await.unwrap();

    // None of them asks for anything.
    assert_eq!(banned.socket().next_push().await.unwrap().word, "member.banned");
    assert_eq!(banned.socket().closed().await.unwrap().reason, "banned");
    assert_eq!(left.socket().closed().await.unwrap().reason, "logged_out");
    assert_eq!(replaced.socket().next_push().await.unwrap().word, "session.replaced");
    assert_eq!(replaced.socket().closed().await.unwrap().reason, "replaced");
    other.me().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_remembered_of_a_login_is_forgotten_for_what_happened_on_another_node() {
    let redis = Redis::shared().unwrap().database().unwrap();
    let ([here, there], _keys) = nodes(&redis).await;
    let player = here.guest().await;
    let ask = async || there.http().ask("member.me", Some(player.access_token()), json!({})).await;
    // The session's actor is awake there now, and remembers.
    ask().await.unwrap();
    here.http().ask("auth.logout", Some(player.access_token()), json!({})).await.unwrap();
    let refused = loop {
        match ask().await {
            Ok(_) => tokio::task::yield_now().await,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code(), Some(ErrorCode::AuthLoggedOut));
    // Long before it would have been too old: no time has passed for the nodes.
    assert_eq!(there.now(), here.now());
}
