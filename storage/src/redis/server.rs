//! What a Redis says of itself, and what of it is not good for a cache.

use std::collections::HashMap;
use std::time::Instant;

use tokio::time::timeout;

use super::{Inner, NAME, REACH, words};
use crate::finding::Finding;

/// The oldest version that has all that is used here.
const OLDEST: u32 = 6;

pub(super) fn finding(refused: bool, what: String) -> Finding {
    Finding { server: NAME.to_owned(), refused, what }
}

/// Asks the server about itself: a line that says what it is, and what is wrong with it.
///
/// # Errors
/// When it does not answer, in words.
pub(super) async fn check(inner: &Inner) -> Result<(String, Vec<Finding>), String> {
    let mut connection = inner.reach().await?;
    let info = redis::cmd("INFO");
    let said: String = match timeout(REACH, info.query_async(&mut connection)).await {
        Ok(Ok(said)) => said,
        Ok(Err(error)) => return Err(words(&error)),
        Err(_) => return Err(format!("no answer within {} ms", REACH.as_millis())),
    };
    let begun = Instant::now();
    let ping = redis::cmd("PING");
    let pong = timeout(REACH, ping.query_async::<String>(&mut connection)).await;
    let took = begun.elapsed();
    let said = parts(&said);
    let of = |key: &str| said.get(key).copied().unwrap_or_default();
    let mut found = judge(&said);
    // Without it no server takes a connection for one.
    if let Ok(Err(error)) = &pong {
        found.push((true, format!("refuses a ping: {}", words(error))));
    }
    if pong.is_err() || took > inner.deadline {
        let deadline = inner.deadline.as_millis();
        found.push((false, format!("answers later than storage.redis.deadline_ms = {deadline}")));
    }
    let line = format!(
        "{NAME} {}, {}: answers in {:.1} ms, {} used of {}, {}",
        of("redis_version"),
        of("role"),
        took.as_secs_f64() * 1000.0,
        of("used_memory_human"),
        if of("maxmemory") == "0" { "no bound" } else { of("maxmemory_human") },
        of("maxmemory_policy"),
    );
    Ok((line, found.into_iter().map(|(refused, what)| finding(refused, what)).collect()))
}

/// The lines of an answer to `INFO`, by their names.
fn parts(said: &str) -> HashMap<&str, &str> {
    said.lines().filter_map(|line| line.trim_end().split_once(':')).collect()
}

/// What is wrong, and whether it is a reason not to use it.
fn judge(said: &HashMap<&str, &str>) -> Vec<(bool, String)> {
    let of = |key: &str| said.get(key).copied().unwrap_or_default();
    let mut found = Vec::new();
    let version = of("redis_version");
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major < Some(OLDEST) {
        found.push((true, format!("is too old: {version}; at least {OLDEST}.0 is needed")));
    }
    if of("role") == "slave" {
        let what = "is a replica and takes no writes: nothing can be forgotten there";
        found.push((true, what.to_owned()));
    }
    if of("maxmemory") == "0" {
        found.push((false, "has no maxmemory, and may take all of its machine's".to_owned()));
    } else if of("maxmemory_policy") == "noeviction" {
        let what = "refuses what is new when it is full (maxmemory-policy noeviction); \
                    allkeys-lru suits a cache";
        found.push((false, what.to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\nmaxmemory:1048576\r\n\
                        maxmemory_policy:allkeys-lru\r\n";

    #[test]
    fn a_server_that_is_set_up_rightly_has_no_findings() {
        assert_eq!(judge(&parts(GOOD)), []);
    }

    #[test]
    fn what_does_not_suit_a_cache_is_said() {
        for (is, instead, refused, word) in [
            ("7.0.15", "5.0.7", true, "too old"),
            ("7.0.15", "", true, "too old"),
            ("master", "slave", true, "a replica"),
            ("maxmemory:1048576", "maxmemory:0", false, "no maxmemory"),
            ("allkeys-lru", "noeviction", false, "noeviction"),
        ] {
            let said = GOOD.replace(is, instead);
            let found = judge(&parts(&said));
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, refused, "{found:?}");
            assert!(found[0].1.contains(word), "{found:?}");
        }
    }
}
