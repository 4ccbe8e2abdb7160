//! Versions of clients, compared by their numbers: 1.10 is newer than 1.9, and 1.2 is 1.2.0.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The most numbers that a version has.
pub const MAX_PARTS: usize = 8;

/// A version: numbers with dots between them.
#[derive(Clone, Debug)]
pub struct VersionNumber {
    /// Without zeros at the end.
    parts: Box<[u32]>,
    /// As it was written.
    text: Box<str>,
}

/// What is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not 1 to 8 numbers with dots between them, each below 2^32")]
pub struct NoVersion;

impl VersionNumber {
    /// The one text that all ways to write this version share.
    #[must_use]
    pub fn canonical(&self) -> String {
        let parts: Vec<_> = self.parts.iter().map(u32::to_string).collect();
        if parts.is_empty() { "0".to_owned() } else { parts.join(".") }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for VersionNumber {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let part = |part: &str| match part.bytes().all(|byte| byte.is_ascii_digit()) {
            true => part.parse::<u32>().map_err(|_| NoVersion),
            // A sign would be read as part of the number.
            false => Err(NoVersion),
        };
        let mut parts: Vec<u32> = text.split('.').map(part).collect::<Result<_, _>>()?;
        if parts.len() > MAX_PARTS {
            return Err(NoVersion);
        }
        while parts.last() == Some(&0) {
            parts.pop();
        }
        Ok(Self { parts: parts.into(), text: text.into() })
    }
}

/// Of which versions something is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Of one.
    One(VersionNumber),
    /// Of all of which nothing is said by themselves.
    Any,
}

/// How [`Which::Any`] is written.
const ANY: &str = "any";

/// What speaks of no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither 1 to 8 numbers with dots between them, each below 2^32, nor `{ANY}`")]
pub struct NoVersions;

impl Which {
    /// The one text that all ways to write it share.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::One(number) => number.canonical(),
            Self::Any => ANY.to_owned(),
        }
    }
}

impl FromStr for Which {
    type Err = NoVersions;

    fn from_str(text: &str) -> Result<Self, NoVersions> {
        if text == ANY {
            return Ok(Self::Any);
        }
        text.parse().map(Self::One).map_err(|NoVersion| NoVersions)
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(number) => number.fmt(f),
            Self::Any => f.write_str(ANY),
        }
    }
}

impl Serialize for Which {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Which {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|error: NoVersions| de::Error::custom(format!("`{text}` {error}")))
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for VersionNumber {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for VersionNumber {}

impl std::hash::Hash for VersionNumber {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.parts.hash(state);
    }
}

impl PartialOrd for VersionNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VersionNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        // What ends first goes on with zeros, and none are left at an end.
        self.parts.cmp(&other.parts)
    }
}

impl Serialize for VersionNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for VersionNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| de::Error::custom(format!("`{text}` {error}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> VersionNumber {
        text.parse().unwrap()
    }

    #[test]
    fn versions_compare_by_their_numbers() {
        assert!(version("1.10") > version("1.9"));
        assert_eq!(version("1.2"), version("1.2.0"));
        assert_eq!(version("01.2"), version("1.02.0.0"));
        assert!(version("1.2.0.1") > version("1.2"));
        assert!(version("0.9") < version("1"));
        assert_eq!(
            (version("0.0").canonical(), version("1.2.0").canonical()),
            ("0".into(), "1.2".into())
        );
        assert_eq!(version("1.2.0").to_string(), "1.2.0");
    }

    #[test]
    fn what_is_no_number_is_no_version() {
        assert!("1.2.3.4.5.6.7.8".parse::<VersionNumber>().is_ok());
        assert!("4294967295".parse::<VersionNumber>().is_ok());
        for text in [
            "",
            ".",
            "1.",
            ".1",
            "1..2",
            "1.x",
            "v1",
            "1.2-beta",
            "+1",
            "-1",
            " 1",
            "١",
            "4294967296",
            "1.2.3.4.5.6.7.8.9",
        ] {
            assert_eq!(text.parse::<VersionNumber>(), Err(NoVersion), "{text}");
        }
    }

    fn parts() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(prop_oneof![0..4_u32, any::<u32>()], 1..=MAX_PARTS)
    }

    fn written(parts: &[u32]) -> VersionNumber {
        version(&parts.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
    }

    proptest! {
        /// As lists of one length, filled up with zeros.
        #[test]
        fn versions_compare_as_their_numbers_do(one in parts(), other in parts()) {
            let filled = |parts: &[u32]| {
                let mut parts = parts.to_vec();
                parts.resize(MAX_PARTS, 0);
                parts
            };
            let expected = filled(&one).cmp(&filled(&other));
            prop_assert_eq!(written(&one).cmp(&written(&other)), expected);
            prop_assert_eq!(written(&one) == written(&other), expected == Ordering::Equal);
            prop_assert_eq!(version(&written(&one).canonical()), written(&one));
        }
    }
}
