//! The same server with its truth in MariaDB.

mod growing;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use loadtest::Format;
use loadtest::walk::{Teller, Walk};
use protocol::error::ErrorCode;
use serde_json::json;
use storage::config::{ServerSettings, ServerUrl};
use storage::servers::{MariaDb, MariaDbOptions};

use crate::harness::Daemun;

pub fn database() -> String {
    MariaDb::shared().unwrap().database("gateway").unwrap()
}

/// A server whose truth is in a database of its own.
pub async fn on_mariadb(url: &str) -> Daemun {
    Daemun::with(|settings| {
        settings.storage.mariadb.url = Some(ServerUrl::new(url));
        settings.storage.mariadb.connections = 4;
        settings.storage.mariadb.migrate_at_start = true;
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_walks_the_whole_way() {
    let house = on_mariadb(&database()).await;
    let teller = Arc::new(Teller::new(Box::new(std::io::sink()), false));
    let formats = vec![Format::Json, Format::Msgpack];
    let walk = Walk { server: house.url(), app: "demo".to_owned(), formats };
    let outcome = walk.take(&teller).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_after_a_restart() {
    let house = on_mariadb(&database()).await;
    let mut player = house.guest().await;
    let shown = json!({"app": "demo", "member": player.login().member.id});
    let told = json!({"app": "demo", "member": player.login().member.id, "text": "hello"});
    house.command("/commands/member/message", told).await;
    let push = player.socket().next_push().await.unwrap();
    assert_eq!((push.seq, &push.body["text"]), (Some(1), &json!("hello")));
    player.refresh().await.unwrap();
    let before = house.command("/commands/member/show", shown.clone()).await;
    assert_eq!(
        (before["inbox"].as_u64(), before["logins"].as_array().unwrap().len()),
        (Some(1), 1)
    );
    drop(player);
    let house = house.restart().await;
    assert_eq!(house.command("/commands/member/show", shown).await, before);
}

/// `daemun` with the database in its environment.
fn daemun(url: &str, folder: &Path, arguments: &[&str]) -> Output {
    daemun_of(&[("DAEMUN_STORAGE__MARIADB__URL", url)], folder, arguments)
}

/// `daemun` with such an environment and no other.
fn daemun_of(environment: &[(&str, &str)], folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_daemun"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("DAEMUN_DATA", folder.join("data"))
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn says(output: &Output, good: bool, parts: &[&str]) {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(output.status.success(), good, "{text}");
    for part in parts {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn an_operator_migrates_and_checks() {
    let (url, folder) = (database(), tempfile::tempdir().unwrap());
    let run = |arguments: &[&str]| daemun(&url, folder.path(), arguments);
    says(&run(&["check"]), false, &["run `daemun migrate up`"]);
    says(&run(&["shards", "check"]), false, &["daemun:"]);
    says(&run(&["migrate", "status"]), false, &["main: at 0, to run: 1 app"]);
    says(&run(&["migrate", "up"]), true, &["main: V1__app", "gamelog.db"]);
    says(&run(&["migrate", "up"]), true, &["main: nothing to run"]);
    says(&run(&["migrate", "status"]), true, &["main: at ", "nothing to run"]);
    let all = ["main: schema ", "MariaDB `main`, a primary: 10.", "answers in", "MiB free of"];
    says(&run(&["check"]), true, &all);
    says(&run(&["check"]), true, &["warning: operators' second factors are not encrypted"]);
    let keyed = |key: &Path| {
        let key = ("DAEMUN_IDENTITY__OPERATOR_KEY_FILE", key.to_str().unwrap());
        let url = ("DAEMUN_STORAGE__MARIADB__URL", url.as_str());
        daemun_of(&[url, key], folder.path(), &["check"])
    };
    let key = folder.path().join("operators");
    says(&keyed(&key), false, &["identity.operator_key_file: ", "No such file"]);
    says(&run(&["app", "key", key.to_str().unwrap()]), true, &["has a new secret"]);
    let checked = keyed(&key);
    says(&checked, true, &all);
    assert!(!String::from_utf8_lossy(&checked.stdout).contains("second factors"));
    says(&run(&["shards", "show"]), true, &["main  home  version 1", "main  shards 0 to 1023"]);
    says(&run(&["shards", "check"]), true, &["every shard is kept by one server"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_finds_a_member_from_a_machine_on_which_no_server_runs() {
    let url = database();
    let house = on_mariadb(&url).await;
    let player = house.guest().await;
    let member = player.login().member.id.to_string();
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| daemun(&url, folder.path(), arguments);
    says(&run(&["member", "show", &member]), true, &[&member, "\"state\": \"active\""]);
    says(&run(&["member", "ban", &member, "--reason", "Cheating"]), true, &["\"seq\": 1"]);
    says(&run(&["member", "show", &member]), true, &["\"reason\": \"Cheating\""]);
    let body = json!({"app": "demo", "member": player.login().member.id});
    assert_eq!(house.command("/commands/member/show", body).await["ban"]["reason"], "Cheating");
}

/// A primary and its replica, with the schema.
fn pair() -> (MariaDb, MariaDb, String, String) {
    let primary = MariaDb::start(MariaDbOptions::default()).unwrap();
    let options = MariaDbOptions::default().replica_of(&primary).with("--read-only");
    let replica = MariaDb::start(options).unwrap();
    let url = primary.database("pair").unwrap();
    let copy = replica.databases().same_database(&url);
    let folder = tempfile::tempdir().unwrap();
    says(&daemun(&url, folder.path(), &["migrate", "up"]), true, &["main: V1__app"]);
    replica.reach(&primary.position().unwrap()).unwrap();
    (primary, replica, url, copy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_what_it_did_though_a_replica_is_asked() {
    let (primary, replica, url, copy) = tokio::task::spawn_blocking(pair).await.unwrap();
    let house = Daemun::with(|settings| {
        let mariadb = &mut settings.storage.mariadb;
        mariadb.url = Some(ServerUrl::new(&url));
        let (url, replica_of) = (ServerUrl::new(&copy), Some("main".to_owned()));
        mariadb.servers.insert("copy".into(), ServerSettings { url, shards: None, replica_of });
    })
    .await;
    let player = house.guest().await;
    let member = player.login().member.id;
    let show = async |lagging: bool| {
        let body = json!({"app": "demo", "member": member, "lagging": lagging});
        house.command("/commands/member/show", body).await
    };
    let ban = json!({"app": "demo", "member": member, "reason": "cheating"});
    house.command("/commands/member/ban", ban.clone()).await;
    let shown = show(false).await;
    assert_eq!((&shown["state"], &shown["lag_ms"]), (&json!("banned"), &json!(null)));
    // Whatever the replica does.
    replica.sql("STOP SLAVE SQL_THREAD").unwrap();
    let who = json!({"app": "demo", "member": member});
    house.command("/commands/member/unban", who).await;
    assert_eq!(show(false).await["ban"], json!(null));
    // Who says that it need not be present is told how old it may be.
    let lagging = show(true).await;
    assert_eq!(lagging["ban"].is_null(), lagging["lag_ms"].is_null(), "{lagging}");
    drop((primary, replica));
}

#[test]
fn a_replica_that_lags_or_is_none_is_named_by_a_check() {
    let (primary, replica, url, copy) = pair();
    let folder = tempfile::tempdir().unwrap();
    let run = |copy: &str, arguments: &[&str]| {
        let environment = [
            ("DAEMUN_STORAGE__MARIADB__URL", url.as_str()),
            ("DAEMUN_STORAGE__MARIADB__SERVERS__COPY__URL", copy),
            ("DAEMUN_STORAGE__MARIADB__SERVERS__COPY__REPLICA_OF", "main"),
        ];
        daemun_of(&environment, folder.path(), arguments)
    };
    let kept = ["every shard is kept by one server"];
    says(&run(&copy, &["shards", "check"]), true, &kept);
    replica.sql("STOP SLAVE SQL_THREAD").unwrap();
    primary.sql("CREATE DATABASE one").unwrap();
    primary.sql("CREATE DATABASE two").unwrap();
    let lags = "warning: MariaDB `copy`: lags 2 transactions behind `main`";
    says(&run(&copy, &["check"]), true, &[lags]);
    says(&run(&copy, &["shards", "check"]), true, &[kept[0], lags]);
    let same = url.replace("127.0.0.1", "localhost");
    let named = ["MariaDB `copy`: is the same database as `main`: name it once"];
    says(&run(&same, &["shards", "check"]), false, &named);
    says(&run(&same, &["check"]), false, &named);
    drop(replica);
    says(&run(&copy, &["check"]), true, &["MariaDB `copy`: is not read: "]);
}

#[test]
fn a_server_that_is_not_there_is_said_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("mysql://u:hunter2@{nobody}/d");
    for arguments in [["check"].as_slice(), &["serve"], &["migrate", "up"], &["shards", "show"]] {
        says(&daemun(&url, folder.path(), arguments), false, &["MariaDB `main`"]);
    }
    says(&daemun(&url, folder.path(), &["config", "explain"]), true, &["mysql://(hidden)@"]);
}

#[test]
fn embedded_databases_have_a_schema_too() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| daemun("", folder.path(), arguments);
    says(&run(&["migrate", "status"]), false, &["daemun.db: at 0", "gamelog.db: at 0"]);
    says(&run(&["migrate", "up"]), true, &["daemun.db: ", "gamelog.db: "]);
    says(&run(&["migrate", "status"]), true, &["daemun.db: at ", "nothing to run"]);
    says(&run(&["check"]), true, &["daemun.db: schema "]);
    says(&run(&["shards", "show"]), true, &["in the data folder"]);
}

/// Two servers on one database, and nothing between them but that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_at_another_server_ends_the_older_ones_writes_here() {
    let url = database();
    let (here, there) = (on_mariadb(&url).await, on_mariadb(&url).await);
    for by_frame in [true, false] {
        let mut player = here.guest().await;
        let member = player.login().member.id;
        let told = json!({"app": "demo", "member": member, "text": "hello"});
        here.command("/commands/member/message", told).await;
        player.socket().next_push().await.unwrap();
        // What is known of this login here is now some seconds old at most, and still believed.
        player.me().await.unwrap();
        let credential = player.login().credential.clone().unwrap();
        let newer = there.visitor(Format::Json).log_in_as(&credential).await.unwrap();

        if by_frame {
            player.socket().ack(1).await.unwrap();
        } else {
            let refused = player.socket().request("inbox.ack", json!({"seq": 1})).await;
            assert_eq!(refused.unwrap_err().code(), Some(ErrorCode::SessionReplaced));
        }
        assert_eq!(player.socket().next_push().await.unwrap().word, "session.replaced");
        let closed = player.socket().closed().await.unwrap();
        assert_eq!((closed.code, closed.reason.as_str()), (4502, "replaced"));
        let shown =
            there.http().ask("inbox.list", Some(newer.access_token()), json!({})).await.unwrap();
        assert_eq!(shown["pushes"].as_array().unwrap().len(), 1, "it was not acknowledged");
    }
}
