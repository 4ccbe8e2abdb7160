use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

use super::super::{Databases, MariaDb, MariaDbOptions};

async fn open(url: &str) -> Conn {
    Conn::new(Opts::from_url(url).unwrap()).await.unwrap()
}

/// All statements on one connection.
async fn run(url: &str, statements: &[&str]) -> mysql_async::Result<()> {
    let mut connection = open(url).await;
    for statement in statements {
        connection.query_drop(*statement).await?;
    }
    connection.disconnect().await
}

async fn count(url: &str) -> u64 {
    open(url).await.query_first("SELECT COUNT(*) FROM t").await.unwrap().unwrap()
}

const TABLE: &str = "CREATE TABLE t (n INT PRIMARY KEY) ENGINE = InnoDB";

#[tokio::test]
async fn one_server_is_shared_and_each_test_has_a_database() {
    let shared = MariaDb::shared().unwrap();
    assert!(std::ptr::eq(shared, MariaDb::shared().unwrap()));
    let [mine, yours] = [(); 2].map(|()| shared.database("of a test").unwrap());
    assert_ne!(mine, yours);
    run(&mine, &[TABLE, "INSERT INTO t VALUES (1)"]).await.unwrap();
    run(&yours, &[TABLE]).await.unwrap();
    assert_eq!((count(&mine).await, count(&yours).await), (1, 0));
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_kill() {
    let mut server = MariaDb::start(MariaDbOptions::default()).unwrap();
    let url = server.database("kill").unwrap();
    run(&url, &[TABLE, "INSERT INTO t VALUES (1)"]).await.unwrap();
    let mut open = open(&url).await;
    open.query_drop("START TRANSACTION").await.unwrap();
    open.query_drop("INSERT INTO t VALUES (2)").await.unwrap();

    server.kill().unwrap();
    assert!(server.pid().is_none());
    open.query_drop("COMMIT").await.unwrap_err();
    server.restart().unwrap();
    assert_eq!(count(&url).await, 1);
}

#[tokio::test]
async fn a_replica_follows_its_primary_and_keeps_following() {
    let mut primary = MariaDb::start(MariaDbOptions::default()).unwrap();
    let mut replica =
        MariaDb::start(MariaDbOptions::default().replica_of(&primary).with("--read-only")).unwrap();
    let url = primary.database("replica").unwrap();
    let copy = replica.databases().same_database(&url);
    run(&url, &[TABLE, "INSERT INTO t VALUES (1)"]).await.unwrap();
    replica.reach(&primary.position().unwrap()).unwrap();
    assert_eq!(count(&copy).await, 1);
    // Read-only is meant for everybody but root, so the tests' account is not root.
    let refusal = run(&copy, &["INSERT INTO t VALUES (2)"]).await.unwrap_err();
    assert!(refusal.to_string().contains("read-only"), "{refusal}");

    primary.kill().unwrap();
    primary.restart().unwrap();
    replica.restart().unwrap();
    run(&url, &["INSERT INTO t VALUES (3)"]).await.unwrap();
    replica.reach(&primary.position().unwrap()).unwrap();
    assert_eq!(count(&copy).await, 2);
}

#[tokio::test]
async fn a_server_is_as_safe_as_in_production_unless_a_test_wants_otherwise() {
    let settings = "SELECT CONCAT_WS(' ', @@innodb_flush_log_at_trx_commit, @@sync_binlog, \
                    @@innodb_snapshot_isolation, @@log_bin)";
    let mut server = MariaDb::start(MariaDbOptions::default()).unwrap();
    assert_eq!(server.sql(settings).unwrap().as_deref(), Some("1 1 ON ON"));
    server.restart_with(&["--sync-binlog=0", "--innodb-snapshot-isolation=OFF"]).unwrap();
    assert_eq!(server.sql(settings).unwrap().as_deref(), Some("1 0 OFF ON"));
}

/// With `deploy/mariadb/replicated.cnf`, a commit is acknowledged only once a replica has it.
#[tokio::test]
async fn a_replicated_server_acknowledges_nothing_that_it_alone_has() {
    let primary = MariaDb::start(replicated().with("--rpl-semi-sync-master-enabled=ON")).unwrap();
    let replica = MariaDb::start(replicated().replica_of(&primary).with("--read-only")).unwrap();
    let url = primary.database("replicated").unwrap();
    run(&url, &[TABLE]).await.unwrap();
    let status = "SELECT CONCAT_WS(' ', \
        (SELECT variable_value FROM information_schema.global_status \
         WHERE variable_name = 'Rpl_semi_sync_master_status'), \
        (SELECT variable_value FROM information_schema.global_status \
         WHERE variable_name = 'Rpl_semi_sync_master_wait_sessions'))";
    assert_eq!(primary.sql(status).unwrap().as_deref(), Some("ON 0"));

    replica.pause().unwrap();
    let written = tokio::spawn(async move { run(&url, &["INSERT INTO t VALUES (1)"]).await });
    while primary.sql(status).unwrap().as_deref() != Some("ON 1") {
        tokio::task::yield_now().await;
    }
    assert!(!written.is_finished());
    replica.resume().unwrap();
    written.await.unwrap().unwrap();
}

/// The settings of the file as arguments.
fn replicated() -> MariaDbOptions {
    let file = include_str!("../../../../deploy/mariadb/replicated.cnf");
    let settings = file.lines().filter_map(|line| line.split_once(" = "));
    settings
        .filter(|(name, _)| !name.starts_with('#'))
        .fold(MariaDbOptions::default(), |options, (name, value)| {
            options.with(&format!("--{name}={value}"))
        })
}

#[test]
fn a_server_that_hangs_goes_on_or_is_stopped() {
    let mut server = MariaDb::start(MariaDbOptions::default()).unwrap();
    server.pause().unwrap();
    server.resume().unwrap();
    assert_eq!(server.sql("SELECT 7").unwrap().as_deref(), Some("7"));
    server.pause().unwrap();
    server.stop().unwrap();
    server.restart().unwrap();
    assert_eq!(server.sql("SELECT NULL").unwrap(), None);
}

#[test]
fn what_the_server_refuses_is_told() {
    let fault = MariaDb::shared().unwrap().sql("SELECT nonsense").unwrap_err().to_string();
    assert!(fault.contains("nonsense"), "{fault}");
}

#[tokio::test]
async fn a_named_server_is_used_and_cleaned_of_what_is_old() {
    let server = MariaDb::start(MariaDbOptions::default()).unwrap();
    let new = server.database("new").unwrap();
    server.sql("CREATE DATABASE daemun_test_1_1_1_old").unwrap();
    server.sql("CREATE DATABASE somebody_s").unwrap();

    let named = Databases::given(server.databases().root().to_owned()).unwrap();
    let url = named.database("named").unwrap();
    run(&url, &[TABLE]).await.unwrap();
    assert_eq!(count(&url).await, 0);
    let left = named.sql("SELECT GROUP_CONCAT(schema_name) FROM information_schema.schemata");
    let left = left.unwrap().unwrap();
    assert!(!left.contains("old"), "{left}");
    assert!(left.contains("somebody_s"), "{left}");
    assert!(left.contains(new.rsplit_once('/').unwrap().1), "{left}");
}
