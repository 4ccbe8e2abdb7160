//! The known key that was probably meant.

use strsim::normalized_damerau_levenshtein as likeness;

use super::shape::{Node, Shape};

/// How alike two names in one section have to be: `heartbeat` is offered `heartbeat_s`, `port` is
/// not offered `private`.
const SAME_SECTION: f64 = 0.6;

/// How alike two whole keys have to be; higher, because there are many more of them.
const ANYWHERE: f64 = 0.85;

/// The known key nearest to an unknown one, if there is one reasonably near: first among the names
/// beside it, then anywhere, so that `listen` on the top level is offered `gateway.listen`.
pub(super) fn nearest(shape: &Shape, unknown: &[String]) -> Option<Vec<String>> {
    beside(shape, unknown).or_else(|| anywhere(shape, unknown))
}

fn beside(shape: &Shape, unknown: &[String]) -> Option<Vec<String>> {
    let mut node = shape.root();
    for (depth, segment) in unknown.iter().enumerate() {
        if let Some(child) = node.child(segment) {
            node = child;
            continue;
        }
        let (known, rest) = (unknown.get(..depth)?, unknown.get(depth + 1..)?);
        let sibling = best_name(&node, segment)?;
        let meant = [known, &[sibling.to_owned()]].concat();
        let whole = [&meant, rest].concat();
        return Some(if shape.at(&whole).is_some() { whole } else { meant });
    }
    None
}

fn best_name<'a>(node: &Node<'a>, segment: &str) -> Option<&'a str> {
    let segment = flat(segment);
    node.names()
        .into_iter()
        .filter(|name| !name.starts_with('*'))
        .map(|name| (likeness(&segment, &flat(name)), name))
        .filter(|(score, _)| *score >= SAME_SECTION)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

fn anywhere(shape: &Shape, unknown: &[String]) -> Option<Vec<String>> {
    let whole = flat(&unknown.join("_"));
    let last = unknown.last().map(|segment| flat(segment));
    shape
        .paths()
        .into_iter()
        .filter_map(|path| {
            let same_name = path.last() == last.as_ref();
            let score = likeness(&whole, &path.join("_"));
            (same_name || score >= ANYWHERE).then_some((score, path))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, path)| path)
}

/// Names are compared without regard to case and to dashes.
fn flat(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}
