//! How environment variables are called: `DAEMUN_GATEWAY__LISTEN` is `gateway.listen`.

use std::ffi::OsStr;

use ::config::ValueKind;

use super::{shape::Shape, tree::Table};

/// What every variable's name begins with.
const PREFIX: &str = "DAEMUN_";

/// What stands between two levels in a variable's name.
const LEVEL: &str = "__";

/// The variable that names the configuration file. It is not a setting: a file cannot say where
/// it is itself.
const FILE_VARIABLE: &str = "DAEMUN_CONFIG";

/// What a variable's name tells.
pub(super) enum Naming<'a> {
    /// It is not ours.
    Foreign,
    /// It is ours and is not text; this is how it looks.
    Unreadable(String),
    /// It names this key.
    Key(&'a str, Vec<String>),
}

/// Tells which key a variable's name means.
pub(super) fn naming<'a>(name: &'a OsStr, shape: &Shape, written: &Table) -> Naming<'a> {
    let Some(text) = name.to_str() else {
        let lossy = name.to_string_lossy().into_owned();
        return match lossy.to_uppercase().starts_with(PREFIX) {
            true => Naming::Unreadable(lossy),
            false => Naming::Foreign,
        };
    };
    match text.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !is_file_variable(text) => {
            Naming::Key(text, path_of(rest, shape, written))
        }
        Some(_) | None => Naming::Foreign,
    }
}

/// Whether this is the variable that names the configuration file.
pub(super) fn is_file_variable(name: &str) -> bool {
    name.eq_ignore_ascii_case(FILE_VARIABLE)
}

/// Finds each segment among the names that exist at its place, which may be written in another
/// case or with dashes; a name that is new is taken in lower case.
fn path_of(name: &str, shape: &Shape, written: &Table) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    let mut written = Some(written);
    for segment in name.split(LEVEL) {
        let lower = segment.to_lowercase();
        let known = shape.at(&path).map(|node| node.names()).unwrap_or_default();
        let here = written.map(|table| table.keys()).into_iter().flatten();
        let mut names: Vec<&str> = known.into_iter().chain(here.map(String::as_str)).collect();
        names.sort_unstable_by_key(|name| (*name != lower, *name));
        let same = names.into_iter().find(|name| normal(name) == normal(&lower));
        let segment = same.unwrap_or(&lower).to_owned();
        written = match written.and_then(|table| table.get(&segment)).map(|value| &value.kind) {
            Some(ValueKind::Table(table)) => Some(table),
            _ => None,
        };
        path.push(segment);
    }
    path
}

fn normal(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

/// The name of the variable that sets a key.
pub(super) fn variable_name(path: &[String]) -> String {
    let levels: Vec<_> = path.iter().map(|segment| normal(segment).to_uppercase()).collect();
    format!("{PREFIX}{}", levels.join(LEVEL))
}

/// Kubernetes gives every pod variables about each service, so a service called `daemun` brings
/// `DAEMUN_SERVICE_HOST` and `DAEMUN_PORT_7350_TCP_ADDR`, which nobody wrote and nobody can drop.
pub(super) fn is_service_link(name: &str, value: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    let about_service = words.windows(2).any(|pair| matches!(pair, ["SERVICE", "HOST" | "PORT"]));
    let about_port = words.windows(3).any(|three| {
        matches!(three, ["PORT", port, "TCP" | "UDP" | "SCTP"] if port.parse::<u16>().is_ok())
    });
    let address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    about_service || about_port || (name.ends_with("_PORT") && address)
}
