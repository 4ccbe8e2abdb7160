//! A decoder's refusal in an operator's words.

use serde_json::Value as Json;

use super::redact::{HIDDEN, holds_secret, quoted, shown};

/// How the standard messages begin. They quote the value next and end with what was expected,
/// which is fixed text and so safe to show even about a secret.
const STANDARD: [&str; 4] =
    ["invalid type: ", "invalid value: ", "invalid length ", UNKNOWN_VARIANT];

const UNKNOWN_VARIANT: &str = "unknown variant ";

/// How many characters of a wrong value are shown.
const LONGEST_VALUE: usize = 100;

/// What the decoder said about one value.
pub(super) struct Refusal<'a> {
    /// Its message.
    pub(super) text: &'a str,
    /// The value, if there is one.
    pub(super) given: Option<&'a Json>,
    /// A value that would have been right.
    pub(super) example: Option<&'a Json>,
    /// Whether the value is a secret.
    pub(super) secret: bool,
}

/// Says what was expected, and what was found instead when that is no secret.
pub(super) fn describe(refusal: &Refusal<'_>) -> String {
    let text = refusal.text;
    if let Some(standard) = standard(refusal) {
        return standard;
    }
    // Any other message is the type's own and may quote the value.
    if refusal.secret || refusal.given.is_some_and(holds_secret) {
        return format!("not a valid value, found {HIDDEN}");
    }
    let found = found(refusal);
    match such_as(refusal) {
        example if example.is_empty() => format!("{text}{found}"),
        example => format!("{text}; expected a value{example}{found}"),
    }
}

/// Says what a part's own check objects to, and what was found. The check's words quote no value,
/// unless it hands on what the decoder told it.
pub(super) fn objection(refusal: &Refusal<'_>) -> String {
    standard(refusal).unwrap_or_else(|| format!("{}{}", refusal.text, found(refusal)))
}

/// The decoder's standard messages in other words; `None` when it is not one of them.
fn standard(refusal: &Refusal<'_>) -> Option<String> {
    let text = refusal.text;
    if text.starts_with("missing field ") || text.starts_with("unknown field ") {
        return Some(text.to_owned());
    }
    if !STANDARD.iter().any(|start| text.starts_with(start)) {
        return None;
    }
    let (_, expected) = text.rsplit_once(", expected ")?;
    let found = found(refusal);
    Some(match in_words(expected) {
        Some(words) => format!("expected {words}{found}"),
        None if text.starts_with(UNKNOWN_VARIANT) => format!("expected {expected}{found}"),
        None => format!("expected {expected}{}{found}", such_as(refusal)),
    })
}

fn found(refusal: &Refusal<'_>) -> String {
    match refusal.given {
        Some(Json::Object(_)) => ", found a table".to_owned(),
        Some(value) => format!(", found {}", shortened(shown(value, refusal.secret))),
        None => String::new(),
    }
}

/// A file's whole content may have landed in the wrong key.
fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn such_as(refusal: &Refusal<'_>) -> String {
    match refusal.example {
        Some(Json::String(text)) if !refusal.secret => format!(" such as {}", quoted(text)),
        Some(_) | None => String::new(),
    }
}

/// Rust's name of a type in an operator's words.
fn in_words(expected: &str) -> Option<&'static str> {
    match expected {
        "a boolean" => Some("true or false"),
        "u8" => Some("a whole number from 0 to 255"),
        "u16" => Some("a whole number from 0 to 65535"),
        "u32" => Some("a whole number from 0 to 4294967295"),
        "u64" | "usize" | "u128" => Some("a whole number, 0 or more"),
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => Some("a whole number"),
        "f32" | "f64" => Some("a number"),
        "a string" | "a borrowed string" | "path string" => Some("a string in quotes"),
        "a sequence" => Some("an array in brackets"),
        "a map" => Some("a table"),
        _ if expected.starts_with("struct ") => Some("a table"),
        _ => None,
    }
}
