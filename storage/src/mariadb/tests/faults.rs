//! What another transaction, or a broken connection, does to a batch.

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::server::{Kept, Scene};
use crate::conformance::scene::{DAY, Game, Player, START};
use crate::error::StorageError;
use crate::open::Storage;
use crate::push::{NewPush, PostWrite};

async fn scene() -> (Storage, Kept, Game) {
    let (storage, kept) = Scene::one().storage().await;
    storage.start_alone().await.unwrap();
    let game = Game::new(&storage);
    (storage, kept, game)
}

fn post(game: &Game, player: &Player, word: &str) -> PostWrite {
    let (word, body) = (word.to_owned(), "{}".to_owned());
    let pushes = vec![NewPush { word, body, expires_at: START.after(DAY) }];
    PostWrite { app: game.app.clone(), member: player.member.id, pushes, now: START }
}

/// Takes a member's lock, as another process would, and keeps it.
async fn hold(kept: &Kept, player: &Player) -> Conn {
    let mut connection = kept.scene.databases[0].connect().await;
    connection.query_drop("START TRANSACTION").await.unwrap();
    let id = player.member.id.number();
    let lock = format!("SELECT member FROM member_session WHERE member = {id} FOR UPDATE");
    connection.query_drop(lock).await.unwrap();
    connection
}

/// The connection that waits for a member's lock, once there is one.
async fn waiting(kept: &Kept) -> u64 {
    let mut connection = kept.scene.databases[0].connect().await;
    let select = "SELECT id FROM information_schema.processlist
                  WHERE db = DATABASE() AND id <> CONNECTION_ID()
                      AND info LIKE '%FROM member_session%FOR UPDATE'";
    loop {
        if let Some(id) = connection.query_first(select).await.unwrap() {
            return id;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_whose_lock_is_held_fails_alone() {
    let (storage, kept, game) = scene().await;
    let (stuck, free) = (game.player().await, game.player().await);
    let holder = hold(&kept, &stuck).await;
    let posts = vec![post(&game, &stuck, "stuck"), post(&game, &free, "free")];
    let answers = storage.records.truth().post_all(posts).await;
    let Err(StorageError::Unavailable(why)) = &answers[0] else { panic!("{answers:?}") };
    // The server gives up the lock, or we give up the call: on a busy machine that is first.
    assert!(why.contains("1205") || why.contains("took too long"), "{why}");
    let posted = answers[1].clone().unwrap().unwrap();
    assert_eq!((posted.len(), posted[0].seq), (1, 1));
    drop(holder);
}

#[tokio::test]
async fn one_that_cannot_be_written_fails_alone() {
    let (storage, _kept, game) = scene().await;
    let mut players = Vec::new();
    for _ in 0..5 {
        players.push(game.player().await);
    }
    let word = |place: usize| if place == 2 { "w".repeat(1_000) } else { "word".to_owned() };
    let posts = players.iter().enumerate().map(|(at, player)| post(&game, player, &word(at)));
    let answers = storage.records.truth().post_all(posts.collect()).await;
    for (place, answer) in answers.iter().enumerate() {
        match answer {
            Err(StorageError::Unavailable(why)) if place == 2 => assert!(why.contains("1406")),
            Ok(Some(posted)) if place != 2 => assert_eq!(posted[0].seq, 1),
            other => panic!("{place}: {other:?}"),
        }
    }
    // Nothing of it is left.
    let inbox = storage.inboxes.read(game.app.clone(), players[2].member.id, 0, START, 9).await;
    assert_eq!(inbox.unwrap().seq, 0);
}

#[tokio::test]
async fn a_connection_that_is_cut_in_a_transaction_is_made_good() {
    let (storage, kept, game) = scene().await;
    let player = game.player().await;
    let mut holder = hold(&kept, &player).await;
    let truth = storage.records.truth();
    let write = post(&game, &player, "once");
    let PostWrite { app, member, pushes, now } = write;
    let posting = tokio::spawn(async move { truth.post(app, member, pushes, now).await });
    let cut = waiting(&kept).await;
    let mut killer = kept.scene.databases[0].connect().await;
    killer.query_drop(format!("KILL CONNECTION {cut}")).await.unwrap();
    // The next run comes as far as the same lock.
    while waiting(&kept).await == cut {}
    holder.query_drop("ROLLBACK").await.unwrap();
    let posted = posting.await.unwrap().unwrap().unwrap();
    assert_eq!(posted.iter().map(|push| push.seq).collect::<Vec<_>>(), [1]);
    let inbox =
        storage.inboxes.read(game.app.clone(), player.member.id, 0, START, 9).await.unwrap();
    assert_eq!((inbox.pushes.len(), inbox.seq), (1, 1));
}

#[tokio::test]
async fn a_deadlock_is_run_again() {
    let (storage, kept, game) = scene().await;
    let mut players = [game.player().await, game.player().await];
    players.sort_by_key(|player| player.member.id);
    // Another process takes the locks in the wrong order: first the second one's.
    let mut other = hold(&kept, &players[1]).await;
    let truth = storage.records.truth();
    let posts: Vec<_> = players.iter().map(|player| post(&game, player, "both")).collect();
    let posting = tokio::spawn(async move { truth.post_all(posts).await });
    waiting(&kept).await;
    let first = players[0].member.id.number();
    let lock = format!("SELECT member FROM member_session WHERE member = {first} FOR UPDATE");
    // Whichever of the two the server gives up, both are written in the end.
    let _ = other.query_drop(lock).await;
    let _ = other.query_drop("ROLLBACK").await;
    for posted in posting.await.unwrap() {
        assert_eq!(posted.unwrap().unwrap()[0].seq, 1);
    }
}
