//! Which Redis stands in front of the truth.

use std::path::PathBuf;
use std::time::Duration;

use redis::{ConnectionAddr, IntoConnectionInfo};
use serde::{Deserialize, Serialize};

use super::ServerUrl;

/// The Redis that the nodes share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisSettings {
    /// Its address, `redis://user:password@host:6379/0`, or `rediss://` for TLS; none when
    /// absent.
    pub url: Option<ServerUrl>,
    /// A PEM file with the certificate authority that vouches for it, in the place of the
    /// system's own.
    pub ca_file: Option<PathBuf>,
    /// For how many milliseconds an answer is waited for. What takes longer is done without
    /// Redis. 1 to 1,000.
    pub deadline_ms: u64,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self { url: None, ca_file: None, deadline_ms: 50 }
    }
}

impl RedisSettings {
    /// Whether a server is named.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.url.is_some()
    }

    /// How long an answer is waited for.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// Whether the address makes sense.
    ///
    /// # Errors
    /// The key below this part, and what is wrong with its value, without quoting it.
    pub fn check(&self) -> Result<(), (String, String)> {
        let wrong = |key: &str, what: &str| Err((key.to_owned(), what.to_owned()));
        let Some(url) = &self.url else {
            return match self.ca_file {
                None => Ok(()),
                Some(_) => wrong("ca_file", "vouches for nobody: no url names a Redis"),
            };
        };
        let address = url.expose().into_connection_info();
        match address.as_ref().map(redis::ConnectionInfo::addr) {
            Ok(ConnectionAddr::TcpTls { .. }) => Ok(()),
            Ok(ConnectionAddr::Tcp(..)) if self.ca_file.is_none() => Ok(()),
            Ok(ConnectionAddr::Tcp(..)) => wrong("ca_file", "needs a url with rediss://"),
            // The parser's own words may quote the password.
            Ok(_) | Err(_) => wrong(
                "url",
                "is no address of a Redis: expected redis://user:password@host:6379/0, or rediss:// for TLS",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, ca_file: Option<&str>) -> Result<(), (String, String)> {
        let url = Some(ServerUrl::new(url));
        RedisSettings { url, ca_file: ca_file.map(Into::into), ..Default::default() }.check()
    }

    #[test]
    fn an_address_that_makes_no_sense_is_told_without_being_quoted() {
        for good in ["redis://cache", "redis://:hunter2@cache:6380/3", "rediss://u:p@cache/0"] {
            assert_eq!(check(good, None), Ok(()), "{good}");
        }
        for bad in [
            "",
            "hunter2",
            "http://u:hunter2@cache",
            "redis+unix:///hunter2",
            "redis://u:hunter2@cache/first",
            "redis://u:hunter2@cache:99999",
        ] {
            let (key, what) = check(bad, None).expect_err(bad);
            assert!(key == "url" && what.contains("redis://user"), "{bad}: {key} {what}");
            assert!(!what.contains("hunter2"), "{what}");
        }
    }

    #[test]
    fn an_authority_wants_tls() {
        assert_eq!(check("rediss://cache", Some("ca.pem")), Ok(()));
        assert_eq!(check("redis://cache", Some("ca.pem")).expect_err("no TLS").0, "ca_file");
        let nobody = RedisSettings { ca_file: Some("ca.pem".into()), ..Default::default() };
        assert_eq!(nobody.check().expect_err("no url").0, "ca_file");
    }
}
