//! Shards are moved from one physical server to another while many write to them.
//!
//! The mover does what a move has to do: it takes a shard from its primary in a transaction that
//! waits for those that write, copies the rows, and opens the shard on the other with a higher
//! version. What it leaves behind stays, so that a reader or writer that strays there is found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::MemberId;

use super::server::{Scene, over};
use crate::conformance::scene::{DAY, Game, Player, START};
use crate::error::StorageError;
use crate::mariadb::MariaDb;
use crate::push::NewPush;
use crate::servers::{MariaDb as Server, MariaDbOptions};

/// How many write at once, half of them through each process.
const WRITERS: usize = 16;
/// How many moves there are.
const MOVES: usize = 40;
/// How many answers come between two of them.
const ANSWERS: usize = 20;

const TABLES: [&str; 6] = ["member", "member_session", "identity", "login", "inbox", "ban"];

static ANSWERED: AtomicUsize = AtomicUsize::new(0);

/// What a writer was told of each of its pushes.
#[derive(Default)]
struct History {
    acknowledged: BTreeMap<usize, u64>,
    /// What was not done, and said so: the shard was on its way, or the machine is too busy.
    refused: usize,
    unknown: Vec<usize>,
    /// How often it read what was acknowledged, and how often it was told to wait.
    read: usize,
    unread: usize,
}

impl History {
    /// Writes through one process, and reads through the other what was acknowledged.
    async fn write(writes: Game, reads: Game, player: Player, stop: Arc<AtomicBool>) -> Self {
        let mut history = Self::default();
        let mut number = 0;
        let member = player.member.id;
        while !stop.load(Ordering::SeqCst) {
            let (word, body) = ("message".to_owned(), number.to_string());
            let push = NewPush { word, body, expires_at: START.after(DAY) };
            let inboxes = &writes.storage.inboxes;
            match inboxes.post(writes.app.clone(), member, vec![push], START).await {
                Ok(posted) => {
                    let seq = posted.expect("the member is there")[0].seq;
                    history.acknowledged.insert(number, seq);
                    history.look(&reads, member, seq).await;
                }
                // A shard that moves holds its rows locked; the lane asks for a while, then says so.
                Err(StorageError::Moved | StorageError::Locked | StorageError::Unavailable(_)) => {
                    history.refused += 1
                }
                Err(StorageError::OutcomeUnknown) => history.unknown.push(number),
                Err(other) => panic!("{other}"),
            }
            ANSWERED.fetch_add(1, Ordering::SeqCst);
            number += 1;
            tokio::task::yield_now().await;
        }
        history
    }

    /// Whatever its map, a process never shows less than was acknowledged.
    async fn look(&mut self, reads: &Game, member: MemberId, seq: u64) {
        match reads.storage.inboxes.read(reads.app.clone(), member, seq - 1, START, 1).await {
            Ok(inbox) => {
                assert_eq!((inbox.seq, inbox.pushes.len()), (seq, 1));
                self.read += 1;
            }
            Err(
                StorageError::Moved | StorageError::Unavailable(_) | StorageError::OutcomeUnknown,
            ) => self.unread += 1,
            Err(other) => panic!("{other}"),
        }
    }
}

/// What is there of a shard: the inboxes' pushes, and the lock rows' highest numbers.
async fn rows(connection: &mut Conn, shard: u16) -> Vec<Kept> {
    let (first, last) = members(shard);
    let select = format!(
        "SELECT member, seq, body FROM inbox WHERE member BETWEEN {first} AND {last}
         UNION ALL SELECT member, inbox_seq, 'last' FROM member_session
         WHERE member BETWEEN {first} AND {last} ORDER BY 1, 2, 3"
    );
    connection.query(select).await.unwrap()
}

fn members(shard: u16) -> (i64, i64) {
    let first = i64::from(shard) << 53;
    (first, first | ((1 << 53) - 1))
}

/// A row: a member, a number, and the rest of it as text.
type Kept = (i64, i64, String);

struct Mover {
    connections: Vec<Conn>,
    version: i64,
    /// Where each shard is.
    home: BTreeMap<u16, usize>,
    /// What a shard left where it is no more.
    left: BTreeMap<(u16, usize), Vec<Kept>>,
}

impl Mover {
    async fn go(&mut self, shard: u16) {
        let from = self.home[&shard];
        let to = 1 - from;
        self.version += 1;
        self.close(shard, from).await;
        let left = rows(&mut self.connections[from], shard).await;
        self.left.insert((shard, from), left);
        self.copy(shard, from, to).await;
        let version = self.version;
        let insert =
            format!("INSERT INTO shard_range VALUES ({shard}, {shard}, {version}, 'open')");
        self.connections[to].query_drop(insert).await.unwrap();
        self.left.remove(&(shard, to));
        self.home.insert(shard, to);
    }

    /// Nobody writes it from here on: the lock waits for those that do.
    async fn close(&mut self, shard: u16, from: usize) {
        let connection = &mut self.connections[from];
        connection.query_drop("START TRANSACTION").await.unwrap();
        let select = format!(
            "SELECT first_shard, last_shard, version FROM shard_range
             WHERE {shard} BETWEEN first_shard AND last_shard FOR UPDATE"
        );
        let (first, last, version): (i64, i64, i64) =
            connection.query_first(select).await.unwrap().unwrap();
        let delete = format!("DELETE FROM shard_range WHERE first_shard = {first}");
        connection.query_drop(delete).await.unwrap();
        let shard = i64::from(shard);
        for (first, last) in [(first, shard - 1), (shard + 1, last)] {
            if first <= last {
                // Its neighbours stay as they were.
                let values = format!("({first}, {last}, {version}, 'open')");
                let insert = format!("INSERT INTO shard_range VALUES {values}");
                connection.query_drop(insert).await.unwrap();
            }
        }
        connection.query_drop("COMMIT").await.unwrap();
    }

