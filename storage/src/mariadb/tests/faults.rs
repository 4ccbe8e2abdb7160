//! What another transaction, or a broken connection, does to a batch.

use futures_util::future::join_all;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::sync::Notify;

use super::server::{Kept, Scene};
use crate::clock::SystemClock;
use crate::config::MariaDbSettings;
use crate::conformance::scene::{DAY, Game, Player, SECOND, START, candidate, digest};
use crate::error::StorageError;
use crate::identity::{LoginOutcome, LoginWrite};
use crate::mariadb::MariaDb;
use crate::mariadb::fault::Fault;
use crate::mariadb::router::Expected;
use crate::mariadb::tx::{Locks, Tx, Work, run_tx};
use crate::open::Storage;
use crate::push::{AckWrite, NewPush, PostWrite, PushDuty};

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

/// The connection that waits in a statement like this, once there is one.
async fn waiting(kept: &Kept, statement: &str) -> u64 {
    let mut connection = kept.scene.databases[0].connect().await;
    let select = format!(
        "SELECT id FROM information_schema.processlist \
         WHERE db = DATABASE() AND id <> CONNECTION_ID() AND info LIKE '{statement}'"
    );
    loop {
        if let Some(id) = connection.query_first(&select).await.unwrap() {
            return id;
        }
        tokio::task::yield_now().await;
    }
}

const FOR_UPDATE: &str = "%FROM member_session%FOR UPDATE";

#[tokio::test]
async fn one_whose_lock_is_held_is_left_out_and_alone_it_waits() {
    let (storage, kept, game) = scene().await;
    let (stuck, free) = (game.player().await, game.player().await);
    let mut holder = hold(&kept, &stuck).await;
    let posts = || vec![post(&game, &stuck, "stuck"), post(&game, &free, "free")];
    let truth = storage.records.truth();
    // Together they come back while the lock is held: nobody waits for it.
    for round in 1..=3 {
        let answers = truth.post_all(posts()).await;
        assert_eq!(answers[0], Err(StorageError::Locked));
        assert_eq!(answers[1].clone().unwrap().unwrap()[0].seq, round);
    }
    let nobody = PostWrite { member: candidate(), ..post(&game, &free, "nobody") };
    assert_eq!(truth.post_all(vec![nobody]).await, [Ok(None)]);
    // Alone it stands in the queue for the lock.
    let PostWrite { app, member, pushes, now } = post(&game, &stuck, "stuck");
    let alone = tokio::spawn(async move { truth.post(app, member, pushes, now).await });
    waiting(&kept, FOR_UPDATE).await;
    holder.query_drop("ROLLBACK").await.unwrap();
    assert_eq!(alone.await.unwrap().unwrap().unwrap()[0].seq, 1);
}

#[tokio::test]
async fn neighbours_of_one_whose_lock_is_held_are_answered_before_it_is_free() {
    let (storage, kept, game) = scene().await;
    let stuck = game.player().await;
    let mut neighbours = Vec::new();
    for _ in 0..24 {
        neighbours.push(game.player().await);
    }
    let mut holder = hold(&kept, &stuck).await;
    // Each deed that is done in batches, of the stuck one and of all others at once.
    let deeds = async |player: Player| {
        let member = player.member.id;
        let pushes = post(&game, &player, "word").pushes;
        let (game, storage) = (game.clone(), storage.clone());
        let posted = storage.inboxes.post(game.app.clone(), member, pushes, START).await;
        let acked = storage.inboxes.ack(game.app.clone(), member, player.login.id, 1).await;
        player.rotates(player.login.token, START).await;
        let epoch = player.again(START.after(SECOND)).await.epoch;
        (posted.unwrap().unwrap()[0].seq, acked.unwrap(), epoch)
    };
    let mut late = std::pin::pin!(deeds(stuck));
    let all = join_all(neighbours.into_iter().map(deeds));
    tokio::select! {
        biased;
        told = &mut late => panic!("the lock is held, and it is told {told:?}"),
        answers = all => assert_eq!(answers, [(1, 1, 2); 24]),
    }
    holder.query_drop("ROLLBACK").await.unwrap();
    assert_eq!(late.await, (1, 1, 2));
}

#[tokio::test]
async fn a_login_and_an_exchange_whose_lock_is_held_are_left_out_too() {
    let (storage, kept, game) = scene().await;
    let (stuck, free) = (game.player().await, game.player().await);
    let mut holder = hold(&kept, &stuck).await;
    let truth = storage.records.truth();
    let (a, b) = (stuck.exchange(stuck.login.token, START), free.exchange(free.login.token, START));
    let exchanged = truth.refresh_all(vec![a.clone(), b]).await;
    assert_eq!(exchanged, [Err(StorageError::Locked), Ok(free.rotated())]);
    let acks = [&stuck, &free].map(|player| {
        let (app, member, login) = (game.app.clone(), player.member.id, player.login.id);
        AckWrite { app, member, login, up_to: 1 }
    });
    assert_eq!(truth.ack_all(acks.into()).await, [Err(StorageError::Locked), Ok(0)]);
    let again = |player: &Player| game.vouched(&player.key.subject, START.after(SECOND));
    let (write, nonce) = (again(&stuck), (digest(), START.after(DAY)));
    let write = LoginWrite { nonce: Some(nonce), ..write };
    let logged_in = truth.login_all(vec![write.clone(), again(&free)]).await;
    assert_eq!(logged_in[0], Err(StorageError::Locked));
    assert!(matches!(logged_in[1], Ok(LoginOutcome::LoggedIn { epoch: 2, .. })), "{logged_in:?}");
    holder.query_drop("ROLLBACK").await.unwrap();
    // What was left out was not begun: token and nonce are as good as before.
    assert_eq!(truth.refresh_all(vec![a]).await, [Ok(stuck.rotated())]);
    let logged_in = truth.login_all(vec![write]).await;
    assert!(matches!(logged_in[0], Ok(LoginOutcome::LoggedIn { epoch: 2, .. })), "{logged_in:?}");
}

