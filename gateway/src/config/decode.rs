//! From the merged tree to a typed value, with every mistake reported at once.

use std::mem::discriminant;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use serde_path_to_error::Segment;

use super::{
    problem::Problem,
    shape::Shape,
    tree::{dotted, index, position, value_at},
    wording::{Refusal, describe},
};

/// How many mistakes are looked for before what was found is reported.
const MOST_PROBLEMS: usize = 100;

/// A mistake and the path at which it was made.
pub(super) type Mistake = (Vec<String>, Problem);

/// Decodes the tree.
///
/// Decoding stops at the first mistake, so a wrong value is replaced by the sample's, which is
/// valid, and the tree is decoded again until nothing is wrong with the rest.
pub(super) fn decode<T: DeserializeOwned>(
    shape: &Shape,
    mut tree: Json,
) -> Result<T, Vec<Mistake>> {
    let mut mistakes: Vec<Mistake> = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize(tree.clone()) {
            Ok(settings) if mistakes.is_empty() => return Ok(settings),
            Ok(_) => return Err(mistakes),
            Err(error) => error,
        };
        let text = error.inner().to_string();
        let path = narrowed(shape, &tree, path_of(error.path()), &text);
        if mistakes.iter().any(|(known, _)| *known == path) {
            return Err(mistakes);
        }
        let message = describe(&Refusal {
            text: &text,
            given: value_at(&tree, &path),
            example: shape.at(&path).and_then(|node| node.example()),
            secret: shape.is_secret(&path),
        });
        mistakes.push((path.clone(), Problem::new(dotted(&path), message)));
        if mistakes.len() >= MOST_PROBLEMS || !mend(shape, &mut tree, &path) {
            return Err(mistakes);
        }
    }
}

/// The path as far as it can be known; an enum's variant is not a key.
fn path_of(path: &serde_path_to_error::Path) -> Vec<String> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            Segment::Seq { index: position } => Some(index(*position)),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// Finds the key inside a table at which a value of the wrong kind stands. A type that looks at
/// a table's `kind` before it reads the rest reports the table, not the key.
fn narrowed(shape: &Shape, tree: &Json, mut path: Vec<String>, error: &str) -> Vec<String> {
    let inside = error.starts_with("invalid type: ") && !error.starts_with("invalid type: map");
    let table = value_at(tree, &path).and_then(Json::as_object);
    let (true, Some(entries), Some(node)) = (inside, table, shape.at(&path)) else {
        return path;
    };
    let mut wrong = entries.iter().filter(|(key, value)| {
        let example = node.child(key).and_then(|place| place.example());
        example.is_some_and(|example| discriminant(example) != discriminant(*value))
    });
    if let (Some((key, _)), None) = (wrong.next(), wrong.next()) {
        path.push(key.clone());
    }
    path
}

/// Puts the sample's value in place of the wrong one; answers whether that was possible.
fn mend(shape: &Shape, tree: &mut Json, mut path: &[String]) -> bool {
    // A key that several shapes of an entry share, such as `kind`, decides about the other keys:
    // the sample of one shape fits only as a whole.
    while let [parent @ .., _] = path
        && shape.has_alternatives(path)
        && shape.has_alternatives(parent)
    {
        path = parent;
    }
    let example = shape.at(path).and_then(|node| node.example()).cloned();
    match (example, path) {
        (_, []) => false,
        (Some(example), _) => place(tree, path).map(|wrong| *wrong = example).is_some(),
        // Nothing is known of a valid value here, so the entry goes.
        (None, [parent @ .., last]) => place(tree, parent)
            .and_then(Json::as_object_mut)
            .is_some_and(|entries| entries.remove(last).is_some()),
    }
}

fn place<'a>(tree: &'a mut Json, path: &[String]) -> Option<&'a mut Json> {
    path.iter().try_fold(tree, |node, segment| match position(segment) {
        Some(position) => node.get_mut(position),
        None => node.get_mut(segment),
    })
}
