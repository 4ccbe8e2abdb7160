//! What is asked of a backend about who may log in as whom.

pub mod nonces;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use protocol::members::MemberState;

use super::scene::{DAY, Game, INSTANT, LIFETIME, SECOND, START, candidate, digest};
use crate::identity::{Identity, LoginOutcome, LoginWrite, Proof};
use crate::members::Member;
use crate::open::Storage;
use crate::sessions::EndedBy;

pub async fn a_guests_first_login_makes_a_member(storage: Storage) {
    let game = Game::new(&storage);
    let write = game.new_guest("guest", digest(), START);
    let guest = game.enter(write.clone()).await;
    let member = Member {
        app: game.app.clone(),
        id: write.candidate,
        state: MemberState::Active,
        created_at: START,
        ban: None,
    };
    assert_eq!(guest.member, member);
    assert_eq!((guest.new_member, guest.epoch, guest.replaced), (true, 1, None));
    assert_eq!(game.member(member.id).await, Some(member.clone()));
    let identity =
        Identity { provider: "guest".to_owned(), linked_at: START, last_login_at: START };
    assert_eq!(game.identities(member.id).await, [identity]);
}

pub async fn a_guest_comes_back_with_its_secret(storage: Storage) {
    let (game, secret) = (Game::new(&storage), digest());
    let first = game.enter(game.new_guest("guest", secret, START)).await;
    let back = game.enter(game.guest("guest", secret, START.after(DAY))).await;
    assert_eq!(back.member, first.member);
    assert!(!back.new_member);
}

/// Sends a login with a nonce, which must be refused, and looks for what it left.
async fn refused(game: &Game, mut write: LoginWrite) {
    write.nonce = Some((digest(), write.login.now.after(DAY)));
    assert_eq!(game.login(write.clone()).await, LoginOutcome::Refused);
    assert_eq!(game.member(write.candidate).await, None);
    let mut other = game.vouched("who uses the nonce", write.login.now);
    other.nonce = write.nonce;
    game.enter(other).await;
}

pub async fn a_wrong_secret_is_refused_and_leaves_nothing_behind(storage: Storage) {
    let (game, secret) = (Game::new(&storage), digest());
    let first = game.enter(game.new_guest("guest", secret, START)).await;
    let wrong = game.guest("guest", digest(), START.after(DAY));
    let login = wrong.login.id;
    refused(&game, wrong).await;

    assert_eq!(game.standing(first.member.id, login).await, None);
    assert_eq!(game.identities(first.member.id).await[0].last_login_at, START);
    let second = game.enter(game.guest("guest", secret, START.after(DAY))).await;
    assert_eq!((second.epoch, second.replaced), (2, Some(first.login.id)));
}

pub async fn an_absent_guest_is_refused_and_leaves_nothing_behind(storage: Storage) {
    let (game, secret) = (Game::new(&storage), digest());
    refused(&game, game.guest("guest", secret, START)).await;
    // The id is still free.
    assert!(game.enter(game.new_guest("guest", secret, START)).await.new_member);
}

pub async fn a_new_guest_under_a_known_id_is_refused(storage: Storage) {
    let (game, secret) = (Game::new(&storage), digest());
    let first = game.enter(game.new_guest("guest", secret, START)).await;
    refused(&game, game.new_guest("guest", digest(), START)).await;
    refused(&game, game.new_guest("guest", secret, START)).await;
    // The first one's secret stands.
    let back = game.enter(game.guest("guest", secret, START)).await;
    assert_eq!((back.member, back.epoch), (first.member, 2));
}

pub async fn a_secret_opens_no_identity_that_has_none(storage: Storage) {
    let game = Game::new(&storage);
    game.enter(game.vouched("person", START)).await;
    for proof in [Proof::Secret(digest()), Proof::Secret([0; 32]), Proof::NewSecret(digest())] {
        refused(&game, LoginWrite { proof, ..game.vouched("person", START) }).await;
    }
}

pub async fn a_vouched_person_is_the_same_member_again_and_the_last_login_moves(storage: Storage) {
    let game = Game::new(&storage);
    let first = game.enter(game.vouched("person", START)).await;
    let write = game.vouched("person", START.after(DAY));
    let unneeded = write.candidate;
    let second = game.enter(write).await;
    assert!(first.new_member && !second.new_member);
    assert_eq!(second.member, first.member);
    assert_eq!(game.member(unneeded).await, None);
    let identity = Identity {
        provider: "google".to_owned(),
        linked_at: START,
        last_login_at: START.after(DAY),
    };
    assert_eq!(game.identities(first.member.id).await, [identity]);
}

pub async fn the_same_subject_in_another_game_is_another_member(storage: Storage) {
    let (game, other) = (Game::new(&storage), Game::new(&storage));
    let here = game.enter(game.vouched("person", START)).await;
    let there = other.enter(other.vouched("person", START)).await;
    assert!(there.new_member);
    assert_ne!(here.member.id, there.member.id);
    assert_eq!((there.epoch, there.replaced), (1, None));
}

