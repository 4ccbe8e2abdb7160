//! What is asked about looking at purchases.

use uuid::Uuid;

use crate::conformance::scene::{Game, INSTANT};
use crate::conformance::shop::{Bought, at, lease, owned};
use crate::open::Storage;
use crate::purchases::{Consumed, HistoryRead, Hold, Look, Named, Said, Source, State};

pub async fn purchases_are_listed_with_the_newest_first_and_read_on(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let mut all = Vec::new();
    for second in 1..=5 {
        all.push(owned(Bought::new(&game).posted(&player, State::Paid, at(second)).await));
    }
    all.reverse();
    assert_eq!(player.history(player.looks_back()).await, all);
    let two = HistoryRead { limit: 2, ..player.looks_back() };
    assert_eq!(player.history(two.clone()).await, all[..2]);
    let next = HistoryRead { after: Some(all[1].id), ..two.clone() };
    assert_eq!(player.history(next).await, all[2..4]);
    let last = HistoryRead { after: Some(all[3].id), ..two.clone() };
    assert_eq!(player.history(last).await, all[4..]);
    let none = HistoryRead { after: Some(all[4].id), ..two };
    assert_eq!(player.history(none).await, []);
}

pub async fn what_is_not_consumed_is_listed_with_the_oldest_first(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let mut all = Vec::new();
    for second in 1..=4 {
        all.push(owned(Bought::new(&game).posted(&player, State::Paid, at(second)).await));
    }
    owned(Bought::new(&game).posted(&player, State::Pending, at(5)).await);
    owned(Bought::new(&game).posted(&player, State::Refunded, at(5)).await);
    owned(Bought::new(&game).held(Hold::Price).posted(&player, State::Paid, at(5)).await);
    let done = player.consumes(all[1].id, at(9)).await;
    assert!(matches!(done, Consumed::Done { again: false, .. }), "{done:?}");
    all.remove(1);
    let unconsumed = HistoryRead { unconsumed: true, ..player.looks_back() };
    assert_eq!(player.history(unconsumed.clone()).await, all);
    let first = HistoryRead { limit: 1, ..unconsumed };
    assert_eq!(player.history(first.clone()).await, all[..1]);
    let next = HistoryRead { after: Some(all[0].id), ..first };
    assert_eq!(player.history(next).await, all[1..2]);
}

pub async fn nobody_finds_a_purchase_of_another_member_or_game(storage: Storage) {
    let (game, strange) = (Game::new(&storage), Game::new(&storage));
    let (player, other) = (game.player().await, game.player().await);
    let bought = Bought::new(&game);
    let purchase = owned(bought.posted(&player, State::Paid, at(1)).await);
    assert_eq!(other.purchase(purchase.id).await, None);
    assert_eq!(other.consumes(purchase.id, at(2)).await, Consumed::Unknown);
    assert_eq!(other.history(other.looks_back()).await, []);
    assert_eq!(player.purchase(Uuid::now_v7()).await, None);
    let (app, member) = (strange.app.clone(), player.member.id);
    assert_eq!(storage.purchases.get(app.clone(), member, purchase.id).await, Ok(None));
    let there = HistoryRead { app: app.clone(), ..player.looks_back() };
    assert_eq!(player.history(there).await, []);
    let mut write = player.consume(purchase.id, at(2));
    (write.app, write.login) = (app.clone(), None);
    assert_eq!(storage.purchases.consume(write).await, Ok(Consumed::Unknown));
    assert_eq!(storage.wallet.balances(app.clone(), member).await, Ok(vec![]));
    assert_eq!(storage.wallet.transfers(app, member, None, 10).await, Ok(vec![]));
    // The same key in another game, store or environment is another purchase.
    let mut key = bought.key.clone();
    key.app = strange.app.clone();
    assert_eq!(storage.purchases.claim_on(&key).await, Ok(None));
    assert_eq!(player.purchase(purchase.id).await, Some(purchase));
}

pub async fn a_claim_is_found_as_it_was_decided(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    assert_eq!(bought.claim().await, None);
    let said = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
    bought.hear(Said { look_at: Some(at(500)), ..said.clone() }).await;
    let claim = bought.claim().await.unwrap();
    assert_eq!((claim.key, claim.id, claim.facts), (said.key, said.candidate, said.facts));
    assert_eq!((claim.product, claim.grants), (said.product, said.grants));
    assert_eq!((claim.owner, claim.hold, claim.webhook), (Some(player.member.id), None, true));
    assert_eq!((claim.told_at, claim.look_at), (at(1), Some(at(500))));
    assert_eq!((claim.granted_at, claim.created_at), (Some(at(1)), at(1)));
    assert!(!claim.settled);
}

pub async fn what_is_held_is_listed_with_the_oldest_first(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let mut held = Vec::new();
    let holds = [Hold::Used, Hold::Kind, Hold::Product];
    for (second, hold) in (1..).zip(holds) {
        let bought = Bought::new(&game).held(hold);
        bought.posted(&player, State::Paid, at(second)).await;
        held.push(bought);
    }
    let lost = Bought::new(&game).naming(Named::Unknown);
    lost.told(State::Paid, at(9)).await;
    held.push(lost);
    owned(Bought::new(&game).posted(&player, State::Paid, at(9)).await);
    Bought::new(&game).told(State::Pending, at(9)).await;
    let listed = async |limit| -> Vec<_> {
        let looks = storage.purchases.held(limit).await.unwrap();
        looks.into_iter().map(|look| (look.claim, look.of.hold.map(Hold::word))).collect()
    };
    let holds = holds.into_iter().chain([Hold::UnknownAccount]).map(|hold| Some(hold.word()));
    let expected: Vec<_> = held.iter().map(|bought| bought.key.digest()).zip(holds).collect();
    assert_eq!(sorted(listed(10).await), sorted(expected.clone()));
    assert_eq!(listed(0).await, []);
    // From each server no more than asked for, and of one the oldest.
    assert!(listed(2).await.contains(&expected[0]));
    held[0].release(None, at(20)).await.unwrap();
    held[1].told(State::Refunded, at(21)).await;
    assert_eq!(sorted(listed(10).await), sorted(expected[2..].to_vec()));
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

pub async fn a_store_is_asked_again_by_one_node_at_a_time(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let (soon, later) = (Bought::new(&game), Bought::new(&game));
    for (bought, due) in [(&soon, at(100)), (&later, at(200))] {
        let said = bought.said(Source::Posted(player.member.id), State::Pending, at(1));
        bought.hear(Said { look_at: Some(due), ..said }).await;
    }
    let due = async |now| -> Vec<_> {
        let looks = storage.purchases.to_look_at(now, lease(now), 10).await.unwrap();
        looks.into_iter().map(|Look { claim, of }| (claim, of.owner)).collect()
    };
    let expected = [(soon.key.digest(), Some(player.member.id))];
    assert_eq!(due(at(100).before(INSTANT)).await, []);
    assert_eq!(due(at(100)).await, expected);
    assert_eq!(due(at(101)).await, [], "it is leased");
    assert_eq!(due(lease(at(100))).await, expected, "whoever had it is gone");
    // What the store then says, says when to ask again.
    owned(soon.told(State::Paid, at(170)).await);
    assert_eq!(due(at(10_000)).await, [(later.key.digest(), Some(player.member.id))]);
}
