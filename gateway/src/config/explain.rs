//! The table of effective values: what the server runs with, and who said so.

use ::config::{Value, ValueKind};
use serde::Serialize;
use serde_json::Value as Json;

use super::{
    layers::Loaded,
    problem::ConfigError,
    redact::shown,
    schema::{Notes, Schema},
    tree::{dotted, origin_of},
};

/// Columns wider than this do not push the ones after them further right.
const WIDEST: usize = 48;

/// One line of the table that [`Loaded::explain`] prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The full dotted key.
    pub key: String,
    /// The value as TOML, with secrets hidden, or `(not set)`.
    pub value: String,
    /// `default`, `FILE:LINE`, `env NAME` or `flag --name`.
    pub origin: String,
}

impl<T: Schema + Serialize> Loaded<T> {
    /// Every effective key in reading order, with its value and where it came from.
    ///
    /// # Errors
    /// [`ConfigError::Shape`] when the settings cannot be written as keys and values.
    pub fn effective(&self) -> Result<Vec<Effective>, ConfigError> {
        let mut leaves = Vec::new();
        collect(&serde_json::to_value(&self.settings)?, &mut Vec::new(), &mut leaves);
        // A type may leave an unset option out of its tree; the reader still learns that it exists.
        for path in self.shape.fixed_leaves() {
            if !leaves.iter().any(|(known, _)| *known == path) {
                leaves.push((path, Json::Null));
            }
        }
        let notes = T::notes();
        leaves.sort_by_cached_key(|(path, _)| self.reading_order(path, &notes));
        Ok(leaves.iter().map(|(path, value)| self.line(path, value)).collect())
    }

    /// The table of [`Loaded::effective`] as aligned text.
    ///
    /// # Errors
    /// As [`Loaded::effective`].
    pub fn explain(&self) -> Result<String, ConfigError> {
        let lines = self.effective()?;
        let width = |column: fn(&Effective) -> &str| {
            let widths = lines.iter().map(|line| column(line).chars().count());
            widths.filter(|width| *width <= WIDEST).max().unwrap_or(0)
        };
        let (keys, values) = (width(|line| &line.key), width(|line| &line.value));
        let row = |line: &Effective| {
            format!("{:keys$}  {:values$}  {}\n", line.key, line.value, line.origin)
        };
        Ok(lines.iter().map(row).collect())
    }

    fn line(&self, path: &[String], value: &Json) -> Effective {
        Effective {
            key: dotted(path),
            value: shown(value, self.shape.is_secret(path)),
            origin: origin_of(&self.merged, path).unwrap_or_else(|| "default".to_owned()),
        }
    }

    /// Sorts by the notes' order on every level, and by name where the notes tell no order.
    fn reading_order(&self, path: &[String], notes: &Notes) -> Vec<(usize, String)> {
        let pattern = self.shape.pattern(path);
        let mut section = String::new();
        pattern
            .iter()
            .zip(path)
            .map(|(known, segment)| {
                if !section.is_empty() {
                    section.push('.');
                }
                section.push_str(known);
                (notes.position(&section), segment.clone())
            })
            .collect()
    }
}

fn collect(value: &Json, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, Json)>) {
    match value {
        Json::Object(entries) => {
            for (key, inner) in entries {
                path.push(key.clone());
                collect(inner, path, leaves);
                path.pop();
            }
        }
        _ => leaves.push((path.clone(), value.clone())),
    }
}

impl<T> Loaded<T> {
    /// Where the value of a dotted key came from; `None` when it is the default.
    pub fn origin(&self, key: &str) -> Option<String> {
        let mut path = Vec::new();
        let mut node = &self.merged;
        while let Some((name, inner)) = step(node, &path, key) {
            path.push(name.clone());
            node = inner;
        }
        let whole = dotted(&path) == key;
        let inside_leaf = !matches!(node.kind, ValueKind::Table(_));
        (whole || inside_leaf).then(|| origin_of(&self.merged, &path)).flatten()
    }
}

/// The entry of a table that leads to `key`. Dotted forms are compared rather than taken apart,
/// because a quoted name may itself hold dots.
fn step<'a>(node: &'a Value, path: &[String], key: &str) -> Option<(&'a String, &'a Value)> {
    let ValueKind::Table(table) = &node.kind else {
        return None;
    };
    table.iter().find(|(name, _)| {
        let here = dotted(&[path, &[(*name).clone()]].concat());
        key.strip_prefix(&here).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}
