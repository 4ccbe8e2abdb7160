//! An audit finds what was made to be wrong, says the same in parts as in one, and looks at one
//! moment.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use protocol::ids::MemberId;

use super::{House, server_of};
use crate::conformance::scene::Player;
use crate::conformance::shop::{Bought, GEMS, adds_up, at, audit, owned};
use crate::purchases::State;
use crate::wallet::{Audited, Discrepancy};

/// Players who bought, were refunded, and spent.
async fn crowd(house: &House, count: usize) -> Vec<(Player, uuid::Uuid)> {
    let mut crowd = Vec::new();
    for place in 0..count {
        let player = house.game.player().await;
        let bought = Bought::new(&house.game);
        let purchase = owned(bought.posted(&player, State::Paid, at(1)).await).id;
        match place % 4 {
            0 => drop(bought.told_part(2_500, at(2)).await),
            1 => drop(player.spends("sword", 7).await),
            2 => drop(bought.told(State::Refunded, at(2)).await),
            _ => drop(player.given("gift", 5).await),
        }
        crowd.push((player, purchase));
    }
    crowd
}

async fn run(house: &House, member: MemberId, statement: String) {
    house.kept.scene.databases[server_of(member.shard())].run(&statement).await;
}

fn sorted(mut audited: Audited) -> Audited {
    audited.discrepancies.sort_by_key(|it| format!("{it:?}"));
    audited
}

#[tokio::test]
async fn an_audit_in_parts_says_what_one_in_one_part_says() {
    let house = House::new().await;
    let crowd = crowd(&house, 24).await;
    let right = audit(&house.storage, 1_000_000).await;
    assert_eq!((right.purchases, right.balances), (24, 48));
    assert_eq!(right.discrepancies, []);
    for (place, (player, _)) in crowd.iter().enumerate().filter(|(place, _)| place % 3 == 0) {
        let member = player.member.id;
        let more = format!(
            "UPDATE wallet SET balance = balance + {place} + 1 WHERE member = {}",
            member.number()
        );
        run(&house, member, more).await;
    }
    let whole = sorted(audit(&house.storage, 1_000_000).await);
    assert_eq!(whole.discrepancies.len(), 16, "two items of each");
    for limit in [1, 2, 3, 7, 20] {
        assert_eq!(sorted(audit(&house.storage, limit).await), whole, "in parts of {limit}");
    }
}

#[tokio::test]
async fn a_part_is_of_whole_members_and_bounded() {
    let house = House::new().await;
    crowd(&house, 16).await;
    let truth = house.storage.records.truth();
    for server in 0..truth.servers() {
        let mut after = None;
        loop {
            let part = truth.audit(server, after, 10).await.unwrap();
            // The tenth entry's member is the last, and has at most eight.
            assert!(part.entries <= 10 + 8, "{part:?}");
            after = part.next;
            if after.is_none() {
                break;
            }
        }
    }
    assert!(truth.audit(2, None, 10).await.is_err(), "there are two");
}

#[tokio::test]
async fn each_thing_that_is_made_to_be_wrong_is_found() {
    let house = House::new().await;
    let crowd = crowd(&house, 9).await;
    let of = |place: usize| (crowd[place].0.member.id, crowd[place].1);
    let gem = || "gem".to_owned();
    let mut expected = Vec::new();

    let (member, _) = of(3);
    let number = member.number();
    let statement =
        format!("UPDATE wallet SET balance = 1 WHERE member = {number} AND item = 'gem'");
    run(&house, member, statement).await;
    expected.push(Discrepancy::Balance { member, item: gem(), kept: Some(1), sum: 105 });

    let (member, _) = of(7);
    let number = member.number();
    run(&house, member, format!("DELETE FROM wallet WHERE member = {number} AND item = 'gem'"))
        .await;
    expected.push(Discrepancy::Balance { member, item: gem(), kept: None, sum: 105 });

    // Something that never came from anywhere.
    let (member, _) = of(1);
    let number = member.number();
    let statement = format!("INSERT INTO wallet VALUES ({number}, 'sword', 'demo', 1)");
    run(&house, member, statement).await;
    let item = "sword".to_owned();
    expected.push(Discrepancy::Balance { member, item, kept: Some(1), sum: 0 });

    // An entry of one side alone: it is of a transfer, of a balance.
    let (member, _) = of(5);
    let number = member.number();
    let id = uuid::Uuid::from_u128(7);
    let statement = format!(
        "INSERT INTO ledger VALUES ({number}, X'{}', 0, 'member', 'gem', 40, 40, 'given', NULL, \
         NULL, 9)",
        id.simple()
    );
    run(&house, member, statement).await;
    expected.push(Discrepancy::Transfer { member, id, item: gem(), sum: 40 });
    expected.push(Discrepancy::Balance { member, item: gem(), kept: Some(93), sum: 133 });

    // A purchase that says that more is in force than was granted.
    let (member, id) = of(2);
    let number = member.number();
    let statement =
        format!("UPDATE purchase SET stand = 'granted', refunded_bp = 0 WHERE member = {number}");
    run(&house, member, statement).await;
    for (item, in_force) in [("box", 3), ("gem", GEMS)] {
        let item = item.to_owned();
        expected.push(Discrepancy::Purchase { member, id, item, in_force, sum: 0 });
    }

    // A purchase that went away.
    let (member, id) = of(8);
    let number = member.number();
    run(&house, member, format!("DELETE FROM purchase WHERE member = {number}")).await;
    for (item, sum) in [("box", 2), ("gem", 75)] {
        let item = item.to_owned();
        expected.push(Discrepancy::Purchase { member, id, item, in_force: 0, sum });
    }

    expected.sort_by_key(|it| format!("{it:?}"));
    for limit in [1, 5, 1000] {
        assert_eq!(sorted(audit(&house.storage, limit).await).discrepancies, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_under_writers_finds_nothing() {
    let house = House::new().await;
    let mut players = Vec::new();
    for _ in 0..6 {
        players.push(house.game.player().await);
    }
    let stop = AtomicBool::new(false);
    let write = players.iter().map(async |player| {
        let mut turns = 0;
        while !stop.load(Ordering::SeqCst) {
            let bought = Bought::new(&house.game);
            bought.posted(player, State::Paid, at(1)).await;
            player.spends(&format!("turn {turns}"), 40).await;
            bought.told(State::Refunded, at(2)).await;
            turns += 1;
        }
        turns
    });
    let watch = async {
        for limit in [1, 3, 10, 1000, 1000, 1000] {
            adds_up(&house.storage).await;
            assert_eq!(audit(&house.storage, limit).await.discrepancies, []);
        }
        stop.store(true, Ordering::SeqCst);
    };
    let (turns, ()) = futures_util::future::join(join_all(write), watch).await;
    assert!(turns.iter().sum::<u32>() > 0);
    adds_up(&house.storage).await;
}
