//! Finds the keys of one layer that no setting has.

use ::config::{Value, ValueKind};

use super::{
    nearest::nearest,
    problem::Problem,
    shape::{Node, Shape},
    tree::{Table, dotted, index},
    variable_names::variable_name,
};

/// Takes every unknown key out of the layer and reports it. A section that is unknown is reported
/// once, not again for each key inside.
pub(super) fn take_unknown(layer: &mut Table, shape: &Shape) -> Vec<Problem> {
    let mut walk = Walk { shape, path: Vec::new(), problems: Vec::new() };
    walk.table(layer, &shape.root());
    walk.problems
}

struct Walk<'a> {
    shape: &'a Shape,
    path: Vec<String>,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn table(&mut self, table: &mut Table, node: &Node<'_>) {
        let mut keys: Vec<_> = table.keys().cloned().collect();
        keys.sort();
        for key in keys {
            self.path.push(key.clone());
            let keep = match (table.get_mut(&key), node.child(&key)) {
                (Some(value), Some(place)) => self.value(value, &place),
                (Some(value), None) => self.unknown(value),
                (None, _) => true,
            };
            if !keep {
                table.remove(&key);
            }
            self.path.pop();
        }
    }

    /// Answers whether the value may stay in the layer.
    fn value(&mut self, value: &mut Value, node: &Node<'_>) -> bool {
        if node.is_free() {
            return true;
        }
        let origin = value.origin().map(str::to_owned);
        match &mut value.kind {
            ValueKind::Table(inner) => {
                if !node.names().is_empty() || node.is_table() {
                    self.table(inner, node);
                }
                true
            }
            // A later layer would bury a scalar under its own keys, and a type would read an
            // array's items as its fields in order, so both are refused here.
            _ if node.is_table() => {
                let key = dotted(&self.path);
                let problem = Problem::new(&key, format!("expected a table, [{key}]"));
                self.problems.push(problem.at(origin));
                false
            }
            ValueKind::Array(items) => self.items(items, node),
            _ => true,
        }
    }

    /// An array with a refused item goes as a whole, so that later errors count its items right.
    fn items(&mut self, items: &mut [Value], node: &Node<'_>) -> bool {
        let mut keep = true;
        for (position, item) in items.iter_mut().enumerate() {
            let segment = index(position);
            if let Some(place) = node.child(&segment) {
                self.path.push(segment);
                keep &= self.value(item, &place);
                self.path.pop();
            }
        }
        keep
    }

    fn unknown(&mut self, value: &Value) -> bool {
        let origin = value.origin().map(str::to_owned);
        self.problems.push(unknown_key(&self.path, origin, self.shape));
        false
    }
}

/// The report on a key that no setting has, with the name that was probably meant, written the
/// way the source writes names.
pub(super) fn unknown_key(path: &[String], origin: Option<String>, shape: &Shape) -> Problem {
    let by_variable = origin.as_deref().is_some_and(|origin| origin.starts_with("env "));
    let message = match nearest(shape, path) {
        Some(meant) if by_variable => {
            format!("unknown key; did you mean {}?", variable_name(&meant))
        }
        Some(meant) => format!("unknown key; did you mean {}?", dotted(&meant)),
        None => "unknown key".to_owned(),
    };
    Problem::new(dotted(path), message).at(origin)
}
