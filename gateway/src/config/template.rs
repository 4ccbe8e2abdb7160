//! The commented default file: every key a type knows, with its note and its default.

use serde::Serialize;
use serde_json::Value as Json;

use super::{
    problem::ConfigError,
    redact::quoted,
    schema::{Notes, Schema},
    shape::{Node, Shape, note_name, placeholder},
};

/// Writes TOML that, read back, gives the defaults.
///
/// Keys that are not set by default stand as `#key = example`, without a space after the mark, so
/// that they are told from the notes and can be switched on by taking the mark away.
///
/// # Errors
/// [`ConfigError::Shape`] when the type cannot be written as keys and values.
pub fn default_toml<T: Schema + Default + Serialize>() -> Result<String, ConfigError> {
    let shape = Shape::of::<T>()?;
    let mut template = Template { notes: T::notes(), text: String::new(), path: Vec::new() };
    template.section(&shape.root(), Some(&shape.defaults));
    Ok(template.text)
}

struct Template {
    notes: Notes,
    text: String,
    path: Vec<String>,
}

impl Template {
    /// Writes a section's own keys, then the sections inside it, as TOML wants them.
    fn section(&mut self, node: &Node<'_>, defaults: Option<&Json>) {
        let mut names: Vec<_> = node.names().into_iter().collect();
        names.sort_by_cached_key(|name| self.notes.position(&self.key(name)));
        let places = || names.iter().filter_map(|name| Some((*name, node.named(name)?)));

        for (name, place) in places().filter(|(_, place)| !place.is_table() && !place.is_free()) {
            self.gap(false);
            self.note(name);
            self.leaf(name, &place, defaults.and_then(|defaults| defaults.get(name)));
        }
        for (name, place) in places().filter(|(_, place)| place.is_table() || place.is_free()) {
            self.gap(true);
            self.note(name);
            let inner = defaults.and_then(|defaults| defaults.get(name));
            self.path.push(name.to_owned());
            self.header(&place, inner.is_some());
            self.section(&place, inner);
            self.path.pop();
        }
    }

    /// A blank line, unless the line before belongs to what follows: a note to anything, a header
    /// to its first key.
    fn gap(&mut self, before_header: bool) {
        let belongs = match self.text.lines().last() {
            // Before the first line, and after a section that wrote no header, nothing is missing.
            None | Some("") => true,
            Some(line) if line.starts_with('[') || line.starts_with("#[") => !before_header,
            Some(line) => line.starts_with("# "),
        };
        if !belongs {
            self.text.push('\n');
        }
    }

    fn leaf(&mut self, name: &str, place: &Node<'_>, default: Option<&Json>) {
        let default = default.filter(|value| !value.is_null());
        let mark = if default.is_some() { "" } else { "#" };
        if let Some(value) = default.or(place.example()) {
            let name = placeholder(name);
            self.text.push_str(&format!("{mark}{name} = {}\n", literal(value)));
        }
    }

    /// A table that holds only named tables, such as `apps`, needs no header of its own.
    fn header(&mut self, place: &Node<'_>, exists: bool) {
        let names = place.names();
        let is_table = |name: &&str| {
            name.starts_with('*') && place.named(name).is_some_and(|inside| inside.is_table())
        };
        if !names.is_empty() && names.iter().all(is_table) {
            return;
        }
        let mark = if exists { "" } else { "#" };
        let path: Vec<_> = self.path.iter().map(|name| placeholder(name)).collect();
        self.text.push_str(&format!("{mark}[{}]\n", path.join(".")));
    }

    fn note(&mut self, name: &str) {
        if let Some(note) = self.notes.text(&self.key(name)) {
            self.text.push_str(&format!("# {note}\n"));
        }
    }

    fn key(&self, name: &str) -> String {
        let outer = self.path.iter().map(String::as_str);
        outer.chain([name]).map(note_name).collect::<Vec<_>>().join(".")
    }
}

/// Defaults and samples hold no secrets, so their values are written in full.
fn literal(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(entries) => {
            let entries = entries.iter().filter(|(_, value)| !value.is_null());
            let entries: Vec<_> = entries
                .map(|(key, value)| format!("{} = {}", quoted_key(key), literal(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}

fn quoted_key(key: &str) -> String {
    super::tree::dotted(&[key.to_owned()])
}
