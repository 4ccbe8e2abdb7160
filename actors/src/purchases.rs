//! What was bought: stores asked whether it was, and what they answer made alike.
//!
//! A [`Store`](verifier::Store) tells what it knows of a purchase as a
//! [`Verified`](verified::Verified); [`Stores`] makes a [`Verdict`](verdict::Verdict) of it by
//! the rules of the game. Nothing here keeps anything, and nothing here grants.

pub mod verifier;
pub mod verified;
pub mod verdict;

pub mod settings;
pub mod catalogue;
mod stores;

pub mod desk;

pub mod apple;
pub mod google_play;
pub mod one_store;

mod bearer;
mod reply;

#[cfg(test)]
pub(crate) mod testing;

pub use stores::{Parts, StoreProblem, Stores};

/// SHA-256 in lower-case hexadecimal.
fn hex_digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
