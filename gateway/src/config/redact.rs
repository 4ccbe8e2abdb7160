//! What may be shown: settings are printed in errors and tables, their secrets never.

use serde_json::Value as Json;

/// What stands where a secret would.
pub(super) const HIDDEN: &str = "(hidden)";

/// Parts of a name that make its value a secret wherever they occur.
const SECRET_WORDS: [&str; 6] =
    ["secret", "password", "passwd", "passphrase", "token", "credential"];

/// Last words that make a name speak about a secret without being one: a lifetime, a size, a
/// place, an identifier.
const HARMLESS_ENDINGS: [&str; 12] =
    ["s", "ms", "minutes", "hours", "days", "bytes", "limit", "count", "path", "file", "dir", "id"];

/// Whether a value under this name is a secret. The doubtful case is hidden: a public key that is
/// not shown costs a look into the file, a secret that is shown costs the secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase().replace('-', "_");
    let mut words = name.split('_');
    let says_key = words
        .clone()
        .any(|word| word.starts_with("key") || word.ends_with("key") || word.ends_with("keys"));
    let secret = says_key || SECRET_WORDS.iter().any(|word| name.contains(word));
    let harmless = words.next_back().is_some_and(|last| HARMLESS_ENDINGS.contains(&last));
    secret && !harmless
}

/// A value as one line of TOML with every secret inside it hidden.
pub(super) fn shown(value: &Json, secret: bool) -> String {
    if secret && !value.is_null() {
        return HIDDEN.to_owned();
    }
    match value {
        Json::Null => "(not set)".to_owned(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => quoted(&without_credentials(text)),
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| shown(item, false)).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{key} = {}", shown(value, is_secret_name(key))))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// Whether showing the value would differ from the value: then no foreign text about it is shown
/// either, because a parser's message may quote what it was given.
pub(super) fn holds_secret(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
        Json::String(text) => without_credentials(text) != *text,
        Json::Array(items) => items.iter().any(holds_secret),
        Json::Object(entries) => {
            entries.iter().any(|(key, value)| is_secret_name(key) || holds_secret(value))
        }
    }
}

/// The text as a TOML string on one line; JSON's escapes are TOML's too.
pub(super) fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

/// Hides what stands before the last `@` of a URL, and the whole of a connection string that
/// names a password. A password may itself hold `/` or `@`, so the widest reading is taken.
fn without_credentials(text: &str) -> String {
    let lower = text.to_lowercase();
    let named = SECRET_WORDS.iter().any(|word| lower.contains(&format!("{word}=")));
    if named {
        return HIDDEN.to_owned();
    }
    let url = text.split_once("://");
    match url.and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://{HIDDEN}@{host}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "client_secret",
            "password",
            "refresh-token",
            "apikey",
            "private_key_pem",
            "signing_keys",
            "KEY",
            "keystore",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "listen",
            "private",
            "access_token_s",
            "key_id",
            "private_key_path",
            "keys_dir",
            "token_days",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_hidden_at_any_depth() {
        let value = json!({"a": [{"password": 12345}], "token": "t", "plain": [1, true]});
        assert_eq!(
            shown(&value, false),
            "{ a = [{ password = (hidden) }], plain = [1, true], token = (hidden) }"
        );
    }

    #[test]
    fn urls_lose_their_userinfo() {
        let cases = [
            ("postgres://u:p@host/db", "postgres://(hidden)@host/db"),
            ("postgres://u:p/w@x@host/db", "postgres://(hidden)@host/db"),
            ("host=db password=p user=u", "(hidden)"),
            ("postgres://host/db?password=p", "(hidden)"),
            ("https://host/path", "https://host/path"),
            ("someone@example.com", "someone@example.com"),
        ];
        for (text, safe) in cases {
            assert_eq!(without_credentials(text), safe);
        }
    }
}
