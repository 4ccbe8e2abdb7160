//! What a server says of itself, and which of it is not fit for the truth.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mysql_async::Row;
use mysql_async::prelude::Queryable;
use tokio::time::timeout;

use super::fault::words;
use super::pool::Server;
use super::rows::cell;
use super::tx::DEADLINE;
use crate::clock::{Clock, Micros};
use crate::error::Result;
use crate::finding::Finding;

/// The oldest version that has all that is used here.
const OLDEST: (u32, u32) = (10, 6);
/// How far a server's clock may be from ours.
const CLOCKS_US: i64 = 2_000_000;

const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', \
    'innodb_flush_log_at_trx_commit', 'sync_binlog', 'log_bin', 'innodb_snapshot_isolation', \
    'innodb_doublewrite', 'read_only')";

/// What a server says of itself.
struct Said {
    variables: HashMap<String, String>,
    /// How far its clock is ahead of ours, in microseconds.
    ahead_us: i64,
    /// How long it took to say its time.
    took: Duration,
}

/// Asks a server about itself.
///
/// # Errors
/// When it does not answer.
async fn ask(server: &Server, clock: &dyn Clock) -> Result<Said> {
    let asked = timeout(DEADLINE, async {
        let mut connection = server.reading().await?;
        let failed = |error| server.unavailable(&words(&error));
        let rows: Vec<Row> = connection.query(VARIABLES).await.map_err(failed)?;
        let mut variables = HashMap::new();
        for mut row in rows {
            let name: String = cell(&mut row, 0, "variable name")?;
            variables.insert(name, cell::<String>(&mut row, 1, "variable value")?);
        }
        let (before, begun) = (clock.now(), Instant::now());
        let select = "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)";
        let theirs: Option<i64> = connection.query_first(select).await.map_err(failed)?;
        let took = begun.elapsed();
        let ours = Micros(before.0.midpoint(clock.now().0));
        let ahead_us = theirs.map_or(0, |theirs| theirs - ours.0);
        Ok(Said { variables, ahead_us, took })
    });
    asked.await.map_err(|_| server.unavailable("its settings were not said in time"))?
}

/// What of a server is not as it should be.
///
/// # Errors
/// When it does not answer.
pub(super) async fn check(
    server: &Server,
    replica: bool,
    clock: &dyn Clock,
) -> Result<Vec<Finding>> {
    let Said { variables, ahead_us, .. } = ask(server, clock).await?;
    let finding = |(refused, what)| Finding { server: server.name.clone(), refused, what };
    Ok(judge(&variables, ahead_us, replica).into_iter().map(finding).collect())
}

/// What a server is, in a line.
///
/// # Errors
/// When it does not answer.
pub(super) async fn line(server: &Server, replica: bool, clock: &dyn Clock) -> Result<String> {
    let Said { variables, ahead_us, took } = ask(server, clock).await?;
    Ok(format!(
        "MariaDB `{}`, {}: {}, answers in {:.1} ms, its clock is {} ms off",
        server.name,
        if replica { "a replica" } else { "a primary" },
        variables.get("version").map_or("of no version", String::as_str),
        took.as_secs_f64() * 1000.0,
        ahead_us / 1000,
    ))
}

