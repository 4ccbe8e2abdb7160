//! A shard is moved under the hands of a process with an old map.

use mysql_async::prelude::Queryable;

use protocol::push::BANNED;
use tokio::time::Instant;

use super::server::{Kept, Scene, over};
use crate::apps::Seed;
use crate::conformance::scene::{Game, Player, START};
use crate::error::StorageError;
use crate::mariadb::router::word::TRUSTED;
use crate::members::Member;
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

/// What is kept by member.
const TABLES: [&str; 6] = ["member", "member_session", "identity", "login", "inbox", "ban"];

/// Takes the shard of `player` from `a`.
async fn close(kept: &Kept, player: &Player) {
    let shard = i64::from(player.member.id.shard());
    let mut a = kept.scene.databases[0].connect().await;
    let select = format!(
        "SELECT first_shard, last_shard FROM shard_range
         WHERE {shard} BETWEEN first_shard AND last_shard"
    );
    let (begin, end): (i64, i64) = a.query_first(select).await.unwrap().unwrap();
    a.query_drop("START TRANSACTION").await.unwrap();
    a.query_drop(format!("DELETE FROM shard_range WHERE first_shard = {begin}")).await.unwrap();
    for (first, last) in [(begin, shard - 1), (shard + 1, end)] {
        if first <= last {
            let insert = format!("INSERT INTO shard_range VALUES ({first}, {last}, 2, 'open')");
            a.query_drop(insert).await.unwrap();
        }
    }
    a.query_drop("COMMIT").await.unwrap();
}

/// Brings the rows of `player` to `b`, and opens its shard there.
async fn open(kept: &Kept, player: &Player) {
    let (member, shard) = (player.member.id.number(), player.member.id.shard());
    let [a, b] = [0, 1]
        .map(|place: usize| kept.scene.databases[place].url.rsplit('/').next().unwrap().to_owned());
    let home = &kept.scene.databases[1];
    for table in TABLES {
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

/// Everything that is read of a member, asked of one process.
async fn seen(storage: &Storage, player: &Player) -> (Option<Member>, u64, Vec<String>, usize) {
    let (app, member) = (player.game.app.clone(), player.member.id);
    let found = storage.members.get(app.clone(), member).await.unwrap();
    let inbox = storage.inboxes.read(app.clone(), member, 0, START, 9).await.unwrap();
    let words = inbox.pushes.into_iter().map(|push| push.word).collect();
    let logins = storage.sessions.logins(app.clone(), member, START, 9).await.unwrap().0;
    let identities = storage.identity.list(app.clone(), member).await.unwrap();
    let standing = storage.sessions.standing(app, member, player.login.id).await.unwrap();
    assert_eq!(standing.map(|it| (Some(it.member), it.inbox)), Some((found.clone(), inbox.seq)));
    (found, inbox.seq, words, logins.len() + identities.len())
}

#[tokio::test]
async fn a_reader_with_an_old_map_reads_where_the_shard_is_now() {
    let (storage, kept) = storage().await;
    let game = Game::new(&storage);
    let (player, left) = (on_a(&game).await, on_a(&game).await);
    // Two processes that read nothing but this, and so learn of nothing but by it.
    let readers = [kept.scene.node().await, kept.scene.node().await];
    for reader in &readers {
        assert_eq!(seen(reader, &player).await, (Some(player.member.clone()), 0, vec![], 2));
    }
    close(&kept, &player).await;
    // Nobody keeps it for a moment: that is said, and is not `none`.
    let get = readers[0].members.get(game.app.clone(), player.member.id).await;
    assert_eq!(get, Err(StorageError::Moved));
    open(&kept, &player).await;
    // What is written there from now on; the old rows are still where they were.
    let (ban, _) = game.bans(player.member.id, START, None).await;
    for reader in &readers {
        let (member, seq, words, rest) = seen(reader, &player).await;
        assert_eq!(member.unwrap().ban, Some(ban.clone()));
        assert_eq!((seq, words, rest), (1, vec![BANNED.to_owned()], 2));
    }
    // Once more for another, and now the old place is empty.
    if left.member.id.shard() != player.member.id.shard() {
        close(&kept, &left).await;
        open(&kept, &left).await;
        for table in TABLES {
            let gone = format!("DELETE FROM {table} WHERE member = {}", left.member.id.number());
            kept.scene.databases[0].run(&gone).await;
        }
        for reader in &readers {
            assert_eq!(seen(reader, &left).await, (Some(left.member.clone()), 0, vec![], 2));
        }
    }
}

#[tokio::test]
async fn while_a_primarys_word_counts_a_read_goes_on_and_a_write_does_not() {
    let (storage, kept) = storage().await;
    let game = Game::new(&storage);
    let player = on_a(&game).await;
    let process = over(kept.scene.trusting().await).await;
    let (app, member) = (game.app.clone(), player.member.id);
    let get = async || process.members.get(app.clone(), member).await;
    let asked = Instant::now();
    assert_eq!(get().await.unwrap(), Some(player.member.clone()));
    close(&kept, &player).await;
    // Nobody may write it before its time, so what is here is still the truth.
    let read = get().await;
    // On a machine that stood still meanwhile it counts no more.
    if asked.elapsed() < TRUSTED {
        assert_eq!(read, Ok(Some(player.member.clone())));
    }
    let posted = process.inboxes.post(app.clone(), member, vec![push()], START).await;
    assert_eq!(posted, Err(StorageError::Moved));
    // Who was refused has heard the new word.
    assert_eq!(get().await, Err(StorageError::Moved));
}

#[tokio::test]
async fn who_reads_the_games_follows_the_home_too() {
    let (storage, kept) = storage().await;
    let reader = kept.scene.node().await;
    let game = Game::new(&storage);
    let seed = Seed { id: game.app, settings: "{}".into(), digest: vec![1], now: START };
    storage.apps.seed(seed).await.unwrap();
    assert_eq!(reader.apps.list().await.unwrap().len(), 1);
    let [a, b] = [0, 1].map(|place: usize| &kept.scene.databases[place]);
    b.run("DELETE FROM shard_range WHERE first_shard = -1").await;
    assert_eq!(reader.apps.list().await, Err(StorageError::Moved));
    let from = b.url.rsplit('/').next().unwrap();
    a.run(&format!("INSERT INTO app SELECT * FROM {from}.app")).await;
    a.run("INSERT INTO shard_range VALUES (-1, -1, 2, 'open')").await;
    b.run("DELETE FROM app").await;
    assert_eq!(reader.apps.list().await.unwrap().len(), 1);
}
