//! Images: bytes that are kept and found under their own digest.
//!
//! So what is under a digest never changes, whoever fetched it once need not ask again, and what
//! does not fit its digest is known to be broken. What is known *of* an image is a
//! [document](crate::documents); this is its bytes alone.

pub(crate) mod folder;
mod memory;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::clock::Micros;
use crate::error::{Result, StorageError};
use memory::Memory;

/// The largest image, in bytes.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// How many images are read or written at once.
const AT_ONCE: usize = 4;
/// How many calls may wait for that; the next is told `Overloaded`.
const WAITING: usize = 4_096;

/// The SHA-256 of an image's bytes: 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageHash([u8; 32]);

impl ImageHash {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for ImageHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ImageHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageHash({self})")
    }
}

/// The text is no image's digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a digest (64 hexadecimal digits in lower case)")]
pub struct HashError;

impl FromStr for ImageHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut hash = [0; 32];
        if pairs.len() != hash.len() || !rest.is_empty() {
            return Err(HashError);
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(hash))
    }
}

/// One way to write a digest is enough: two addresses of one image would be kept twice by whoever
/// keeps copies.
fn digit(character: u8) -> Result<u8, HashError> {
    match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        _ => Err(HashError),
    }
}

/// What a backend does for images.
#[async_trait]
pub trait ImagesDuty: Send + Sync {
    /// Keeps bytes, put at `now`: whole and durable when this returns, or not at all. What is there
    /// already is written anew, which mends what was broken.
    async fn put(&self, hash: ImageHash, bytes: Bytes, now: Micros) -> Result<()>;
    /// The bytes as they are kept, broken or not.
    async fn get(&self, hash: ImageHash) -> Result<Option<Bytes>>;
    /// Takes away what was put before that moment, and says whether it did. What was put since
    /// stays, also if that happens at the same time on another node.
    async fn remove(&self, hash: ImageHash, before: Micros) -> Result<bool>;
    /// What was put before that moment, in the order of the digests, those behind `after`.
    async fn put_before(
        &self,
        before: Micros,
        after: Option<ImageHash>,
        limit: usize,
    ) -> Result<Vec<ImageHash>>;
}

/// The typed handle for images. One that is made by default has no place for any.
#[derive(Clone, Default)]
pub struct Images(Option<Arc<Inner>>);

struct Inner {
    duty: Arc<dyn ImagesDuty>,
    memory: Memory,
    waiting: Semaphore,
    working: Semaphore,
}

/// How each of these fails: see [`StorageError`]; `Overloaded` when too many wait.
impl Images {
    /// In front of a backend.
    #[must_use]
    pub fn over(duty: Arc<dyn ImagesDuty>) -> Self {
        Self(Some(Arc::new(Inner {
            duty,
            memory: Memory::new(memory::COPIES, memory::RECENT),
            waiting: Semaphore::new(WAITING),
            working: Semaphore::new(AT_ONCE),
        })))
    }

    fn inner(&self) -> Result<&Arc<Inner>> {
        let nowhere = || StorageError::Setup("there is no place for images".to_owned());
        self.0.as_ref().ok_or_else(nowhere)
    }

    /// As [`ImagesDuty::put`], under the digest that is returned.
    ///
    /// # Errors
    /// As said above, and `TooLong`.
    pub async fn put(&self, bytes: Bytes, now: Micros) -> Result<ImageHash> {
        if bytes.len() > MAX_BYTES {
            return Err(StorageError::TooLong { what: "an image", most: MAX_BYTES });
        }
        let inner = self.inner()?;
        let _waiting = inner.waiting.try_acquire().map_err(|_| StorageError::Overloaded)?;
        let _working = inner.working.acquire().await.map_err(|_| StorageError::Overloaded)?;
        let (hash, bytes) = in_background(move || (ImageHash::of(&bytes), bytes)).await?;
        inner.duty.put(hash, bytes, now).await?;
        Ok(hash)
    }

    /// An image. What is asked for often is kept in memory, and all who are given it share it.
    ///
    /// # Errors
    /// As said above; `Corrupt` of bytes that do not fit the digest, which nobody is given.
    pub async fn get(&self, hash: ImageHash) -> Result<Option<Bytes>> {
        let inner = self.inner()?;
        if let Some(known) = inner.memory.recent(hash) {
            return Ok(Some(known));
        }
        let _waiting = inner.waiting.try_acquire().map_err(|_| StorageError::Overloaded)?;
        let _working = inner.working.acquire().await.map_err(|_| StorageError::Overloaded)?;
        // Whoever was here before may have wanted the same.
        if let Some(known) = inner.memory.recent(hash) {
            return Ok(Some(known));
        }
        let room = inner.memory.room().ok_or(StorageError::Overloaded)?;
        let Some(bytes) = inner.duty.get(hash).await? else { return Ok(None) };
        let (fits, bytes) = in_background(move || (ImageHash::of(&bytes) == hash, bytes)).await?;
        if !fits {
            metrics::counter!("daemun_images_corrupt_total").increment(1);
            return Err(StorageError::Corrupt(format!("the image {hash} is not what it was")));
        }
        Ok(Some(inner.memory.keep(hash, bytes, room)))
    }

    /// As [`ImagesDuty::remove`]. This node and others may go on serving what they have in memory.
    ///
    /// # Errors
    /// As said above.
    pub async fn remove(&self, hash: ImageHash, before: Micros) -> Result<bool> {
        self.inner()?.duty.remove(hash, before).await
    }

    /// As [`ImagesDuty::put_before`].
    ///
    /// # Errors
    /// As said above.
    pub async fn put_before(
        &self,
        before: Micros,
        after: Option<ImageHash>,
        limit: usize,
    ) -> Result<Vec<ImageHash>> {
        self.inner()?.duty.put_before(before, after, limit).await
    }
}

/// What takes a while, off the threads on which others wait.
async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let failed = |_| StorageError::Unavailable("the work on an image broke off".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

#[cfg(test)]
mod tests;
