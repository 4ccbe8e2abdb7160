//! Servers that somebody named instead of letting the tests start their own.

use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The server that a variable names, without a slash at its end.
pub(super) fn url(variable: &str) -> Option<String> {
    let url = env::var(variable).ok().filter(|url| !url.is_empty())?;
    Some(url.trim_end_matches('/').to_owned())
}

/// What the names of tests' databases begin with.
const PREFIX: &str = "daemun_test_";

/// How long after its making nobody uses a test's database any more.
const OLD: Duration = Duration::from_hours(24);

/// A name for a test's database: no two tests have the same, and one sees whose it is.
///
/// At most 60 bytes, letters, digits and underscores: the prefix, the millisecond, the process
/// and a number in hexadecimal, the label.
pub(super) fn name(label: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let label: String =
        label.chars().take(20).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    format!("{PREFIX}{:x}_{process:x}_{number:x}_{}", now(), label.to_ascii_lowercase())
}

/// Whether a database is a test's of long ago.
pub(super) fn is_old(name: &str) -> bool {
    let time = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next());
    let made = time.and_then(|time| u128::from_str_radix(time, 16).ok());
    made.is_some_and(|made| made + OLD.as_millis() < now())
}

/// Milliseconds since 1970.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_it_was_made() {
        assert!(!is_old(&name("label")));
        assert!(is_old("daemun_test_1_1_1_label"));
        assert!(!is_old("daemun_test_of_somebody"));
        assert!(!is_old("production"));
    }

    #[test]
    fn a_name_is_short_and_plain_whatever_the_label() {
        let name = name(&"Tür; DROP ".repeat(10));
        assert!(name.len() <= 60, "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{name}");
        assert_ne!(name, super::name("label"));
    }
}
