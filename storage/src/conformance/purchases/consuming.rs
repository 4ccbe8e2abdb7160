//! What is asked about taking what was granted, and about telling the store of both.

use futures_util::future::join_all;

use crate::clock::Micros;
use crate::conformance::scene::{Game, INSTANT};
use crate::conformance::shop::{Bought, at, lease, owned};
use crate::error::StorageError;
use crate::open::Storage;
use crate::purchases::{
    ConsumeWrite, Consumed, Hold, Purchase, Said, Settle, Settled, Settling, Source, State,
};

pub async fn a_purchase_is_consumed_by_one_of_twenty_at_once(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let purchase = owned(Bought::new(&game).posted(&player, State::Paid, at(1)).await);
    let nodes = game.nodes(2).await;
    let consumes = (0..20).zip(nodes.iter().cycle()).map(|(second, node)| {
        node.storage.purchases.consume(player.consume(purchase.id, at(10 + second)))
    });
    let mut first = Vec::new();
    let mut all = Vec::new();
    for consumed in join_all(consumes).await {
        match consumed.unwrap() {
            Consumed::Done { purchase, again } => {
                first.extend((!again).then_some(purchase.clone()));
                all.push(purchase);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(first.len(), 1);
    assert!(all.iter().all(|told| *told == first[0]), "all are told the same");
    assert!(first[0].consumed_at.is_some());
    assert_eq!(player.purchase(purchase.id).await.as_ref(), first.first());
}

pub async fn what_is_not_granted_is_not_consumed(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let pending = Bought::new(&game);
    let held = Bought::new(&game).held(Hold::Kind);
    let refunded = Bought::new(&game);
    owned(refunded.posted(&player, State::Paid, at(1)).await);
    let none = [
        owned(pending.posted(&player, State::Pending, at(1)).await),
        owned(held.posted(&player, State::Paid, at(1)).await),
        owned(refunded.told(State::Refunded, at(2)).await),
    ];
    for purchase in none {
        let said = player.consumes(purchase.id, at(9)).await;
        assert_eq!(said, Consumed::NotGranted(purchase.clone()));
        assert_eq!(player.purchase(purchase.id).await, Some(purchase));
    }
}

pub async fn a_login_that_was_replaced_consumes_nothing(storage: Storage) {
    let game = Game::new(&storage);
    let old = game.player().await;
    let purchase = owned(Bought::new(&game).posted(&old, State::Paid, at(1)).await);
    let new = old.again(at(2)).await;
    let consumed = storage.purchases.consume(old.consume(purchase.id, at(3))).await;
    assert_eq!(consumed, Err(StorageError::Replaced));
    assert_eq!(new.purchase(purchase.id).await, Some(purchase.clone()));
    let done = new.consumes(purchase.id, at(4)).await;
    assert!(matches!(done, Consumed::Done { again: false, .. }), "{done:?}");
    // The game's own server needs no login.
    let write = ConsumeWrite { login: None, ..old.consume(purchase.id, at(5)) };
    let again = storage.purchases.consume(write).await.unwrap();
    let Consumed::Done { purchase, again: true } = again else { panic!("{again:?}") };
    assert_eq!(purchase.consumed_at, Some(at(4)));
}

/// What is due at a store, which is leased.
async fn due(game: &Game, now: Micros) -> Vec<(uuid::Uuid, Settle, u32)> {
    let settling = game.storage.purchases.to_settle(now, lease(now), 10).await.unwrap();
    let told = |Settling { purchase, what, tries }: Settling| (purchase.id, what, tries);
    settling.into_iter().map(told).collect()
}

fn done(purchase: &Purchase, what: Settle) -> Settled {
    let (member, purchase) = (purchase.member, purchase.id);
    Settled { member, purchase, what, again: None, given_up: None }
}

async fn settled(game: &Game, settled: Settled) {
    game.storage.purchases.settled(settled).await.unwrap();
}

pub async fn a_store_is_told_of_a_grant_by_one_node_at_a_time_until_it_knows(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    let purchase = owned(bought.posted(&player, State::Paid, at(1)).await);
    let acknowledge = |tries| vec![(purchase.id, Settle::Acknowledge, tries)];
    assert_eq!(due(&game, at(1).before(INSTANT)).await, []);
    assert_eq!(due(&game, at(1)).await, acknowledge(0));
    assert_eq!(due(&game, at(2)).await, [], "it is leased");
    assert_eq!(due(&game, lease(at(1))).await, acknowledge(0), "whoever had it is gone");
    let again = Some(at(500));
    settled(&game, Settled { again, ..done(&purchase, Settle::Acknowledge) }).await;
    assert_eq!(due(&game, at(499)).await, []);
    assert_eq!(due(&game, at(500)).await, acknowledge(1));
    settled(&game, done(&purchase, Settle::Acknowledge)).await;
    assert_eq!(due(&game, at(100_000)).await, []);
    // Who had it before comes late.
    let again = Some(at(600));
    settled(&game, Settled { again, ..done(&purchase, Settle::Acknowledge) }).await;
    owned(bought.posted(&player, State::Paid, at(1)).await);
    assert_eq!(due(&game, at(100_000)).await, []);
}

pub async fn a_store_that_knows_of_the_grant_is_not_told(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let known = Bought::new(&game);
    let said = known.said(Source::Posted(player.member.id), State::Paid, at(1));
    owned(known.hear(Said { settled: true, ..said }).await);
    owned(Bought::new(&game).posted(&player, State::Pending, at(1)).await);
    owned(Bought::new(&game).held(Hold::Price).posted(&player, State::Paid, at(1)).await);
    owned(Bought::new(&game).posted(&player, State::Refunded, at(1)).await);
    assert_eq!(due(&game, at(100)).await, []);
}

pub async fn a_store_that_is_given_up_is_told_no_more(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let purchase = owned(Bought::new(&game).posted(&player, State::Paid, at(1)).await);
    assert_eq!(due(&game, at(1)).await.len(), 1);
    let given_up = Some("gone".to_owned());
    settled(&game, Settled { given_up, ..done(&purchase, Settle::Acknowledge) }).await;
    assert_eq!(due(&game, at(100_000)).await, []);
    assert_eq!(player.purchase(purchase.id).await, Some(purchase));
}

pub async fn what_was_consumed_meanwhile_is_still_told(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    let purchase = owned(bought.posted(&player, State::Paid, at(1)).await);
    assert_eq!(due(&game, at(1)).await.len(), 1);
    // While the store is told of the grant, the game takes it.
    player.consumes(purchase.id, at(2)).await;
    settled(&game, done(&purchase, Settle::Acknowledge)).await;
    assert_eq!(due(&game, at(2)).await, [(purchase.id, Settle::Consume, 0)]);
    // That it was granted again says nothing that the store does not hear by that.
    owned(bought.told(State::Refunded, at(3)).await);
    owned(bought.told_reversed(at(4)).await);
    let later = lease(at(4));
    assert_eq!(due(&game, later).await, [(purchase.id, Settle::Consume, 0)]);
    settled(&game, done(&purchase, Settle::Consume)).await;
    player.consumes(purchase.id, at(500)).await;
    assert_eq!(due(&game, at(100_000)).await, [], "it was told once");
}

pub async fn what_is_consumed_without_the_store_is_not_told(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let purchase = owned(Bought::new(&game).posted(&player, State::Paid, at(1)).await);
    let write = ConsumeWrite { settle: false, ..player.consume(purchase.id, at(2)) };
    storage.purchases.consume(write).await.unwrap();
    assert_eq!(due(&game, at(2)).await, [(purchase.id, Settle::Acknowledge, 0)]);
    settled(&game, done(&purchase, Settle::Acknowledge)).await;
    assert_eq!(due(&game, at(100_000)).await, []);
}

pub async fn stores_are_told_of_the_longest_due_first_and_no_more_than_asked(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let mut ids = Vec::new();
    for second in [3, 1, 2] {
        ids.push(owned(Bought::new(&game).posted(&player, State::Paid, at(second)).await).id);
    }
    let take = async |limit| -> Vec<_> {
        let taken = storage.purchases.to_settle(at(9), lease(at(9)), limit).await.unwrap();
        taken.into_iter().map(|settling| settling.purchase.id).collect()
    };
    assert_eq!(take(2).await, [ids[1], ids[2]]);
    assert_eq!(take(2).await, [ids[0]]);
}
