//! What the old SDKs call things: `mapping.toml`, read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use protocol::error::ErrorCode;
use protocol::operation::Operation;
use serde::Deserialize;

use super::path::{self, Map};
use crate::http::served;

/// The names of an operation's fields on either side.
type Renames = BTreeMap<String, BTreeMap<String, String>>;

/// The row of renames that is every operation's.
const EVERY: &str = "*";

/// The result code of an error whose family is not known either.
const UNLISTED: i64 = 9999;

/// What the file says; the file itself says what each part is for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    paths: BTreeMap<String, String>,
    /// What belongs to the call and not to the operation.
    pub(super) names: Names,
    requests: Renames,
    replies: Renames,
    typed: BTreeMap<String, Vec<String>>,
    families: BTreeMap<String, i64>,
    results: BTreeMap<String, i64>,
}

/// Where the parts of a call are that belong to no operation.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Names {
    /// Fields with the caller's word for the call.
    pub(super) transaction_fields: Vec<String>,
    /// Header fields with it.
    pub(super) transaction_headers: Vec<String>,
    /// Fields with the access token.
    pub(super) token_fields: Vec<String>,
}

/// The mapping of this build. Its text is part of the program and a test reads it, so that
/// it is never the empty one, by which operations would still be served under their names.
pub(super) fn mapping() -> &'static Mapping {
    static MAPPING: LazyLock<Mapping> = LazyLock::new(|| {
        toml::from_str(include_str!("mapping.toml")).unwrap_or_else(|error| {
            tracing::error!(%error, "the legacy mapping cannot be read");
            Mapping::default()
        })
    });
    &MAPPING
}

impl Mapping {
    /// The operation at a path behind `/legacy/v1/`.
    pub(super) fn operation(&self, path: &str) -> Option<Operation> {
        let own = path.split_once('/').map(|(domain, name)| format!("{domain}.{name}"));
        own.and_then(|name| served(&name)).or_else(|| served(self.paths.get(path)?))
    }

    /// Gives a request's fields the operation's own names.
    pub(super) fn rename_request(&self, operation: Operation, fields: &mut Map) {
        rename(&self.requests, operation, fields);
    }

    /// Gives a reply's fields the SDKs' names.
    pub(super) fn rename_reply(&self, operation: Operation, fields: &mut Map) {
        rename(&self.replies, operation, fields);
    }

    /// The fields of an operation that are numbers, or true and false.
    pub(super) fn typed(&self, operation: Operation) -> &[String] {
        self.typed.get(operation.name()).map_or(&[], Vec::as_slice)
    }

    /// The result code of an error.
    pub(super) fn result(&self, code: ErrorCode) -> i64 {
        let word = code.word();
        let listed = self.results.get(word).or_else(|| self.families.get(family(word)));
        listed.copied().unwrap_or(UNLISTED)
    }
}

/// The word before the dot.
fn family(word: &str) -> &str {
    word.split('.').next().unwrap_or(word)
}

fn rename(renames: &Renames, operation: Operation, fields: &mut Map) {
    let rows = [operation.name(), EVERY].into_iter().filter_map(|key| renames.get(key)).flatten();
    for (from, to) in rows {
        if let Some(value) = path::take(fields, from) {
            // What stands there already was given by its right name, and stays.
            let _ = path::put(fields, to, value);
        }
    }
}

#[cfg(test)]
mod tests;
