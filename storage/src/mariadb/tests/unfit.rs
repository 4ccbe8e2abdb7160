//! Real servers that are not fit for the truth, or barely.

use super::server::{Database, Scene};
use crate::clock::SystemClock;
use crate::error::StorageError;
use crate::finding::Finding;
use crate::mariadb::MariaDb;
use crate::servers::{MariaDb as Server, MariaDbOptions};

/// What is said of a server, but for its clock.
async fn findings(scene: &Scene) -> Vec<(bool, String)> {
    let findings = scene.servers().check(&SystemClock).await.into_iter();
    let own = |Finding { refused, what, .. }: Finding| (refused, what);
    findings.filter(|it| !it.what.contains("clock")).map(own).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_that_it_is_old_or_another_product_is_refused() {
    let mut server = Server::start(MariaDbOptions::default()).unwrap();
    let scene = Scene::on(Database::of(&server).url);
    scene.backend().await;
    assert_eq!(findings(&scene).await, []);
    for (version, words) in [
        ("10.5.29-MariaDB-log", "is too old: 10.5.29-MariaDB-log"),
        ("5.5.68-MariaDB", "at least 10.6 is needed"),
        ("8.0.36", "is no MariaDB"),
    ] {
        // It says so in its greeting too.
        server.restart_with(&[&format!("--version={version}")]).unwrap();
        match MariaDb::open(&scene.settings, &SystemClock).await.err() {
            Some(StorageError::Setup(why)) => assert!(why.contains(words), "{version}: {why}"),
            other => panic!("{version}: {other:?}"),
        }
        let found = findings(&scene).await;
        assert!(found.len() == 1 && found[0].0 && found[0].1.contains(words), "{found:?}");
    }
    server.restart_with(&["--version=11.8.3-MariaDB"]).unwrap();
    scene.backend().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_may_lose_what_was_committed_are_said_and_not_refused() {
    let server = Server::start(MariaDbOptions::default()).unwrap();
    let scene = Scene::on(Database::of(&server).url);
    for (name, bad, good) in [
        ("innodb_snapshot_isolation", "OFF", "ON"),
        ("innodb_flush_log_at_trx_commit", "2", "1"),
        ("sync_binlog", "0", "1"),
    ] {
        server.sql(&format!("SET GLOBAL {name} = {bad}")).unwrap();
        let found = findings(&scene).await;
        assert!(found.len() == 1 && !found[0].0 && found[0].1.contains(name), "{found:?}");
        scene.backend().await;
        server.sql(&format!("SET GLOBAL {name} = {good}")).unwrap();
    }
    assert_eq!(findings(&scene).await, []);
}
