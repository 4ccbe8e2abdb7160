//! Words for players, in their languages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::office::Refused;

/// The longest text of one language, in bytes.
pub const MAX_TEXT: usize = 2_000;
/// The most languages of one text.
pub const MAX_LANGUAGES: usize = 32;
/// The longest address, in bytes.
pub const MAX_URL: usize = 1_024;
/// The language that is told where a player's own is missing, if it is there.
const COMMON: &str = "en";

/// A text in several languages, by their BCP 47 tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Localised(pub BTreeMap<String, String>);

impl Localised {
    /// The text for a player of that language: in it, else in it wherever it is spoken, else in
    /// the `default`, else in English, else in the first that there is.
    #[must_use]
    pub fn told(&self, lang: Option<&str>, default: Option<&str>) -> Option<&str> {
        nearest(&self.0, lang, default).map(|(_, text)| text.as_str())
    }

    /// # Errors
    /// `Invalid`, naming the field, of what players cannot be told.
    pub(crate) fn check(&self, field: &str) -> Result<(), Refused> {
        languages(field, self.0.keys())?;
        self.0.iter().try_for_each(|(lang, text)| plain(&format!("{field}.{lang}"), text))
    }
}

/// What is there for a player of that language, with its tag: see [`Localised::told`].
pub(crate) fn nearest<'a, T>(
    all: &'a BTreeMap<String, T>,
    lang: Option<&str>,
    default: Option<&str>,
) -> Option<(&'a str, &'a T)> {
    let exact = |lang: &str| {
        let found = all.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(lang));
        found.map(|(tag, it)| (tag.as_str(), it))
    };
    let wider = |lang: &str| exact(lang).or_else(|| exact(language(lang)));
    lang.and_then(wider)
        .or_else(|| default.and_then(wider))
        .or_else(|| exact(COMMON))
        .or_else(|| all.iter().next().map(|(tag, it)| (tag.as_str(), it)))
}

/// # Errors
/// `Invalid` of more languages than are taken, or of what is no language.
pub(crate) fn languages<'a>(
    field: &str,
    tags: impl ExactSizeIterator<Item = &'a String>,
) -> Result<(), Refused> {
    if tags.len() > MAX_LANGUAGES {
        return Err(Refused::invalid(field, format!("has more than {MAX_LANGUAGES} languages")));
    }
    for tag in tags {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if tag.is_empty() || tag.len() > 35 || !tag.bytes().all(known) {
            let reason = "is no language, such as ko or pt-BR";
            return Err(Refused::invalid(&format!("{field}.{tag}"), reason));
        }
    }
    Ok(())
}

/// Whether a tag is that language, or one of where it is spoken.
pub(crate) fn speaks(tag: &str, lang: &str) -> bool {
    tag.eq_ignore_ascii_case(lang) || language(tag).eq_ignore_ascii_case(lang)
}

/// The language of a tag, without where it is spoken.
fn language(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}

/// # Errors
/// `Invalid` of a text that is no plain text.
fn plain(field: &str, text: &str) -> Result<(), Refused> {
    if text.trim().is_empty() {
        return Err(Refused::invalid(field, "has no words"));
    }
    if text.len() > MAX_TEXT {
        return Err(Refused::invalid(field, format!("is longer than {MAX_TEXT} bytes")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Refused::invalid(field, "holds a control character"));
    }
    let mut behind = text.split('<').skip(1);
    let tag = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
    if behind.any(tag) {
        return Err(Refused::invalid(field, "holds HTML: what players are told is plain text"));
    }
    Ok(())
}

/// # Errors
/// `Invalid` of what is no address that a player may be sent to. A store's own scheme
/// (`market://`) is one.
pub(crate) fn address(field: &str, url: Option<&str>, schemes: &[&str]) -> Result<(), Refused> {
    let Some(url) = url else { return Ok(()) };
    if url.len() > MAX_URL {
        return Err(Refused::invalid(field, format!("is longer than {MAX_URL} bytes")));
    }
    let known = schemes.iter().any(|scheme| {
        let rest = url.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
        rest.is_some_and(|rest| !rest.is_empty())
    });
    if known && url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let schemes: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
    Err(Refused::invalid(field, format!("is no address that begins with {}", schemes.join(" or "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(all: &[(&str, &str)]) -> Localised {
        Localised(all.iter().map(|(lang, text)| ((*lang).into(), (*text).into())).collect())
    }

    #[test]
    fn a_player_is_told_in_the_nearest_language() {
        let words = text(&[("en", "E"), ("ko", "K"), ("pt-BR", "B"), ("de", "D")]);
        let told = |lang, default| words.told(lang, default).unwrap();
        assert_eq!(told(Some("ko"), None), "K");
        assert_eq!(told(Some("KO-kr"), None), "K");
        assert_eq!(told(Some("pt-br"), None), "B");
        // Another region's is not it.
        assert_eq!(told(Some("pt"), Some("de")), "D");
        assert_eq!(told(Some("fr"), Some("de-AT")), "D");
        assert_eq!(told(Some("fr"), None), "E");
        assert_eq!(told(None, None), "E");
        assert_eq!(text(&[("ja", "J"), ("zh", "Z")]).told(Some("fr"), Some("ko")), Some("J"));
        assert_eq!(Localised::default().told(Some("ko"), Some("ko")), None);
    }

    #[test]
    fn what_players_cannot_be_told_is_refused_by_its_name() {
        let refused = |all: &[(&str, &str)]| text(all).check("message").unwrap_err().to_string();
        assert!(
            text(&[("ko", "점검 <1시간>\n3 < 4"), ("zh-Hant-TW", "x")]).check("message").is_ok()
        );
        assert!(refused(&[("en", " ")]).contains("message.en has no words"));
        assert!(refused(&[("en", "a\tb")]).contains("control character"));
        assert!(refused(&[("en", "<b>now</b>")]).contains("HTML"));
        assert!(refused(&[("en", "<script src=x>")]).contains("HTML"));
        assert!(refused(&[("e n", "x")]).contains("is no language"));
        assert!(text(&[("en", &"x".repeat(MAX_TEXT))]).check("message").is_ok());
        assert!(refused(&[("en", &"x".repeat(MAX_TEXT + 1))]).contains("longer than 2000 bytes"));
        let many: Vec<String> = (0..=MAX_LANGUAGES).map(|number| format!("l{number}")).collect();
        let many: Vec<_> = many.iter().map(|lang| (lang.as_str(), "x")).collect();
        assert!(text(&many[1..]).check("message").is_ok());
        assert!(refused(&many).contains("more than 32 languages"));
    }

    #[test]
    fn an_address_is_of_a_known_scheme() {
        let check = |url: &str| address("url", Some(url), &["https", "market"]);
        assert!(check("https://game.example/update?a=b").is_ok());
        assert!(check("market://details?id=com.example").is_ok());
        let long = format!("https://{}", "x".repeat(MAX_URL));
        for url in
            ["", "https://", "javascript:alert(1)", "http://x", "https://a b", "ftp://x", &long]
        {
            assert!(check(url).is_err(), "{url}");
        }
    }
}
