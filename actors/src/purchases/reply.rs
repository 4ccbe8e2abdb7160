//! How stores are asked over HTTP, and what their statuses mean wherever they mean the same.

use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::RETRY_AFTER;
use serde::de::DeserializeOwned;
use tracing::warn;

use super::verifier::Fault;
use crate::outside::{self, Answer};

/// The longest wait for a store's whole answer. Stores are slower than providers of logins.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer of a store, in bytes.
pub(super) const MAX_ANSWER: usize = 1024 * 1024;
/// When to come again if the store does not say, in milliseconds.
const AGAIN_MS: u64 = 5_000;
/// The longest time for which a store may put us off, in milliseconds.
const LONGEST_MS: u64 = 60 * 60 * 1_000;

/// It cannot be told now, for no reason that says when.
pub(super) const LATER: Fault = Fault::Unavailable { retry_after_ms: AGAIN_MS };

/// A store's answer.
pub(super) struct Reply(Answer);

/// Asks a store once. `what` says in the log what was asked, without any id.
pub(super) async fn ask(what: &'static str, request: RequestBuilder) -> Result<Reply, Fault> {
    match outside::ask(request, PATIENCE, MAX_ANSWER).await {
        Ok(answer) => Ok(Reply(answer)),
        Err(error) => {
            warn!(what, %error, "a store does not answer to {what}");
            Err(LATER)
        }
    }
}

impl Reply {
    /// Its status.
    pub(super) fn status(&self) -> u16 {
        self.0.status
    }

    /// Whether the store did what it was asked for.
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.0.status)
    }

    /// The body, if it is what the store documents. A body that is not is the store's trouble,
    /// or that of something between: it says nothing about the purchase.
    pub(super) fn read<T: DeserializeOwned>(&self, what: &'static str) -> Result<T, Fault> {
        serde_json::from_slice(&self.0.body).map_err(|_| {
            // Serde's own words would quote the body.
            warn!(what, status = self.0.status, "a store's answer to {what} is not understood");
            LATER
        })
    }

    /// The body, if it is of this form.
    pub(super) fn try_read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.0.body).ok()
    }

    /// That it cannot be told now, and when to come again: `Retry-After` in seconds, or in
    /// milliseconds since the epoch, as Apple has it, by `now_ms`.
    pub(super) fn unavailable(&self, what: &'static str, now_ms: i64) -> Fault {
        let status = self.0.status;
        warn!(what, status, "a store answers {status} to {what}");
        let header = self.0.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let number = header.and_then(|text| text.trim().parse::<i64>().ok());
        let wait = number.map(|number| match number {
            seconds if seconds < 1_000_000_000 => seconds.saturating_mul(1_000),
            at => at.saturating_sub(now_ms),
        });
        let wait = wait.and_then(|wait| u64::try_from(wait).ok()).unwrap_or(AGAIN_MS);
        Fault::Unavailable { retry_after_ms: wait.clamp(1, LONGEST_MS) }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    fn reply(retry_after: Option<&'static str>) -> Reply {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        }
        Reply(Answer { status: 429, headers, body: Vec::new() })
    }

    #[test]
    fn a_store_says_when_to_come_again_within_bounds() {
        let now_ms = 1_800_000_000_000;
        let cases = [
            (None, AGAIN_MS),
            (Some("3"), 3_000),
            (Some("0"), 1),
            (Some("1800000002500"), 2_500),
            (Some("1799999999999"), AGAIN_MS),
            (Some("-1"), AGAIN_MS),
            (Some("99999999"), LONGEST_MS),
            (Some("Wed, 21 Oct 2026 07:28:00 GMT"), AGAIN_MS),
        ];
        for (value, wait) in cases {
            let fault = reply(value).unavailable("a test", now_ms);
            assert_eq!(fault, Fault::Unavailable { retry_after_ms: wait }, "{value:?}");
        }
    }
}
