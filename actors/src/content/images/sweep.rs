//! Images that no game has any more are forgotten.
//!
//! Clients that were told of one may still ask for it, so it stays for a while after the last
//! document of it was taken away. An upload puts its bytes before it writes its document, which
//! takes far less than that while: so what has no document and was not put for so long is nobody's.

use std::collections::HashSet;
use std::time::Duration;

use storage::clock::Micros;
use storage::documents::{Documents, Kind, Whose};
use storage::error::StorageError;
use storage::images::{ImageHash, Images};
use storage::open::Storage;
use storage::turns::Turns;

/// How long an image stays for which there is no document.
pub const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often one node looks.
const EVERY: Duration = Duration::from_secs(3600);
/// How many are read at once.
const PAGE: usize = 500;

/// Forgets images.
#[derive(Clone)]
pub(crate) struct Sweep {
    images: Images,
    documents: Documents,
    turns: Turns,
}

impl Sweep {
    pub(crate) fn new(storage: &Storage) -> Self {
        let Storage { images, documents, turns, .. } = storage.clone();
        Self { images, documents, turns }
    }

    /// Looks, if nobody did for a while. Returns how many are gone.
    ///
    /// # Errors
    /// What storage says.
    pub(crate) async fn look(&self, now: Micros) -> Result<usize, StorageError> {
        if !self.turns.take("images".to_owned(), now, EVERY).await? {
            return Ok(0);
        }
        let before = now.before(KEPT);
        let old = self.put_before(before).await?;
        if old.is_empty() {
            return Ok(0);
        }
        let (had, mut gone) = (self.had().await?, 0);
        for hash in old.into_iter().filter(|hash| !had.contains(hash)) {
            gone += usize::from(self.images.remove(hash, before).await?);
        }
        Ok(gone)
    }

    async fn put_before(&self, before: Micros) -> Result<Vec<ImageHash>, StorageError> {
        let mut all = Vec::new();
        loop {
            let some = self.images.put_before(before, all.last().copied(), PAGE).await?;
            let last = some.len() < PAGE;
            all.extend(some);
            if last {
                return Ok(all);
            }
        }
    }

    /// Those that a game has.
    async fn had(&self) -> Result<HashSet<ImageHash>, StorageError> {
        let (mut all, mut after) = (HashSet::new(), None);
        loop {
            let some = self.documents.list(Kind::Image, Whose::Everybodys, after, PAGE).await?;
            after = some.last().map(|document| document.id);
            let last = some.len() < PAGE;
            let handles = some.into_iter().filter_map(|document| document.handle);
            all.extend(handles.filter_map(|handle| handle.parse::<ImageHash>().ok()));
            if last {
                return Ok(all);
            }
        }
    }
}
