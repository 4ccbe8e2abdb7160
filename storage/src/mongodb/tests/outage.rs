//! A server that is killed, hangs, is full, takes no writes, or does not confirm them. What was
//! handed over meanwhile is there at the end, each record once.

use std::collections::BTreeSet;

use mongodb::bson::{Document, doc};
use tempfile::TempDir;
use uuid::Uuid;

use super::scene::{Scene, come, mixed};
use crate::open::Storage;
use crate::servers::{Binaries, MongoDb as Server};

/// A log that runs, on a server of its own.
struct Play {
    server: Server,
    scene: Scene,
    storage: Storage,
    handed: BTreeSet<Uuid>,
    _folder: TempDir,
}

impl Play {
    async fn begin() -> Self {
        let commands = "--setParameter=enableTestCommands=1";
        let server = Server::start(&Binaries::default(), &[commands]).unwrap();
        let (scene, folder) = (Scene::on(&server.databases()), tempfile::tempdir().unwrap());
        let storage = scene.storage(folder.path()).await;
        storage.start_alone().await.unwrap();
        Self { server, scene, storage, handed: BTreeSet::new(), _folder: folder }
    }

    /// Hands records over, without a chance for anybody else to do anything between: this
    /// thread runs all there is, so nobody can be waited for.
    fn hand_over(&mut self, count: usize) {
        for record in mixed(count) {
            self.handed.insert(record.id);
            self.storage.gamelog.record(record);
        }
    }

    /// Hands records over and sees them on the disk, in rounds.
    async fn spool(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.hand_over(700);
            come(self.storage.gamelog.flush()).await.unwrap();
        }
    }

    /// Returns when the log says that the server does not take records.
    async fn in_trouble(&self) {
        come(async {
            while self.storage.gamelog.troubles().is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    async fn delivered(&self) {
        come(self.storage.gamelog.delivered()).await.unwrap();
        assert!(self.storage.gamelog.troubles().is_empty());
    }

    /// All that was handed over is there, once.
    async fn count(&self, what: &str) {
        let (there, documents) = self.scene.ids().await;
        println!("{what}: {} handed over, {documents} documents", self.handed.len());
        assert_eq!(documents, self.handed.len());
        assert_eq!(there, self.handed);
    }

    /// Has inserts fail, with this in their answer; with none, has them go well again.
    async fn fail(&self, answer: Option<Document>) {
        let admin = self.scene.database().await.client().database("admin");
        let mode = if answer.is_some() { "alwaysOn" } else { "off" };
        let mut data = doc! {"failCommands": ["insert"]};
        data.extend(answer.unwrap_or_default());
        let point = doc! {"configureFailPoint": "failCommand", "mode": mode, "data": data};
        admin.run_command(point).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_the_server_is_killed() {
    let mut play = Play::begin().await;
    play.spool(2).await;
    play.delivered().await;
    for round in 0..3 {
        // Some are on their way when it dies.
        play.hand_over(2500);
        play.server.kill().unwrap();
        play.spool(3).await;
        play.in_trouble().await;
        play.server.restart().unwrap();
        play.spool(1).await;
        play.delivered().await;
        play.count(&format!("killed, round {round}")).await;
    }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_the_server_hangs() {
    let mut play = Play::begin().await;
    play.server.pause().unwrap();
    // It takes connections and answers nothing; a batch is given up and sent again.
    play.spool(5).await;
    play.in_trouble().await;
    play.spool(5).await;
    play.server.resume().unwrap();
    play.delivered().await;
    play.count("hung").await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_the_server_is_full_read_only_or_confirms_nothing() {
    let mut play = Play::begin().await;
    let unconfirmed = doc! {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "late"};
    for (what, answer) in [
        ("a full disk", doc! {"errorCode": 14031}),
        ("no primary", doc! {"errorCode": 10107}),
        ("no rights", doc! {"errorCode": 13}),
        ("a cut connection", doc! {"closeConnection": true}),
        ("no confirmation", doc! {"writeConcernError": unconfirmed}),
    ] {
        play.fail(Some(answer)).await;
        play.spool(3).await;
        play.in_trouble().await;
        play.fail(None).await;
        play.spool(1).await;
        play.delivered().await;
        play.count(what).await;
    }
}

#[tokio::test]
async fn a_log_whose_server_is_away_at_the_start_takes_records_and_delivers_them_later() {
    let mut play = Play::begin().await;
    // A database that has no schema yet: it is made when the server is back.
    play.scene = Scene::on(&play.server.databases());
    play.server.kill().unwrap();
    let folder = tempfile::tempdir().unwrap();
    play.storage = play.scene.storage(folder.path()).await;
    play.storage.start_alone().await.unwrap();
    play.spool(2).await;
    play.in_trouble().await;
    play.server.restart().unwrap();
    play.delivered().await;
    play.count("away at the start").await;
}
