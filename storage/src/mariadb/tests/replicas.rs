//! Two physical databases and a replica of one of them, which lags, is gone, or is all there is.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use tokio::time::Instant;

use super::server::{Scene, over};
use crate::conformance::scene::{Game, Player, START};
use crate::freshness::{Aged, Freshness};
use crate::mariadb::MariaDb;
use crate::mariadb::fault::words;
use crate::mariadb::replicas::Standing;
use crate::members::{Ban, Overview, OverviewRead};
use crate::servers::{MariaDb as Server, MariaDbOptions};

const MINUTE: Duration = Duration::from_secs(60);

/// The servers, a member on the one with the replica, and the backend.
struct House {
    a: Server,
    replica: Server,
    /// Keeps the games, and runs.
    _b: Server,
    backend: MariaDb,
    player: Player,
}

impl House {
    async fn new() -> Self {
        let [a, b] = [(); 2].map(|()| Server::start(MariaDbOptions::default()).unwrap());
        let copies = MariaDbOptions::default().replica_of(&a).with("--read-only");
        let replica = Server::start(copies).unwrap();
        let urls = [&a, &b].map(|server| server.database("copied").unwrap());
        let copy = replica.databases().same_database(&urls[0]);
        let scene = Scene::across(urls);
        scene.servers().migrate().await.unwrap();
        replica.reach(&a.position().unwrap()).unwrap();
        let backend = scene.with("a2", &copy, Some("a")).backend().await;
        let game = Game::new(&over(backend.clone()).await);
        // One that is on the server with the replica: every other one is.
        let mut player = game.player().await;
        while player.member.id.shard() >= 512 {
            player = game.player().await;
        }
        replica.reach(&a.position().unwrap()).unwrap();
        let house = Self { a, replica, _b: b, backend, player };
        house.look().await;
        house
    }

    async fn look(&self) -> Standing {
        let router = &self.backend.router;
        router.replicas.look(&router.primaries, Instant::now()).await;
        router.replicas.first()
    }

    async fn caught_up(&self) {
        self.replica.reach(&self.a.position().unwrap()).unwrap();
        assert_eq!(self.look().await, Standing::Read);
    }

    async fn sees(&self, freshness: Freshness) -> Aged<Overview> {
        let (app, member) = (self.player.game.app.clone(), self.player.member.id);
        let read = OverviewRead { app, member, now: START, logins: 9, freshness };
        let seen = self.player.game.storage.members.overview(read).await.unwrap();
        Aged { value: seen.value.expect("the member is there"), lag: seen.lag }
    }

    /// The ban that is seen, and how far the answer lags.
    async fn ban(&self, freshness: Freshness) -> (Option<Ban>, Option<Duration>) {
        let seen = self.sees(freshness).await;
        (seen.value.member.ban, seen.lag)
    }

    async fn bans(&self) -> Option<Ban> {
        Some(self.player.game.bans(self.player.member.id, START, None).await.0)
    }

    /// How many reads the replica has answered.
    fn answered(&self) -> usize {
        self.backend.router.replicas.answered.load(Ordering::Relaxed)
    }