/// What is wrong with these settings, and whether it is a reason not to start.
fn judge(variables: &HashMap<String, String>, ahead_us: i64, replica: bool) -> Vec<(bool, String)> {
    let value = |name: &str| variables.get(name).map(String::as_str);
    let on = |name: &str| matches!(value(name), Some("ON" | "1"));
    let mut found = Vec::new();
    let version = value("version").unwrap_or_default();
    if !version.contains("MariaDB") {
        found.push((true, format!("is no MariaDB: it says {version}")));
    } else if numbers(version) < Some(OLDEST) {
        let (major, minor) = OLDEST;
        found.push((true, format!("is too old: {version}; at least {major}.{minor} is needed")));
    }
    if !replica {
        if value("innodb_flush_log_at_trx_commit") != Some("1") {
            let what = "innodb_flush_log_at_trx_commit is not 1: what was committed may be lost";
            found.push((false, what.to_owned()));
        }
        if on("log_bin") && value("sync_binlog") != Some("1") {
            let what = "sync_binlog is not 1: replicas may have what this server lost";
            found.push((false, what.to_owned()));
        }
        if !on("innodb_snapshot_isolation") {
            let what = "innodb_snapshot_isolation is off or not there: the second belt is missing";
            found.push((false, what.to_owned()));
        }
        if matches!(value("innodb_doublewrite"), Some("OFF" | "0")) {
            let what = "innodb_doublewrite is off: a crash may leave half a page";
            found.push((false, what.to_owned()));
        }
        if !matches!(value("read_only"), Some("OFF" | "0")) {
            found.push((true, "is read-only: set read_only off, or name the primary".to_owned()));
        }
    }
    if replica && !on("read_only") {
        let what = "takes writes, which would part it from its primary: set read_only on";
        found.push((false, what.to_owned()));
    }
    if ahead_us.abs() > CLOCKS_US {
        let (seconds, way) =
            (ahead_us.abs() / 1_000_000, if ahead_us > 0 { "ahead" } else { "behind" });
        found.push((false, format!("its clock is {seconds} s {way}")));
    }
    found
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> HashMap<String, String> {
        [
            ("version", "10.11.14-MariaDB-0+deb12u2"),
            ("innodb_flush_log_at_trx_commit", "1"),
            ("log_bin", "ON"),
            ("sync_binlog", "1"),
            ("innodb_snapshot_isolation", "ON"),
            ("innodb_doublewrite", "ON"),
            ("read_only", "OFF"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn with(name: &str, value: &str) -> Vec<(bool, String)> {
        let mut variables = good();
        variables.insert(name.to_owned(), value.to_owned());
        judge(&variables, 0, false)
    }

    #[test]
    fn a_server_that_is_set_up_rightly_has_no_findings() {
        assert_eq!(judge(&good(), 1_000, false), []);
        assert_eq!(with("version", "11.8.3-MariaDB"), []);
        assert_eq!(with("innodb_doublewrite", "fast"), []);
    }

    #[test]
    fn what_loses_data_is_said_and_what_cannot_work_is_refused() {
        for (name, value, refused, word) in [
            ("version", "8.0.36", true, "no MariaDB"),
            ("version", "10.5.9-MariaDB", true, "too old"),
            ("innodb_flush_log_at_trx_commit", "2", false, "innodb_flush_log_at_trx_commit"),
            ("sync_binlog", "0", false, "sync_binlog"),
            ("innodb_snapshot_isolation", "OFF", false, "innodb_snapshot_isolation"),
            ("innodb_doublewrite", "OFF", false, "innodb_doublewrite"),
            ("read_only", "ON", true, "read-only"),
        ] {
            let found = with(name, value);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, refused, "{found:?}");
            assert!(found[0].1.contains(word), "{found:?}");
        }
        let mut old = good();
        old.remove("innodb_snapshot_isolation");
        assert_eq!(judge(&old, 0, false).len(), 1);
    }

    #[test]
    fn a_replica_is_read_only_and_clocks_may_differ_a_little() {
        let mut variables = good();
        variables.insert("read_only".to_owned(), "ON".to_owned());
        assert_eq!(judge(&variables, 0, true), []);
        assert_eq!(judge(&good(), 60_000_000, false), [(false, "its clock is 60 s ahead".into())]);
        assert_eq!(
            judge(&variables, -60_000_000, true),
            [(false, "its clock is 60 s behind".into())]
        );
        let writable = judge(&good(), 0, true);
        assert_eq!((writable.len(), writable[0].0), (1, false), "{writable:?}");
    }
}
