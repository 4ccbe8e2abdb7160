//! What lists there are for each audience, remembered for the next of it who comes.
//!
//! Everybody who opens a session or asks how a game is doing is told the versions of his lists, and
//! to find one, everything that was written for the game is gone through. It is as true for the
//! next of the same audience, until something is written, or begins or ends by the clock.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use protocol::content::Versions;
use storage::clock::Micros;

use super::picture::Picture;
use crate::launching::audience::Audience;

/// The most audiences that are remembered. What an audience is comes from its clients, so there
/// may be as many as somebody likes: when there are more, all are forgotten.
const AUDIENCES: usize = 4_096;

#[derive(Default)]
pub(super) struct Shelves(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    /// Of which picture, and after how many beginnings and ends.
    of: Option<(Arc<Picture>, usize)>,
    versions: HashMap<Audience, Versioned>,
}

struct Versioned {
    /// The game's language, which operators may change without a word here.
    default: Option<String>,
    versions: Versions,
}

impl Shelves {
    /// What is remembered of an audience, or else what `find` finds.
    pub(super) fn versions(
        &self,
        picture: &Arc<Picture>,
        now: Micros,
        audience: &Audience,
        default: Option<String>,
        find: impl FnOnce(Option<&str>) -> Versions,
    ) -> Versions {
        let turned = picture.turned(now);
        let is_of = |of: &(Arc<Picture>, usize)| Arc::ptr_eq(&of.0, picture) && of.1 == turned;
        {
            let mut remembered = self.0.lock();
            if !remembered.of.as_ref().is_some_and(is_of) {
                *remembered = Remembered::default();
                remembered.of = Some((picture.clone(), turned));
            }
            let found = remembered.versions.get(audience).filter(|it| it.default == default);
            if let Some(found) = found {
                return found.versions.clone();
            }
        }
        let versions = find(default.as_deref());
        let mut remembered = self.0.lock();
        // Something else may have been written meanwhile.
        if remembered.of.as_ref().is_some_and(is_of) {
            if remembered.versions.len() >= AUDIENCES {
                remembered.versions.clear();
            }
            let versioned = Versioned { default, versions: versions.clone() };
            remembered.versions.insert(audience.clone(), versioned);
        }
        versions
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use protocol::client::Platform;

    use super::super::picture::tests::{at, learnt, notice};
    use super::*;

    fn audience(lang: &str) -> Audience {
        Audience {
            app: "demo".parse().unwrap(),
            platform: Platform::Android,
            store: None,
            version: None,
            country: None,
            lang: protocol::text::Text::new(lang).ok(),
            badge: None,
        }
    }

    fn second(second: i64) -> Micros {
        Micros::from_seconds(second)
    }

    struct House {
        shelves: Shelves,
        found: Cell<usize>,
    }

    impl House {
        /// Whether somebody had to look.
        fn looks(&self, picture: &Arc<Picture>, now: i64, lang: &str, default: &str) -> bool {
            let before = self.found.get();
            let find = |default: Option<&str>| {
                self.found.set(before + 1);
                Versions { notices: format!("{now} {lang} {default:?}"), banners: String::new() }
            };
            let default = Some(default.to_owned());
            self.shelves.versions(picture, second(now), &audience(lang), default, find);
            self.found.get() > before
        }
    }

    #[test]
    fn it_is_looked_once_until_something_is_written_or_begins_or_ends() {
        let house = House { shelves: Shelves::default(), found: Cell::new(0) };
        let mut picture = Picture::default();
        let body = format!(r#"{{"from": {}, "to": {}}}"#, at(10), at(20));
        learnt(vec![notice(1, 1, &body)], None, &mut picture);
        let first = Arc::new(picture.clone());
        assert!(house.looks(&first, 5, "en", "ko") && !house.looks(&first, 9, "en", "ko"));
        assert!(house.looks(&first, 9, "fr", "ko"), "another audience");
        assert!(house.looks(&first, 9, "fr", "en"), "another language for who has none");
        assert!(!house.looks(&first, 9, "en", "ko"), "none of which concerns the first");
        for turned in [10, 20, 12, 3] {
            assert!(house.looks(&first, turned, "en", "ko"), "at {turned}");
            assert!(!house.looks(&first, turned, "en", "ko"), "at {turned}");
        }
        learnt(vec![notice(2, 2, "{}")], None, &mut picture);
        let second = Arc::new(picture);
        assert!(house.looks(&second, 3, "en", "ko") && !house.looks(&second, 3, "en", "ko"));
    }

    #[test]
    fn there_is_room_for_so_many_audiences_and_no_more() {
        let house = House { shelves: Shelves::default(), found: Cell::new(0) };
        let picture = Arc::new(Picture::default());
        let lang = |n: usize| format!("x{n}");
        let looks = |n: usize| house.looks(&picture, 0, &lang(n), "ko");
        assert!((0..AUDIENCES).all(looks) && !(0..AUDIENCES).any(looks));
        assert!(looks(AUDIENCES));
        assert_eq!(house.shelves.0.lock().versions.len(), 1);
        assert!(!looks(AUDIENCES) && looks(0));
    }
}
