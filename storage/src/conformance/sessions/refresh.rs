//! What is asked of a backend about refresh tokens: each is exchanged once, a lost reply
//! may be had again, and a token that comes back too late ends its login.

use futures_util::future::join_all;
use protocol::ids::LoginId;
use uuid::Uuid;

use crate::conformance::scene::{DAY, Game, INSTANT, LIFETIME, SECOND, START, WINDOW, digest};
use crate::open::Storage;
use crate::sessions::{EndedBy, RefreshOutcome, RefreshWrite};

/// What an exchange says whose answer, `given`, is given again.
fn repeated(player: &crate::conformance::scene::Player, given: &RefreshWrite) -> RefreshOutcome {
    RefreshOutcome::Repeated {
        member: player.member.clone(),
        sealed: given.next_sealed.clone(),
        expires_at: given.expires_at,
    }
}

pub async fn a_refresh_puts_the_offered_token_in_place_of_the_present_one(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let mut token = player.login.token;
    for day in 1..=3 {
        token = player.rotates(token, START.after(day * DAY)).await;
        let standing = player.standing().await;
        assert_eq!(standing.login.refreshed_at, START.after(day * DAY));
        assert_eq!(standing.login.created_at, START);
        assert_eq!(standing.epoch, 1);
    }
}

pub async fn a_lost_reply_is_given_again_with_the_same_sealed_bytes(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let given = player.exchange(player.login.token, START.after(DAY));
    assert_eq!(player.game.refresh(given.clone()).await, player.rotated());
    for second in 1..=3 {
        let again = player.shows(player.login.token, given.now.after(second * SECOND)).await;
        assert_eq!(again, repeated(&player, &given));
    }
    // None of these tries put anything in the given token's place.
    assert_eq!(player.standing().await.login.refreshed_at, given.now);
    player.rotates(given.next, given.now.after(4 * SECOND)).await;
}

pub async fn a_reply_is_given_again_only_within_the_window(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let given = player.exchange(player.login.token, START.after(DAY));
    assert_eq!(player.game.refresh(given.clone()).await, player.rotated());
    let last = given.now.after(WINDOW).before(INSTANT);
    assert_eq!(player.shows(player.login.token, last).await, repeated(&player, &given));
    assert_eq!(player.shows(player.login.token, given.now.after(WINDOW)).await, player.rotated());
}

pub async fn after_the_window_a_new_token_takes_the_unused_ones_place(storage: Storage) {
    let player = Game::new(&storage).player().await;
    player.rotates(player.login.token, START.after(DAY)).await;
    // For as long as the successor is not used, however often.
    let mut successor = digest();
    for day in 2..=4 {
        successor = player.rotates(player.login.token, START.after(day * DAY)).await;
        assert_eq!(player.standing().await.login.refreshed_at, START.after(day * DAY));
    }
    player.rotates(successor, START.after(5 * DAY)).await;
}

pub async fn a_reply_of_the_second_try_is_given_again_too(storage: Storage) {
    let player = Game::new(&storage).player().await;
    player.rotates(player.login.token, START.after(DAY)).await;
    let given = player.exchange(player.login.token, START.after(2 * DAY));
    assert_eq!(player.game.refresh(given.clone()).await, player.rotated());
    let again = player.shows(player.login.token, given.now.after(SECOND)).await;
    assert_eq!(again, repeated(&player, &given));
}

pub async fn an_unused_token_that_was_put_aside_counts_as_used(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let aside = player.rotates(player.login.token, START.after(DAY)).await;
    let present = player.rotates(player.login.token, START.after(2 * DAY)).await;
    assert_eq!(player.shows(aside, START.after(3 * DAY)).await, player.reused());
    assert_eq!(player.standing().await.login.ended, Some(EndedBy::Reuse));
    let ended = RefreshOutcome::Ended(EndedBy::Reuse);
    assert_eq!(player.shows(present, START.after(3 * DAY)).await, ended);
}

pub async fn a_token_that_comes_back_after_its_successor_was_used_ends_the_login(storage: Storage) {
    // At once, when a lost reply would still be given again, and much later.
    for wait in [INSTANT, DAY] {
        let player = Game::new(&storage).player().await;
        let second = player.rotates(player.login.token, START.after(SECOND)).await;
        let third = player.rotates(second, START.after(2 * SECOND)).await;
        let late = START.after(2 * SECOND).after(wait);
        assert_eq!(player.shows(player.login.token, late).await, player.reused());

        assert_eq!(player.standing().await.login.ended, Some(EndedBy::Reuse));
        assert_eq!(player.ends(EndedBy::Logout, late).await, []);
        for token in [player.login.token, second, third] {
            let ended = RefreshOutcome::Ended(EndedBy::Reuse);
            assert_eq!(player.shows(token, late).await, ended);
        }
    }
}

