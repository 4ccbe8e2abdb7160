//! A login that was cut between its steps: whoever comes next finishes it.

use mysql_async::prelude::Queryable;

use super::server::Scene;
use crate::clock::SystemClock;
use crate::conformance::scene::{DAY, Game, SECOND, START, digest};
use crate::identity::{LoginOutcome, LoginWrite};
use crate::mariadb::MariaDb;
use crate::mariadb::identity::Step;
use crate::mariadb::identity::claims::{Claim, Claims};
use crate::open::Storage;

/// A backend on two databases, and a storage in front of the same.
async fn two() -> (MariaDb, Storage, super::server::Kept) {
    let scene = Scene::two();
    scene.backend().await;
    let backend = MariaDb::open(&scene.settings, &SystemClock).await.unwrap();
    let (storage, kept) = scene.storage().await;
    storage.start_alone().await.unwrap();
    (backend, storage, kept)
}

/// The claim of a login whose process was killed then.
async fn left(backend: &MariaDb, write: &LoginWrite) -> Claim {
    let claim = Claim::new(write, write.key.digest());
    backend.router.write_one::<Claims>(claim).await.unwrap()
}

/// Someone whose member is on another server than the claim, half of the time.
fn people(game: &Game) -> Vec<LoginWrite> {
    (0..8).map(|person| game.vouched(&person.to_string(), START)).collect()
}

#[tokio::test]
async fn whoever_meets_a_pending_claim_goes_on_with_it() {
    let (backend, storage, _kept) = two().await;
    let game = Game::new(&storage);
    for write in people(&game) {
        let claim = left(&backend, &write).await;
        assert!(claim.pending && claim.member == write.candidate);
        let back = game.enter(game.vouched(&write.key.subject, START.after(DAY))).await;
        assert_eq!((back.member.id, back.new_member, back.epoch), (write.candidate, true, 1));
        // Once more, whether or not the claim is marked as done by now.
        let again = game.enter(game.vouched(&write.key.subject, START.after(DAY))).await;
        assert_eq!((again.member.id, again.new_member, again.epoch), (write.candidate, false, 2));
        assert_eq!(game.identities(write.candidate).await.len(), 1);
    }
}

#[tokio::test]
async fn a_guest_whose_claim_was_left_is_known_by_its_secret_alone() {
    let (backend, storage, _kept) = two().await;
    let (game, secret) = (Game::new(&storage), digest());
    let write = game.new_guest("guest", secret, START);
    left(&backend, &write).await;
    assert_eq!(game.login(game.guest("guest", digest(), START)).await, LoginOutcome::Refused);
    assert_eq!(game.login(game.new_guest("guest", secret, START)).await, LoginOutcome::Refused);
    let back = game.enter(game.guest("guest", secret, START)).await;
    assert_eq!(back.member.id, write.candidate);
    // The very login that claimed it may be sent again.
    let write = game.new_guest("another", secret, START);
    left(&backend, &write).await;
    assert!(game.enter(write).await.new_member);
}

#[tokio::test]
async fn a_sweep_finishes_what_was_left_and_leaves_what_is_under_way() {
    let (backend, storage, kept) = two().await;
    let game = Game::new(&storage);
    let writes = people(&game);
    for write in &writes {
        left(&backend, write).await;
    }
    let pending = async || -> i64 {
        let mut count = 0;
        for database in &kept.scene.databases {
            let select = "SELECT COUNT(*) FROM identity_claim WHERE pending = 1";
            count += database.connect().await.query_first::<i64, _>(select).await.unwrap().unwrap();
        }
        count
    };
    storage.sessions.sweep(START, 100).await.unwrap();
    assert_eq!(pending().await, 8, "they are not old enough");
    storage.sessions.sweep(START.after(SECOND), 100).await.unwrap();
    assert_eq!(pending().await, 0);
    for write in writes {
        assert!(game.member(write.candidate).await.is_some());
        let back = game.enter(game.vouched(&write.key.subject, START.after(DAY))).await;
        assert_eq!((back.member.id, back.new_member), (write.candidate, true));
    }
}

#[tokio::test]
async fn a_claim_on_an_id_that_is_anothers_is_taken_back() {
    let (backend, storage, _kept) = two().await;
    let game = Game::new(&storage);
    let other = game.player().await;
    let write = LoginWrite { candidate: other.member.id, ..game.vouched("person", START) };
    left(&backend, &write).await;
    assert_eq!(game.login(game.vouched("person", START)).await, LoginOutcome::IdTaken);
    assert!(game.enter(game.vouched("person", START)).await.new_member);
    left(&backend, &LoginWrite { candidate: other.member.id, ..game.vouched("late", START) }).await;
    storage.sessions.sweep(START.after(SECOND), 100).await.unwrap();
    assert!(game.enter(game.vouched("late", START)).await.new_member);
    assert_eq!(other.standing().await.epoch, 1);
}

#[tokio::test]
async fn a_process_that_is_cut_after_any_step_loses_and_doubles_nothing() {
    let (backend, storage, _kept) = two().await;
    let game = Game::new(&storage);
    for (place, step) in Step::ALL.into_iter().enumerate() {
        let subject = place.to_string();
        let nonce = Some((digest(), START.after(DAY)));
        let write = LoginWrite { nonce, ..game.vouched(&subject, START) };
        backend.log_in_until(write.clone(), step).await;
        let back = game.enter(game.vouched(&subject, START.after(SECOND))).await;
        let written = step == Step::Entered;
        let claimed = written || step == Step::Claimed;
        assert_eq!(back.member.id == write.candidate, claimed, "{step:?}");
        assert_eq!((back.new_member, back.epoch), (!written, 1 + i64::from(written)), "{step:?}");
        let again = game.login(LoginWrite { nonce, ..game.vouched(&subject, START) }).await;
        let used = again == LoginOutcome::NonceUsed;
        assert_eq!(used, step != Step::Found, "{step:?}: {again:?}");
    }
}
