//! Getting a key set over HTTP, with a limit on everything.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CACHE_CONTROL, HeaderMap};
use reqwest::{Client, Response, StatusCode, Url, redirect};

use super::jwk::{self, PublicKey};

/// The longest wait for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest wait for a whole answer.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest key set; real ones have 1 to 10 KiB.
pub(super) const MAX_BODY: usize = 256 * 1024;

const FRESH_DEFAULT: Duration = Duration::from_secs(60 * 60);
const FRESH_MIN: Duration = Duration::from_secs(5 * 60);
const FRESH_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The client for calls to providers; one for the whole process.
///
/// It waits 2 s for a connection and 5 s in all, and follows no redirect: a provider's answer
/// must not choose whom this server talks to. Nor must the environment, so proxies named there
/// are not used.
///
/// The client cannot itself insist on https, because simulators and tests are on loopback:
/// [`check_url`] guards every URL when it is configured.
///
/// # Errors
/// If TLS cannot be set up, most often because the machine has no root certificates.
pub fn http_client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .build()
}

/// Checks a provider's URL from the configuration: https, or http to a loopback host if
/// `allow_insecure_loopback`; with neither user name and password nor fragment.
///
/// # Errors
/// What is wrong, without the URL, which may hold a secret.
pub fn check_url(url: &str, allow_insecure_loopback: bool) -> Result<(), String> {
    let url = Url::parse(url).map_err(|error| format!("is not an absolute URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or a password".into());
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment".into());
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if !is_loopback(&url) => Err("must be https".into()),
        "http" if !allow_insecure_loopback => {
            Err("must be https; http to loopback needs allow_insecure_loopback".into())
        }
        "http" => Ok(()),
        other => Err(format!("must be https, not {other}")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    // An IPv6 address is written in brackets in a URL.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The host of a URL, for logs.
pub(super) fn host(url: &str) -> String {
    Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| "an invalid URL".into())
}

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
    #[error("no answer in time")]
    Timeout,
    #[error("the connection failed")]
    Connection,
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer has more than {MAX_BODY} bytes")]
    TooLarge,
    #[error("the answer is not a key set with a key that we can use")]
    NoKeys,
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() { Self::Timeout } else { Self::Connection }
    }
}

/// Asks `url` once for a key set.
pub(super) async fn key_set(client: &Client, url: &str) -> Result<Fetched, FetchError> {
    check_url(url, true).map_err(FetchError::Url)?;
    let response = client.get(url).timeout(TOTAL_TIMEOUT).send().await?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let fresh_for = fresh_for(response.headers());
    let body = body(response).await?;
    let keys = jwk::parse_set(&body);
    // A set without any usable key is a provider's accident; taking it for good news would
    // lock every player out until the next fetch.
    if keys.is_empty() {
        return Err(FetchError::NoKeys);
    }
    Ok(Fetched { keys, fresh_for })
}

/// Reads the body and counts while reading: the length that a header claims proves nothing.
async fn body(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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
    fn only_https_is_accepted_and_http_to_loopback_if_allowed() {
        let cases = [
            ("https://www.googleapis.com/oauth2/v3/certs", true, true),
            ("http://127.0.0.1:8080/jwks", false, true),
            ("http://127.8.9.1/jwks", false, true),
            ("http://[::1]:8080/jwks", false, true),
            ("http://localhost:8080/jwks", false, true),
            ("http://keys.example/jwks", false, false),
            ("http://127.0.0.1.keys.example/jwks", false, false),
            ("http://localhost.keys.example/jwks", false, false),
            ("http://10.0.0.1/jwks", false, false),
            ("http://[::ffff:8.8.8.8]/jwks", false, false),
            ("https://user@keys.example/jwks", false, false),
            ("https://:secret@keys.example/jwks", false, false),
            ("https://keys.example/jwks#a", false, false),
            ("file:///etc/passwd", false, false),
            ("/jwks", false, false),
            ("", false, false),
        ];
        for (url, strictly, on_loopback) in cases {
            assert_eq!(check_url(url, false).is_ok(), strictly, "{url}");
            assert_eq!(check_url(url, true).is_ok(), on_loopback, "{url}");
        }
    }

    #[test]
    fn a_bad_url_is_not_repeated_in_the_error() {
        let error = check_url("http://keys.example/secret-path", false).expect_err("http");
        assert!(!error.contains("secret-path"), "{error}");
    }
}
