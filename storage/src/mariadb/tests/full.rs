//! A server that has no more room.

use mysql_async::prelude::Queryable;

use super::server::{Database, Scene};
use crate::conformance::scene::{DAY, Game, Player, START};
use crate::error::{Result, StorageError};
use crate::push::NewPush;
use crate::servers::{MariaDb as Server, MariaDbOptions};

/// Everything in one file that ends there.
const SMALL: &str = "--innodb-data-file-path=ibdata1:12M:autoextend:max:24M";
const LARGE: &str = "--innodb-data-file-path=ibdata1:12M:autoextend:max:512M";
const ONE_FILE: &str = "--innodb-file-per-table=OFF";

async fn post(game: &Game, player: &Player, body: String) -> Result<u64> {
    let push = NewPush { word: "message".to_owned(), body, expires_at: START.after(DAY) };
    let app = game.app.clone();
    let posted = game.storage.inboxes.post(app, player.member.id, vec![push], START).await?;
    Ok(posted.unwrap()[0].seq)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_room_is_said_loses_nothing_and_goes_on_when_it_has_some() {
    let mut server = Server::start(MariaDbOptions::default().with(SMALL).with(ONE_FILE)).unwrap();
    let (storage, kept) = Scene::on(Database::of(&server).url).storage().await;
    storage.start_alone().await.unwrap();
    let game = Game::new(&storage);
    let player = game.player().await;
    let body = |number: u64| format!("{number} {}", "x".repeat(512 * 1024));
    let mut acknowledged = 0;
    let why = loop {
        match post(&game, &player, body(acknowledged + 1)).await {
            Ok(seq) => {
                acknowledged += 1;
                assert_eq!(seq, acknowledged);
            }
            Err(StorageError::Unavailable(why)) => break why,
            Err(other) => panic!("{other:?} after {acknowledged}"),
        }
    };
    assert!(why.contains("1114") && why.contains("is full"), "{why}");
    assert!(acknowledged > 0);
    // Reading goes on, and nothing of what was refused is there.
    let kept_now = async || {
        let id = player.member.id;
        let inbox = storage.inboxes.read(game.app.clone(), id, 0, START, 999).await.unwrap();
        let bodies = inbox.pushes.iter().map(|push| push.body.split(' ').next().unwrap());
        let numbers: Vec<u64> = bodies.map(|number| number.parse().unwrap()).collect();
        (inbox.seq, numbers)
    };
    let all = |count: u64| (count, (1..=count).collect::<Vec<_>>());
    assert_eq!(kept_now().await, all(acknowledged));
    assert_eq!(game.member(player.member.id).await, Some(player.member.clone()));
    println!("{acknowledged} acknowledged, then: {why}");

    server = tokio::task::spawn_blocking(move || {
        server.restart_with(&[LARGE, ONE_FILE]).unwrap();
        server
    })
    .await
    .unwrap();
    assert_eq!(post(&game, &player, body(acknowledged + 1)).await, Ok(acknowledged + 1));
    let mut connection = kept.scene.databases[0].connect().await;
    let seq: Option<u64> = connection.query_first("SELECT MAX(seq) FROM inbox").await.unwrap();
    assert_eq!(seq, Some(acknowledged + 1));
    drop(server);
}
