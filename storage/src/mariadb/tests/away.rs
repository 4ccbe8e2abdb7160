//! A server that is away, comes back, hangs, or takes no writes.

use mysql_async::prelude::Queryable;
use uuid::Uuid;

use super::server::{Database, Kept, Scene};
use crate::clock::SystemClock;
use crate::conformance::scene::{DAY, Game, Player, START};
use crate::error::{Result, StorageError};
use crate::mariadb::MariaDb;
use crate::mariadb::identity::claims::{Claim, Claims};
use crate::open::Storage;
use crate::push::{KeptPush, NewPush};
use crate::servers::{MariaDb as Server, MariaDbOptions};

async fn on(server: &Server) -> (Storage, Kept) {
    let (storage, kept) = Scene::on(server.database("away").unwrap()).storage().await;
    storage.start_alone().await.unwrap();
    (storage, kept)
}

async fn post(game: &Game, player: &Player, number: usize) -> Result<Option<Vec<KeptPush>>> {
    let (word, body) = ("message".to_owned(), number.to_string());
    let push = NewPush { word, body, expires_at: START.after(DAY) };
    game.storage.inboxes.post(game.app.clone(), player.member.id, vec![push], START).await
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

/// Somebody whose claim and whose rows are on the first server, or on the second.
async fn on_one_of_two(game: &Game, first: bool) -> Player {
    let here = |shard: u16| (shard < 512) == first;
    loop {
        let write = game.vouched(&Uuid::now_v7().to_string(), START);
        if here(write.key.shard()) && here(write.candidate.shard()) {
            return game.enter(write).await;
        }
    }
}

/// All that a player does, one after the other, on the server that is there.
async fn lives(game: &Game, player: Player) -> Player {
    let (app, member) = (game.app.clone(), player.member.id);
    let posted = post(game, &player, 0).await.unwrap().unwrap()[0].seq;
    assert_eq!(game.storage.inboxes.ack(app, member, player.login.id, posted).await, Ok(posted));
    player.rotates(player.login.token, START).await;
    assert_eq!(player.standing().await.acked, posted);
    let again = player.again(START).await;
    assert_eq!((again.member.id, again.epoch), (member, player.epoch + 1));
    again
}

/// The living server's members are served as long as the other one is away, and the other's when
/// it is back.
async fn one_of_two_is_away(leave: impl Fn(&mut Server), come_back: impl Fn(&mut Server)) {
    let [a, mut b] = [(); 2].map(|()| Server::start(MariaDbOptions::default()).unwrap());
    let scene = Scene::across([Database::of(&a).url, Database::of(&b).url]);
    let (storage, _kept) = scene.storage().await;
    storage.start_alone().await.unwrap();
    let game = Game::new(&storage);
    let (living, mut cut_off) =
        (on_one_of_two(&game, true).await, on_one_of_two(&game, false).await);
    cut_off = lives(&game, cut_off).await;
    leave(&mut b);
    let asks = game.clone();
    let asked = cut_off.clone();
    // The others' calls are under way all the while.
    let refused = tokio::spawn(async move {
        let posted = post(&asks, &asked, 1).await.unwrap_err();
        let read = asks.storage.members.get(asks.app.clone(), asked.member.id).await.unwrap_err();
        let again = asks.vouched(&asked.key.subject, START);
        (posted, read, asks.storage.identity.login(again).await.unwrap_err())
    });
    let mut player = living;
    for _ in 0..20 {
        player = lives(&game, player).await;
    }
    let newcomer = on_one_of_two(&game, true).await;
    lives(&game, newcomer).await;
    let (posted, read, login) = refused.await.unwrap();
    for error in [posted, read, login] {
        assert!(
            matches!(error, StorageError::Unavailable(_) | StorageError::OutcomeUnknown),
            "{error:?}"
        );
    }
    player = lives(&game, player).await;
    come_back(&mut b);
    lives(&game, cut_off).await;
    lives(&game, player).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_a_living_server_are_served_while_the_other_is_dead() {
    one_of_two_is_away(|b| b.kill().unwrap(), |b| b.restart().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_a_living_server_are_served_while_the_other_hangs() {
    one_of_two_is_away(|b| b.pause().unwrap(), |b| b.resume().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_on_a_living_server_is_swept_while_the_other_is_dead() {
    let [mut a, b] = [(); 2].map(|()| Server::start(MariaDbOptions::default()).unwrap());
    let (storage, kept) =
        Scene::across([Database::of(&a).url, Database::of(&b).url]).storage().await;
    storage.start_alone().await.unwrap();
    let game = Game::new(&storage);
    let backend = MariaDb::open(&kept.scene.settings, &SystemClock).await.unwrap();
    let write = loop {
        let write = game.vouched(&Uuid::now_v7().to_string(), START);
        if write.key.shard() > 511 && write.candidate.shard() > 511 {
            break write;
        }
    };
    let claim = Claim::new(&write, write.key.digest());
    backend.router.write_one::<Claims>(claim).await.unwrap();
    // The dead one comes first.
    a.kill().unwrap();
    let swept = storage.sessions.sweep(START.after(DAY), 100).await;
    assert!(matches!(swept, Err(StorageError::Unavailable(_))), "{swept:?}");
    assert!(game.member(write.candidate).await.is_some());
    let mut connection = kept.scene.databases[1].connect().await;
    let pending = "SELECT COUNT(*) FROM identity_claim WHERE pending = 1";
    assert_eq!(connection.query_first(pending).await.unwrap(), Some(0));
}
