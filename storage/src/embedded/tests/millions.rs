//! An audit of a large ledger, to see what it costs: `cargo test -p storage -- --ignored
//! --nocapture an_audit_of_millions`. `ENTRIES` says of how many entries, 2,000,000 if absent.

use std::time::Instant;

use rusqlite::Connection;

use super::fresh;
use crate::conformance::scene::candidate;
use crate::conformance::shop::audit;
use crate::wallet::{Audited, Discrepancy};

/// How many entries an audit takes at a time, as `daemun ledger verify` does.
const PART: usize = 20_000;
/// How many transfers each member has; each has two entries.
const EACH: i64 = 100;

/// The most memory that this process ever had, in KiB, as Linux says it.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn fill(connection: &Connection, first: i64, transfers: i64) {
    let numbers = "WITH RECURSIVE n (i) AS \
        (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)";
    for (line, account, delta) in [(0, "member", 1), (1, "given", -1)] {
        let insert = format!(
            "{numbers} INSERT INTO ledger
                 (member, transfer, line, account, item, delta, balance, cause, at)
             SELECT ?2 + i / ?3, CAST(printf('%016d', i) AS BLOB), {line}, '{account}', 'gem',
                 {delta}, CASE {line} WHEN 0 THEN i % ?3 + 1 END, 'given', i FROM n"
        );
        connection.execute(&insert, [transfers, first, EACH]).unwrap();
    }
    let insert = format!(
        "{numbers} INSERT INTO wallet (member, item, app, balance)
         SELECT ?2 + i, 'gem', 'demo', ?3 FROM n"
    );
    connection.execute(&insert, [transfers / EACH, first, EACH]).unwrap();
}

#[tokio::test]
#[ignore = "takes a while, and says what it cost"]
async fn an_audit_of_millions_of_entries_needs_little_memory_and_finds_a_planted_error() {
    let entries = std::env::var("ENTRIES").map_or(2_000_000, |count| count.parse().unwrap());
    let transfers = entries / 2 / EACH * EACH;
    let (storage, folder) = fresh().await;
    storage.start_alone().await.unwrap();
    let connection = Connection::open(folder.path().join("daemun.db")).unwrap();
    let first = candidate().number() & !0xF_FFFF;
    fill(&connection, first, transfers);
    let (before, began) = (peak_kib(), Instant::now());
    let Audited { entries, balances, discrepancies, .. } = audit(&storage, PART).await;
    let (took, after) = (began.elapsed(), peak_kib());
    println!(
        "{entries} entries and {balances} balances added up in {:.1} s; at most {} MiB before, \
         {} MiB after",
        took.as_secs_f64(),
        before / 1024,
        after / 1024
    );
    assert_eq!(i64::try_from(entries), Ok(2 * transfers));
    assert_eq!((i64::try_from(balances), discrepancies), (Ok(transfers / EACH), vec![]));
    let planted = first + transfers / EACH / 2;
    let wrong = "UPDATE wallet SET balance = balance + 1 WHERE member = ?1";
    assert_eq!(connection.execute(wrong, [planted]), Ok(1));
    let found = audit(&storage, PART).await.discrepancies;
    let [Discrepancy::Balance { member, kept: Some(kept), sum, .. }] = &*found else {
        panic!("{found:?}");
    };
    assert_eq!((member.number(), *kept, *sum), (planted, EACH + 1, i128::from(EACH)));
}
