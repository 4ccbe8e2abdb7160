//! No statement of a purchase's way reads a table from end to end: what a purchase costs does not
//! grow with how many there were. Counted by the server itself, in rows.

use futures_util::StreamExt;
use futures_util::stream;
use mysql_async::prelude::Queryable;
use protocol::client::StoreName;
use uuid::Uuid;

use super::server::{Database, Scene};
use crate::conformance::scene::{Game, Player};
use crate::conformance::shop::{Bought, at, lease, owned};
use crate::outbox::{Leasing, Outcome};
use crate::purchases::{Evidence, Finishing, Said, Settled, Source, State};
use crate::servers::{MariaDb as Server, MariaDbOptions};

/// How many purchases are there when it is counted, and how many are counted.
const THERE: usize = 300;
const COUNTED: usize = 16;
/// How many are on their way at once, so that they share transactions: few of those that are
/// counted, or a look at a whole table would be many purchases' together.
const AT_ONCE: usize = 8;
const COUNTED_AT_ONCE: usize = 2;
/// How many rows may be read in a row for one: the map of shards, in each transaction.
const ROWS: u64 = 40;

/// How many rows the server has read one after the other, of whole tables.
async fn scanned(database: &Database) -> u64 {
    let mut connection = database.connect().await;
    let status = "SHOW GLOBAL STATUS LIKE 'Handler_read_rnd_next'";
    let (_, rows): (String, u64) = connection.query_first(status).await.unwrap().unwrap();
    rows
}

/// Shown, heard and granted.
async fn buy(player: &Player) -> Uuid {
    let game = &player.game;
    let purchases = &game.storage.purchases;
    let source = Source::Posted(player.member.id);
    let evidence = Evidence {
        app: game.app.clone(),
        store: StoreName::GooglePlay,
        source,
        mark: Uuid::now_v7().to_string(),
        body: "{}".to_owned(),
        reservation: None,
    };
    let received = purchases.receive(evidence, at(1), lease(at(1))).await.unwrap();
    let bought = Bought::new(game);
    let said = bought.said(source, State::Paid, at(2));
    let heard = bought.hear(Said { evidence: Some(received.digest), ..said }).await;
    owned(heard).id
}

/// The same, used up, and something is spent of it.
async fn use_up(player: &Player, number: usize) {
    let purchase = buy(player).await;
    player.consumes(purchase, at(3)).await;
    player.spends(&number.to_string(), 1).await;
}

/// What the rounds do: stores and games' servers are told, what was left is looked for.
async fn round(game: &Game) {
    let purchases = &game.storage.purchases;
    for due in purchases.to_settle(at(10), at(20), COUNTED).await.unwrap() {
        let (member, purchase) = (due.purchase.member, due.purchase.id);
        let told = Settled { member, purchase, what: due.what, again: None, given_up: None };
        purchases.settled(told).await.unwrap();
    }
    assert_eq!(purchases.waiting(at(10), at(20), COUNTED).await.unwrap(), []);
    assert_eq!(purchases.to_look_at(at(10), at(20), COUNTED).await.unwrap(), []);
    let left = Finishing { before: at(0), now: at(10), limit: COUNTED };
    purchases.finish(left).await.unwrap();
    let asked = Leasing { now: at(10), until: at(20), members: 4, each: 8 };
    for due in game.storage.outbox.lease(asked).await.unwrap() {
        let done = due.notices.iter().map(|notice| notice.seq).collect();
        let (member, until) = (due.member, due.until);
        let outcome = Outcome { member, until, done, failed: None, later: None, now: at(10) };
        game.storage.outbox.sent(outcome).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_reads_no_table_from_end_to_end() {
    let server = Server::start(MariaDbOptions::default()).unwrap();
    let database = Database::of(&server);
    let (storage, _kept) = Scene::on(database.url.clone()).storage().await;
    storage.start_alone().await.unwrap();
    let game = Game::new(&storage);
    let mut players = Vec::new();
    for _ in 0..20 {
        players.push(game.player().await);
    }
    let of = |number: usize| &players[number % players.len()];
    let bought = stream::iter((0..THERE).map(|number| buy(of(number))));
    bought.buffer_unordered(AT_ONCE).collect::<Vec<Uuid>>().await;
    round(&game).await;
    let before = scanned(&database).await;
    let used = stream::iter((0..COUNTED).map(|number| use_up(of(number), number)));
    used.buffer_unordered(COUNTED_AT_ONCE).collect::<Vec<()>>().await;
    round(&game).await;
    // Claims are marked a moment later; that is part of it.
    let pending = "SELECT COUNT(*) FROM purchase_claim WHERE pending = 1";
    let mut connection = database.connect().await;
    while connection.query_first::<u64, _>(pending).await.unwrap() != Some(0) {
        tokio::task::yield_now().await;
    }
    let each = (scanned(&database).await - before) / COUNTED as u64;
    assert!(each <= ROWS, "{each} rows were read in a row for each of {COUNTED} purchases");
    drop((connection, players, game, storage));
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}
