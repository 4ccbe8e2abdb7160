//! Trees of values that remember where each leaf came from, and the paths into them.

use std::collections::BTreeSet;

use ::config::{Map, Value, ValueKind};
use serde_json::{Number, Value as Json};

/// One level of a tree.
pub(super) type Table = Map<String, Value>;

/// The dotted form of a path: `apps.demo.origins[0]`, with segments quoted where TOML needs it.
pub(super) fn dotted(path: &[String]) -> String {
    let mut key = String::new();
    for segment in path {
        if !key.is_empty() && !is_index(segment) {
            key.push('.');
        }
        match is_bare(segment) || is_index(segment) {
            true => key.push_str(segment),
            false => key.push_str(&super::redact::quoted(segment)),
        }
    }
    key
}

/// The segment that stands for an array's element.
pub(super) fn index(position: usize) -> String {
    format!("[{position}]")
}

/// The position that a segment stands for, the other way round.
pub(super) fn position(segment: &str) -> Option<usize> {
    segment.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// The value at `path`, if one is there.
pub(super) fn value_at<'a>(tree: &'a Json, path: &[String]) -> Option<&'a Json> {
    path.iter().try_fold(tree, |node, segment| match position(segment) {
        Some(position) => node.get(position),
        None => node.get(segment),
    })
}

pub(super) fn is_index(segment: &str) -> bool {
    position(segment).is_some()
}

/// Wildcards are shown as `<name>`, so angle brackets pass for bare here.
fn is_bare(segment: &str) -> bool {
    !segment.is_empty()
        && segment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '<' | '>'))
}

/// Sets the leaf at `path`, making the tables on the way and replacing scalars that stand in it.
pub(super) fn insert(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let child = table.entry(first.clone()).or_insert_with(|| {
                Value::new(value.origin().map(str::to_owned).as_ref(), Table::new())
            });
            if !matches!(child.kind, ValueKind::Table(_)) {
                child.kind = ValueKind::Table(Table::new());
            }
            if let ValueKind::Table(inner) = &mut child.kind {
                insert(inner, rest, value);
            }
        }
    }
}

/// The origin of the value at `path`: its own, else that of the nearest value around it, else
/// that of the first one inside it. `None` means the built-in default.
pub(super) fn origin_of(root: &Value, path: &[String]) -> Option<String> {
    let mut node = root;
    let mut nearest = root.origin();
    for segment in path {
        let child = match &node.kind {
            ValueKind::Table(table) => table.get(segment),
            // Everything in an array was written by the layer that wrote the array.
            _ => None,
        };
        match child {
            Some(child) => node = child,
            None => return nearest.map(str::to_owned),
        }
        nearest = node.origin().or(nearest);
    }
    nearest.or_else(|| first_origin(node)).map(str::to_owned)
}

fn first_origin(node: &Value) -> Option<&str> {
    let ValueKind::Table(table) = &node.kind else {
        return node.origin();
    };
    let mut keys: Vec<_> = table.keys().collect();
    keys.sort();
    keys.into_iter().filter_map(|key| table.get(key)).find_map(first_origin)
}

/// Everything that a layer's values came from.
pub(super) fn origins(table: &Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for value in table.values() {
        found.extend(value.origin().map(str::to_owned));
        if let ValueKind::Table(inner) = &value.kind {
            found.extend(origins(inner));
        }
    }
    found
}

/// The plain value of a tree. Decoding starts from this form because `config`'s own decoder
/// turns strings into numbers and numbers into booleans, which would hide mistakes.
pub(super) fn to_json(value: &Value) -> Json {
    match &value.kind {
        ValueKind::Nil => Json::Null,
        ValueKind::Boolean(flag) => Json::Bool(*flag),
        ValueKind::I64(number) => Json::from(*number),
        ValueKind::U64(number) => Json::from(*number),
        ValueKind::I128(number) => Json::String(number.to_string()),
        ValueKind::U128(number) => Json::String(number.to_string()),
        ValueKind::Float(number) => {
            Number::from_f64(*number).map_or_else(|| Json::String(number.to_string()), Json::Number)
        }
        ValueKind::String(text) => Json::String(text.clone()),
        ValueKind::Array(items) => items.iter().map(to_json).collect(),
        ValueKind::Table(table) => {
            table.iter().map(|(key, value)| (key.clone(), to_json(value))).collect()
        }
    }
}

/// A tree of defaults, which have no origin.
pub(super) fn from_json(json: &Json) -> Value {
    let kind = match json {
        Json::Null => ValueKind::Nil,
        Json::Bool(flag) => ValueKind::Boolean(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => ValueKind::I64(whole),
            (None, Some(whole)) => ValueKind::U64(whole),
            (None, None) => ValueKind::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => ValueKind::String(text.clone()),
        Json::Array(items) => ValueKind::Array(items.iter().map(from_json).collect()),
        Json::Object(entries) => ValueKind::Table(
            entries.iter().map(|(key, value)| (key.clone(), from_json(value))).collect(),
        ),
    };
    Value::new(None, kind)
}
