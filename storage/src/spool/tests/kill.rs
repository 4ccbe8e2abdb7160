//! What was confirmed is there after `SIGKILL`, in the real folder.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead as _, BufReader, Lines};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;
use crate::spool::{Placed, Spool};

/// Names the folder to the process that writes until it is killed.
const FOLDER: &str = "DAEMUN_TEST_SPOOL_KILLED_IN";
/// Tells it the first record.
const FIRST: &str = "DAEMUN_TEST_SPOOL_FIRST";
/// What comes before a confirmed record in what it prints.
const KEPT: &str = "kept ";
/// The room for all segments, so that there are several.
const BYTES: u64 = 1 << 21;

/// Not a test but the other process of the one below.
#[tokio::test]
#[ignore = "writes until it is killed; started by the test below"]
async fn spools_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let mut next: u64 = env::var(FIRST).unwrap().parse().unwrap();
    let spool = Spool::open(Path::new(&folder), BYTES).unwrap();
    spool.begin().await.unwrap();
    loop {
        let records: Vec<_> = (next..next + 40).map(record).collect();
        next += 40;
        let placed = spool.append(vec![Keep::Always; 40], records.into()).await.unwrap();
        assert!(placed.iter().all(|placed| matches!(placed, Placed::At(_))));
        println!("{KEPT}{}", next - 1);
        // Half of what is there is settled, so that segments go.
        let read = spool.read(20, u64::MAX).await.unwrap();
        let last = read.last().map(|stored| told(&stored.record));
        let numbers = read.iter().map(|stored| stored.number).collect();
        spool.settle(numbers, Vec::new()).await.unwrap();
        if let Some(last) = last {
            println!("settled {last}");
        }
    }
}

struct Writer {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    fn start(folder: &Path, first: u64) -> Self {
        let (_, module) = module_path!().split_once("::").unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .arg(format!("{module}::spools_until_it_is_killed"))
            .args(["--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .env(FIRST, first.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_record_that_was_confirmed_is_there_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("spool");
    let mut first = 0;
    for groups in [1, 5, 30, 100] {
        let mut writer = Writer::start(&folder, first);
        let (mut kept, mut settled, mut seen) = (None, None, 0);
        let number = |line: &str, word: &str| line.split_once(word)?.1.parse::<u64>().ok();
        for line in writer.lines.by_ref() {
            let line = line.unwrap();
            settled = number(&line, "settled ").or(settled);
            if let Some(number) = number(&line, KEPT) {
                kept = Some(number);
                seen += 1;
            }
            if seen == groups {
                writer.child.kill().unwrap();
            }
        }
        assert_eq!(writer.child.wait().unwrap().signal(), Some(9));
        assert!(seen >= groups, "it ended by itself");

        let runtime = tokio::runtime::Runtime::new().unwrap();
        let there = runtime.block_on(async {
            let spool = Spool::open(&folder, BYTES).unwrap();
            let read = spool.read(usize::MAX, u64::MAX).await.unwrap();
            read.iter().map(|stored| told(&stored.record)).collect::<BTreeSet<_>>()
        });
        let begin = settled.map_or(first, |settled| settled + 1);
        // The last answer of the two may have been on its way.
        for told in begin + 20..=kept.unwrap() {
            assert!(there.contains(&told), "{told} was confirmed, and is lost");
        }
        first = there.last().map_or(first, |last| last + 1).max(kept.unwrap() + 1);
    }
}
