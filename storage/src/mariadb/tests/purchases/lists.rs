//! What is taken from lists by one of several nodes, each server's part by itself, and of what
//! it keeps alone.

use std::collections::HashSet;
use std::hash::Hash;

use futures_util::future::join_all;
use mysql_async::prelude::Queryable;

use super::House;
use crate::clock::SystemClock;
use crate::conformance::shop::{Bought, at, lease, owned};
use crate::mariadb::MariaDb;
use crate::outbox::{Leasing, OutboxDuty};
use crate::purchases::{Evidence, Hold, PurchasesDuty, Said, Source, State};

/// Each once, and all of them.
fn once<T: Eq + Hash>(taken: impl IntoIterator<Item = T>, all: usize) {
    let taken: Vec<T> = taken.into_iter().collect();
    let count = taken.len();
    assert_eq!((taken.into_iter().collect::<HashSet<T>>().len(), count), (all, all));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_leased_by_many_at_once_is_leased_once() {
    let house = House::new().await;
    let mut expected = 0;
    for _ in 0..4 {
        for (bought, player) in house.pairs().await {
            let said = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
            owned(bought.hear(Said { look_at: Some(at(1)), ..said }).await);
            let shown = Evidence {
                app: house.game.app.clone(),
                store: bought.key.store,
                source: if expected % 2 == 0 {
                    Source::Told
                } else {
                    Source::Posted(player.member.id)
                },
                mark: bought.key.key.clone(),
                body: "{}".to_owned(),
                reservation: None,
            };
            house.storage.purchases.receive(shown, at(0), at(1)).await.unwrap();
            expected += 1;
        }
    }
    let settings = &house.kept.scene.settings;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(MariaDb::open(settings, &SystemClock).await.unwrap());
    }
    let (now, until) = (at(2), lease(at(2)));
    let asks = || (0..24).map(|place| &nodes[place % 3]);
    let settling = join_all(asks().map(|node| node.to_settle(now, until, 3))).await;
    once(settling.into_iter().flat_map(Result::unwrap).map(|it| it.purchase.id), expected);
    let looks = join_all(asks().map(|node| node.to_look_at(now, until, 3))).await;
    once(looks.into_iter().flat_map(Result::unwrap).map(|it| it.claim), expected);
    let waiting = join_all(asks().map(|node| node.waiting(now, until, 3))).await;
    once(waiting.into_iter().flat_map(Result::unwrap).map(|it| it.digest), expected);
    let leasing = |members| Leasing { now, until, members, each: 10 };
    let due = join_all(asks().map(|node| node.lease(leasing(3)))).await;
    let due: Vec<_> = due.into_iter().flat_map(Result::unwrap).collect();
    assert!(due.iter().all(|due| due.notices.len() == 1), "{due:?}");
    once(due.into_iter().map(|due| due.member), expected);
}

#[tokio::test]
async fn rows_of_shards_that_a_server_does_not_keep_are_on_no_list() {
    let house = House::new().await;
    for (bought, player) in house.pairs().await {
        let bought = bought.held(Hold::Price);
        let said = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
        owned(bought.hear(Said { look_at: Some(at(1)), ..said }).await);
        let bought = Bought::new(&house.game);
        owned(bought.posted(&player, State::Paid, at(1)).await);
    }
    // What a shard leaves behind where it was.
    let [a, b] = [0, 1].map(|at: usize| &house.kept.scene.databases[at]);
    let names = [a, b].map(|it| it.url.rsplit('/').next().unwrap().to_owned());
    let tables = ["purchase_claim", "purchase", "wallet", "ledger", "outbox", "outbox_member"];
    for table in tables {
        let mut connection = a.connect().await;
        for (to, from) in [(&names[0], &names[1]), (&names[1], &names[0])] {
            let copy = format!("INSERT IGNORE INTO {to}.{table} SELECT * FROM {from}.{table}");
            connection.query_drop(copy).await.unwrap();
        }
        if table == "wallet" {
            // There it is as it was before, which is no longer right.
            let stale = "UPDATE wallet SET balance = balance + 1 WHERE member >> 53 >= 512";
            connection.query_drop(stale).await.unwrap();
        }
    }
    let purchases = &house.storage.purchases;
    let (now, until) = (at(2), lease(at(2)));
    once(purchases.held(100).await.unwrap().into_iter().map(|it| it.claim), 4);
    let looks = purchases.to_look_at(now, until, 100).await.unwrap();
    once(looks.into_iter().map(|it| it.claim), 4);
    let settling = purchases.to_settle(now, until, 100).await.unwrap();
    once(settling.into_iter().map(|it| it.purchase.id), 4);
    let leasing = Leasing { now, until, members: 100, each: 10 };
    let due = house.storage.outbox.lease(leasing).await.unwrap();
    once(due.into_iter().map(|due| due.member), 4);
    let audited = crate::conformance::shop::audit(&house.storage, 3).await;
    assert_eq!((audited.purchases, audited.balances, audited.discrepancies.len()), (8, 8, 0));
}
