//! What is asked of a backend about nonces: each is good for one login.

use futures_util::future::join_all;

use crate::clock::Micros;
use crate::conformance::scene::{DAY, Game, START, digest};
use crate::identity::{Digest, LoginOutcome, LoginWrite};
use crate::open::Storage;

/// A vouched login that carries a nonce.
fn with(nonce: Digest, game: &Game, subject: &str, now: Micros) -> LoginWrite {
    LoginWrite { nonce: Some((nonce, START.after(DAY))), ..game.vouched(subject, now) }
}

pub async fn a_nonce_is_good_once(storage: Storage) {
    let (game, nonce) = (Game::new(&storage), digest());
    game.enter(with(nonce, &game, "person", START)).await;
    for subject in ["person", "another"] {
        let again = game.login(with(nonce, &game, subject, START)).await;
        assert_eq!(again, LoginOutcome::NonceUsed);
    }
    game.enter(with(digest(), &game, "person", START)).await;
}

pub async fn a_nonce_is_good_for_one_of_twenty_logins_at_once(storage: Storage) {
    let (game, nonce) = (Game::new(&storage), digest());
    let nodes = game.nodes(4).await;
    // Half of them are one person, the others are people of their own.
    let logins = nodes.iter().cycle().take(20).enumerate().map(|(place, node)| {
        let subject = if place % 2 == 0 { "person".to_owned() } else { place.to_string() };
        node.login(with(nonce, node, &subject, START))
    });
    let outcomes = join_all(logins).await;
    let used = outcomes.iter().filter(|outcome| **outcome == LoginOutcome::NonceUsed).count();
    let good = outcomes.iter().filter(|outcome| matches!(outcome, LoginOutcome::LoggedIn { .. }));
    assert_eq!((good.count(), used), (1, 19), "{outcomes:?}");
}

pub async fn a_nonce_of_one_game_is_unused_in_another(storage: Storage) {
    let (game, other, nonce) = (Game::new(&storage), Game::new(&storage), digest());
    game.enter(with(nonce, &game, "person", START)).await;
    other.enter(with(nonce, &other, "person", START)).await;
}

pub async fn a_used_nonce_leaves_nothing_behind(storage: Storage) {
    let (game, nonce) = (Game::new(&storage), digest());
    let first = game.enter(with(nonce, &game, "person", START)).await;
    let known = with(nonce, &game, "person", START.after(DAY));
    assert_eq!(game.login(known.clone()).await, LoginOutcome::NonceUsed);
    assert_eq!(first.standing().await.epoch, 1);
    assert_eq!(game.standing(first.member.id, known.login.id).await, None);
    assert_eq!(game.identities(first.member.id).await[0].last_login_at, START);

    let new = with(nonce, &game, "another", START);
    assert_eq!(game.login(new.clone()).await, LoginOutcome::NonceUsed);
    assert_eq!(game.member(new.candidate).await, None);
    assert!(game.enter(game.vouched("another", START)).await.new_member);
}

pub async fn a_taken_id_does_not_use_the_nonce_up(storage: Storage) {
    let (game, nonce) = (Game::new(&storage), digest());
    let first = game.player().await;
    let mut write = with(nonce, &game, "newcomer", START);
    let draw = std::mem::replace(&mut write.candidate, first.member.id);
    assert_eq!(game.login(write.clone()).await, LoginOutcome::IdTaken);
    write.candidate = draw;
    game.enter(write).await;
}
