//! The claims that are judged, each with its type, so that a claim of another type is refused
//! instead of being read in some helpful way.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use storage::clock::Micros;

use crate::identity::provider::Refusal;

/// What is read of a payload. Personal claims are not, but for the address of a service's
/// account: a login needs none.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Claims {
    pub(super) iss: Claim<String>,
    pub(super) aud: Claim<Audience>,
    pub(super) azp: Claim<String>,
    pub(super) sub: Claim<String>,
    pub(super) exp: Claim<Seconds>,
    pub(super) iat: Claim<Seconds>,
    pub(super) nbf: Claim<Seconds>,
    pub(super) nonce: Claim<String>,
    nonce_supported: Claim<Flag>,
    email: Claim<String>,
    email_verified: Claim<Flag>,
}

impl Claims {
    /// Whether the provider says that the player's system could carry a nonce.
    pub(super) fn says_nonce_supported(&self) -> bool {
        match &self.nonce_supported {
            Claim::Present(flag) => flag.is_true(),
            // A form that we do not know is no excuse for a missing nonce.
            Claim::Malformed => true,
            Claim::Absent => false,
        }
    }
}

impl Claims {
    /// Whether the token is of the account with this address, and the provider stands for that.
    pub(super) fn has_proven_email(&self, address: &str) -> bool {
        let same = matches!(&self.email, Claim::Present(email) if email == address);
        // A boolean at some, a string at others; any other form proves nothing.
        let proven = match &self.email_verified {
            Claim::Present(Flag::Plain(flag)) => *flag,
            Claim::Present(Flag::Text(text)) => text == "true",
            Claim::Absent | Claim::Malformed => false,
        };
        same && proven
    }
}

/// A claim as it came.
#[derive(Default)]
pub(super) enum Claim<T> {
    /// It is not there.
    #[default]
    Absent,
    /// It is there with another type.
    Malformed,
    /// It is there.
    Present(T),
}

impl<T> Claim<T> {
    /// The value of a claim that has to be there.
    pub(super) fn required(
        &self,
        missing: &'static str,
        malformed: &'static str,
    ) -> Result<&T, Refusal> {
        self.optional(malformed)?.ok_or(Refusal::Rejected(missing))
    }

    /// The value of a claim that may be missing, but not of another type.
    pub(super) fn optional(&self, malformed: &'static str) -> Result<Option<&T>, Refusal> {
        match self {
            Self::Absent => Ok(None),
            Self::Malformed => Err(Refusal::Rejected(malformed)),
            Self::Present(value) => Ok(Some(value)),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Claim<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(serde_json::from_value(value).map_or(Self::Malformed, Self::Present))
    }
}

/// `aud`: one client id or several (RFC 7519, 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(super) fn contains(&self, client_id: &str) -> bool {
        match self {
            Self::One(only) => only == client_id,
            Self::Several(all) => all.iter().any(|one| one == client_id),
        }
    }
}

/// A NumericDate (RFC 7519, 2): seconds since the epoch, with or without a fraction.
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "f64")]
pub(super) struct Seconds(i64);

impl Seconds {
    /// 9999-12-31T23:59:59Z. Beyond it the issuer has most likely written milliseconds.
    const MAX: f64 = 253_402_300_799.0;

    pub(super) fn micros(self) -> Micros {
        Micros::from_seconds(self.0)
    }
}

impl TryFrom<f64> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        if (0.0..=Self::MAX).contains(&seconds) {
            // The range was checked, so the cast only drops the fraction.
            Ok(Self(seconds as i64))
        } else {
            Err("not a time")
        }
    }
}

/// A boolean, which some providers write as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Plain(bool),
    Text(String),
}

impl Flag {
    fn is_true(&self) -> bool {
        match self {
            Self::Plain(flag) => *flag,
            Self::Text(text) => text != "false",
        }
    }
}
