//! A process that is killed while the server is away: what it confirmed is delivered by the
//! next one.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use uuid::Uuid;

use super::scene::{Scene, come, mixed};
use crate::servers::{Binaries, MongoDb as Server};

/// Names the folder, and the server, to the process that logs until it is killed.
const FOLDER: &str = "DAEMUN_TEST_GAMELOG_KILLED_IN";
const URL: &str = "DAEMUN_TEST_GAMELOG_KILLED_URL";
/// What comes before the ids that are on the disk.
const KEPT: &str = "kept ";
/// What comes after them: a line without it was torn by the kill.
const END: &str = " on the disk";

/// Not a test but the other process of the one below.
#[tokio::test]
#[ignore = "logs until it is killed; started by the test below"]
async fn logs_until_it_is_killed() {
    let (Some(folder), Ok(url)) = (env::var_os(FOLDER), env::var(URL)) else { return };
    let storage = Scene::at(&url).storage(Path::new(&folder)).await;
    storage.start_alone().await.unwrap();
    loop {
        let records = mixed(50);
        let ids: Vec<_> = records.iter().map(|record| record.id.to_string()).collect();
        records.into_iter().for_each(|record| storage.gamelog.record(record));
        storage.gamelog.flush().await.unwrap();
        println!("{KEPT}{}{END}", ids.join(" "));
    }
}

struct Writer(Child);

impl Drop for Writer {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has a process log until it confirmed so many groups, and kills it. What it confirmed.
fn killed_after(groups: usize, folder: &Path, url: &str) -> BTreeSet<Uuid> {
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut writer = Writer(
        Command::new(env::current_exe().unwrap())
            .arg(format!("{module}::logs_until_it_is_killed"))
            .args(["--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .env(URL, url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let (mut confirmed, mut seen) = (BTreeSet::new(), 0);
    for line in BufReader::new(writer.0.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // What is written around it by the harness may be on the same line.
        let whole = line.strip_suffix(END).and_then(|line| line.split_once(KEPT));
        let Some((_, ids)) = whole else { continue };
        confirmed.extend(ids.split(' ').map(|id| id.parse::<Uuid>().unwrap()));
        seen += 1;
        if seen == groups {
            writer.0.kill().unwrap();
        }
    }
    assert_eq!(writer.0.wait().unwrap().signal(), Some(9));
    confirmed
}

#[tokio::test]
async fn what_a_killed_process_confirmed_is_delivered_by_the_next() {
    let mut server = Server::start(&Binaries::default(), &[]).unwrap();
    let (scene, data) = (Scene::on(&server.databases()), tempfile::tempdir().unwrap());
    scene.backend().await;
    let mut confirmed = BTreeSet::new();
    // With the server there, away, away again, and there for a kill in the middle of draining.
    for (groups, there) in [(20, true), (60, false), (1, false), (5, true)] {
        if there {
            server.restart().unwrap();
        } else {
            server.kill().unwrap();
        }
        confirmed.extend(killed_after(groups, data.path(), scene.url()));
    }
    server.restart().unwrap();
    let storage = scene.storage(data.path()).await;
    storage.start_alone().await.unwrap();
    come(storage.gamelog.delivered()).await.unwrap();
    let (there, documents) = scene.ids().await;
    let lost = confirmed.difference(&there).count();
    println!("killed 4 times: {} confirmed, {lost} lost, {documents} documents", confirmed.len());
    assert_eq!(lost, 0);
    assert_eq!(documents, there.len());
}
