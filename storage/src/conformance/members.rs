//! What is asked of a backend about members.

pub mod bans;

use protocol::ids::MemberId;
use protocol::members::MemberState;

use super::scene::{Game, START, candidate};
use crate::members::Member;
use crate::open::Storage;

pub async fn a_member_is_found_in_its_own_game_alone(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let member = Member {
        app: game.app.clone(),
        id: player.member.id,
        state: MemberState::Active,
        created_at: START,
        ban: None,
    };
    assert_eq!(game.member(member.id).await, Some(member.clone()));
    assert_eq!(Game::new(&storage).member(member.id).await, None);
}

pub async fn nobody_is_found_under_an_id_that_was_never_given(storage: Storage) {
    let game = Game::new(&storage);
    game.player().await;
    assert_eq!(game.member(candidate()).await, None);
}

pub async fn the_greatest_id_is_kept_whole(storage: Storage) {
    let game = Game::new(&storage);
    let mut write = game.vouched("the last one", START);
    write.candidate = MemberId::from_number(i64::MAX).unwrap();
    let player = game.enter(write.clone()).await;
    assert_eq!(player.member.id, write.candidate);
    assert_eq!(game.member(write.candidate).await, Some(player.member));
}
