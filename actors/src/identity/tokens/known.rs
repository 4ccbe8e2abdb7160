//! Tokens that were signed or verified here not long ago.
//!
//! Verifying a signature costs more than all the rest of opening a session, and a client
//! shows the same token with every request over HTTP and every time it comes back. What is
//! remembered is what the claims said, by the digest of the whole token; the key and the time
//! are checked anew on every use.

use std::collections::HashMap;
use std::mem;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use storage::clock::Micros;

use super::Caller;

/// How many tokens are remembered at least before the older ones are forgotten; at most
/// twice as many are held, about 200 bytes each.
const GENERATION: usize = 32_768;

/// What a token's claims said.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) caller: Caller,
    pub(super) issued_at: Micros,
}

/// The name of a token that gives nothing of it away.
pub(super) type Name = [u8; 32];

/// The tokens, in two generations: what is used again lives on.
#[derive(Default)]
pub(super) struct Known(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Name, Said>,
    old: HashMap<Name, Said>,
}

impl Known {
    /// A token's name.
    pub(super) fn name(token: &str) -> Name {
        Sha256::digest(token).into()
    }

    /// What a token said, if it is remembered.
    pub(super) fn find(&self, name: &Name) -> Option<Said> {
        let mut generations = self.0.lock();
        if let Some(said) = generations.young.get(name) {
            return Some(said.clone());
        }
        let said = generations.old.remove(name)?;
        generations.keep(*name, said.clone());
        Some(said)
    }

    /// Remembers what a good token said.
    pub(super) fn keep(&self, name: Name, said: Said) {
        self.0.lock().keep(name, said);
    }

    /// Forgets all: the keys may be others of the same names.
    pub(super) fn forget(&self) {
        *self.0.lock() = Generations::default();
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        let generations = self.0.lock();
        generations.young.len() + generations.old.len()
    }
}

impl Generations {
    fn keep(&mut self, name: Name, said: Said) {
        if self.young.len() >= GENERATION {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(name, said);
    }
}

#[cfg(test)]
mod tests {
    use protocol::ids::{LoginId, MemberId};
    use uuid::Uuid;

    use super::*;

    fn said() -> Said {
        let caller = Caller {
            app: "demo".parse().unwrap(),
            member: MemberId::compose(1, 1, 1),
            login: LoginId(Uuid::from_u128(1)),
            expires_at: Micros(1),
            client: None,
        };
        Said { caller, issued_at: Micros(0) }
    }

    #[test]
    fn what_is_used_again_lives_on_and_the_rest_is_bounded() {
        let known = Known::default();
        let name = |n: usize| Known::name(&n.to_string());
        let used = name(0);
        for n in 0..5 * GENERATION {
            known.keep(name(n), said());
            assert!(known.find(&used).is_some(), "{n}");
        }
        assert!(known.count() <= 2 * GENERATION, "{}", known.count());
        assert!(known.find(&name(1)).is_none(), "what nobody asks for is forgotten");
        assert!(known.find(&name(5 * GENERATION - 1)).is_some());
    }
}
