//! What a primary said that it keeps, and for how long that counts.
//!
//! A read that had to ask after each batch would cost twice what it does. So a primary's word
//! counts for a second: whoever moves a shard takes it from a primary, lets [`PAUSE`] pass while
//! nobody writes it, and only then opens it elsewhere. What was read here within the second is
//! older than anything that is written there. A transaction asks all the same, each.

use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::time::Instant;

use super::map::{Expected, Range};

/// How long a primary's word counts for who reads.
pub(in crate::mariadb) const TRUSTED: Duration = Duration::from_secs(1);
/// How long a shard that is moved is kept by nobody, at least. Twice as long: nobody's clock runs
/// at twice another's pace.
pub const PAUSE: Duration = Duration::from_secs(2);

/// What a primary said last.
#[derive(Default)]
pub(in crate::mariadb) struct Word {
    said: ArcSwapOption<Said>,
    /// Whether to ask each time, so that a test need not wait.
    #[cfg(test)]
    doubted: std::sync::atomic::AtomicBool,
}

struct Said {
    /// A moment before it was said.
    asked: Instant,
    kept: Vec<Range>,
}

impl Word {
    /// Whether `now`, after rows were read, it is known without asking that they were read where
    /// they belong.
    pub(super) fn covers(&self, expected: &Expected, now: Instant) -> bool {
        #[cfg(test)]
        if self.doubted.load(std::sync::atomic::Ordering::Relaxed) {
            return false;
        }
        let said = self.said.load();
        said.as_ref().is_some_and(|said| {
            now.saturating_duration_since(said.asked) < TRUSTED && expected.is_met_by(&said.kept)
        })
    }

    /// Takes what it said when it was asked after `asked`.
    pub(super) fn hear(&self, asked: Instant, kept: Vec<Range>) {
        self.said.store(Some(std::sync::Arc::new(Said { asked, kept })));
    }

    #[cfg(test)]
    pub(in crate::mariadb) fn doubt(&self) {
        self.doubted.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::map::ShardMap;
    use super::*;

    fn range(first: i16, last: i16, version: i64) -> Range {
        Range { first, last, version, primary: 0 }
    }

    #[test]
    fn a_word_counts_for_a_second_and_for_what_it_was_about() {
        let map = ShardMap::new(vec![range(0, 9, 1), range(10, 20, 4)], &["a"]).unwrap();
        let expected = |shards: &[i16]| Expected::of(&map, shards.iter().copied());
        let (word, asked) = (Word::default(), Instant::now());
        assert!(!word.covers(&expected(&[3]), asked), "it has said nothing");
        word.hear(asked, vec![range(0, 9, 1), range(10, 20, 5)]);
        let just = asked + TRUSTED - Duration::from_nanos(1);
        assert!(word.covers(&expected(&[3, 9]), just));
        assert!(!word.covers(&expected(&[3]), asked + TRUSTED));
        assert!(!word.covers(&expected(&[3, 10]), just), "at another version");
        assert!(!word.covers(&expected(&[21]), just), "kept by nobody");
        word.hear(just, vec![range(0, 9, 2)]);
        assert!(!word.covers(&expected(&[3]), just), "it has thought better of it");
        // Whoever moves a shard waits longer than anybody trusts.
        assert!(PAUSE > TRUSTED);
    }
}
