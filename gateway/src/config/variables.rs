//! The layers given as text: environment variables, the files that they name, and flags.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

use ::config::Value;

use super::{
    problem::Problem,
    shape::Shape,
    toml_source::parse_value,
    tree::{Table, dotted, insert},
    unknown::unknown_key,
    variable_files::{key_of_file, text_of},
    variable_names::{Naming, is_service_link, naming},
};

/// One value given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagValue {
    /// The flag as it was typed, such as `--listen`; errors name it.
    pub flag: &'static str,
    /// The dotted key it sets, such as `gateway.listen`.
    pub key: &'static str,
    /// The text after the flag.
    pub value: String,
}

/// The layer of flags, with those that set no known key as problems.
pub(super) fn flag_layer(flags: &[FlagValue], shape: &Shape) -> (Table, Vec<Problem>) {
    let mut table = Table::new();
    let mut problems = Vec::new();
    for flag in flags {
        let path: Vec<_> = flag.key.split('.').map(str::to_owned).collect();
        let origin = format!("flag {}", flag.flag);
        match shape.at(&path) {
            Some(_) => insert(&mut table, &path, value_of(&flag.value, &origin, &path, shape)),
            None => problems.push(unknown_key(&path, Some(origin), shape)),
        }
    }
    (table, problems)
}

/// The layer of environment variables, with the variables that cannot be read as problems.
///
/// `written` is the file's layer: an app it names `my-game` is the one `..APPS__MY_GAME..` means.
pub(super) fn variable_layer(
    variables: &[(OsString, OsString)],
    shape: &Shape,
    written: &Table,
) -> (Table, Vec<Problem>) {
    let mut table = Table::new();
    let mut problems = Vec::new();
    let mut setters: BTreeMap<Vec<String>, String> = BTreeMap::new();
    let mut variables: Vec<_> = variables.iter().collect();
    // The environment has no order; errors should have one.
    variables.sort();

    for (name, value) in variables {
        match read(name, value, shape, written) {
            Ok(None) => {}
            Ok(Some((path, value))) => {
                let name = name.to_string_lossy().into_owned();
                match setters.get(&path) {
                    Some(other) => problems.push(twice(&path, other, &name)),
                    None => insert(&mut table, &path, value),
                }
                setters.entry(path).or_insert(name);
            }
            Err(problem) => problems.push(problem),
        }
    }
    (table, problems)
}

/// Reads one variable; `None` when it is not ours or says nothing. An empty value counts as not
/// set, which is what `${NAME:-}` in a deployment file means.
fn read(
    name: &OsStr,
    value: &OsStr,
    shape: &Shape,
    written: &Table,
) -> Result<Option<(Vec<String>, Value)>, Problem> {
    let (name, path) = match naming(name, shape, written) {
        Naming::Foreign => return Ok(None),
        Naming::Unreadable(name) => {
            let problem = Problem::new("", "the variable's name is not valid UTF-8");
            return Err(problem.at(Some(format!("env {name}"))));
        }
        Naming::Key(name, path) => (name, path),
    };
    let origin = format!("env {name}");
    let Some(text) = value.to_str() else {
        let problem = Problem::new(dotted(&path), "the variable's value is not valid UTF-8");
        return Err(problem.at(Some(origin)));
    };
    match (shape.at(&path), key_of_file(&path, shape)) {
        (None, None) if is_service_link(name, text) => Ok(None),
        (None, None) => Err(unknown_key(&path, Some(origin), shape)),
        (Some(_), _) | (None, Some(_)) if text.is_empty() => Ok(None),
        (Some(_), _) => {
            let value = value_of(text, &origin, &path, shape);
            Ok(Some((path, value)))
        }
        (None, Some(key)) => match text_of(text) {
            Ok(text) => {
                let value = value_of(&text, &origin, &key, shape);
                Ok(Some((key, value)))
            }
            Err(message) => Err(Problem::new(dotted(&key), message).at(Some(origin))),
        },
    }
}

fn twice(path: &[String], first: &str, second: &str) -> Problem {
    let message = format!("set twice, by {first} and by {second}");
    Problem::new(dotted(path), message).at(Some(format!("env {second}")))
}

/// Reads text as the TOML value it spells, unless the key holds text: a name of digits stays text.
fn value_of(text: &str, origin: &str, path: &[String], shape: &Shape) -> Value {
    let is_text = shape.at(path).is_some_and(|node| node.is_text());
    let parsed = match is_text {
        true => None,
        false => parse_value(text, origin),
    };
    parsed.unwrap_or_else(|| Value::new(Some(&origin.to_owned()), text))
}
