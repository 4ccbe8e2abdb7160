//! What is asked of a backend about logins that were replaced, and take the session back.

use std::time::Duration;

use futures_util::future::join_all;

use crate::conformance::scene::{
    DAY, Game, INSTANT, LIFETIME, Player, SECOND, START, WINDOW, digest,
};
use crate::open::Storage;
use crate::sessions::{EndedBy, Login, NewLogin, RefreshOutcome, RefreshWrite, Standing, TakeOver};

/// A login and the one that replaced it.
async fn replaced(storage: &Storage) -> (Player, Player) {
    let old = Game::new(storage).player().await;
    let new = old.again(START.after(SECOND)).await;
    (old, new)
}

/// The login that a take-over makes, as a player to go on with.
fn taken(old: &Player, write: &RefreshWrite) -> Player {
    let TakeOver { id, tag, token, .. } = write.take_over.clone().unwrap();
    let (expires_at, now) = (write.expires_at, write.now);
    let login = NewLogin { id, tag, token, expires_at, now, ..old.login.clone() };
    Player { login, ..old.clone() }
}

pub async fn a_token_of_a_replaced_login_is_refused_but_not_used_up(storage: Storage) {
    let old = Game::new(&storage).player().await;
    let present = old.rotates(old.login.token, START.after(SECOND)).await;
    let new = old.again(START.after(2 * SECOND)).await;
    for token in [present, present, old.login.token, present] {
        assert_eq!(old.shows(token, START.after(3 * SECOND)).await, RefreshOutcome::Replaced);
    }
    assert_eq!(old.standing().await.login.ended, None);
    assert_eq!(old.standing().await.login.refreshed_at, START.after(SECOND));
    new.rotates(new.login.token, START.after(3 * SECOND)).await;
    // It may still take the session back.
    let write = old.take_over(present, START.after(4 * SECOND));
    let outcome = old.game.refresh(write).await;
    assert!(matches!(outcome, RefreshOutcome::TakenOver { epoch: 3, .. }), "{outcome:?}");
}

pub async fn a_replaced_login_takes_the_session_back_as_a_new_login(storage: Storage) {
    let (old, new) = replaced(&storage).await;
    let write = old.take_over(old.login.token, START.after(DAY));
    let member = old.member.clone();
    let outcome = RefreshOutcome::TakenOver { member, epoch: 3, replaced: Some(new.login.id) };
    assert_eq!(old.game.refresh(write.clone()).await, outcome);

    // The old login has ended, the one in between is replaced in its turn.
    assert_eq!(old.standing().await.login.ended, Some(EndedBy::TakeOver));
    let ended = RefreshOutcome::Ended(EndedBy::TakeOver);
    assert_eq!(old.shows(old.login.token, START.after(DAY)).await, ended);
    let by_new = new.shows(new.login.token, START.after(DAY)).await;
    assert_eq!(by_new, RefreshOutcome::Replaced);

    // The newest has a chain of its own; the offered successor of the old one was not given.
    let newest = taken(&old, &write);
    let standing = newest.standing().await;
    let login = Login {
        id: newest.login.id,
        provider: old.login.provider.clone(),
        epoch: 3,
        device: old.login.device.clone(),
        created_at: START.after(DAY),
        refreshed_at: START.after(DAY),
        expires_at: write.expires_at,
        ended: None,
    };
    assert_eq!(
        standing,
        Standing {
            member: old.member.clone(),
            login,
            epoch: 3,
            inbox: 0,
            acked: 0,
            age: Duration::ZERO
        }
    );
    assert_eq!(old.shows(write.next, START.after(DAY)).await, ended);
    newest.rotates(newest.login.token, START.after(2 * DAY)).await;
}

