//! Getting a key set over HTTP, with a limit on everything.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CACHE_CONTROL, HeaderMap};
use reqwest::{Client, StatusCode};

use super::jwk::{self, PublicKey};
use crate::outside::{self, OutsideError, TOTAL_TIMEOUT, check_url};

/// The largest key set; real ones have 1 to 10 KiB.
pub(super) const MAX_BODY: usize = 256 * 1024;

const FRESH_DEFAULT: Duration = Duration::from_secs(60 * 60);
const FRESH_MIN: Duration = Duration::from_secs(5 * 60);
const FRESH_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A key set as it was fetched.
pub(super) struct Fetched {
    /// By key id.
    pub(super) keys: HashMap<String, Arc<PublicKey>>,
    /// How long the set need not be asked for again.
    pub(super) fresh_for: Duration,
}

/// Why there is no key set. Shows no URL.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the URL {0}")]
    Url(String),
    #[error(transparent)]
    Outside(#[from] OutsideError),
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer is not a key set with a key that we can use")]
    NoKeys,
}

/// Asks `url` once for a key set.
pub(super) async fn key_set(client: &Client, url: &str) -> Result<Fetched, FetchError> {
    check_url(url, true).map_err(FetchError::Url)?;
    let answer = outside::ask(client.get(url), TOTAL_TIMEOUT, MAX_BODY).await?;
    if answer.status != StatusCode::OK.as_u16() {
        return Err(FetchError::Status(answer.status));
    }
    let fresh_for = fresh_for(&answer.headers);
    let keys = jwk::parse_set(&answer.body);
    // A set without any usable key is a provider's accident; taking it for good news would
    // lock every player out until the next fetch.
    if keys.is_empty() {
        return Err(FetchError::NoKeys);
    }
    Ok(Fetched { keys, fresh_for })
}

/// How long an answer with these headers is fresh (RFC 9111, 5.2.2.1), within our own bounds.
fn fresh_for(headers: &HeaderMap) -> Duration {
    headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(max_age)
        .map_or(FRESH_DEFAULT, |age| age.clamp(FRESH_MIN, FRESH_MAX))
}

fn max_age(directive: &str) -> Option<Duration> {
    let (name, value) = directive.split_once('=')?;
    let seconds = value.trim().trim_matches('"').parse().ok()?;
    name.trim().eq_ignore_ascii_case("max-age").then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn freshness_is_max_age_within_bounds() {
        let cases: [(&[&str], u64); 9] = [
            (&[], 3600),
            (&["public, max-age=21600, must-revalidate"], 21600),
            (&["Max-Age=\"7200\""], 7200),
            (&["no-store", "max-age = 900"], 900),
            (&["max-age=0"], 300),
            (&["max-age=9999999"], 86400),
            (&["s-maxage=900"], 3600),
            (&["max-age=soon"], 3600),
            (&["no-store"], 3600),
        ];
        for (values, seconds) in cases {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
            }
            assert_eq!(fresh_for(&headers), Duration::from_secs(seconds), "{values:?}");
        }
    }

    #[test]
    fn a_bad_url_is_not_repeated_in_the_error() {
        let error = check_url("http://keys.example/secret-path", false).expect_err("http");
        assert!(!error.contains("secret-path"), "{error}");
    }
}
