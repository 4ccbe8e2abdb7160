//! Which requests came before.
//!
//! A nonce is remembered for as long as its request would be taken, so a request is taken once on
//! a node, and again after the node was restarted or at another node. What writes is harmless
//! then: its `Idempotency-Key`, which is signed, has it done once.

use std::collections::{BTreeSet, HashMap, HashSet};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use storage::clock::Micros;

use super::keys::Key;

/// A nonce is remembered by the half of its digest.
type Name = [u8; 16];

/// What came of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It came for the first time.
    First,
    /// It came before.
    Before,
    /// No more can be remembered of this key.
    Full,
}

/// The nonces of every key. One key's never take another's room.
pub(super) struct Nonces {
    most: usize,
    keys: Mutex<HashMap<String, OfKey>>,
}

#[derive(Default)]
struct OfKey {
    known: HashSet<Name>,
    by_end: BTreeSet<(Micros, Name)>,
}

impl Nonces {
    /// Remembers so many of each key at most; some 100 bytes each.
    pub(super) fn new(most: usize) -> Self {
        Self { most, keys: Mutex::default() }
    }

    /// Takes a nonce whose request is good until then, that moment included.
    pub(super) fn take(&self, key: &Key, nonce: &str, now: Micros, good_until: Micros) -> Taken {
        // Keys are those of the settings alone, so there are few.
        self.keys.lock().entry(key.name()).or_default().take(nonce, now, good_until, self.most)
    }
}

impl OfKey {
    fn take(&mut self, nonce: &str, now: Micros, good_until: Micros, most: usize) -> Taken {
        while let Some((end, _)) = self.by_end.first()
            && *end < now
            && let Some((_, old)) = self.by_end.pop_first()
        {
            self.known.remove(&old);
        }
        let name = name(nonce);
        if self.known.contains(&name) {
            return Taken::Before;
        }
        if self.known.len() >= most {
            return Taken::Full;
        }
        self.known.insert(name);
        self.by_end.insert((good_until, name));
        Taken::First
    }
}

fn name(nonce: &str) -> Name {
    let mut name = Name::default();
    name.copy_from_slice(&Sha256::digest(nonce)[..16]);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Micros {
        Micros::from_seconds(seconds)
    }

    #[test]
    fn a_nonce_is_known_to_the_last_moment_at_which_its_request_is_good() {
        let mut of = OfKey::default();
        assert_eq!(of.take("a", at(0), at(300), 9), Taken::First);
        assert_eq!(of.take("a", at(0), at(300), 9), Taken::Before);
        assert_eq!(of.take("a", at(300), at(300), 9), Taken::Before);
        assert_eq!(of.take("a", Micros(300_000_001), at(900), 9), Taken::First);
        assert_eq!((of.known.len(), of.by_end.len()), (1, 1));
    }

    #[test]
    fn when_it_is_full_what_is_known_is_known_and_nothing_else_is_taken() {
        let mut of = OfKey::default();
        assert_eq!(of.take("a", at(0), at(10), 2), Taken::First);
        assert_eq!(of.take("b", at(0), at(20), 2), Taken::First);
        assert_eq!(of.take("c", at(0), at(30), 2), Taken::Full);
        assert_eq!(of.take("b", at(0), at(20), 2), Taken::Before);
        assert_eq!(of.take("c", at(11), at(30), 2), Taken::First, "there is room again");
        assert_eq!(of.take("b", at(11), at(30), 2), Taken::Before);
    }
}
