//! The line: how it is lost, and how it comes back.

use std::time::Duration;

use redis::Value;

use crate::config::{RedisSettings, ServerUrl};
use crate::redis::{Away, FAILURES, Redis};
use crate::servers::{Binaries, Redis as Server};

/// No test waits for a machine that is busy.
const PATIENT: u64 = 10_000;

fn settings(url: impl Into<String>) -> RedisSettings {
    RedisSettings { url: Some(ServerUrl::new(url)), deadline_ms: PATIENT, ..Default::default() }
}

async fn ping(redis: &Redis) -> Result<Value, Away> {
    let mut answers = redis.ask(redis::pipe().cmd("PING")).await?;
    Ok(answers.remove(0).unwrap())
}

/// Returns when the line is there again.
async fn back(redis: &Redis) {
    let soon = async {
        while redis.trouble().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), soon).await.unwrap();
}

#[tokio::test]
async fn each_command_has_an_answer_of_its_own() {
    let redis =
        Redis::open(&settings(Server::shared().unwrap().database().unwrap())).await.unwrap();
    let mut commands = redis::pipe();
    commands.cmd("SET").arg("word").arg("here").cmd("LPUSH").arg("word").arg(1);
    let answers = redis.ask(commands.cmd("GET").arg("word")).await.unwrap();
    assert_eq!(answers[0], Ok(Value::Okay));
    assert_eq!(answers[1].as_ref().unwrap_err().code(), Some("WRONGTYPE"));
    assert_eq!(answers[2], Ok(Value::BulkString(b"here".to_vec())));
    assert_eq!(redis.trouble(), None);
}

#[tokio::test]
async fn an_account_that_may_not_ping_is_found_by_the_check_as_by_the_server() {
    let server = Server::start(&Binaries::default(), &[]).unwrap();
    let redis = Redis::open(&settings(server.databases().url())).await.unwrap();
    let mut commands = redis::pipe();
    commands.cmd("ACL").arg(&["SETUSER", "mute", "on", ">canary", "~*", "+@all", "-ping"]);
    redis.all_of(&mut commands).await.unwrap();
    let url = server.databases().url().replace("redis://", "redis://mute:canary@");
    let mute = Redis::new(&settings(url)).unwrap();
    let (_, findings) = mute.check().await;
    let refused: Vec<_> = findings.iter().filter(|finding| finding.refused).collect();
    assert_eq!(refused.len(), 1, "{findings:?}");
    assert!(refused[0].what.contains("refuses a ping"), "{refused:?}");
    assert!(!refused[0].what.contains("canary"), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_is_killed_is_away_at_once_and_found_again() {
    let mut server = Server::start(&Binaries::default(), &[]).unwrap();
    let redis = Redis::open(&settings(server.databases().url())).await.unwrap();
    ping(&redis).await.unwrap();
    server.kill().unwrap();
    assert_eq!(ping(&redis).await, Err(Away));
    assert!(redis.trouble().unwrap().contains("Redis is away"), "{:?}", redis.trouble());
    server.restart().unwrap();
    back(&redis).await;
    ping(&redis).await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_then_nobody_waits_for_it() {
    let server = Server::start(&Binaries::default(), &[]).unwrap();
    // It hangs for longer than any deadline: a short one decides nothing.
    let short = RedisSettings { deadline_ms: 1, ..settings(server.databases().url()) };
    let redis = Redis::new(&short).unwrap();
    redis.0.came(redis.0.reach().await.unwrap());
    server.pause().unwrap();
    for _ in 0..FAILURES {
        assert_eq!(redis.trouble(), None);
        assert_eq!(ping(&redis).await, Err(Away));
    }
    let trouble = redis.trouble().unwrap();
    assert!(trouble.contains("no answer within 1 ms"), "{trouble}");
    // Whoever asks now is answered without a wait: its first poll is its last.
    let asked = std::pin::pin!(ping(&redis));
    assert_eq!(futures_util::FutureExt::now_or_never(asked), Some(Err(Away)));
    server.resume().unwrap();
}

#[tokio::test]
async fn a_server_that_hung_is_found_again() {
    let server = Server::start(&Binaries::default(), &[]).unwrap();
    let hasty = RedisSettings { deadline_ms: 500, ..settings(server.databases().url()) };
    server.pause().unwrap();
    let redis = Redis::open(&hasty).await.unwrap();
    assert!(redis.trouble().unwrap().contains("within"), "{:?}", redis.trouble());
    server.resume().unwrap();
    back(&redis).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_no_reason_not_to_start() {
    let mut server = Server::start(&Binaries::default(), &[]).unwrap();
    server.kill().unwrap();
    let redis = Redis::open(&settings(server.databases().url())).await.unwrap();
    assert_eq!(ping(&redis).await, Err(Away));
    server.restart().unwrap();
    back(&redis).await;
}

#[tokio::test]
async fn what_is_said_of_a_server_holds_no_password() {
    let arguments = ["--requirepass", "open", "--maxmemory", "0"];
    let server = Server::start(&Binaries::default(), &arguments).unwrap();
    let address = server.databases().url().replace("redis://", "redis://:hunter2@");
    let redis = Redis::open(&settings(&address)).await.unwrap();
    let trouble = redis.trouble().unwrap();
    assert!(trouble.contains("away") && !trouble.contains("hunter2"), "{trouble}");
    let (line, findings) = redis.check().await;
    assert!(line.is_none() && findings[0].refused, "{findings:?}");
    assert!(!format!("{findings:?}").contains("hunter2"), "{findings:?}");
    let opened = Redis::open(&settings(address.replace("hunter2", "open"))).await.unwrap();
    assert_eq!(opened.trouble(), None);
    let (line, findings) = opened.check().await;
    assert!(line.unwrap().contains("Redis 7."));
    assert!(findings.iter().any(|it| !it.refused && it.what.contains("maxmemory")), "{findings:?}");
}

#[tokio::test]
async fn the_settings_that_are_shipped_suit_a_cache() {
    let address = Server::shared().unwrap().database().unwrap();
    let redis = Redis::open(&settings(address)).await.unwrap();
    let (line, findings) = redis.check().await;
    assert!(line.unwrap().contains("allkeys-lru"));
    assert!(!findings.iter().any(|it| it.refused || it.what.contains("maxmemory")), "{findings:?}");
}
