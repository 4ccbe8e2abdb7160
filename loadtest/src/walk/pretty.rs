//! JSON for the eye: on one line where it fits, and without its secrets.

use serde_json::Value;

/// How wide a line may get, in characters.
const WIDTH: usize = 110;

/// How much of a secret is shown, in characters.
const SHOWN: usize = 8;

/// Fields that must not be seen whole, wherever they are.
const SECRETS: &[&str] =
    &["token", "access_token", "refresh_token", "secret", "nonce", "ticket", "credential"];

/// The value with its secrets shortened.
pub(super) fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_secrets).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) if SECRETS.contains(&name.as_str()) => {
                    (name.clone(), Value::String(shorten(text)))
                }
                other => (name.clone(), without_secrets(other)),
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The first characters of a secret, and never more than a quarter of it.
pub(super) fn shorten(secret: &str) -> String {
    let shown = SHOWN.min(secret.chars().count() / 4);
    secret.chars().take(shown).chain(['…']).collect()
}

/// The value as JSON that begins in column `column`, its further lines indented by
/// `indent`.
pub(super) fn layout(value: &Value, column: usize, indent: usize) -> String {
    let flat = flat(value);
    if column + flat.chars().count() <= WIDTH {
        return flat;
    }
    let inner = indent + 2;
    match value {
        Value::Array(items) => {
            let items = items.iter().map(|item| layout(item, inner, inner)).collect();
            block('[', items, ']', indent)
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| {
                    let name = format!("{}: ", Value::from(name.as_str()));
                    let column = inner + name.chars().count();
                    name + &layout(value, column, inner)
                })
                .collect();
            block('{', fields, '}', indent)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => flat,
    }
}

/// Items on as few lines as they fit on; one that has lines of its own stands alone.
fn block(open: char, items: Vec<String>, close: char, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let lines = fill(items, WIDTH.saturating_sub(indent + 2)).join(&format!(",\n{margin}  "));
    format!("{open}\n{margin}  {lines}\n{margin}{close}")
}

fn fill(items: Vec<String>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if fits(line, &item, width) => {
                line.push_str(", ");
                line.push_str(&item);
            }
            _ => lines.push(item),
        }
    }
    lines
}

fn fits(line: &str, item: &str, width: usize) -> bool {
    let one_line = !line.contains('\n') && !item.contains('\n');
    one_line && line.chars().count() + 2 + item.chars().count() < width
}

fn flat(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), flat(value)))
                .collect::<Vec<_>>();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_shortened_wherever_they_are() {
        let secret = "0123456789abcdef0123456789abcdef";
        let seen = without_secrets(&json!({
            "access_token": secret,
            "credential": {"guest": "g-1", "secret": secret},
            "logins": [{"token": "eyJhbGciOiJFUzI1NiJ9"}],
            "code": "auth.refused",
        }));
        assert_eq!(
            seen,
            json!({
                "access_token": "01234567…",
                "credential": {"guest": "g-1", "secret": "01234567…"},
                "logins": [{"token": "eyJhb…"}],
                "code": "auth.refused",
            })
        );
    }

    #[test]
    fn a_short_secret_shows_nothing() {
        assert_eq!(shorten("abc"), "…");
        assert_eq!(shorten("비밀번호비밀번호"), "비밀…");
        assert_eq!(shorten(""), "…");
    }

    #[test]
    fn what_fits_is_on_one_line() {
        let value = json!({"a": 1, "b": [true, null], "c": {}, "d": {"e": "\"f\""}});
        assert_eq!(
            layout(&value, 0, 0),
            r#"{ "a": 1, "b": [true, null], "c": {}, "d": { "e": "\"f\"" } }"#
        );
        assert_eq!(serde_json::from_str::<Value>(&layout(&value, 200, 4)).unwrap(), value);
    }

    #[test]
    fn what_does_not_fit_fills_its_lines() {
        let value = json!({
            "a": 1, "b": [2], "long": "x".repeat(90), "wide": {"c": "y".repeat(80), "d": "z"}, "z": 3,
        });
        let text = layout(&value, 20, 4);
        let lines = text.lines().collect::<Vec<_>>();
        assert_eq!(lines[..2], ["{", r#"      "a": 1, "b": [2],"#]);
        assert!(lines[2].starts_with("      \"long\": \"xxx") && lines[2].ends_with("x\","));
        assert_eq!(lines[3], r#"      "wide": {"#);
        assert!(lines[4].ends_with(r#"yyy", "d": "z""#));
        assert_eq!(lines[5..], ["      },", r#"      "z": 3"#, "    }"]);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
