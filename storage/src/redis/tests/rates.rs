//! Rates on a real Redis.

use std::time::Duration;

use super::presence::patient;
use crate::error::StorageError;
use crate::rates::{Passed, RatesDuty};
use crate::redis::Redis;
use crate::redis::rates::FarRates;
use crate::servers::{Binaries, Redis as Server};

const HOUR: Duration = Duration::from_secs(3600);

fn passed(key: &str, times: u32) -> Passed {
    Passed { key: key.to_owned(), times, each: HOUR, most: HOUR * 10 }
}

/// Two nodes that share a database which no other test has.
async fn nodes() -> (Redis, [FarRates; 2]) {
    let url = Server::shared().unwrap().database().unwrap();
    let redis = Redis::open(&patient(url.clone())).await.unwrap();
    let other = Redis::open(&patient(url)).await.unwrap();
    (redis.clone(), [FarRates::new(redis), FarRates::new(other)])
}

/// In whole hours, of which the test takes none.
fn hours(ahead: &[Duration]) -> Vec<u64> {
    ahead.iter().map(|ahead| (*ahead + HOUR / 2).as_secs() / 3600).collect()
}

#[tokio::test]
async fn what_passed_on_two_nodes_is_added() {
    let (_, [one, other]) = nodes().await;
    assert_eq!(hours(&one.pass(vec![passed("a", 3), passed("b", 1)]).await.unwrap()), [3, 1]);
    assert_eq!(hours(&other.pass(vec![passed("b", 2), passed("a", 0)]).await.unwrap()), [3, 3]);
    assert_eq!(hours(&one.pass(vec![passed("a", 100)]).await.unwrap()), [10], "and is bounded");
}

#[tokio::test]
async fn what_is_forgotten_is_no_key_any_more() {
    let (redis, [one, _]) = nodes().await;
    let brief = Passed { each: Duration::from_micros(1), ..passed("a", 1) };
    one.pass(vec![brief]).await.unwrap();
    loop {
        let answers = redis.all_of(redis::pipe().cmd("EXISTS").arg("daemun:rate:a")).await.unwrap();
        if answers == [redis::Value::Int(0)] {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(hours(&one.pass(vec![passed("a", 1)]).await.unwrap()), [1]);
}

#[tokio::test]
async fn scripts_that_are_gone_and_keys_of_others_do_no_harm() {
    let (redis, [one, _]) = nodes().await;
    let mut commands = redis::pipe();
    commands.cmd("HSET").arg("daemun:rate:a").arg("x").arg("y");
    commands.cmd("SET").arg("daemun:rate:b").arg("soon");
    redis.all_of(&mut commands).await.unwrap();
    let ahead = one.pass(vec![passed("a", 2), passed("b", 2)]).await.unwrap();
    assert_eq!(hours(&ahead), [2, 2]);
    assert_eq!(hours(&one.pass(vec![passed("a", 1)]).await.unwrap()), [3]);
}

#[tokio::test]
async fn a_redis_that_was_started_anew_counts_from_nothing() {
    let mut server = Server::start(&Binaries::default(), &[]).unwrap();
    let redis = Redis::open(&patient(server.databases().database().unwrap())).await.unwrap();
    let rates = FarRates::new(redis);
    assert_eq!(hours(&rates.pass(vec![passed("a", 2)]).await.unwrap()), [2]);
    server.restart().unwrap();
    let ahead = loop {
        match rates.pass(vec![passed("a", 1)]).await {
            Ok(ahead) => break ahead,
            Err(StorageError::Unavailable(_)) => tokio::task::yield_now().await,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(hours(&ahead), [1], "the script is there again");
}
