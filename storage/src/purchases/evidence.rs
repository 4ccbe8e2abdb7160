//! What was shown, kept before any store is asked.

use std::fmt;

use protocol::client::StoreName;
use protocol::ids::AppId;
use protocol::words;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::claim::Source;
use crate::clock::Micros;
use crate::identity::{Digest, shard_of};

/// Something that says there is a purchase.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The game.
    pub app: AppId,
    /// The store.
    pub store: StoreName,
    /// Who shows it.
    pub source: Source,
    /// What it is the same by when it is shown again: what a member shows by all of it, a
    /// store's notification by its own id.
    pub mark: String,
    /// What is shown, as JSON; at most 64 KiB. It is forgotten as soon as it is answered.
    pub body: String,
    /// The intention that it fulfils, if its client named one.
    pub reservation: Option<Uuid>,
}

impl Evidence {
    /// A digest of what makes it the same evidence.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        for part in [self.app.as_str(), self.store.word(), &self.mark] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        if let Source::Posted(member) = self.source {
            hash.update(member.number().to_be_bytes());
        }
        hash.finalize().into()
    }

    /// The virtual shard on which it is kept: the poster's own, or its digest's.
    #[must_use]
    pub fn shard(&self) -> u16 {
        match self.source {
            Source::Posted(member) => member.shard(),
            Source::Told => shard_of(&self.digest()),
        }
    }
}

impl fmt::Debug for Evidence {
    // It is worth money, and says who bought.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence")
            .field("app", &self.app)
            .field("store", &self.store)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

words! {
    /// How evidence stands.
    Shown {
        /// The store is still to be asked.
        Waiting = "waiting",
        /// It led to a purchase.
        Done = "done",
        /// It is none, for good.
        Refused = "refused",
        /// It was tried too long; somebody has to look.
        Parked = "parked",
    }
}

/// How the evidence of a [`Receipt`](super::Received) ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvidenceEnd {
    /// It led to the purchase whose claim is kept under this digest.
    Done(Digest),
    /// It says nothing about a purchase that is handled here.
    Nothing,
    /// It is none, for good. One of the verifiers' own words.
    Refused(String),
    /// It was tried too long.
    Parked(String),
    /// It is tried again at that moment. Why, in a word.
    Later(Micros, String),
    /// It was parked, and somebody wants it tried again from now on.
    Again,
}