    async fn copy(&mut self, shard: u16, from: usize, to: usize) {
        let (first, last) = members(shard);
        let of = format!("WHERE member BETWEEN {first} AND {last}");
        self.connections[to].query_drop("START TRANSACTION").await.unwrap();
        for table in TABLES {
            let select = format!("SELECT * FROM {table} {of}");
            let rows: Vec<Row> = self.connections[from].exec(select, ()).await.unwrap();
            let target = &mut self.connections[to];
            target.query_drop(format!("DELETE FROM {table} {of}")).await.unwrap();
            for some in rows.chunks(256) {
                let rows: Vec<Vec<Value>> = some.iter().map(|row| row.clone().unwrap()).collect();
                let row = format!("({})", vec!["?"; rows[0].len()].join(","));
                let marks = vec![row; rows.len()].join(",");
                let values = Params::Positional(rows.into_iter().flatten().collect());
                let insert = format!("INSERT INTO {table} VALUES {marks}");
                target.exec_drop(insert, values).await.unwrap();
            }
        }
    }
}

/// What is kept, on whichever server, is what was told.
async fn compare(mover: &mut Mover, player: &Player, history: &History) {
    let (member, shard) = (player.member.id, player.member.id.shard());
    let home = mover.home[&shard];
    let kept = rows(&mut mover.connections[home], shard).await;
    let own = kept.into_iter().filter(|(of, ..)| *of == member.number());
    let (last, kept): (Vec<_>, Vec<_>) = own.partition(|(_, _, body)| body == "last");
    let numbers: Vec<i64> = kept.iter().map(|(_, seq, _)| *seq).collect();
    assert_eq!(numbers, (1..=last[0].1).collect::<Vec<_>>(), "numbers have no gap");
    let mut there = BTreeMap::new();
    for (_, seq, body) in kept {
        let number: usize = body.parse().unwrap();
        assert_eq!(there.insert(number, seq), None, "{number} is there twice");
    }
    for (number, seq) in &history.acknowledged {
        let seq = i64::try_from(*seq).unwrap();
        assert_eq!(there.remove(number), Some(seq), "{number} was acknowledged");
    }
    for number in there.keys() {
        assert!(history.unknown.contains(number), "{number} was refused, and is there");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_map_is_refused_under_load_and_each_write_lands_once() {
    let servers = [(); 2].map(|()| Server::start(MariaDbOptions::default()).unwrap());
    let scene = Scene::across(servers.each_ref().map(|server| server.database("load").unwrap()));
    let backends = [scene.backend().await, scene.backend().await];
    let games = {
        let first = Game::new(&over(backends[0].clone()).await);
        let second = Game { storage: over(backends[1].clone()).await, app: first.app.clone() };
        [first, second]
    };
    let mut mover =
        Mover { connections: Vec::new(), version: 1, home: BTreeMap::new(), left: BTreeMap::new() };
    for database in &scene.databases {
        let mut connection = database.connect().await;
        let session = "SET SESSION tx_isolation = 'READ-COMMITTED', innodb_lock_wait_timeout = 60";
        connection.query_drop(session).await.unwrap();
        mover.connections.push(connection);
    }
    let (stop, mut writers) = (Arc::new(AtomicBool::new(false)), Vec::new());
    for at in 0..WRITERS {
        let player = games[0].player().await;
        let shard = player.member.id.shard();
        mover.home.insert(shard, usize::from(shard >= 512));
        let (writes, reads) = (games[at % 2].clone(), games[1 - at % 2].clone());
        let history = History::write(writes, reads, player.clone(), stop.clone());
        writers.push((player, tokio::spawn(history)));
    }
    let shards: Vec<u16> = mover.home.keys().copied().collect();
    for moved in 0..MOVES {
        // In the midst of the writing, not after a time.
        let until = ANSWERED.load(Ordering::SeqCst) + ANSWERS;
        while ANSWERED.load(Ordering::SeqCst) < until {
            assert!(writers.iter().all(|(_, writer)| !writer.is_finished()), "a writer failed");
            tokio::task::yield_now().await;
        }
        mover.go(shards[moved % shards.len()]).await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut all = History::default();
    let mut acknowledged = 0;
    for (player, writer) in writers {
        let history = writer.await.unwrap();
        compare(&mut mover, &player, &history).await;
        acknowledged += history.acknowledged.len();
        all.refused += history.refused;
        all.unknown.extend(history.unknown);
        all.read += history.read;
        all.unread += history.unread;
    }
    for ((shard, server), left) in std::mem::take(&mut mover.left) {
        let now = rows(&mut mover.connections[server], shard).await;
        assert_eq!(now, left, "server {server} got no row of shard {shard} after the move");
    }
    let refused: Vec<usize> = backends.iter().map(MariaDb::refusals).collect();
    println!(
        "{MOVES} moves under {WRITERS} writers: {acknowledged} writes acknowledged, each there once; \
         {} told to wait, {} unknown; {} reads through the other process, none old, {} told to wait; \
         maps refused and read again {refused:?}",
        all.refused,
        all.unknown.len(),
        all.read,
        all.unread
    );
    assert!(acknowledged > 0 && refused.iter().all(|count| *count > 0));
}
