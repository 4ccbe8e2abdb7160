//! A shard is moved under the hands of a process with an old map.

use mysql_async::prelude::Queryable;

use super::server::{Kept, Scene};
use crate::conformance::scene::{Game, Player, START};
use crate::error::StorageError;
use crate::open::Storage;
use crate::push::NewPush;

async fn storage() -> (Storage, Kept) {
    let (storage, kept) = Scene::two().storage().await;
    storage.start_alone().await.unwrap();
    (storage, kept)
}

/// Somebody on server `a`.
async fn on_a(game: &Game) -> Player {
    loop {
        let player = game.player().await;
        if player.member.id.shard() < 512 {
            return player;
        }
    }
}

fn push() -> NewPush {
    let (word, body) = ("message".to_owned(), "{}".to_owned());
    NewPush { word, body, expires_at: START.after(std::time::Duration::from_secs(9)) }
}

/// Takes the shard of `player` from `a`.
async fn close(kept: &Kept, player: &Player) {
    let shard = i64::from(player.member.id.shard());
    let a = &kept.scene.databases[0];
    a.run("DELETE FROM shard_range").await;
    for (first, last) in [(0, shard - 1), (shard + 1, 511)] {
        if first <= last {
            a.run(&format!("INSERT INTO shard_range VALUES ({first}, {last}, 2, 'open')")).await;
        }
    }
}

/// Brings the rows of `player` to `b`, and opens its shard there.
async fn open(kept: &Kept, player: &Player) {
    let (member, shard) = (player.member.id.number(), player.member.id.shard());
    let [a, b] = [0, 1]
        .map(|place: usize| kept.scene.databases[place].url.rsplit('/').next().unwrap().to_owned());
    let home = &kept.scene.databases[1];
    for table in ["member", "member_session", "identity", "login", "inbox"] {
        let copy =
            format!("INSERT INTO {b}.{table} SELECT * FROM {a}.{table} WHERE member = {member}");
        home.run(&copy).await;
    }
    home.run(&format!("INSERT INTO shard_range VALUES ({shard}, {shard}, 2, 'open')")).await;
}

async fn count(kept: &Kept, place: usize) -> i64 {
    let mut connection = kept.scene.databases[place].connect().await;
    connection.query_first("SELECT COUNT(*) FROM inbox").await.unwrap().unwrap()
}

#[tokio::test]
async fn a_writer_with_an_old_map_is_refused_and_writes_where_the_shard_is_now() {
    let (storage, kept) = storage().await;
    let game = Game::new(&storage);
    let (player, bystander) = (on_a(&game).await, on_a(&game).await);
    let post = async |player: &Player| {
        let member = player.member.id;
        storage.inboxes.post(game.app.clone(), member, vec![push()], START).await
    };
    let numbers = |posted: Result<Option<Vec<crate::push::KeptPush>>, StorageError>| {
        posted.unwrap().unwrap().iter().map(|push| push.seq).collect::<Vec<_>>()
    };
    assert_eq!(numbers(post(&player).await), [1]);
    // While nobody keeps it nothing is written, and that is said.
    close(&kept, &player).await;
    assert_eq!(post(&player).await, Err(StorageError::Moved));
    // Its neighbours, whose version has changed, are written all the while.
    let near = bystander.member.id.shard() != player.member.id.shard();
    assert_eq!(post(&bystander).await.is_ok(), near);
    open(&kept, &player).await;
    assert_eq!(numbers(post(&player).await), [2]);
    assert_eq!(count(&kept, 1).await, 2, "the first came along, the second was written there");
    // Reads follow.
    let inbox = storage.inboxes.read(game.app.clone(), player.member.id, 0, START, 10).await;
    assert_eq!(inbox.unwrap().seq, 2);
    player.rotates(player.login.token, START).await;
}
