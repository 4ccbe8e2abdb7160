//! Servers that are not what the settings call them.

use super::server::{Database, Scene};
use crate::clock::SystemClock;
use crate::error::StorageError;
use crate::mariadb::MariaDb;
use crate::servers::{MariaDb as Server, MariaDbOptions};

/// The words that settings are refused with at the start, which are those of a check too.
async fn refused(scene: &Scene) -> String {
    let message = match MariaDb::open(&scene.settings, &SystemClock).await {
        Err(StorageError::Setup(message)) => message,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was opened"),
    };
    let findings = scene.servers().shape().await;
    let same = |it: &crate::finding::Finding| {
        it.refused && message == format!("MariaDB `{}` {}", it.server, it.what)
    };
    assert!(findings.iter().any(same), "{message} is not in {findings:?}");
    message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_database_under_two_names_is_refused() {
    // By another name for the same machine, so that the addresses differ.
    let alias = |url: &str| url.replace("127.0.0.1", "localhost");
    let scene = Scene::two();
    let url = alias(&scene.databases[0].url);
    let more = Scene::two_of(&scene).with("c", &url, None);
    let message = refused(&more).await;
    assert_eq!(message, "MariaDB `c` is the same database as `a`: name it once");
    // Neither is its own replica.
    let copy = Scene::two_of(&scene).with("r", &url, Some("a"));
    assert_eq!(refused(&copy).await, "MariaDB `r` is the same database as `a`: name it once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_of_nobody_or_of_another_is_refused() {
    let scene = Scene::two();
    scene.backend().await;
    let stranger = Server::start(MariaDbOptions::default()).unwrap();
    let url = stranger.database("stranger").unwrap();
    let message = refused(&Scene::two_of(&scene).with("r", &url, Some("a"))).await;
    assert!(message.starts_with("MariaDB `r` it follows no primary"), "{message}");

    // Two real primaries, and a copy of the second that is said to be of the first.
    let [a, b] = [(); 2].map(|()| Server::start(MariaDbOptions::default()).unwrap());
    let replica =
        Server::start(MariaDbOptions::default().replica_of(&b).with("--read-only")).unwrap();
    let urls = [&a, &b].map(|server| server.database("shape").unwrap());
    let copy = replica.databases().same_database(&urls[1]);
    let scene = Scene::across(urls);
    scene.backend().await;
    replica.reach(&b.position().unwrap()).unwrap();
    let wrong = Scene::two_of(&scene).with("r", &copy, Some("a"));
    // The one that is said to be its primary may have written less, or more.
    let message = refused(&wrong).await;
    assert!(
        message.contains("is not the copy of `a`") || message.contains("is the copy of `b`"),
        "{message}"
    );
    for number in 0..50 {
        a.sql(&format!("CREATE DATABASE more{number}")).unwrap();
    }
    let message = refused(&wrong).await;
    assert_eq!(message, "MariaDB `r` is the copy of `b`, not of `a`: set its replica_of");
    // Named rightly it is good; and one that is away stops nobody.
    let right = Scene::two_of(&scene).with("r", &copy, Some("b"));
    right.backend().await;
    assert!(right.servers().shape().await.iter().all(|it| !it.refused));
    drop(replica);
    right.backend().await;
    let findings = right.servers().check(&SystemClock).await;
    let away = findings.iter().find(|it| it.server == "r").unwrap();
    assert!(!away.refused && away.what.starts_with("is not read: "), "{findings:?}");
}

#[tokio::test]
async fn a_range_that_is_none_is_named() {
    let scene = Scene::one();
    scene.servers().migrate().await.unwrap();
    let database: &Database = &scene.databases[0];
    for (first, last) in [(5, 3), (0, 1024), (-2, 1023)] {
        let update = format!("UPDATE shard_range SET first_shard = {first}, last_shard = {last}");
        database.run(&format!("{update} WHERE first_shard = 0")).await;
        let said = scene.servers().shards().await.unwrap_err().to_string();
        assert!(said.contains(&format!("shard_range from {first} to {last}")), "{said}");
        let update = "UPDATE shard_range SET first_shard = 0, last_shard = 1023";
        database.run(&format!("{update} WHERE first_shard = {first}")).await;
    }
}
