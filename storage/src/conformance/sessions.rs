//! What is asked of a backend about logins: where they stand, and how they end.

pub mod refresh;
pub mod sweep;
pub mod take_over;

use std::time::Duration;

use futures_util::future::join_all;
use protocol::client::{Platform, StoreName};
use protocol::ids::LoginId;
use uuid::Uuid;

use super::scene::{DAY, Game, INSTANT, LIFETIME, SECOND, START, candidate};
use crate::error::StorageError;
use crate::open::Storage;
use crate::sessions::{Device, End, EndedBy, Login, Said, Standing};

pub async fn a_login_stands_as_it_was_written(storage: Storage) {
    let game = Game::new(&storage);
    let stores = StoreName::ALL.iter().copied().map(Some).chain([None]);
    for (place, store) in stores.enumerate() {
        let platform = Platform::ALL[place % Platform::ALL.len()];
        let name = store.map(|_| "지민의 📱".to_owned());
        let said = |text: &str| store.map(|_| text.to_owned());
        let device = Device {
            platform,
            store,
            name,
            version: "1.4.0-β".to_owned(),
            said: Box::new(Said {
                country: said("KR"),
                lang: said("zh-Hant-TW"),
                device_id: said("5b0c-77"),
            }),
        };
        let mut write = game.vouched("person", START);
        write.login.device = device.clone();
        let player = game.enter(write).await;
        let login = Login {
            id: player.login.id,
            provider: "google".to_owned(),
            epoch: player.epoch,
            device,
            created_at: START,
            refreshed_at: START,
            expires_at: START.after(LIFETIME),
            ended: None,
        };
        let standing = Standing {
            member: player.member.clone(),
            login: login.clone(),
            epoch: player.epoch,
            inbox: 0,
            acked: 0,
            age: Duration::ZERO,
        };
        assert_eq!(player.standing().await, standing);

        let (app, member) = (game.app.clone(), player.member.id);
        let (logins, _) = storage.sessions.logins(app, member, START, 100).await.unwrap();
        assert!(logins.contains(&login), "{logins:?}");
    }
}

pub async fn a_login_is_found_under_its_own_game_and_member_alone(storage: Storage) {
    let (game, other) = (Game::new(&storage), Game::new(&storage));
    let (player, another) = (game.player().await, game.player().await);
    let (member, login) = (player.member.id, player.login.id);
    assert!(game.standing(member, login).await.is_some());
    assert_eq!(other.standing(member, login).await, None);
    assert_eq!(game.standing(another.member.id, login).await, None);
    assert_eq!(game.standing(candidate(), login).await, None);
    assert_eq!(game.standing(member, LoginId(Uuid::now_v7())).await, None);
}

pub async fn logins_are_listed_with_the_newest_first(storage: Storage) {
    let first = Game::new(&storage).player().await;
    let (second, third) =
        (first.again(START.after(SECOND)).await, first.again(START.after(2 * SECOND)).await);
    let ids = vec![third.login.id, second.login.id, first.login.id];
    assert_eq!(first.listed(START.after(DAY), 100).await, (ids, 3));
}

pub async fn a_list_of_logins_leaves_out_the_ended_and_the_expired(storage: Storage) {
    let first = Game::new(&storage).player().await;
    let (second, third) =
        (first.again(START.after(SECOND)).await, first.again(START.after(2 * SECOND)).await);
    second.ends(EndedBy::Logout, START.after(DAY)).await;
    let all = vec![third.login.id, first.login.id];
    assert_eq!(first.listed(START.after(LIFETIME).before(INSTANT), 100).await, (all, 3));
    // The first one's token expires at this moment; the epoch is the member's all the same.
    assert_eq!(first.listed(START.after(LIFETIME), 100).await, (vec![third.login.id], 3));
    assert_eq!(first.listed(START.after(2 * LIFETIME), 100).await, (vec![], 3));
}

pub async fn a_list_of_logins_is_no_longer_than_asked(storage: Storage) {
    let first = Game::new(&storage).player().await;
    let mut ids = vec![first.login.id];
    for second in 1..=4 {
        ids.insert(0, first.again(START.after(second * SECOND)).await.login.id);
    }
    for limit in [0, 1, 4, 5, usize::MAX] {
        let listed = ids[..limit.min(5)].to_vec();
        assert_eq!(first.listed(START.after(DAY), limit).await, (listed, 5));
    }
}

