//! Forms: `application/x-www-form-urlencoded`, as the WHATWG's URL standard reads it
//! (section 5.1), but what is not UTF-8 is refused instead of being replaced.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use protocol::error::ErrorBody;

use super::path::{self, Map};

/// How much of a field's name is said back when there is something wrong with it, in
/// characters.
const NAME_SHOWN: usize = 64;

/// Reads a form. Dots in names make fields inside fields; every value is text.
///
/// # Errors
/// `body.invalid`, naming the field.
pub(super) fn read(body: &[u8]) -> Result<Map, ErrorBody> {
    let mut fields = Map::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let mut half = || text(halves.next().unwrap_or_default());
        let not_named = "has a field whose name is empty or not UTF-8";
        let name = half().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| ErrorBody::invalid("", not_named))?;
        let value = half().ok_or("is not UTF-8");
        value
            .and_then(|value| path::put(&mut fields, &name, value.into()))
            .map_err(|reason| ErrorBody::invalid(&shown(&name), reason))?;
    }
    Ok(fields)
}

fn text(bytes: &[u8]) -> Option<String> {
    let spaced: Vec<u8> =
        bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

fn shown(name: &str) -> String {
    name.chars().take(NAME_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reads(body: &str) -> Value {
        read(body.as_bytes()).unwrap().into()
    }

    fn refuses(body: &[u8]) -> String {
        read(body).unwrap_err().message
    }

    #[test]
    fn names_and_values_are_decoded() {
        assert_eq!(reads(""), json!({}));
        assert_eq!(reads("&&"), json!({}));
        assert_eq!(reads("app=demo&flag"), json!({"app": "demo", "flag": ""}));
        assert_eq!(reads("a=1=2&b=%26%3D%2B"), json!({"a": "1=2", "b": "&=+"}));
        assert_eq!(reads("device=Pixel+9+%EB%8C%80"), json!({"device": "Pixel 9 대"}));
        assert_eq!(reads("a%2Eb=100%"), json!({"a": {"b": "100%"}}));
    }

    #[test]
    fn dots_make_fields_inside_fields() {
        let body = "client.version=1.0.0&app=demo&client.platform=ios";
        let is = json!({"app": "demo", "client": {"version": "1.0.0", "platform": "ios"}});
        assert_eq!(reads(body), is);
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        assert_eq!(refuses(b"app=a&app=b"), "field app: is given twice");
        assert_eq!(refuses(b"a.b=1&a=2"), "field a: is given twice");
        let inside = "field a.b: is inside a field that has a value of its own";
        assert_eq!(refuses(b"a=2&a.b=1"), inside);
        assert_eq!(refuses(b"a..b=1"), "field a..b: a part of its name is empty");
        assert_eq!(refuses(b"app=%B4%EB"), "field app: is not UTF-8");
        assert_eq!(refuses(b"app=\xff"), "field app: is not UTF-8");
        let not_named = "the body has a field whose name is empty or not UTF-8";
        assert_eq!(refuses(b"%ff=1"), not_named);
        assert_eq!(refuses(b"=1"), not_named);
        let long = "x".repeat(1_000) + "..=1";
        assert!(refuses(long.as_bytes()).len() < 120);
    }
}
