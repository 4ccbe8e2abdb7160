//! A street of simulated stores, and houses beside it that sell there by settings of their own.

use std::time::Duration;

use actors::apps::AppSettings;
use gateway::simulators::Simulators;
use serde_json::json;
use storage::config::{MariaDbSettings, ServerSettings, ServerUrl};
use storage::servers::MariaDb;
use tempfile::TempDir;

use super::buyer::Market;
use crate::harness::Daemun;

/// The same case beside a street: before embedded databases, and before MariaDB. It is given where
/// its houses keep the truth.
macro_rules! beside_both {
    ($($domain:ident::$case:ident)+) => {
        mod embedded_beside {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$domain::$case(&[]).await;
                }
            )+
        }

        mod mariadb_beside {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$domain::$case(&crate::purchases::street::databases(1)).await;
                }
            )+
        }
    };
}
pub(crate) use beside_both;

/// So many databases in MariaDB.
pub fn databases(count: usize) -> Vec<ServerUrl> {
    let database = |_| ServerUrl::new(MariaDb::shared().unwrap().database("bought").unwrap());
    (0..count).map(database).collect()
}

/// Whoever plays the stores. Its own demo game is sold there, too.
pub struct Street {
    pub house: Daemun,
    /// The keys by which every house beside it signs.
    keys: TempDir,
}

impl Street {
    pub async fn open() -> Self {
        let house = Daemun::start().await;
        // The stores' credentials are there once somebody has bought.
        let market = Market::of(&house);
        let buyer = market.guest().await;
        let bought = buyer.buys("app_store", json!({})).await;
        buyer.shows(&bought).await.unwrap();
        Self { house, keys: tempfile::tempdir().unwrap() }
    }

    /// A house beside it with its truth in MariaDB, on one server or on two, or embedded. `change`
    /// says how its game is sold.
    pub async fn house(
        &self,
        mariadb: &[ServerUrl],
        change: impl FnOnce(&mut AppSettings),
    ) -> Daemun {
        let simulators = Simulators::new(&self.house.url(), self.house.clock.clone());
        let folder = std::path::absolute(self.house.settings.data.join("simulators")).unwrap();
        let mut game = gateway::demo::game(Some(&simulators), &folder);
        game.name = "Nodes".into();
        change(&mut game);
        Daemun::with(|settings| {
            settings.public_url = Some("http://gate.example".to_owned());
            settings.sessions.quiet_ms = 50;
            settings.identity.keys_dir = Some(self.keys.path().join("keys"));
            settings.storage.mariadb.migrate_at_start = true;
            place(&mut settings.storage.mariadb, mariadb);
            settings.apps.insert("demo".into(), game);
        })
        .await
    }

    /// Two nodes before one database, or two.
    pub async fn nodes(&self, databases: usize) -> [Daemun; 2] {
        let mariadb = self::databases(databases);
        [self.house(&mariadb, |_| {}).await, self.house(&mariadb, |_| {}).await]
    }

    /// Where a house's members play, and the street's stores.
    pub fn market(&self, house: &Daemun) -> Market {
        Market { players: Market::of(house).players, ..Market::of(&self.house) }
    }

    /// Time passes here and there.
    pub fn advance(&self, houses: &[Daemun], by: Duration) {
        self.house.advance(by);
        for house in houses {
            house.advance(by);
        }
    }
}

fn place(settings: &mut MariaDbSettings, urls: &[ServerUrl]) {
    match urls {
        [] => {}
        [one] => settings.url = Some(one.clone()),
        several => {
            let halves = ["0-511", "512-1023"];
            for (number, (url, half)) in several.iter().zip(halves).enumerate() {
                let (url, shards) = (url.clone(), Some(half.to_owned()));
                let server = ServerSettings { url, shards, replica_of: None };
                settings.servers.insert(format!("s{number}"), server);
            }
        }
    }
}