pub async fn a_take_over_whose_answer_was_lost_is_answered_again(storage: Storage) {
    let (old, _) = replaced(&storage).await;
    let write = old.take_over(old.login.token, START.after(DAY));
    let outcome = old.game.refresh(write.clone()).await;
    assert!(matches!(outcome, RefreshOutcome::TakenOver { .. }), "{outcome:?}");
    // The repeated call offers other tokens: those that were given first are what counts.
    let again = old.take_over(old.login.token, START.after(DAY).after(WINDOW).before(INSTANT));
    let repeated = RefreshOutcome::Repeated {
        member: old.member.clone(),
        sealed: write.take_over.clone().unwrap().sealed,
        expires_at: write.expires_at,
    };
    assert_eq!(old.game.refresh(again.clone()).await, repeated);
    let ended = RefreshOutcome::Ended(EndedBy::TakeOver);
    assert_eq!(old.shows(old.login.token, again.now).await, ended, "without asking for it");
    let late = old.take_over(old.login.token, START.after(DAY).after(WINDOW));
    assert_eq!(old.game.refresh(late).await, ended);
    let stranger = old.take_over(digest(), again.now);
    assert_eq!(old.game.refresh(stranger).await, ended);
}

pub async fn a_take_over_names_no_login_that_had_ended(storage: Storage) {
    let (old, new) = replaced(&storage).await;
    new.ends(EndedBy::Logout, START.after(DAY)).await;
    // The session is not the old one's again because the new one ended.
    let shown = old.shows(old.login.token, START.after(DAY)).await;
    assert_eq!(shown, RefreshOutcome::Replaced);
    let write = old.take_over(old.login.token, START.after(DAY));
    let member = old.member.clone();
    let outcome = RefreshOutcome::TakenOver { member, epoch: 3, replaced: None };
    assert_eq!(old.game.refresh(write).await, outcome);
}

pub async fn who_holds_the_session_takes_over_nothing(storage: Storage) {
    let (_, new) = replaced(&storage).await;
    let write = new.take_over(new.login.token, START.after(DAY));
    assert_eq!(new.game.refresh(write.clone()).await, new.rotated());
    assert_eq!(new.standing().await.epoch, 2);
    let unmade = write.take_over.unwrap().id;
    assert_eq!(new.game.standing(new.member.id, unmade).await, None);
    new.rotates(write.next, START.after(2 * DAY)).await;
}

pub async fn a_token_that_is_no_good_takes_over_nothing(storage: Storage) {
    let takes = |player: Player, token, now| async move {
        let write = player.take_over(token, now);
        let outcome = player.game.refresh(write.clone()).await;
        let made = player.game.standing(player.member.id, write.take_over.unwrap().id).await;
        assert_eq!(made, None);
        outcome
    };
    let (old, new) = replaced(&storage).await;
    let late = START.after(LIFETIME);
    assert_eq!(takes(old.clone(), old.login.token, late).await, RefreshOutcome::Expired);
    assert_eq!(takes(old.clone(), digest(), START.after(DAY)).await, old.reused());
    let ended = RefreshOutcome::Ended(EndedBy::Reuse);
    assert_eq!(takes(old.clone(), old.login.token, START.after(DAY)).await, ended);
    assert_eq!(new.standing().await.epoch, 2);
    new.rotates(new.login.token, START.after(DAY)).await;
}

pub async fn ten_take_overs_at_once_each_get_an_epoch_of_their_own(storage: Storage) {
    let first = Game::new(&storage).player().await;
    let mut old = vec![first.clone()];
    for _ in 1..10 {
        old.push(first.again(START).await);
    }
    // The eleventh holds the session, so that all ten are replaced.
    first.again(START).await;
    let nodes = first.game.nodes(5).await;
    let writes: Vec<_> = old.iter().map(|old| old.take_over(old.login.token, START)).collect();
    let exchanges =
        nodes.iter().cycle().zip(&writes).map(|(node, write)| node.refresh(write.clone()));
    let outcomes = join_all(exchanges).await;

    let mut epochs = Vec::new();
    for (outcome, write) in outcomes.iter().zip(&writes) {
        let RefreshOutcome::TakenOver { epoch, replaced, .. } = outcome else {
            panic!("{outcome:?}");
        };
        let standing = taken(&first, write).standing().await;
        assert_eq!((standing.epoch, standing.login.epoch), (21, *epoch));
        assert!(replaced.is_some());
        epochs.push(*epoch);
    }
    epochs.sort_unstable();
    assert_eq!(epochs, (12..=21).collect::<Vec<_>>());
}
