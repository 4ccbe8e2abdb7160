//! Kept replies on a real Redis.

use std::time::Duration;

use super::presence::patient;
use crate::redis::Redis;
use crate::redis::replies::FarReplies;
use crate::replies::{RepliesDuty, SharedReply};
use crate::servers::Redis as Server;

const HOUR: Duration = Duration::from_secs(3600);

async fn fresh() -> (Redis, FarReplies) {
    let url = Server::shared().unwrap().database().unwrap();
    let redis = Redis::open(&patient(url)).await.unwrap();
    (redis.clone(), FarReplies::new(redis))
}

fn reply(id: &str) -> SharedReply {
    SharedReply { id: id.to_owned(), answer: vec![0, 0xff, b'}'] }
}

fn word(text: &str) -> String {
    text.to_owned()
}

#[tokio::test]
async fn answers_are_found_in_their_own_space_until_they_are_forgotten() {
    let (_, replies) = fresh().await;
    for id in ["1", "2", "key:a b"] {
        replies.keep(word("one"), reply(id), Vec::new(), HOUR).await.unwrap();
    }
    let found = async |space, id| replies.find(word(space), word(id)).await.unwrap();
    assert_eq!(found("one", "key:a b").await, Some(reply("").answer));
    assert_eq!(found("one", "3").await, None);
    assert_eq!(found("other", "1").await, None);
    let more = vec![word("1"), word("never")];
    replies.keep(word("one"), reply("3"), more, HOUR).await.unwrap();
    let mut all = replies.all(word("one")).await.unwrap();
    all.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(all, ["2", "3", "key:a b"].map(reply));
    assert_eq!(replies.all(word("other")).await.unwrap(), []);
}

#[tokio::test]
async fn a_space_that_nobody_uses_is_forgotten() {
    let (redis, replies) = fresh().await;
    replies.keep(word("one"), reply("1"), Vec::new(), Duration::from_millis(1)).await.unwrap();
    while !replies.all(word("one")).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let left = redis.all_of(redis::pipe().cmd("DBSIZE")).await.unwrap();
    // What keeps the database from other tests is elsewhere.
    assert_eq!(left, [redis::Value::Int(0)]);
}

#[tokio::test]
async fn a_key_of_another_kind_is_said() {
    let (redis, replies) = fresh().await;
    redis.all_of(redis::pipe().cmd("SET").arg("daemun:reply:{one}").arg("x")).await.unwrap();
    for said in [
        replies.find(word("one"), word("1")).await.unwrap_err(),
        replies.all(word("one")).await.unwrap_err(),
        replies.keep(word("one"), reply("1"), Vec::new(), HOUR).await.unwrap_err(),
    ] {
        assert!(said.to_string().contains("WRONGTYPE"), "{said}");
    }
}
