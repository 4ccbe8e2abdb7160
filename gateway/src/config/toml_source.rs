//! TOML text as a tree whose every value knows its file and line.

use std::path::Path;

use ::config::{Value, ValueKind};
use toml::de::{DeInteger, DeTable, DeValue};

use super::{problem::Problem, tree::Table};

/// Reads a whole file's text.
///
/// A syntax error names the line and what the grammar expected; the line itself is not quoted,
/// because a secret may stand on it.
pub(super) fn parse_file(path: &Path, text: &str) -> Result<Table, Problem> {
    let lines = |offset| format!("{}:{}", path.display(), line_of(text, offset));
    match DeTable::parse(text) {
        Ok(table) => Ok(table_of(table.get_ref(), &lines)),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            let message = format!("not valid TOML: {}", error.message().trim());
            Err(Problem::new("", message).at(Some(lines(offset))))
        }
    }
}

/// Reads one value, as a variable or a flag gives it; `None` when the text is not a TOML value.
pub(super) fn parse_value(text: &str, origin: &str) -> Option<Value> {
    let value = DeValue::parse(text).ok()?;
    let origin = origin.to_owned();
    Some(value_of(value.get_ref(), &origin, &|_| origin.clone()))
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

fn table_of(table: &DeTable<'_>, lines: &impl Fn(usize) -> String) -> Table {
    table
        .iter()
        .map(|(key, value)| {
            let origin = lines(key.span().start);
            let value = value_of(value.get_ref(), &origin, lines);
            (key.get_ref().to_string(), value)
        })
        .collect()
}

fn value_of(value: &DeValue<'_>, origin: &String, lines: &impl Fn(usize) -> String) -> Value {
    let kind = match value {
        DeValue::String(text) => ValueKind::String(text.to_string()),
        DeValue::Integer(number) => integer(number),
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => ValueKind::Float(number),
            Err(_) => ValueKind::String(number.to_string()),
        },
        DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
        // No setting is a date, so its text is enough for the error that follows.
        DeValue::Datetime(date) => ValueKind::String(date.to_string()),
        DeValue::Array(items) => ValueKind::Array(
            items.iter().map(|item| value_of(item.get_ref(), origin, lines)).collect(),
        ),
        DeValue::Table(table) => ValueKind::Table(table_of(table, lines)),
    };
    Value::new(Some(origin), kind)
}

/// A number too large for 64 bits stays text: the type that was expected then refuses it by name.
fn integer(number: &DeInteger<'_>) -> ValueKind {
    match i64::from_str_radix(number.as_str(), number.radix()) {
        Ok(whole) => ValueKind::I64(whole),
        Err(_) => ValueKind::String(number.to_string()),
    }
}