pub async fn a_token_of_this_chain_that_was_never_given_ends_the_login(storage: Storage) {
    // Who knows the tag has seen a token of this chain.
    let player = Game::new(&storage).player().await;
    assert_eq!(player.shows(digest(), START).await, player.reused());
    assert_eq!(player.standing().await.login.ended, Some(EndedBy::Reuse));
}

pub async fn reuse_is_noticed_in_a_replaced_login_too(storage: Storage) {
    let old = Game::new(&storage).player().await;
    let second = old.rotates(old.login.token, START.after(SECOND)).await;
    old.rotates(second, START.after(2 * SECOND)).await;
    let new = old.again(START.after(DAY)).await;
    assert_eq!(old.shows(old.login.token, START.after(DAY)).await, old.reused());
    assert_eq!(old.standing().await.login.ended, Some(EndedBy::Reuse));
    // The login that holds the session is another chain.
    new.rotates(new.login.token, START.after(DAY)).await;
}

pub async fn a_wrong_tag_is_unknown_and_leaves_the_chain_alone(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let second = player.rotates(player.login.token, START.after(SECOND)).await;
    let present = player.rotates(second, START.after(2 * SECOND)).await;
    let before = player.standing().await;
    for token in [present, second, player.login.token, digest()] {
        let forged = RefreshWrite { tag: digest(), ..player.take_over(token, START.after(DAY)) };
        assert_eq!(player.game.refresh(forged).await, RefreshOutcome::Unknown);
    }
    assert_eq!(player.standing().await, before);
    player.rotates(present, START.after(DAY)).await;
}

pub async fn a_token_is_unknown_in_another_game(storage: Storage) {
    let (game, other) = (Game::new(&storage), Game::new(&storage));
    let player = game.player().await;
    for token in [player.login.token, digest()] {
        let write = RefreshWrite { app: other.app.clone(), ..player.exchange(token, START) };
        assert_eq!(other.refresh(write).await, RefreshOutcome::Unknown);
    }
    player.rotates(player.login.token, START).await;
}

pub async fn a_token_of_no_login_is_unknown(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let write = player.exchange(player.login.token, START);
    let write = RefreshWrite { login: LoginId(Uuid::now_v7()), ..write };
    assert_eq!(player.game.refresh(write).await, RefreshOutcome::Unknown);
}

pub async fn a_token_expires_at_its_moment(storage: Storage) {
    let expiry = START.after(LIFETIME);
    let late = Game::new(&storage).player().await;
    assert_eq!(late.shows(late.login.token, expiry).await, RefreshOutcome::Expired);
    // To expire is not to be ended, and nothing was exchanged.
    assert_eq!(late.standing().await.login.ended, None);
    assert_eq!(late.standing().await.login.refreshed_at, START);
    let in_time = Game::new(&storage).player().await;
    in_time.rotates(in_time.login.token, expiry.before(INSTANT)).await;
}

pub async fn a_refresh_moves_the_expiry(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let second = player.rotates(player.login.token, START.after(DAY)).await;
    let expiry = START.after(DAY).after(LIFETIME);
    assert_eq!(player.standing().await.login.expires_at, expiry);
    assert_eq!(player.shows(second, expiry).await, RefreshOutcome::Expired);
    player.rotates(second, expiry.before(INSTANT)).await;
}

pub async fn a_token_of_an_ended_login_says_what_ended_it(storage: Storage) {
    for by in EndedBy::ALL.iter().copied() {
        let player = Game::new(&storage).player().await;
        let present = player.rotates(player.login.token, START.after(SECOND)).await;
        player.ends(by, START.after(2 * SECOND)).await;
        // Also where the answer would have been given again, or the token has expired.
        for now in [START.after(3 * SECOND), START.after(2 * LIFETIME)] {
            for token in [present, player.login.token, digest()] {
                assert_eq!(player.shows(token, now).await, RefreshOutcome::Ended(by));
            }
        }
    }
}

pub async fn twenty_exchanges_of_one_token_at_once_rotate_it_once(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let nodes = player.game.nodes(4).await;
    let writes: Vec<_> =
        std::iter::repeat_with(|| player.exchange(player.login.token, START)).take(20).collect();
    let exchanges =
        nodes.iter().cycle().zip(&writes).map(|(node, write)| node.refresh(write.clone()));
    let outcomes = join_all(exchanges).await;

    let rotated: Vec<_> =
        outcomes.iter().zip(&writes).filter(|(o, _)| **o == player.rotated()).collect();
    let [(_, given)] = rotated[..] else { panic!("{} rotated it", rotated.len()) };
    let again = outcomes.iter().filter(|outcome| **outcome == repeated(&player, given));
    assert_eq!(again.count(), 19, "{outcomes:?}");
    player.rotates(given.next, START.after(SECOND)).await;
}
