//! When a child comes back, and when it is enough.

use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

use tokio::time::Instant;

/// How a supervisor restarts its children.
///
/// With the defaults a child that never comes up is tried for about 20 s before its supervisor
/// gives up, and one that dies now and then is always back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// How many deaths, of all children together, are borne within [`within`](Self::within); one
    /// more escalates. A start that failed is a death too. Default: 10.
    pub max_deaths: usize,
    /// The window in which deaths are counted. A child that stayed up for as long has its rests
    /// start over. Default: 60 s.
    pub within: Duration,
    /// The rest before the second restart in a row (before the first there is none), doubled for
    /// each one after. Each rest is shortened at random by up to half, so that many servers which
    /// lost the same database do not come back to it in step. Default: 100 ms.
    pub first_backoff: Duration,
    /// The longest rest. Default: 5 s.
    pub max_backoff: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            max_deaths: 10,
            within: Duration::from_secs(60),
            first_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
        }
    }
}

impl RestartPolicy {
    /// The rest before a restart that follows `failures` others in a row.
    pub(super) fn rest(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let factor = 2u32.saturating_pow(doublings);
        jittered(self.first_backoff.saturating_mul(factor).min(self.max_backoff))
    }
}

/// Between half of `rest` and all of it.
fn jittered(rest: Duration) -> Duration {
    // Without randomness the rest is merely in step with other servers'.
    let random = getrandom::u32().unwrap_or(u32::MAX);
    let half = rest / 2;
    half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// The deaths of the recent past.
#[derive(Debug, Default)]
pub(super) struct DeathLog(VecDeque<Instant>);

impl DeathLog {
    /// Adds a death and tells how many there are in the window that ends with it.
    pub(super) fn record(&mut self, now: Instant, within: Duration) -> usize {
        self.0.push_back(now);
        self.0.retain(|death| now.duration_since(*death) <= within);
        self.0.len()
    }
}

/// Deaths came too fast, and a supervisor gave up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{deaths} deaths within {window:?}, the last of {child}: {reason}")]
pub struct Escalated {
    /// The child whose death was one too many.
    pub child: &'static str,
    /// The deaths of all the supervisor's children in the window.
    pub deaths: usize,
    /// The policy's window.
    pub window: Duration,
    /// Why that child died; for a nested supervisor, its own escalation.
    pub reason: String,
}

/// An error with its causes, each told once: many texts quote their cause already.
pub(super) fn chain(err: &(dyn Error + 'static)) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        let told = err.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        cause = err.source();
    }
    text
}
