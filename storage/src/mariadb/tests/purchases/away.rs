//! The owner's server is away while the claim's is there: what is claimed is not forgotten.

use crate::conformance::scene::{Game, Player, SECOND};
use crate::conformance::shop::{Bought, GEMS, adds_up, at, bag, left_at, whose};
use crate::error::StorageError;
use crate::mariadb::tests::server::{Database, Scene};
use crate::purchases::{Heard, Source, State};
use crate::servers::{MariaDb as Server, MariaDbOptions};

use super::server_of;

async fn player_on_b(game: &Game) -> Player {
    loop {
        let player = game.player().await;
        if server_of(player.member.id.shard()) == 1 {
            return player;
        }
    }
}

fn claimed_on_a(game: &Game) -> Bought {
    loop {
        let bought = Bought::new(game);
        if server_of(bought.key.shard()) == 0 {
            return bought;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_whose_owners_server_is_away_is_granted_when_it_is_back() {
    let a = Server::start(MariaDbOptions::default()).unwrap();
    let mut b = Server::start(MariaDbOptions::default()).unwrap();
    let (storage, _kept) = Scene::across([&a, &b].map(|it| Database::of(it).url)).storage().await;
    storage.start_alone().await.unwrap();
    let game = Game::new(&storage);
    let (player, bought) = (player_on_b(&game).await, claimed_on_a(&game));
    b.kill().unwrap();
    let said = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
    // It is begun, and nobody may say that nothing was done.
    assert_eq!(bought.try_hear(said.clone()).await, Err(StorageError::OutcomeUnknown));
    assert!(bought.claim().await.unwrap().pending);
    // One that is claimed where nobody is at home was not begun.
    let unclaimed = loop {
        let bought = Bought::new(&game);
        if server_of(bought.key.shard()) == 1 {
            break bought;
        }
    };
    let other = unclaimed.said(Source::Posted(player.member.id), State::Paid, at(1));
    let nothing = unclaimed.try_hear(other).await;
    assert!(matches!(nothing, Err(StorageError::Unavailable(_))), "{nothing:?}");
    b.restart().unwrap();
    let finished = storage.purchases.finish(left_at(at(1).after(SECOND), 10)).await.unwrap();
    assert_eq!(whose(&finished), [(player.member.id, Some(2))]);
    let heard = bought.hear(said).await;
    assert!(matches!(heard, Heard::Owned { known: false, pushed: None, .. }), "{heard:?}");
    assert_eq!(player.has().await, bag(GEMS));
    adds_up(&storage).await;
    drop(a);
}
