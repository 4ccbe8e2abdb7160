//! What a settings type tells about itself: its keys, their meaning, and its own rules.

use super::problem::Problem;

/// A settings type whose keys can be known, explained and checked.
///
/// The known keys are those of [`Schema::sample`] written as a tree. Beside plain fields a sample
/// may hold:
/// - a map with one entry under `*`, which stands for any name: `apps.*.origins`;
/// - several entries whose names begin with `*` (`*google`, `*apple`), each another shape an
///   entry may have; the keys of all of them are known;
/// - a null, under which anything is known: the type itself has to judge it.
///
/// Where the sample has a table, only a table is accepted.
pub trait Schema: Sized {
    /// A valid value in which every optional field is set and every map and list has its entry.
    /// Its values serve as examples in error messages and in the default file.
    fn sample() -> Self;

    /// One sentence a key, in the order in which the keys are to be read. Every name that stands
    /// for any name is written `*`, so that the shapes of an entry share their notes.
    fn notes() -> Notes {
        Notes::default()
    }

    /// What no single field can tell: bounds and fields that contradict one another. The keys
    /// are relative to this part.
    fn validate(&self) -> Vec<Problem> {
        Vec::new()
    }
}

/// The sentences that explain keys, in reading order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes(Vec<(String, &'static str)>);

impl Notes {
    /// The notes on one part's own keys.
    pub fn new(notes: &[(&str, &'static str)]) -> Self {
        Self(notes.iter().map(|(key, text)| ((*key).to_owned(), *text)).collect())
    }

    /// Adds a part's notes under the section it is composed at, such as `gateway` or `apps.*`.
    #[must_use]
    pub fn with(mut self, section: &str, part: Self) -> Self {
        let part = part.0.into_iter();
        self.0.extend(part.map(|(key, text)| (format!("{section}.{key}"), text)));
        self
    }

    /// The keys that have a note.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    pub(super) fn text(&self, key: &str) -> Option<&'static str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, text)| *text)
    }

    /// Where a key or a section comes in reading order; what has no note comes last.
    pub(super) fn position(&self, key: &str) -> usize {
        let inside = format!("{key}.");
        let found = self.keys().position(|known| known == key || known.starts_with(&inside));
        found.unwrap_or(self.0.len())
    }
}