#[tokio::test]
async fn the_locks_of_a_process_that_hangs_are_given_back() {
    let (storage, kept, game) = scene().await;
    let player = game.player().await;
    let other = MariaDb::open(&kept.scene.settings, &SystemClock).await.unwrap();
    let mut hangs = other.router.primaries[0].writing().await.unwrap();
    let id = player.member.id.number();
    let lock = format!("SELECT member FROM member_session WHERE member = {id} FOR UPDATE");
    hangs.query_drop(lock).await.unwrap();
    // It says nothing more. Its server ends its transaction; until then this is refused.
    let posted = loop {
        let PostWrite { app, member, pushes, now } = post(&game, &player, "once");
        match storage.inboxes.post(app, member, pushes, now).await {
            Err(StorageError::Locked) => {}
            posted => break posted,
        }
    };
    assert_eq!(posted.unwrap().unwrap()[0].seq, 1);
    assert!(hangs.query_drop("COMMIT").await.is_err(), "its connection is gone");
}

#[tokio::test]
async fn a_transaction_that_is_let_go_of_is_no_part_of_the_next_one() {
    struct Half<'a>(&'a Player, &'a Notify);

    impl Work for Half<'_> {
        const NAME: &'static str = "test.half";
        type Answer = ();

        async fn run(&self, tx: &mut Tx) -> Result<(), Fault> {
            let id = self.0.member.id.number();
            let update = format!("UPDATE member_session SET inbox_seq = 7 WHERE member = {id}");
            tx.query_drop(update).await?;
            self.1.notify_one();
            std::future::pending().await
        }
    }

    let (storage, kept, game) = scene().await;
    let player = game.player().await;
    let settings = MariaDbSettings { connections: 1, ..kept.scene.settings.clone() };
    let backend = MariaDb::open(&settings, &SystemClock).await.unwrap();
    let half_way = Notify::new();
    let (half, nothing) = (Half(&player, &half_way), Expected::nothing());
    tokio::select! {
        _ = run_tx(&backend.router.primaries[0], &nothing, &half, 1, Locks::Wait) => panic!("it ended"),
        () = half_way.notified() => {}
    }
    // On the only connection there may be; with the half of the other it would be the eighth.
    let PostWrite { app, member, pushes, now } = post(&game, &player, "whole");
    let posted = backend.post(app, member, pushes, now).await.unwrap().unwrap();
    assert_eq!(posted[0].seq, 1);
    drop(storage);
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
    let cut = waiting(&kept, FOR_UPDATE).await;
    let mut killer = kept.scene.databases[0].connect().await;
    killer.query_drop(format!("KILL CONNECTION {cut}")).await.unwrap();
    // The next run comes as far as the same lock.
    while waiting(&kept, FOR_UPDATE).await == cut {}
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
    let mut writes = ["one", "other"].map(|subject| game.vouched(subject, START));
    writes.sort_by_key(|write| write.key.digest());
    let claim = |write: &LoginWrite| {
        let digest: String = write.key.digest().iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "INSERT INTO identity_claim VALUES (x'{digest}', '{}', 'google', '', 1, NULL, \
             x'{:032x}', 0, 1)",
            game.app, 0
        )
    };
    // Another process claims them in the wrong order: first the second one.
    let mut other = kept.scene.databases[0].connect().await;
    other.query_drop("START TRANSACTION").await.unwrap();
    other.query_drop(claim(&writes[1])).await.unwrap();
    let truth = storage.records.truth();
    let all = writes.to_vec();
    let logging_in = tokio::spawn(async move { truth.login_all(all).await });
    waiting(&kept, "INSERT INTO identity_claim%").await;
    // Whichever of the two the server gives up, both are logged in in the end.
    let _ = other.query_drop(claim(&writes[0])).await;
    let _ = other.query_drop("ROLLBACK").await;
    for (write, outcome) in writes.into_iter().zip(logging_in.await.unwrap()) {
        let outcome = match outcome {
            // On a busy machine the lock was waited for too long before.
            Err(StorageError::Locked) => game.login(write).await,
            outcome => outcome.unwrap(),
        };
        assert!(matches!(outcome, LoginOutcome::LoggedIn { epoch: 1, .. }), "{outcome:?}");
    }
}
