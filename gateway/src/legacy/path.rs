//! Fields inside fields, named with dots.

use protocol::limits::DEPTH;
use serde_json::Value;
use serde_json::map::Entry;

/// The fields of a call or an answer.
pub(super) type Map = serde_json::Map<String, Value>;

/// Puts a value at a path that has none, making the fields that lead there.
///
/// # Errors
/// Why it cannot be put there, to be said of the field.
pub(super) fn put(map: &mut Map, path: &str, value: Value) -> Result<(), &'static str> {
    if path.split('.').any(str::is_empty) {
        return Err("a part of its name is empty");
    }
    // What is built here is walked recursively later, so a stranger may not choose its depth.
    if path.split('.').count() > DEPTH {
        return Err("is nested too deep");
    }
    let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut inner = map;
    for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
        let value = inner.entry(parent).or_insert_with(|| Map::new().into());
        inner = value.as_object_mut().ok_or("is inside a field that has a value of its own")?;
    }
    match inner.entry(name) {
        Entry::Vacant(vacant) => drop(vacant.insert(value)),
        Entry::Occupied(_) => return Err("is given twice"),
    }
    Ok(())
}

/// Takes what stands at a path.
pub(super) fn take(map: &mut Map, path: &str) -> Option<Value> {
    match path.split_once('.') {
        None => map.remove(path),
        Some((parent, rest)) => take(map.get_mut(parent)?.as_object_mut()?, rest),
    }
}

/// What stands at a path.
pub(super) fn find<'a>(map: &'a mut Map, path: &str) -> Option<&'a mut Value> {
    match path.split_once('.') {
        None => map.get_mut(path),
        Some((parent, rest)) => find(map.get_mut(parent)?.as_object_mut()?, rest),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_put_is_found_and_taken() {
        let mut map = Map::new();
        put(&mut map, "app", "demo".into()).unwrap();
        put(&mut map, "client.version", "1.0.0".into()).unwrap();
        put(&mut map, "client.lang", "ko".into()).unwrap();
        assert_eq!(
            json!(map),
            json!({"app": "demo", "client": {"version": "1.0.0", "lang": "ko"}})
        );
        assert_eq!(find(&mut map, "client.lang"), Some(&mut json!("ko")));
        assert_eq!(take(&mut map, "client.lang"), Some(json!("ko")));
        assert_eq!(take(&mut map, "client.lang"), None);
        assert_eq!(take(&mut map, "app.version"), None);
        assert_eq!(find(&mut map, "nobody.home"), None);
    }

    #[test]
    fn nothing_is_put_over_something_else() {
        let mut map = Map::new();
        put(&mut map, "client.version", "1.0.0".into()).unwrap();
        assert_eq!(put(&mut map, "client.version", "2".into()), Err("is given twice"));
        assert_eq!(put(&mut map, "client", "x".into()), Err("is given twice"));
        let inside = Err("is inside a field that has a value of its own");
        assert_eq!(put(&mut map, "client.version.major", "1".into()), inside);
        for path in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(put(&mut map, path, "x".into()), Err("a part of its name is empty"));
        }
    }

    #[test]
    fn depth_has_a_bound() {
        let path = |parts| vec!["a"; parts].join(".");
        assert_eq!(put(&mut Map::new(), &path(DEPTH), "x".into()), Ok(()));
        assert_eq!(put(&mut Map::new(), &path(DEPTH + 1), "x".into()), Err("is nested too deep"));
        assert_eq!(put(&mut Map::new(), &path(30_000), "x".into()), Err("is nested too deep"));
    }
}
