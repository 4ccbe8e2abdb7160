//! One server becomes two, by the statements of docs/mariadb.md.

use std::future::pending;

use gateway::server::Server;
use serde_json::{Value, json};
use storage::config::{MariaDbSettings, ServerSettings, ServerUrl};
use storage::servers::MariaDb;

use super::{daemun_of, pair, says};
use crate::harness::{Daemun, text};

const PAGE: &str = include_str!("../../../../docs/mariadb.md");

/// How many members there are.
const MEMBERS: usize = 16;

/// The statements that the page has for a server, a block each.
fn blocks(server: &str) -> Vec<Vec<String>> {
    let begins = format!("-- {server}\n");
    let of = |rest: &str| {
        let block = rest.split("```").next()?.trim_start().strip_prefix(&begins)?;
        let statements = block.split(';').map(|one| one.trim().to_owned());
        Some(statements.filter(|one| !one.is_empty()).collect())
    };
    PAGE.split("```sql").skip(1).filter_map(of).collect()
}

fn run(server: &MariaDb, url: &str, statements: &[String]) {
    assert!(!statements.is_empty());
    for statement in statements {
        server.databases().sql_in(url, statement).unwrap();
    }
}

fn count(server: &MariaDb, url: &str) -> usize {
    let count = server.databases().sql_in(url, "SELECT COUNT(*) FROM member").unwrap();
    count.unwrap().parse().unwrap()
}

async fn message(house: &Daemun, member: &str) -> Value {
    let told = json!({"app": "demo", "member": member, "text": "hello"});
    house.command("/commands/member/message", told).await["seq"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_and_its_replica_become_two_primaries() {
    let (a, b, url_a, url_b) = tokio::task::spawn_blocking(pair).await.unwrap();
    let server = |url: &str, shards: Option<&str>, replica_of: Option<&str>| ServerSettings {
        url: ServerUrl::new(url),
        shards: shards.map(str::to_owned),
        replica_of: replica_of.map(str::to_owned),
    };
    let house = Daemun::with(|settings| {
        let mariadb = &mut settings.storage.mariadb;
        mariadb.url = Some(ServerUrl::new(&url_a));
        mariadb.servers.insert("b".into(), server(&url_b, None, Some("main")));
    })
    .await;
    let mut logins = Vec::new();
    for _ in 0..MEMBERS {
        let login = house.login().await;
        assert_eq!(message(&house, text(&login["member"], "id")).await, 1);
        logins.push(login);
    }
    // Steps 1 and 2.
    let Daemun { server: running, clock, mut settings, folder } = house;
    running.drain(pending()).await;
    b.reach(&a.position().unwrap()).unwrap();
    // Steps 3 and 4.
    let (for_a, for_b) = (blocks("a"), blocks("b"));
    assert_eq!((for_a.len(), for_b.len()), (2, 2));
    run(&b, &url_b, &for_b[0]);
    run(&a, &url_a, &for_a[0]);
    // Step 5.
    settings.storage.mariadb = MariaDbSettings {
        servers: [
            ("a".to_owned(), server(&url_a, Some("0-511"), None)),
            ("b".to_owned(), server(&url_b, Some("512-1023"), None)),
        ]
        .into(),
        home: Some("a".to_owned()),
        ..settings.storage.mariadb
    };
    settings.storage.mariadb.url = None;
    let check = |arguments: &[&str]| {
        daemun_of(
            &[
                ("DAEMUN_STORAGE__MARIADB__HOME", "a"),
                ("DAEMUN_STORAGE__MARIADB__SERVERS__A__URL", &url_a),
                ("DAEMUN_STORAGE__MARIADB__SERVERS__A__SHARDS", "0-511"),
                ("DAEMUN_STORAGE__MARIADB__SERVERS__B__URL", &url_b),
                ("DAEMUN_STORAGE__MARIADB__SERVERS__B__SHARDS", "512-1023"),
            ],
            folder.path(),
            arguments,
        )
    };
    // Step 6.
    says(&check(&["shards", "check"]), true, &["every shard is kept by one server"]);
    let shown = ["a  home  version 1", "a  shards 0 to 511  version 2", "b  shards 512 to 1023"];
    says(&check(&["shards", "show"]), true, &shown);
    says(&check(&["check"]), true, &["a: schema ", "b: schema "]);
    let server = Server::start(&settings, clock.clone()).await.unwrap();
    let house = Daemun { server, clock, settings, folder };
    // Step 7.
    run(&a, &url_a, &for_a[1]);
    run(&b, &url_b, &for_b[1]);
    let (on_a, on_b) = (count(&a, &url_a), count(&b, &url_b));
    println!("{on_a} members on a, {on_b} on b");
    assert!(on_a > 0 && on_b > 0);
    assert_eq!(on_a + on_b, MEMBERS);
    for login in logins {
        let member = text(&login["member"], "id");
        assert_eq!(message(&house, member).await, 2, "the first came along");
        let token = json!({"app": "demo", "refresh_token": text(&login, "refresh_token")});
        let again = house.http().ask("auth.refresh", None, token).await.unwrap();
        assert!(again["access_token"].is_string(), "{again}");
    }
    // Who comes for the first time is at home on either.
    for _ in 0..MEMBERS {
        house.login().await;
    }
    assert_eq!(count(&a, &url_a) + count(&b, &url_b), 2 * MEMBERS);
}