pub async fn logins_are_listed_in_their_own_game_alone(storage: Storage) {
    let game = Game::new(&storage);
    let (player, _another) = (game.player().await, game.player().await);
    assert_eq!(player.listed(START, 100).await, (vec![player.login.id], 1));
    let app = Game::new(&storage).app;
    let (logins, _) = storage.sessions.logins(app, player.member.id, START, 100).await.unwrap();
    assert_eq!(logins, []);
}

pub async fn ending_one_login_returns_it_once(storage: Storage) {
    let first = Game::new(&storage).player().await;
    let second = first.again(START).await;
    assert_eq!(first.ends(EndedBy::Logout, START.after(SECOND)).await, [first.login.id]);
    assert_eq!(first.standing().await.login.ended, Some(EndedBy::Logout));
    assert_eq!(second.standing().await.login.ended, None);
    assert_eq!(first.ends(EndedBy::Logout, START.after(SECOND)).await, []);
    // The epoch is for logins to raise.
    assert_eq!(second.standing().await.epoch, 2);
}

pub async fn ending_all_logins_returns_those_that_had_not_ended(storage: Storage) {
    let game = Game::new(&storage);
    let (first, bystander) = (game.player().await, game.player().await);
    let (second, third) = (first.again(START).await, first.again(START).await);
    second.ends(EndedBy::Logout, START).await;

    let everywhere = End::All(third.login.id);
    let all = || game.end(first.member.id, everywhere, EndedBy::LogoutEverywhere, START);
    let mut ended = all().await;
    ended.sort_unstable();
    let mut those = [first.login.id, third.login.id];
    those.sort_unstable();
    assert_eq!(ended, those);
    assert_eq!(all().await, []);
    for player in [first, third] {
        assert_eq!(player.standing().await.login.ended, Some(EndedBy::LogoutEverywhere));
    }
    assert_eq!(bystander.standing().await.login.ended, None);
}

pub async fn a_login_that_was_replaced_ends_itself_and_no_other(storage: Storage) {
    let old = Game::new(&storage).player().await;
    let new = old.again(START).await;
    let (game, member) = (&old.game, old.member.id);
    let everywhere = End::All(old.login.id);
    let by = EndedBy::LogoutEverywhere;
    let refused = storage.sessions.end(game.app.clone(), member, everywhere, by, START).await;
    assert_eq!(refused, Err(StorageError::Replaced));
    assert_eq!((old.standing().await.login.ended, new.standing().await.login.ended), (None, None));
    assert_eq!(old.ends(EndedBy::Logout, START).await, [old.login.id]);
    assert_eq!(new.standing().await.login.ended, None);
}

pub async fn an_ended_login_keeps_what_ended_it(storage: Storage) {
    for by in EndedBy::ALL.iter().copied() {
        let player = Game::new(&storage).player().await;
        assert_eq!(player.ends(by, START).await, [player.login.id]);
        for later in EndedBy::ALL.iter().copied() {
            assert_eq!(player.ends(later, START.after(SECOND)).await, []);
        }
        assert_eq!(player.standing().await.login.ended, Some(by));
    }
}

pub async fn nobody_ends_a_login_of_another_member_or_game(storage: Storage) {
    let (game, other) = (Game::new(&storage), Game::new(&storage));
    let (player, another) = (game.player().await, game.player().await);
    let one = End::One(player.login.id);
    assert_eq!(game.end(another.member.id, one, EndedBy::Logout, START).await, []);
    assert_eq!(other.end(player.member.id, one, EndedBy::Logout, START).await, []);
    let everywhere = End::All(player.login.id);
    assert_eq!(other.end(player.member.id, everywhere, EndedBy::Logout, START).await, []);
    assert_eq!(player.standing().await.login.ended, None);
}

pub async fn a_login_ended_twenty_times_at_once_is_returned_once(storage: Storage) {
    let player = Game::new(&storage).player().await;
    let nodes = player.game.nodes(4).await;
    let ends = nodes.iter().cycle().take(20).enumerate().map(|(place, node)| {
        let which = if place % 2 == 0 { End::One } else { End::All };
        let which = which(player.login.id);
        node.end(player.member.id, which, EndedBy::Logout, START)
    });
    assert_eq!(join_all(ends).await.concat(), [player.login.id]);
}