    fn tell(&self, statement: &str) {
        self.replica.sql(statement).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_be_present_is_and_what_may_lag_says_how_far() {
    let house = House::new().await;
    // An operator's own writes are seen, and it is the replica that shows them: nearly always,
    // for a busy machine may not catch up in time.
    for _ in 0..20 {
        let banned = house.bans().await;
        assert_eq!(house.ban(Freshness::Present).await, (banned, None));
    }
    let answered = house.answered();
    println!("{answered} of 20 were answered by the replica");
    assert!(answered > 0);
    // All of it is what the primary has.
    let seen = house.sees(Freshness::Present).await.value;
    let standing = house.player.standing().await;
    assert_eq!((&seen.member, seen.inbox, seen.acked), (&standing.member, standing.inbox, 0));
    assert_eq!((seen.logins, seen.epoch), (vec![standing.login], standing.epoch));
    assert_eq!(seen.identities.len(), 1);

    // Whichever half of the replication stands still: one applies nothing, the other hears of
    // nothing and says of itself that it has everything.
    for half in ["SQL_THREAD", "IO_THREAD"] {
        house.caught_up().await;
        house.tell(&format!("STOP SLAVE {half}"));
        let before = house.ban(Freshness::Present).await.0;
        let banned = house.bans().await;
        assert_ne!(banned, before);
        let answered = house.answered();
        assert_eq!(house.ban(Freshness::Present).await, (banned.clone(), None), "{half}");
        assert_eq!(house.answered(), answered, "{half}: it was the primary");
        // Within the bound the replica may answer: the old row, and how old at most.
        let (old, lag) = house.ban(Freshness::Lagging).await;
        match lag {
            Some(lag) => assert!(old == before && lag <= Duration::from_secs(5), "{half} {lag:?}"),
            // On a machine that stood still for seconds the bound is over.
            None => assert_eq!(old, banned, "{half}"),
        }
        // A minute passes.
        house.backend.router.replicas.backdate(MINUTE);
        assert_eq!(house.ban(Freshness::Lagging).await, (banned.clone(), None), "{half}");
        let Standing::Unread("behind", why) = house.look().await else { panic!("{half}") };
        assert!(why.starts_with("it lags 6"), "{half}: {why}");
        assert_eq!(house.ban(Freshness::Present).await, (banned, None), "{half}");
        house.tell("START SLAVE");
    }
    house.caught_up().await;
    let answered = house.answered();
    let (_, lag) = house.ban(Freshness::Lagging).await;
    assert!(lag.is_some() && house.answered() > answered, "it is read again: {lag:?}");

    // A replica that is told to be a minute behind.
    house.tell("STOP SLAVE");
    house.tell("CHANGE MASTER TO MASTER_DELAY = 60");
    house.tell("START SLAVE");
    let banned = house.bans().await;
    assert_eq!(house.ban(Freshness::Present).await, (banned, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_without_the_replica_and_without_the_primary() {
    let mut house = House::new().await;
    let banned = house.bans().await;
    // It hangs, it is killed: the primary answers.
    house.replica.pause().unwrap();
    assert_eq!(house.ban(Freshness::Lagging).await, (banned.clone(), None));
    assert!(matches!(house.look().await, Standing::Unread("away", _)));
    assert_eq!(house.ban(Freshness::Present).await, (banned.clone(), None));
    house.replica.resume().unwrap();
    house.caught_up().await;
    house.replica.kill().unwrap();
    assert_eq!(house.ban(Freshness::Lagging).await, (banned.clone(), None));
    assert_eq!(house.ban(Freshness::Present).await, (banned.clone(), None));
    assert!(matches!(house.look().await, Standing::Unread("away", _)));
    // A process starts without it.
    house.replica.restart().unwrap();
    house.caught_up().await;
    assert_eq!(house.ban(Freshness::Present).await, (banned.clone(), None));
    // Now the primary hangs, then is gone: what a replica has, and how old that may be.
    house.a.pause().unwrap();
    let (seen, lag) = house.ban(Freshness::Present).await;
    assert!(seen == banned && lag.is_some(), "{seen:?} {lag:?}");
    house.a.resume().unwrap();
    house.caught_up().await;
    house.a.kill().unwrap();
    let (seen, lag) = house.ban(Freshness::Present).await;
    assert_eq!(seen, banned);
    assert!(lag.is_some(), "nobody can say that it is present");
    let posted = house.player.game.storage.inboxes.read(
        house.player.game.app.clone(),
        house.player.member.id,
        0,
        START,
        1,
    );
    assert!(posted.await.is_err(), "a session's own reads are the primary's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_never_written() {
    let house = House::new().await;
    // Not even one that would let it happen.
    house.tell("SET GLOBAL read_only = OFF");
    let replica = &house.backend.router.replicas.all[0].server;
    let mut connection = replica.reading().await.unwrap();
    let refused = connection.query_drop("DELETE FROM member").await.unwrap_err();
    assert!(words(&refused).contains("1792"), "{}", words(&refused));
}
