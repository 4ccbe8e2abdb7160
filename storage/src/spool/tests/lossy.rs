//! A disk in memory that loses what was not synced, in part too, and fails when it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::spool::files::{Files, Handle};

/// The bytes that a disk writes or loses together.
const BLOCK: usize = 16;

#[derive(Clone, Default)]
struct Inode {
    durable: Vec<u8>,
    now: Vec<u8>,
    /// A sync failed: the system believes what was written to be on the disk, and it is not.
    forgotten: bool,
}

#[derive(Default)]
struct Disk {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// How many operations that change something succeed before one fails.
    fails_in: Option<u32>,
    /// How many bytes there is room for.
    room: Option<usize>,
    writes: usize,
    /// Files that it does not give back.
    unreadable: BTreeSet<String>,
}

/// A folder on the disk; its clones are the same.
#[derive(Clone, Default)]
pub(super) struct Lossy(Arc<Mutex<Disk>>);

pub(super) struct LossyFile(Lossy, usize);

impl Disk {
    fn may_fail(&mut self) -> io::Result<()> {
        self.writes += 1;
        match self.fails_in.as_mut() {
            Some(0) => {
                self.fails_in = None;
                Err(io::Error::other("on purpose"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn used(&self) -> usize {
        self.names.values().map(|inode| self.inodes[*inode].now.len()).sum()
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Lossy {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    /// Gives exactly these files back no more.
    pub(super) fn withhold(&self, names: impl IntoIterator<Item = String>) {
        self.disk().unreadable = names.into_iter().collect();
    }

    /// Has an operation fail after so many.
    pub(super) fn fail_in(&self, operations: u32) {
        self.disk().fails_in = Some(operations);
    }

    /// Has all go well.
    pub(super) fn heal(&self) {
        let mut disk = self.disk();
        (disk.fails_in, disk.room) = (None, None);
    }

    /// Leaves so many more bytes.
    pub(super) fn fill_but(&self, bytes: usize) {
        let mut disk = self.disk();
        disk.room = Some(disk.used() + bytes);
    }

    /// The power goes: what was not synced is lost, or a part of it.
    pub(super) fn crash(&self, random: &mut fastrand::Rng) {
        let mut disk = self.disk();
        disk.fails_in = None;
        for inode in &mut disk.inodes {
            let (durable, mut now) = (inode.durable.clone(), std::mem::take(&mut inode.now));
            if now.len() > durable.len() {
                now[..durable.len()].copy_from_slice(&durable);
                now.truncate(random.usize(durable.len()..=now.len()));
                for block in now[durable.len()..].chunks_mut(BLOCK) {
                    if random.bool() {
                        block.fill(0);
                    }
                }
            } else if random.bool() {
                now = durable;
            }
            *inode = Inode { durable: now.clone(), now, forgotten: false };
        }
        let (before, after) = (disk.durable_names.clone(), disk.names.clone());
        let all = before.keys().chain(after.keys());
        let names = all.filter_map(|name| {
            let names = if random.bool() { &before } else { &after };
            names.get(name).map(|inode| (name.clone(), *inode))
        });
        disk.names = names.collect();
        disk.durable_names = disk.names.clone();
    }

    /// The files and what is in them.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let disk = self.disk();
        let file =
            |(name, inode): (&String, &usize)| (name.clone(), disk.inodes[*inode].now.clone());
        disk.names.iter().map(file).collect()
    }

    /// Puts a file there, as if it had always been.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) {
        let mut file = self.create(name).unwrap();
        file.append(bytes).unwrap();
        file.sync().unwrap();
        self.sync_folder().unwrap();
    }

    /// A copy that goes its own way.
    pub(super) fn copy(&self) -> Self {
        let copy = Self::default();
        self.files().iter().for_each(|(name, bytes)| copy.put(name, bytes));
        copy
    }

    /// How many operations changed something.
    pub(super) fn writes(&self) -> usize {
        self.disk().writes
    }

    fn open(&self, name: &str, cut: bool) -> io::Result<LossyFile> {
        let mut disk = self.disk();
        disk.may_fail()?;
        let inode = match disk.names.get(name) {
            Some(inode) => *inode,
            None => {
                disk.inodes.push(Inode::default());
                let inode = disk.inodes.len() - 1;
                disk.names.insert(name.to_owned(), inode);
                inode
            }
        };
        if cut {
            // What is written now is written anew.
            disk.inodes[inode].now.clear();
            disk.inodes[inode].forgotten = false;
        }
        drop(disk);
        Ok(LossyFile(self.clone(), inode))
    }
}

impl Files for Lossy {
    type Handle = LossyFile;

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let length = |(name, bytes): (String, Vec<u8>)| (name, bytes.len() as u64);
        Ok(self.files().into_iter().map(length).collect())
    }

    fn create(&self, name: &str) -> io::Result<LossyFile> {
        self.open(name, true)
    }

    fn extend(&self, name: &str) -> io::Result<LossyFile> {
        self.open(name, false)
    }

    fn read(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let disk = self.disk();
        if disk.unreadable.contains(name) {
            return Err(io::Error::other("on purpose"));
        }
        let bytes = &disk.inodes[*disk.names.get(name).ok_or_else(missing)?].now;
        let from = usize::try_from(offset).unwrap().min(bytes.len());
        Ok(bytes[from..from.saturating_add(length).min(bytes.len())].to_vec())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.may_fail()?;
        let inode = disk.names.remove(from).ok_or_else(missing)?;
        disk.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.may_fail()?;
        disk.names.remove(name).map(|_| ()).ok_or_else(missing)
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut disk = self.disk();
        disk.may_fail()?;
        disk.durable_names = disk.names.clone();
        Ok(())
    }
}

impl Handle for LossyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.disk();
        let room = disk.room.map_or(usize::MAX, |room| room.saturating_sub(disk.used()));
        let failed = disk.may_fail().err();
        let written = if failed.is_some() { bytes.len() / 2 } else { bytes.len() }.min(room);
        disk.inodes[self.1].now.extend_from_slice(&bytes[..written]);
        match failed {
            Some(error) => Err(error),
            None if written < bytes.len() => Err(io::ErrorKind::StorageFull.into()),
            None => Ok(()),
        }
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut disk = self.0.disk();
        disk.may_fail()?;
        disk.inodes[self.1].now.truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.0.disk();
        let failed = disk.may_fail();
        let inode = &mut disk.inodes[self.1];
        inode.forgotten |= failed.is_err();
        if !inode.forgotten {
            inode.durable = inode.now.clone();
        }
        failed
    }
}
