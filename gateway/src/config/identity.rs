//! The settings of logins, as the file writes them.

use std::path::PathBuf;

use actors::identity::IdentitySettings;

use super::{
    bounds::{at_least, at_most},
    problem::Problem,
    schema::{Notes, Schema},
};

/// A token that is shorter-lived would be refreshed all the time.
const SHORTEST_ACCESS_S: u64 = 60;

/// A day; nobody can call an access token back before its time.
const LONGEST_ACCESS_S: u64 = 86_400;

const NOTES: &[(&str, &str)] = &[
    (
        "keys_dir",
        "Directory of the signing keys, shared by the nodes of a cluster; by default keys in the data directory.",
    ),
    (
        "operator_key_file",
        "File of the key under which operators' second factors are encrypted in the database, the same for all nodes; without one they are not.",
    ),
    (
        "operator_previous_key_file",
        "File of the key before it, while some are still encrypted under that.",
    ),
    ("access_token_s", "Seconds an access token is good; from 60 to 86400."),
    (
        "refresh_token_s",
        "Seconds a refresh token is good, counted from its last exchange; more than access_token_s.",
    ),
    (
        "refresh_repeat_s",
        "Seconds for which an exchange whose answer was lost is answered again alike; less than access_token_s.",
    ),
];

impl Schema for IdentitySettings {
    fn sample() -> Self {
        Self {
            keys_dir: Some(PathBuf::from("./daemun-data/keys")),
            operator_key_file: Some(PathBuf::from("/etc/daemun/operators")),
            operator_previous_key_file: Some(PathBuf::from("/etc/daemun/operators-old")),
            ..Self::default()
        }
    }

    fn notes() -> Notes {
        Notes::new(NOTES)
    }

    fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.keys_dir.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            problems.push(Problem::new("keys_dir", "expected a directory, found an empty path"));
        }
        let (key, previous) = (&self.operator_key_file, &self.operator_previous_key_file);
        for (name, file) in [("operator_key_file", key), ("operator_previous_key_file", previous)] {
            if file.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
                problems.push(Problem::new(name, "expected a file, found an empty path"));
            }
        }
        let access = self.access_token_s;
        let bounds = [
            at_least("access_token_s", access, SHORTEST_ACCESS_S),
            at_most("access_token_s", access, LONGEST_ACCESS_S),
        ];
        let wrong = bounds.into_iter().flatten().next();
        // Beside a wrong lifetime nothing can be said of those that are compared with it.
        let comparable = wrong.is_none();
        problems.extend(wrong);
        if comparable && self.refresh_token_s <= access {
            let found = self.refresh_token_s;
            let message = format!("more than identity.access_token_s, {access}, found {found}");
            problems.push(Problem::new("refresh_token_s", message));
        }
        if comparable && self.refresh_repeat_s >= access {
            let found = self.refresh_repeat_s;
            let message = format!("less than identity.access_token_s, {access}, found {found}");
            problems.push(Problem::new("refresh_repeat_s", message));
        }
        problems
    }
}
