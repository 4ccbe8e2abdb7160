//! Images that are in memory: those asked for last, and those that are being sent. Of each there is
//! one copy, and all copies together have a bound.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{ImageHash, MAX_BYTES};

/// How many bytes all copies may have, also those that are only being sent still.
pub(super) const COPIES: usize = 128 * 1024 * 1024;
/// How many bytes those asked for last may have.
pub(super) const RECENT: usize = 64 * 1024 * 1024;
/// How many are remembered at most.
const MOST: usize = 1_024;
/// In what the bound is counted, in bytes.
const UNIT: usize = 1_024;

pub(super) struct Memory {
    copies: Arc<Semaphore>,
    recent: Mutex<Recent>,
    most_bytes: usize,
}

/// Room for one image of any size.
pub(super) struct Room(OwnedSemaphorePermit);

#[derive(Default)]
struct Recent {
    images: HashMap<ImageHash, (Bytes, u64)>,
    bytes: usize,
    /// Counts who asked.
    asked: u64,
}

/// A copy, which gives its room back when nobody has it any more.
struct Held {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Memory {
    pub(super) fn new(copies: usize, recent: usize) -> Self {
        let copies = Arc::new(Semaphore::new(copies / UNIT));
        Self { copies, recent: Mutex::default(), most_bytes: recent }
    }

    fn all(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that was asked for lately.
    pub(super) fn recent(&self, hash: ImageHash) -> Option<Bytes> {
        let mut all = self.all();
        all.asked += 1;
        let asked = all.asked;
        let (bytes, last) = all.images.get_mut(&hash)?;
        *last = asked;
        Some(bytes.clone())
    }

    /// Room for another, for which those that were not asked for the longest are forgotten.
    pub(super) fn room(&self) -> Option<Room> {
        let units = u32::try_from(MAX_BYTES.div_ceil(UNIT)).ok()?;
        loop {
            if let Ok(room) = self.copies.clone().try_acquire_many_owned(units) {
                return Some(Room(room));
            }
            // One that is being sent gives its room back later.
            if !self.all().forget_one() {
                return None;
            }
        }
    }

    /// Keeps an image, in as much of the room as it needs.
    pub(super) fn keep(&self, hash: ImageHash, bytes: Bytes, Room(mut room): Room) -> Bytes {
        let units = bytes.len().div_ceil(UNIT);
        let long = bytes.len();
        let Some(own) = room.split(units) else { return bytes };
        drop(room);
        let copy = Bytes::from_owner(Held { bytes, _room: own });
        let mut all = self.all();
        all.asked += 1;
        let asked = all.asked;
        if let Some((known, _)) = all.images.insert(hash, (copy.clone(), asked)) {
            all.bytes -= known.len();
        }
        all.bytes += long;
        while all.bytes > self.most_bytes || all.images.len() > MOST {
            all.forget_one();
        }
        copy
    }
}

impl Recent {
    /// Forgets the one that was not asked for the longest; `false` when there is none.
    fn forget_one(&mut self) -> bool {
        let oldest = self.images.iter().min_by_key(|(_, (_, last))| *last).map(|(hash, _)| *hash);
        let gone = oldest.and_then(|hash| self.images.remove(&hash));
        self.bytes -= gone.as_ref().map_or(0, |(bytes, _)| bytes.len());
        gone.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(at: u8, long: usize) -> (ImageHash, Bytes) {
        let bytes = Bytes::from(vec![at; long]);
        (ImageHash::of(&bytes), bytes)
    }

    #[test]
    fn what_was_not_asked_for_the_longest_is_forgotten_first() {
        let memory = Memory::new(4 * MAX_BYTES, 3 * UNIT);
        let images: Vec<_> = (0..4).map(|at| image(at, UNIT)).collect();
        for (hash, bytes) in &images[..3] {
            memory.keep(*hash, bytes.clone(), memory.room().unwrap());
        }
        assert!(memory.recent(images[0].0).is_some(), "it is asked for again");
        memory.keep(images[3].0, images[3].1.clone(), memory.room().unwrap());
        let known: Vec<bool> = images.iter().map(|it| memory.recent(it.0).is_some()).collect();
        assert_eq!(known, [true, false, true, true]);
        // One that is as large as all of them puts them all out.
        let (hash, large) = image(9, 3 * UNIT);
        memory.keep(hash, large, memory.room().unwrap());
        assert!(memory.recent(hash).is_some() && memory.recent(images[3].0).is_none());
    }

    #[test]
    fn copies_that_are_being_sent_have_a_bound_and_give_their_room_back() {
        let memory = Memory::new(2 * MAX_BYTES, 2 * MAX_BYTES);
        let keep = |at| {
            let (hash, bytes) = image(at, MAX_BYTES);
            memory.room().map(|room| memory.keep(hash, bytes, room))
        };
        let (first, second) = (keep(1).unwrap(), keep(2).unwrap());
        assert!(keep(3).is_none(), "both are being sent");
        drop(first);
        let third = keep(3).unwrap();
        assert!(memory.room().is_none());
        assert_eq!((second[0], third[0]), (2, 3));
        drop((second, third));
        // What is only remembered makes way.
        assert!(keep(4).is_some() && keep(5).is_some() && keep(6).is_some());
    }
}
