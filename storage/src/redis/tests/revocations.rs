//! Revocations on a real Redis.

use protocol::ids::MemberId;

use super::presence::patient;
use crate::redis::Redis;
use crate::redis::revocations::FarRevocations;
use crate::revocations::{AT_A_TIME, RevocationsDuty};
use crate::servers::Redis as Server;

async fn nodes() -> (Redis, [FarRevocations; 2]) {
    let url = Server::shared().unwrap().database().unwrap();
    let redis = Redis::open(&patient(url)).await.unwrap();
    (redis.clone(), [redis.clone(), redis].map(FarRevocations::new))
}

fn member(number: usize) -> MemberId {
    MemberId::from_number(i64::try_from(number).unwrap()).unwrap()
}

#[tokio::test]
async fn every_node_is_told_of_what_comes_after_it_began() {
    let (_, [one, other]) = nodes().await;
    one.revoke(member(1)).await.unwrap();
    let (mark, nobody) = other.since(None).await.unwrap();
    assert_eq!(nobody, []);
    one.revoke(member(2)).await.unwrap();
    other.revoke(member(3)).await.unwrap();
    let (next, told) = other.since(Some(mark)).await.unwrap();
    assert_eq!(told, [member(2), member(3)]);
    assert_eq!(other.since(Some(next)).await.unwrap().1, []);
    // Again, and from the same mark: it is told of once, as the last.
    one.revoke(member(2)).await.unwrap();
    assert_eq!(one.since(Some(mark)).await.unwrap().1, [member(3), member(2)]);
    assert_eq!(other.since(Some(next)).await.unwrap().1, [member(2)]);
}

#[tokio::test]
async fn more_than_are_told_at_a_time_are_told_in_parts() {
    let (_, [one, other]) = nodes().await;
    let (mut mark, _) = other.since(None).await.unwrap();
    let all: Vec<_> = (1..=AT_A_TIME * 2 + 5).map(member).collect();
    for member in &all {
        one.revoke(*member).await.unwrap();
    }
    let mut told = Vec::new();
    loop {
        let (next, more) = other.since(Some(mark)).await.unwrap();
        assert!(more.len() <= AT_A_TIME);
        if more.is_empty() {
            break;
        }
        told.extend(more);
        mark = next;
    }
    // The last of a part may come again as the first of the next.
    told.dedup();
    assert_eq!(told, all);
}

#[tokio::test]
async fn what_is_no_member_or_no_set_harms_nobody() {
    let (redis, [one, _]) = nodes().await;
    let (mark, _) = one.since(None).await.unwrap();
    one.revoke(member(7)).await.unwrap();
    let mut commands = redis::pipe();
    commands.cmd("ZADD").arg("daemun:revoked").arg(u64::MAX).arg("somebody").arg(u64::MAX).arg(-3);
    redis.all_of(&mut commands).await.unwrap();
    assert_eq!(one.since(Some(mark)).await.unwrap().1, [member(7)]);
    let mut commands = redis::pipe();
    commands.cmd("SET").arg("daemun:revoked").arg("x");
    redis.all_of(&mut commands).await.unwrap();
    assert!(one.since(Some(mark)).await.unwrap_err().to_string().contains("WRONGTYPE"));
    assert!(one.revoke(member(7)).await.unwrap_err().to_string().contains("WRONGTYPE"));
    // Emptied, as by somebody who flushes it: the scripts are gone as well.
    let mut commands = redis::pipe();
    commands.cmd("DEL").arg("daemun:revoked").cmd("SCRIPT").arg("FLUSH");
    redis.all_of(&mut commands).await.unwrap();
    one.revoke(member(8)).await.unwrap();
    assert_eq!(one.since(Some(mark)).await.unwrap().1, [member(8)]);
}
