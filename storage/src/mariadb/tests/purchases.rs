//! Purchases on two real databases that share the shards: what the exam cannot ask, because it
//! knows of no steps, no locks and no rows.

mod audit;
mod away;
mod crossing;
mod lists;
mod locked;
mod steps;

use mysql_async::prelude::Queryable;

use super::server::{Kept, Scene};
use crate::clock::SystemClock;
use crate::conformance::scene::{Game, Player};
use crate::conformance::shop::{Bought, GEMS, adds_up, bag};
use crate::mariadb::MariaDb;
use crate::open::Storage;

/// A storage on two databases, and the backend beside it.
struct House {
    backend: MariaDb,
    storage: Storage,
    game: Game,
    kept: Kept,
}

impl House {
    async fn new() -> Self {
        let (storage, kept) = Scene::two().storage().await;
        storage.start_alone().await.unwrap();
        let backend = MariaDb::open(&kept.scene.settings, &SystemClock).await.unwrap();
        Self { backend, game: Game::new(&storage), storage, kept }
    }

    /// What both databases say together.
    async fn count(&self, select: &str) -> i64 {
        let mut count = 0;
        for database in &self.kept.scene.databases {
            let mut connection = database.connect().await;
            count += connection.query_first::<i64, _>(select).await.unwrap().unwrap();
        }
        count
    }

    async fn pending(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM purchase_claim WHERE pending = 1").await
    }

    /// Somebody whose rows are on that server.
    async fn player_on(&self, server: usize) -> Player {
        loop {
            let player = self.game.player().await;
            if server_of(player.member.id.shard()) == server {
                return player;
            }
        }
    }

    /// Something whose claim is on that server.
    fn bought_on(&self, server: usize) -> Bought {
        loop {
            let bought = Bought::new(&self.game);
            if server_of(bought.key.shard()) == server {
                return bought;
            }
        }
    }

    /// A claim and its owner, on every pair of servers.
    async fn pairs(&self) -> Vec<(Bought, Player)> {
        let mut pairs = Vec::new();
        for (claim, owner) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            pairs.push((self.bought_on(claim), self.player_on(owner).await));
        }
        pairs
    }

    /// Granted once, with all that belongs to it.
    async fn is_granted_once(&self, player: &Player) {
        assert_eq!(player.has().await, bag(GEMS));
        assert_eq!(player.transfers().await.len(), 1);
        assert_eq!(player.words().await, ["purchase.updated", "wallet.changed"]);
        let of = player.member.id.number();
        let outbox = format!("SELECT COUNT(*) FROM outbox WHERE member = {of} AND seq = 1");
        assert_eq!(self.count(&outbox).await, 1);
        let purchases = player.history(player.looks_back()).await;
        assert_eq!(purchases.len(), 1);
        adds_up(&self.storage).await;
    }
}

fn server_of(shard: u16) -> usize {
    usize::from(shard >= 512)
}
