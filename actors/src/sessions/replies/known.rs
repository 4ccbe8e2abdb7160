//! By what a request is known when it comes again.

use protocol::ids::{LoginId, SessionId};
use protocol::operation::Operation;
use sha2::{Digest as _, Sha256};

/// In what ids and keys are unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Space {
    /// A wire session.
    Session(SessionId),
    /// A login, over HTTP.
    Login(LoginId),
}

/// What names a request in its space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Id {
    /// Its id.
    Number(u64),
    /// Its `Idempotency-Key`.
    Key(Key),
}

/// An `Idempotency-Key`, and a digest of what is asked for under it. Keys are equal when
/// their texts are.
#[derive(Clone, Debug)]
pub struct Key {
    pub(super) text: Box<str>,
    pub(super) asked: [u8; 32],
}

impl Key {
    /// A key's text as it came, for an operation and its body as they came.
    #[must_use]
    pub fn new(text: &str, operation: Operation, body: &[u8]) -> Self {
        // No operation's name holds a line's end.
        let asked = Sha256::new().chain_update(operation.name()).chain_update("\n");
        Self { text: text.into(), asked: asked.chain_update(body).finalize().into() }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Key {}

impl Id {
    pub(super) fn is_key(&self) -> bool {
        matches!(self, Self::Key(_))
    }

    /// Whether both, being equal, ask for the same. Of an id alone nothing is known.
    pub(super) fn asks_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(one), Self::Key(other)) => one.asked == other.asked,
            (Self::Number(_) | Self::Key(_), _) => true,
        }
    }

    /// What it takes to keep it, in bytes; a number is counted as nothing.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Number(_) => 0,
            Self::Key(key) => key.text.len() + key.asked.len(),
        }
    }
}