pub async fn the_same_subject_of_another_provider_is_another_member(storage: Storage) {
    let game = Game::new(&storage);
    let google = game.vouched("person", START);
    let mut apple = game.vouched("person", START);
    "apple".clone_into(&mut apple.key.provider);
    let (google, apple) = (game.enter(google).await, game.enter(apple).await);
    assert!(apple.new_member);
    assert_ne!(google.member.id, apple.member.id);
}

pub async fn a_subject_is_read_to_the_letter(storage: Storage) {
    let game = Game::new(&storage);
    // Alike to a database that folds case, accents, widths or trailing spaces.
    let subjects = ["person", "Person", "person ", " person", "pérson", "pe\u{301}rson", "ｐerson"];
    let mut members = BTreeSet::new();
    for subject in subjects {
        let player = game.enter(game.vouched(subject, START)).await;
        assert!(player.new_member, "{subject:?}");
        members.insert(player.member.id);
    }
    assert_eq!(members.len(), subjects.len());
    for subject in subjects {
        assert!(!game.enter(game.vouched(subject, START)).await.new_member, "{subject:?}");
    }
}

pub async fn identities_are_listed_in_their_own_game_alone(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    assert_eq!(game.identities(player.member.id).await.len(), 1);
    assert_eq!(Game::new(&storage).identities(player.member.id).await, []);
    assert_eq!(game.identities(candidate()).await, []);
}

pub async fn a_taken_id_is_told_and_another_draw_logs_in(storage: Storage) {
    let game = Game::new(&storage);
    let first = game.player().await;
    // Ids are one space for all games.
    for game in [game.clone(), Game::new(&storage)] {
        let mut write = game.vouched("newcomer", START);
        let draw = std::mem::replace(&mut write.candidate, first.member.id);
        assert_eq!(game.login(write.clone()).await, LoginOutcome::IdTaken);
        assert_eq!(game.standing(first.member.id, write.login.id).await, None);

        write.candidate = draw;
        let newcomer = game.enter(write).await;
        assert_eq!((newcomer.member.id, newcomer.new_member), (draw, true));
        assert_eq!(newcomer.epoch, 1);
    }
    assert_eq!(game.member(first.member.id).await, Some(first.member.clone()));
    assert_eq!(first.standing().await.epoch, 1);
}

pub async fn fifty_first_logins_at_once_make_one_member(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(5).await;
    let logins = nodes.iter().cycle().take(50).map(|node| node.enter(node.vouched("one", START)));
    let players = join_all(logins).await;

    let members: BTreeSet<_> = players.iter().map(|player| player.member.id).collect();
    assert_eq!(members.len(), 1);
    assert_eq!(players.iter().filter(|player| player.new_member).count(), 1);
    let mut epochs: Vec<_> = players.iter().map(|player| player.epoch).collect();
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=50).collect::<Vec<_>>());
    assert_eq!(game.identities(players[0].member.id).await.len(), 1);
    // Each names the one before it.
    for player in &players {
        let before = players.iter().find(|before| before.epoch + 1 == player.epoch);
        assert_eq!(player.replaced, before.map(|before| before.login.id));
    }
}

pub async fn the_epoch_rises_by_one_with_each_login(storage: Storage) {
    let game = Game::new(&storage);
    for epoch in 1..=5 {
        let player = game.enter(game.vouched("person", START.after(SECOND))).await;
        assert_eq!(player.epoch, epoch);
        let standing = player.standing().await;
        assert_eq!((standing.epoch, standing.login.epoch), (epoch, epoch));
    }
    // Another member's epoch is its own.
    assert_eq!(game.player().await.epoch, 1);
}

pub async fn a_login_names_the_one_it_replaces(storage: Storage) {
    let game = Game::new(&storage);
    let first = game.player().await;
    let second = first.again(START.after(SECOND)).await;
    let third = first.again(START.after(LIFETIME)).await;
    assert_eq!(first.replaced, None);
    assert_eq!(second.replaced, Some(first.login.id));
    assert_eq!(third.replaced, Some(second.login.id));
    // To be replaced is not to be ended.
    assert_eq!(second.standing().await.login.ended, None);
}

pub async fn a_login_names_no_login_that_had_ended(storage: Storage) {
    let first = Game::new(&storage).player().await;
    let second = first.again(START).await;
    second.ends(EndedBy::Logout, START).await;
    // The first one still lives, but it did not hold the session.
    let third = first.again(START).await;
    assert_eq!((third.epoch, third.replaced), (3, None));
}

pub async fn a_login_names_no_login_that_had_expired(storage: Storage) {
    let first = Game::new(&storage).player().await;
    let just_in_time = first.again(START.after(LIFETIME).before(INSTANT)).await;
    assert_eq!(just_in_time.replaced, Some(first.login.id));
    let second = Game::new(&storage).player().await;
    assert_eq!(second.again(START.after(LIFETIME)).await.replaced, None);
}
