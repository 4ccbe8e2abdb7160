//! A server ends with whoever started it, however that ends.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::super::{Binaries, MariaDb, MariaDbOptions, Redis};

/// Tells the process that is to be killed that it was started by the test.
const WANTED: &str = "DAEMUN_TEST_SERVER_WANTED";

/// What comes before the port and the folder of the server in what that process prints.
const UP: &str = "up ";

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Waits until a folder is removed, which is the last thing that is done to a server.
fn wait_until_gone(folder: &Path) {
    let patience = Instant::now() + Duration::from_secs(300);
    while folder.exists() {
        assert!(Instant::now() < patience, "{} is still there", folder.display());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_server_ends_when_its_owner_is_dropped() {
    let server = MariaDb::start(MariaDbOptions::default()).unwrap();
    let (port, folder) = (server.port(), server.folder().to_owned());
    assert_eq!((listens(port), folder.exists()), (true, true));
    drop(server);
    assert_eq!((listens(port), folder.exists()), (false, false));
}

#[test]
fn a_server_ends_when_a_test_panics() {
    let (tell, told) = mpsc::channel();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let server = MariaDb::start(MariaDbOptions::default()).unwrap();
        tell.send((server.port(), server.folder().to_owned())).unwrap();
        panic!("as a test does");
    }));
    assert!(panicked.is_err());
    let (port, folder) = told.recv().unwrap();
    assert_eq!((listens(port), folder.exists()), (false, false));
}

/// Not a test but the other process of the one below.
#[test]
#[ignore = "waits until it is killed; started by the test below"]
fn starts_a_server_and_is_killed() {
    if env::var_os(WANTED).is_none() {
        return;
    }
    let server = MariaDb::start(MariaDbOptions::default()).unwrap();
    println!("{UP}{} {}", server.port(), server.folder().display());
    thread::park();
}

#[test]
fn a_server_ends_when_its_process_is_killed() {
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut process = Command::new(env::current_exe().unwrap())
        .arg(format!("{module}::starts_a_server_and_is_killed"))
        .args(["--exact", "--ignored", "--nocapture"])
        .env(WANTED, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    // The harness prints a test's name without ending the line.
    let up = lines.map(|line| line.split_once(UP).map(|(_, up)| up.to_owned()));
    let up = up.flatten().next().unwrap();
    let (port, folder) = up.split_once(' ').unwrap();
    let (port, folder) = (port.parse().unwrap(), PathBuf::from(folder));
    assert_eq!((listens(port), folder.exists()), (true, true));

    process.kill().unwrap();
    process.wait().unwrap();
    wait_until_gone(&folder);
    assert!(!listens(port));
}

#[test]
fn a_server_that_cannot_be_found_says_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    let binaries = Binaries::only_in(empty.path());
    let options = MariaDbOptions::default().of(binaries.clone());
    let faults = [
        MariaDb::start(options).err().unwrap().to_string(),
        Redis::start(&binaries, &[]).err().unwrap().to_string(),
    ];
    for (fault, name) in faults.iter().zip(["mariadbd", "redis-server"]) {
        assert!(fault.contains(name), "{fault}");
        assert!(fault.contains("deploy/test-servers.sh"), "{fault}");
    }
}

#[test]
fn a_server_that_does_not_start_says_why() {
    let options = MariaDbOptions::default().with("--no-such-setting");
    let fault = MariaDb::start(options).err().unwrap().to_string();
    assert!(fault.contains("ended at once"), "{fault}");
    assert!(fault.contains("no-such-setting"), "{fault}");
}
