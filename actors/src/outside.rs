//! Calls to the outside world over HTTP, with a bound on everything.
//!
//! Providers of logins and stores are asked through here alone: one client for the process, a
//! time for the whole exchange, a size for the answer, no redirect.

use std::net::IpAddr;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, Url, redirect};

/// The longest wait for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest wait for a whole answer, where whoever asks says nothing else.
pub(crate) const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// The client for calls to providers and stores; one for the whole process.
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

/// Posts as stores and other servers do, for the simulators that play them.
#[derive(Clone)]
pub struct Poster(Client);

impl Poster {
    /// One that uses this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// Posts JSON. Whether it was taken.
    pub async fn post(&self, url: &str, authorization: Option<&str>, body: String) -> bool {
        let mut request = self.0.post(url).header("content-type", "application/json").body(body);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        request.send().await.is_ok_and(|answer| answer.status().is_success())
    }
}

/// Checks a URL from the configuration: https, or http to a loopback host if
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
pub(crate) fn host(url: &str) -> String {
    Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| "an invalid URL".into())
}

/// What is written as it is in a segment of a path and in a form (RFC 3986, 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as one segment of a path, or as a name or value in a query or a form. A segment of
/// dots alone would still be read as a step up: whoever takes segments from outside refuses it.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Pairs as a query or as the body of a form.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// A whole answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no whole answer. Shows no URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OutsideError {
    #[error("no answer in time")]
    Timeout,
    #[error("the connection failed")]
    Connection,
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
}

impl From<reqwest::Error> for OutsideError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() { Self::Timeout } else { Self::Connection }
    }
}

/// Sends a request once and reads the whole answer: within `patience`, and of at most `most`
/// bytes.
///
/// # Errors
/// [`OutsideError`]. Whether the other side got the request is then not known.
pub(crate) async fn ask(
    request: RequestBuilder,
    patience: Duration,
    most: usize,
) -> Result<Answer, OutsideError> {
    let response = request.timeout(patience).send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = body(response, most).await?;
    Ok(Answer { status, headers, body })
}

/// The most that is read of an answer whose status alone matters, so that its connection can be
/// used again.
const LEFT: usize = 16 * 1024;

/// Sends a request once and returns the status of the answer, within `patience`. What else is in
/// the answer does not matter.
///
/// # Errors
/// [`OutsideError`], never that the answer is too large. Whether the other side got the request is
/// then not known.
pub(crate) async fn tell(request: RequestBuilder, patience: Duration) -> Result<u16, OutsideError> {
    let mut response = request.timeout(patience).send().await?;
    let status = response.status().as_u16();
    let mut read = 0;
    while read < LEFT
        && let Ok(Some(chunk)) = response.chunk().await
    {
        read += chunk.len();
    }
    Ok(status)
}

/// Reads the body and counts while reading: the length that a header claims proves nothing.
async fn body(mut response: Response, most: usize) -> Result<Vec<u8>, OutsideError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Err(OutsideError::TooLarge(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_segment_and_a_form_say_what_was_meant() {
        assert_eq!(encoded("a+b=c/d%e?f#g h~i"), "a%2Bb%3Dc%2Fd%25e%3Ff%23g%20h~i");
        assert_eq!(form(&[("a b", "1&2"), ("c", "=")]), "a%20b=1%262&c=%3D");
        let url = Url::parse(&format!("http://h/p/{}/q", encoded("a/../b"))).unwrap();
        assert_eq!(url.path(), "/p/a%2F..%2Fb/q");
    }
}
