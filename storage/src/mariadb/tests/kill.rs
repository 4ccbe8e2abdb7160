//! Two servers of which one or the other is killed, again and again, while many write. What was
//! asked and answered is written into a file as it happens; in the end a checker that knows
//! nothing else holds it against what the databases hold.
//!
//! `make kill` does more of it: `DAEMUN_TEST_KILLS` times, under `DAEMUN_TEST_WRITERS` writers.

mod check;
mod history;
mod rows;
mod writers;

use std::env;
use std::fs::{self, File};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::server::{Database, Scene};
use crate::conformance::scene::{DAY, Game, START};
use crate::conformance::shop::{adds_up, left_at};
use crate::servers::{MariaDb as Server, MariaDbOptions};
use writers::Fire;

/// How often a server is killed, when nothing else is said.
const KILLS: usize = 4;
/// How many write at once, when nothing else is said.
const WRITERS: usize = 20;
/// How many answers of each writer come between two kills, on average.
const ANSWERS: usize = 10;

fn number(variable: &str, otherwise: usize) -> usize {
    env::var(variable).map_or(otherwise, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_doubled_when_servers_are_killed() {
    let (kills, count) =
        (number("DAEMUN_TEST_KILLS", KILLS), number("DAEMUN_TEST_WRITERS", WRITERS));
    let mut servers = [(); 2].map(|()| Some(Server::start(MariaDbOptions::default()).unwrap()));
    let urls = servers.each_ref().map(|server| Database::of(server.as_ref().unwrap()).url);
    let (storage, kept) = Scene::across(urls).storage().await;
    storage.start_alone().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    let fire = Arc::new(Fire::new(Game::new(&storage), File::create_new(&path).unwrap()).await);
    let writers: Vec<_> = (0..count).map(|place| tokio::spawn(fire.clone().write(place))).collect();
    for kill in 0..kills {
        // In the midst of the writing, not after a time.
        fire.answers(ANSWERS * count).await;
        let mut server = servers[kill % 2].take().unwrap();
        fire.up.send_replace(false);
        let before = fire.acknowledged.load(Ordering::SeqCst);
        let again = tokio::task::spawn_blocking(move || {
            server.kill().unwrap();
            server.restart().unwrap();
            server
        });
        servers[kill % 2] = Some(again.await.unwrap());
        let meanwhile = fire.acknowledged.load(Ordering::SeqCst) - before;
        fire.up.send_replace(true);
        println!(
            "kill {} of {kills}: server {}, {meanwhile} acknowledged until it was back",
            kill + 1,
            ["a", "b"][kill % 2]
        );
    }
    fire.answers(ANSWERS * count).await;
    fire.stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }

    // What was left on its way is finished, by whoever sweeps.
    storage.purchases.finish(left_at(START.after(DAY), 10_000)).await.unwrap();
    let events = history::read(&fs::read_to_string(&path).unwrap());
    let rows = rows::read(&kept.scene.databases).await;
    let report = check::check(&events, &rows);
    println!("{kills} kills, {count} writers, {} operations: {report}", events.len());
    println!("{}", rows::counts(&rows));
    assert!(report.is_good(), "{report}");
    adds_up(&storage).await;
    assert!(report.acknowledged > report.unknown + report.refused, "{report}");
}
