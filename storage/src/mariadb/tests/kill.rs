//! A server that is killed, is away, comes back, or takes no writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::server::{Kept, Scene};
use crate::clock::SystemClock;
use crate::conformance::scene::{DAY, Game, Player, START};
use crate::error::{Result, StorageError};
use crate::mariadb::MariaDb;
use crate::open::Storage;
use crate::push::{KeptPush, NewPush};
use crate::servers::{MariaDb as Server, MariaDbOptions};

/// How often the server is killed.
const KILLS: usize = 4;
/// How many write at once.
const WRITERS: usize = 16;
/// How many answers come between two kills.
const ANSWERS: usize = 150;

async fn on(server: &Server) -> (Storage, Kept) {
    let (storage, kept) = Scene::on(server.database("killed").unwrap()).storage().await;
    storage.start_alone().await.unwrap();
    (storage, kept)
}

async fn post(game: &Game, player: &Player, number: usize) -> Result<Option<Vec<KeptPush>>> {
    let (word, body) = ("message".to_owned(), number.to_string());
    let push = NewPush { word, body, expires_at: START.after(DAY) };
    game.storage.inboxes.post(game.app.clone(), player.member.id, vec![push], START).await
}

/// What a writer was told of each of its pushes.
#[derive(Default)]
struct History {
    acknowledged: BTreeMap<usize, u64>,
    unknown: Vec<usize>,
    refused: Vec<usize>,
}

impl History {
    async fn write(game: Game, player: Player, stop: Arc<AtomicBool>) -> (Player, Self) {
        let mut history = Self::default();
        let mut number = 0;
        while !stop.load(Ordering::SeqCst) {
            match post(&game, &player, number).await {
                Ok(posted) => {
                    history.acknowledged.insert(number, posted.unwrap()[0].seq);
                }
                Err(StorageError::OutcomeUnknown) => history.unknown.push(number),
                Err(_) => history.refused.push(number),
            }
            ANSWERED.fetch_add(1, Ordering::SeqCst);
            number += 1;
            tokio::task::yield_now().await;
        }
        (player, history)
    }

    /// What is kept is what was told: nothing acknowledged is lost, nothing is there twice, and
    /// nothing is there that was refused.
    async fn compare(&self, game: &Game, player: &Player) {
        let id = player.member.id;
        let inbox = game.storage.inboxes.read(game.app.clone(), id, 0, START, usize::MAX).await;
        let inbox = inbox.unwrap();
        let numbers: Vec<u64> = inbox.pushes.iter().map(|push| push.seq).collect();
        assert_eq!(numbers, (1..=inbox.seq).collect::<Vec<_>>(), "numbers have no gap");
        let mut kept = BTreeMap::new();
        for push in inbox.pushes {
            let number: usize = push.body.parse().unwrap();
            assert_eq!(kept.insert(number, push.seq), None, "{number} is there twice");
        }
        for (number, seq) in &self.acknowledged {
            assert_eq!(kept.remove(number), Some(*seq), "{number} was acknowledged");
        }
        for number in kept.keys() {
            assert!(self.unknown.contains(number), "{number} was refused, and is there");
        }
    }
}

static ANSWERED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_doubled_when_the_server_is_killed() {
    let mut server = Server::start(MariaDbOptions::default()).unwrap();
    let (storage, _kept) = on(&server).await;
    let (game, stop) = (Game::new(&storage), Arc::new(AtomicBool::new(false)));
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let player = game.player().await;
        writers.push(tokio::spawn(History::write(game.clone(), player, stop.clone())));
    }
    for kill in 1..=KILLS {
        // In the midst of the writing, not after a time.
        let until = ANSWERED.load(Ordering::SeqCst) + ANSWERS;
        while ANSWERED.load(Ordering::SeqCst) < until {
            tokio::task::yield_now().await;
        }
        server = tokio::task::spawn_blocking(move || {
            server.kill().unwrap();
            server.restart().unwrap();
            server
        })
        .await
        .unwrap();
        println!("killed {kill} times");
    }
    let until = ANSWERED.load(Ordering::SeqCst) + ANSWERS;
    while ANSWERED.load(Ordering::SeqCst) < until {
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::SeqCst);
    let (mut acknowledged, mut unknown, mut refused) = (0, 0, 0);
    for writer in writers {
        let (player, history) = writer.await.unwrap();
        history.compare(&game, &player).await;
        acknowledged += history.acknowledged.len();
        unknown += history.unknown.len();
        refused += history.refused.len();
    }
    println!(
        "{acknowledged} acknowledged, {unknown} unknown, {refused} refused: none lost, none doubled"
    );
    assert!(acknowledged > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_said_and_used_again_when_it_is_back() {
    let mut server = Server::start(MariaDbOptions::default()).unwrap();
    let (storage, kept) = on(&server).await;
    let game = Game::new(&storage);
    let player = game.player().await;
    server.stop().unwrap();
    let away = post(&game, &player, 0).await;
    assert!(matches!(away, Err(StorageError::Unavailable(_))), "{away:?}");
    let read = storage.members.get(game.app.clone(), player.member.id).await;
    assert!(matches!(read, Err(StorageError::Unavailable(_))), "{read:?}");
    let refused = MariaDb::open(&kept.scene.settings, &SystemClock).await;
    assert!(matches!(refused.err(), Some(StorageError::Unavailable(_))));
    server.restart().unwrap();
    assert_eq!(post(&game, &player, 0).await.unwrap().unwrap()[0].seq, 1);
    assert_eq!(game.member(player.member.id).await, Some(player.member));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_no_writes_is_refused_and_one_that_stops_to_is_said() {
    let server = Server::start(MariaDbOptions::default()).unwrap();
    let (storage, kept) = on(&server).await;
    let game = Game::new(&storage);
    let player = game.player().await;
    server.databases().sql("SET GLOBAL read_only = ON").unwrap();
    let Err(StorageError::Unavailable(why)) = post(&game, &player, 0).await else {
        panic!("it was written");
    };
    assert!(why.contains("1290") && why.contains("read-only"), "{why}");
    // Reading goes on.
    assert_eq!(game.member(player.member.id).await, Some(player.member.clone()));
    match MariaDb::open(&kept.scene.settings, &SystemClock).await {
        Err(StorageError::Setup(why)) => assert!(why.contains("read-only"), "{why}"),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was opened"),
    }
    server.databases().sql("SET GLOBAL read_only = OFF").unwrap();
    assert_eq!(post(&game, &player, 0).await.unwrap().unwrap()[0].seq, 1);
}
