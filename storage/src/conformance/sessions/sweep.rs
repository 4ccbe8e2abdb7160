//! What is asked of a backend about forgetting what has expired.

use crate::clock::Micros;
use crate::conformance::scene::{DAY, Game, INSTANT, LIFETIME, Player, START, digest};
use crate::identity::{LoginOutcome, LoginWrite};
use crate::open::Storage;
use crate::sessions::{EndedBy, RefreshOutcome};

async fn sweep(storage: &Storage, now: Micros, limit: usize) -> usize {
    storage.sessions.sweep(now, limit).await.unwrap()
}

async fn kept(player: &Player) -> bool {
    player.game.standing(player.member.id, player.login.id).await.is_some()
}

fn with_nonce(game: &Game, now: Micros) -> LoginWrite {
    let nonce = Some((digest(), now.after(DAY)));
    LoginWrite { nonce, ..game.vouched("person", now) }
}

pub async fn a_sweep_forgets_what_has_expired_and_nothing_else(storage: Storage) {
    let expired = Game::new(&storage).player().await;
    let ended = expired.again(START.after(DAY)).await;
    let newest = expired.again(START.after(DAY)).await;
    ended.ends(EndedBy::Logout, START.after(DAY)).await;
    // What expires at this very moment is no good, but is not swept yet.
    let moment = START.after(LIFETIME);
    assert_eq!(sweep(&storage, moment, 100).await, 0);
    assert_eq!(sweep(&storage, moment.after(INSTANT), 100).await, 1);
    assert!(!kept(&expired).await && kept(&ended).await && kept(&newest).await);
    let shown = expired.shows(expired.login.token, moment).await;
    assert_eq!(shown, RefreshOutcome::Unknown);
    // What the login was ended by is told until it expires.
    let shown = ended.shows(ended.login.token, moment).await;
    assert_eq!(shown, RefreshOutcome::Ended(EndedBy::Logout));
    assert_eq!(sweep(&storage, moment.after(2 * DAY), 100).await, 1);
    assert!(!kept(&ended).await && kept(&newest).await);
}

pub async fn a_sweep_spares_the_login_that_holds_the_epoch(storage: Storage) {
    let first = Game::new(&storage).player().await;
    let holder = first.again(START).await;
    let ended = Game::new(&storage).player().await;
    ended.ends(EndedBy::LogoutEverywhere, START).await;
    let late = START.after(10 * LIFETIME);
    assert_eq!(sweep(&storage, late, 100).await, 1);
    assert!(!kept(&first).await && kept(&holder).await && kept(&ended).await);
    assert_eq!(holder.standing().await.epoch, 2);

    let next = holder.again(late).await;
    assert_eq!((next.epoch, next.replaced), (3, None));
    // Now that it holds the epoch no more, it goes.
    assert_eq!(sweep(&storage, late, 100).await, 1);
    assert!(!kept(&holder).await && kept(&next).await);
}

pub async fn a_sweep_forgets_used_nonces_that_have_expired(storage: Storage) {
    let game = Game::new(&storage);
    let write = with_nonce(&game, START);
    game.enter(write.clone()).await;
    let again = || LoginWrite { nonce: write.nonce, ..game.vouched("person", START.after(DAY)) };
    assert_eq!(sweep(&storage, START.after(DAY), 100).await, 0);
    assert_eq!(game.login(again()).await, LoginOutcome::NonceUsed);
    assert_eq!(sweep(&storage, START.after(DAY).after(INSTANT), 100).await, 1);
    // Its expiry, not the memory of its use, is what refuses it from now on.
    game.enter(again()).await;
}

pub async fn a_sweep_takes_no_more_of_each_than_asked(storage: Storage) {
    let game = Game::new(&storage);
    // Five logins that can go and one that holds the epoch; six nonces.
    for _ in 0..6 {
        game.enter(with_nonce(&game, START)).await;
    }
    let late = START.after(2 * LIFETIME);
    for went in [4, 4, 3, 0] {
        assert_eq!(sweep(&storage, late, 2).await, went);
    }
}
