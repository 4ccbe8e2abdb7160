//! What was answered is kept, even if the process is killed the next moment.

mod purchases;

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use futures_util::future::try_join_all;
use protocol::ids::{AppId, LoginId, MemberId};
use rusqlite::Connection;

use crate::config::StorageSettings;
use crate::conformance::scene::{Game, START};
use crate::open::Storage;

/// Names the folder to the process that writes until it is killed.
const FOLDER: &str = "DAEMUN_TEST_KILLED_IN";

/// What comes before what was acknowledged in what that process prints.
const KEPT: &str = "kept ";

/// How many people log in at once.
const PEOPLE: usize = 16;

async fn open(folder: &Path) -> Storage {
    let storage = Storage::embedded(folder, &StorageSettings::default()).unwrap();
    storage.start_alone().await.unwrap();
    storage
}

/// Not a test but the other process of the one below.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes until it is killed; started by the test below"]
async fn logs_people_in_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let game = Game::new(&open(Path::new(&folder)).await);
    let people = (0..PEOPLE).map(|person| {
        let game = game.clone();
        tokio::spawn(async move {
            loop {
                let player = game.enter(game.vouched(&person.to_string(), START)).await;
                let (member, login) = (player.member.id, player.login.id);
                println!("{KEPT}{} {member} {login} {}", game.app, player.epoch);
            }
        })
    });
    // The first one that cannot go on ends the process.
    try_join_all(people).await.unwrap();
}

/// The other process; it ends with this.
struct Writer {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    /// Starts the test of that name.
    fn start(folder: &Path, test: &str) -> Self {
        let (_, module) = module_path!().split_once("::").unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .arg(format!("{module}::{test}"))
            .args(["--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What it acknowledges next; fewer if it prints no more.
    fn kept<T>(&mut self, count: usize, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        // A line that was cut off by the kill is none.
        self.lines
            .by_ref()
            .map(Result::unwrap)
            .filter_map(|line| read(line.split_once(KEPT)?.1))
            .take(count)
            .collect()
    }

    /// Kills it, and returns what it acknowledged before.
    fn kill<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        self.child.kill().unwrap();
        let rest = self.kept(usize::MAX, read);
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
        rest
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A login that was acknowledged.
struct Kept {
    app: AppId,
    member: MemberId,
    login: LoginId,
    epoch: i64,
}

impl Kept {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        Some(Self {
            app: words.next()?.parse().ok()?,
            member: words.next()?.parse().ok()?,
            login: words.next()?.parse().ok()?,
            epoch: words.next()?.parse().ok()?,
        })
    }
}

#[test]
fn a_login_that_was_answered_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Vec::new();
    for before in [1, 10, 50, 200, 500] {
        let mut writer = Writer::start(folder.path(), "logs_people_in_until_it_is_killed");
        let first = writer.kept(before, Kept::read);
        assert_eq!(first.len(), before, "it ended by itself");
        kept.extend(first);
        kept.extend(writer.kill(Kept::read));

        // The actors let go of the folder when the runtime ends.
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let storage = open(folder.path()).await;
            all_kept(&storage, &kept).await;
            // And one can go on.
            Game::new(&storage).player().await;
        });
        drop(runtime);
        sound(&folder.path().join("daemun.db"));
    }
}

/// Each login stands, and no member's epoch is below one that was told.
async fn all_kept(storage: &Storage, kept: &[Kept]) {
    let mut last = HashMap::new();
    for Kept { app, member, login, epoch } in kept {
        let game = Game { storage: storage.clone(), app: app.clone() };
        let standing = game.standing(*member, *login).await;
        let standing = standing.unwrap_or_else(|| panic!("{login} of epoch {epoch} is lost"));
        assert_eq!(standing.login.epoch, *epoch);
        assert_eq!(standing.login.ended, None);
        let last = last.entry(*member).or_insert((0, 0));
        *last = (last.0.max(*epoch), standing.epoch);
    }
    for (member, (told, epoch)) in last {
        // One more login may have been written and not answered.
        assert!((told..=told + 1).contains(&epoch), "{member:?}: told {told}, now {epoch}");
    }
}

fn sound(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let check = |pragma: &str| -> Vec<String> {
        let mut rows = connection.prepare(pragma).unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(check("PRAGMA integrity_check"), ["ok"]);
    assert_eq!(check("PRAGMA foreign_key_check"), [] as [&str; 0]);
}
