//! The known keys of a settings type, read from its sample.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value as Json;

use super::{problem::ConfigError, redact::is_secret_name, schema::Schema, tree::is_index};

/// What begins a name in a sample that stands for any name.
const WILDCARD: char = '*';

/// What stands in notes for every name that a wildcard stands for.
const ANY_NAME: &str = "*";

/// The tree of keys a type knows, with its sample values and its defaults.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    sample: Json,
    pub(super) defaults: Json,
}

impl Shape {
    pub(super) fn of<T: Schema + Default + Serialize>() -> Result<Self, ConfigError> {
        Ok(Self {
            sample: serde_json::to_value(T::sample())?,
            defaults: serde_json::to_value(T::default())?,
        })
    }

    pub(super) fn root(&self) -> Node<'_> {
        Node(vec![&self.sample])
    }

    /// The known place at `path`, `None` when nothing is known there.
    pub(super) fn at(&self, path: &[String]) -> Option<Node<'_>> {
        path.iter().try_fold(self.root(), |node, segment| node.child(segment))
    }

    /// Whether the value at `path` is a secret. A name that a wildcard stands for is the
    /// operator's own word and says nothing; under a free place any name up the path counts.
    pub(super) fn is_secret(&self, path: &[String]) -> bool {
        let mut node = Some(self.root());
        let mut secret = false;
        for segment in path {
            match &node {
                Some(known) if known.is_free() => secret |= is_secret_name(segment),
                Some(known) if is_index(segment) || known.is_wildcard(segment) => {}
                Some(_) => secret = is_secret_name(segment),
                None => secret |= is_secret_name(segment),
            }
            node = node.and_then(|known| known.child(segment));
        }
        secret
    }

    /// Every known key and section, with wildcards written as `<name>`.
    pub(super) fn paths(&self) -> Vec<Vec<String>> {
        let mut paths = Vec::new();
        collect(&self.root(), &mut Vec::new(), &mut paths);
        paths
    }

    /// Every known key that needs no wildcard, as the table of effective values lists them.
    pub(super) fn fixed_leaves(&self) -> impl Iterator<Item = Vec<String>> {
        let fixed = |path: &Vec<String>| !path.iter().any(|segment| segment.starts_with('<'));
        self.paths().into_iter().filter(move |path| fixed(path) && self.is_leaf(path))
    }

    /// Whether a value stands at `path`, and not a section.
    pub(super) fn is_leaf(&self, path: &[String]) -> bool {
        self.at(path).is_some_and(|node| !node.is_table())
    }

    /// Whether the sample allows several shapes at `path`.
    pub(super) fn has_alternatives(&self, path: &[String]) -> bool {
        self.at(path).is_some_and(|node| node.0.len() > 1)
    }

    /// The path with `*` in place of each name that a wildcard stands for.
    pub(super) fn pattern(&self, path: &[String]) -> Vec<String> {
        let mut node = Some(self.root());
        path.iter()
            .map(|segment| {
                let wildcard = node.as_ref().is_some_and(|known| known.is_wildcard(segment));
                node = node.as_ref().and_then(|known| known.child(segment));
                if wildcard { ANY_NAME.to_owned() } else { segment.clone() }
            })
            .collect()
    }
}

fn collect(node: &Node<'_>, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    for name in node.names() {
        path.push(placeholder(name));
        paths.push(path.clone());
        if let Some(child) = node.named(name) {
            collect(&child, path, paths);
        }
        path.pop();
    }
}

/// The name as a reader sees it: `*` becomes `<name>`, `*google` becomes `<google>`.
pub(super) fn placeholder(name: &str) -> String {
    match name.strip_prefix(WILDCARD) {
        Some("") => "<name>".to_owned(),
        Some(alternative) => format!("<{alternative}>"),
        None => name.to_owned(),
    }
}

/// The name as notes write it: they speak of every entry alike, whatever its shape.
pub(super) fn note_name(name: &str) -> &str {
    if name.starts_with(WILDCARD) { ANY_NAME } else { name }
}

/// A known place: all the shapes that the sample allows there, never none.
#[derive(Debug, Clone)]
pub(super) struct Node<'a>(Vec<&'a Json>);

impl<'a> Node<'a> {
    /// Anything may stand here.
    pub(super) fn is_free(&self) -> bool {
        self.0.iter().any(|shape| shape.is_null())
    }

    /// Only a table may stand here.
    pub(super) fn is_table(&self) -> bool {
        self.0.iter().all(|shape| shape.is_object())
    }

    /// Only text may stand here.
    pub(super) fn is_text(&self) -> bool {
        self.0.iter().all(|shape| shape.is_string())
    }

    /// A valid value for this place.
    pub(super) fn example(&self) -> Option<&'a Json> {
        self.0.first().copied().filter(|shape| !shape.is_null())
    }

    /// The place one segment further in. Under a free place every place is free.
    pub(super) fn child(&self, segment: &str) -> Option<Self> {
        if self.is_free() {
            return Some(self.clone());
        }
        if is_index(segment) {
            return Self::some(self.0.iter().filter_map(|shape| shape.get(0)).collect());
        }
        let literal = match segment.starts_with(WILDCARD) {
            true => None,
            false => self.named(segment),
        };
        literal.or_else(|| {
            let wildcards = self.names().into_iter().filter(|name| name.starts_with(WILDCARD));
            Self::some(
                wildcards.filter_map(|name| self.named(name)).flat_map(|node| node.0).collect(),
            )
        })
    }

    /// Whether `segment` is known here only because a wildcard stands for it.
    fn is_wildcard(&self, segment: &str) -> bool {
        segment.starts_with(WILDCARD) || self.named(segment).is_none()
    }

    /// The place under exactly this name of the sample, which may be a wildcard.
    pub(super) fn named(&self, name: &str) -> Option<Self> {
        Self::some(self.0.iter().filter_map(|shape| shape.get(name)).collect())
    }

    /// The names in the sample, wildcards included.
    pub(super) fn names(&self) -> BTreeSet<&'a str> {
        let tables = self.0.iter().filter_map(|shape| shape.as_object());
        tables.flat_map(|table| table.keys().map(String::as_str)).collect()
    }

    fn some(shapes: Vec<&'a Json>) -> Option<Self> {
        (!shapes.is_empty()).then_some(Self(shapes))
    }
}
