//! A server that cannot be used is refused in plain words, and left as it is.

use mysql_async::prelude::Queryable;

use super::server::{Database, Scene};
use crate::clock::{Clock, ManualClock, SystemClock};
use crate::config::{MariaDbSettings, ServerUrl};
use crate::error::StorageError;
use crate::mariadb::{MariaDb, Servers};

/// The words that settings are refused with.
async fn refused(settings: &MariaDbSettings) -> String {
    match MariaDb::open(settings, &SystemClock).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was opened"),
    }
}

fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

fn with(url: String) -> MariaDbSettings {
    MariaDbSettings { url: Some(ServerUrl::new(url)), ..MariaDbSettings::default() }
}

#[tokio::test]
async fn a_wrong_address_is_refused_and_its_password_is_not_said() {
    let database = Database::new();
    let (before, after) = database.url.split_once("://").unwrap();
    let (_, host) = after.split_once('@').unwrap();
    let stranger = refused(&with(format!("{before}://stranger:hunter2@{host}"))).await;
    says(&stranger, &["MariaDB `main`", "Access denied", "stranger"]);
    let nowhere = refused(&with(format!("{}_not_there", database.url))).await;
    says(&nowhere, &["Unknown database"]);
    // A port on which nobody listens: the last one that was given out and closed again.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = refused(&with(format!("mysql://u:hunter2@127.0.0.1:{port}/d"))).await;
    says(&closed, &["MariaDB `main`"]);
    let nameless =
        refused(&with(format!("mysql://u:hunter2@{host}").replace("/daemun", "?/"))).await;
    let nonsense = refused(&with("mysql//u:hunter2@h".to_owned())).await;
    says(&nonsense, &["is not like mysql://"]);
    for message in [stranger, nowhere, closed, nameless, nonsense] {
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[tokio::test]
async fn a_database_without_the_schema_asks_for_the_migrations() {
    let scene = Scene::one();
    let settings = MariaDbSettings { migrate_at_start: false, ..scene.settings.clone() };
    says(&refused(&settings).await, &["migrations to run", "daemun migrate up"]);
    let servers = scene.servers();
    let status = servers.schema().await.unwrap();
    assert_eq!((status[0].version, status[0].pending.is_empty()), (0, false));
    let ran = servers.migrate().await.unwrap();
    assert_eq!(ran[0].1.len(), status[0].pending.len());
    // What ran does not run again.
    assert_eq!(servers.migrate().await.unwrap(), [("main".to_owned(), Vec::new())]);
    assert!(MariaDb::open(&settings, &SystemClock).await.is_ok());
}

#[tokio::test]
async fn four_processes_that_migrate_at_once_take_turns() {
    let scene = Scene::two();
    let servers = [(); 4].map(|()| scene.servers());
    let pending = scene.servers().schema().await.unwrap()[0].pending.len();
    let ran = futures_util::future::join_all(servers.iter().map(Servers::migrate)).await;
    let counts: Vec<usize> =
        ran.into_iter().map(|ran| ran.unwrap().iter().map(|(_, ran)| ran.len()).sum()).collect();
    let all: usize = counts.iter().sum();
    assert_eq!(all, 2 * pending, "{counts:?}");
    scene.backend().await;
}

#[tokio::test]
async fn another_schema_is_refused_untouched() {
    let scene = Scene::one();
    scene.servers().migrate().await.unwrap();
    let database = &scene.databases[0];
    let later = "INSERT INTO refinery_schema_history
                 SELECT 999, 'later', applied_on, checksum FROM refinery_schema_history LIMIT 1";
    database.run(later).await;
    says(&refused(&scene.settings).await, &["a schema this program does not know", "later"]);
    database.run("DELETE FROM refinery_schema_history WHERE version = 999").await;
    scene.backend().await;
    database.run("UPDATE refinery_schema_history SET checksum = '1' WHERE version = 1").await;
    says(&refused(&scene.settings).await, &["another than ours"]);
    assert!(matches!(scene.servers().migrate().await, Err(StorageError::Setup(_))));
}

#[tokio::test]
async fn a_clock_that_is_far_away_is_said() {
    let scene = Scene::one();
    let ahead = ManualClock::new(SystemClock.now().after(std::time::Duration::from_secs(90)));
    let findings = scene.servers().check(&ahead).await;
    assert!(findings.iter().any(|it| !it.refused && it.what.contains("s behind")), "{findings:?}");
    let mut settings = scene.settings.clone();
    settings.url = Some(ServerUrl::new("mysql://stranger:hunter2@127.0.0.1:1/d"));
    let findings = Servers::new(&settings).unwrap().check(&SystemClock).await;
    assert!(findings.iter().all(|it| it.refused), "{findings:?}");
}

#[tokio::test]
async fn a_map_that_is_not_whole_is_refused_with_what_is_wrong() {
    let scene = Scene::two();
    scene.servers().migrate().await.unwrap();
    scene.databases[0].run("UPDATE shard_range SET last_shard = 500").await;
    says(&refused(&scene.settings).await, &["not whole", "shards 501 to 511 are kept by nobody"]);
    scene.databases[0].run("UPDATE shard_range SET last_shard = 600").await;
    says(&refused(&scene.settings).await, &["kept twice: by `a` and by `b`"]);
    scene.databases[0].run("UPDATE shard_range SET last_shard = 511").await;
    let backend = scene.backend().await;
    let mut connection = scene.databases[1].connect().await;
    let home: Option<i64> = connection
        .query_first("SELECT COUNT(*) FROM shard_range WHERE first_shard = -1")
        .await
        .unwrap();
    assert_eq!(home, Some(1));
    drop(backend);
}
