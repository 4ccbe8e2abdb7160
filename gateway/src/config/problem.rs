//! What is wrong with a configuration, in words an operator can act on.

use std::{fmt, io, path::PathBuf};

/// One thing wrong with one key: which key, who set it, and what was expected.
///
/// A problem never carries the value of a secret key; see [`crate::config`] on what counts as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The full dotted key, such as `gateway.listen`; empty when a whole source is at fault.
    pub key: String,
    /// Where the value came from, such as `daemun.toml:3`, `env DAEMUN_DATA` or `flag --listen`.
    /// `None` means that the built-in default is at fault, or that no layer set the key.
    pub origin: Option<String>,
    /// What is wrong and what was expected, without a full stop.
    pub message: String,
}

impl Problem {
    /// A problem with `key`, whose origin the loader fills in.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), origin: None, message: message.into() }
    }

    /// The same problem seen from one level further out, so that a part names only its own keys.
    #[must_use]
    pub fn under(mut self, section: &str) -> Self {
        self.key = match self.key.is_empty() {
            true => section.to_owned(),
            false => format!("{section}.{}", self.key),
        };
        self
    }

    pub(super) fn at(mut self, origin: Option<String>) -> Self {
        self.origin = origin;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.as_str(), &self.origin) {
            ("", None) => write!(f, "{}", self.message),
            ("", Some(origin)) => write!(f, "{origin}: {}", self.message),
            (key, None) => write!(f, "{key}: {}", self.message),
            (key, Some(origin)) => write!(f, "{key} ({origin}): {}", self.message),
        }
    }
}

/// Why no settings came out of the layers.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file was asked for by name, or is there, and cannot be read.
    #[error("the configuration file {} cannot be read: {source}", path.display())]
    File {
        /// The path as it was given.
        path: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },
    /// Everything found wrong, all at once, so that one start is enough to mend it.
    #[error("{}", listing(.0))]
    Problems(Vec<Problem>),
    /// A settings type cannot be written as a tree of keys: a mistake in its code, not in a file.
    #[error("the built-in settings cannot be written as keys and values: {0}")]
    Shape(#[from] serde_json::Error),
    /// The layers could not be merged.
    #[error("the configuration's layers cannot be merged: {0}")]
    Merge(#[from] ::config::ConfigError),
}

impl ConfigError {
    /// The single problems, for callers that show them one by one; empty for the other variants.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Problems(problems) => problems,
            Self::File { .. } | Self::Shape(_) | Self::Merge(_) => &[],
        }
    }
}

fn listing(problems: &[Problem]) -> String {
    let mut text = match problems.len() {
        1 => "the configuration has a problem:".to_owned(),
        count => format!("the configuration has {count} problems:"),
    };
    for problem in problems {
        text.push_str(&format!("\n  {problem}"));
    }
    text
}
