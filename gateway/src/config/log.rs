//! Settings of the log.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::{
    problem::Problem,
    schema::{Notes, Schema},
};

const NOTES: &[(&str, &str)] = &[
    ("format", "\"text\" for people, \"json\" for machines."),
    (
        "level",
        "off, error, warn, info, debug or trace, and exceptions by target: \"info,gateway=debug\".",
    ),
];

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What the log looks like and how much of it there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogSettings {
    /// The form of a line. Default [`LogFormat::Text`].
    pub format: LogFormat,
    /// A level, and exceptions by target, as in `info,gateway=debug`. Default `info`.
    pub level: String,
}

/// The form of a line of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::default(), level: "info".to_owned() }
    }
}

impl Schema for LogSettings {
    fn sample() -> Self {
        Self::default()
    }

    fn notes() -> Notes {
        Notes::new(NOTES)
    }

    fn validate(&self) -> Vec<Problem> {
        let wrong = self.level.split(',').map(str::trim).find(|part| !is_directive(part));
        let problem = |part| {
            let message =
                format!("expected one of {} or target=level, found \"{part}\"", LEVELS.join(", "));
            Problem::new("level", message)
        };
        wrong.map(problem).into_iter().collect()
    }
}

/// The filter itself takes a bare word for a target's name, so that a misspelt level would switch
/// the log off without a word: here a bare word has to be a level.
fn is_directive(part: &str) -> bool {
    let is_level = LEVELS.iter().any(|level| part.eq_ignore_ascii_case(level));
    is_level || part.contains('=') && EnvFilter::try_new(part).is_ok()
}
