//! A Redis in front of the truth: shared by two servers, hanging, and looked at by an operator.

use std::process::Command;

use serde_json::json;
use storage::config::ServerUrl;
use storage::servers::{Binaries, MariaDb, Redis};

use crate::harness::{Daemun, text};

/// A server on these addresses.
async fn on(mariadb: &str, redis: &str) -> Daemun {
    Daemun::with(|settings| {
        settings.storage.mariadb.url = Some(ServerUrl::new(mariadb));
        settings.storage.mariadb.migrate_at_start = true;
        settings.storage.redis.url = Some(ServerUrl::new(redis));
        settings.storage.redis.deadline_ms = 1_000;
    })
    .await
}

async fn ready(house: &Daemun) -> (u16, String) {
    let answer = house.private().get("/readyz").await.unwrap();
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_on_one_server_is_known_to_whoever_comes_to_the_other() {
    let mariadb = MariaDb::shared().unwrap().database("cached").unwrap();
    let redis = Redis::shared().unwrap().database().unwrap();
    let (here, there) = (on(&mariadb, &redis).await, on(&mariadb, &redis).await);
    // Tokens of the one are good at the other: what is asked there is of the storage.
    for _ in 0..10 {
        let login = here.login().await;
        let id = text(&login["member"], "id").to_owned();
        let storage = [&here, &there].map(|house| &house.server.gate.node.storage);
        let get = async |at: usize| {
            let member = id.parse().unwrap();
            storage[at].members.get("demo".parse().unwrap(), member).await.unwrap().unwrap()
        };
        assert_eq!((get(0).await.ban, get(1).await.ban), (None, None));
        here.command(
            "/commands/member/ban",
            json!({"app": "demo", "member": id, "reason": "Cheating"}),
        )
        .await;
        assert_eq!(get(1).await.ban.unwrap().reason.to_string(), "Cheating");
        there.command("/commands/member/unban", json!({"app": "demo", "member": id})).await;
        assert_eq!(get(0).await.ban, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_play_while_redis_hangs_and_when_it_is_gone() {
    let mut server = Redis::start(&Binaries::default(), &[]).unwrap();
    let url = ServerUrl::new(server.databases().url());
    let house = Daemun::with(|settings| settings.storage.redis.url = Some(url)).await;
    house.guest().await;
    let play = async || {
        for _ in 0..10 {
            let player = house.guest().await;
            let member = player.login().member.id;
            let body = json!({"app": "demo", "member": member, "reason": "Cheating"});
            house.command("/commands/member/ban", body).await;
        }
    };
    let lost = async || house.metric("daemun_redis_lost_total").await;
    let before = lost().await;
    server.pause().unwrap();
    play().await;
    assert!(lost().await > before);
    let (status, words) = ready(&house).await;
    assert!(status == 200 && words.contains("Redis is away"), "{words}");
    server.kill().unwrap();
    play().await;
    server.restart().unwrap();
    while ready(&house).await.1 != "ready\n" {
        tokio::task::yield_now().await;
    }
    play().await;
}

#[test]
fn a_redis_is_checked_by_command() {
    let bad = ["--maxmemory", "64mb", "--maxmemory-policy", "noeviction"];
    let mut server = Redis::start(&Binaries::default(), &bad).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let check = |url: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
        command.current_dir(folder.path()).env_clear().args(["check", "--data"]);
        command.arg(folder.path().join("data")).env("DAEMUN_STORAGE__REDIS__URL", url);
        let output = command.output().unwrap();
        let words = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), words)
    };
    let url = server.databases().url().to_owned();
    let (good, words) = check(&url);
    assert!(good && words.contains("Redis 7.") && words.contains("answers in"), "{words}");
    assert!(words.contains("noeviction"), "{words}");
    server.kill().unwrap();
    let (good, words) = check(&url.replace("redis://", "redis://daemun:canary@"));
    assert!(!good && words.contains("Redis") && !words.contains("canary"), "{words}");
    let (good, words) = check("redis:/daemun:canary@cache");
    assert!(!good && words.contains("storage.redis.url") && !words.contains("canary"), "{words}");
}
