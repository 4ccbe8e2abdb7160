//! Images in a folder, which several nodes may share.
//!
//! | file | what |
//! | --- | --- |
//! | `HASH` | an image; its time of change is when it was put last |
//! | `.HASH.RANDOM.new` | one that is being written |
//! | `.HASH.gone` | one that is being taken away |
//!
//! An image is written beside its place, made durable, and moved there, and then the folder is made
//! durable: so in its place is a whole one or none, whatever dies. To be taken away it is moved
//! aside first and looked at there: one that was put meanwhile goes back, so that who puts an image
//! and who takes it away need not know of each other, on whichever nodes they are. What was left
//! aside by a node that died is put back or forgotten when somebody lists.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;

use super::{ImageHash, ImagesDuty, MAX_BYTES, in_background};
use crate::clock::Micros;
use crate::error::{Result, StorageError};

/// A folder of images.
#[derive(Clone)]
pub(crate) struct Folder(PathBuf);

/// A file that is neither a whole image nor nothing.
enum Left {
    /// Its writer died, or is at it.
    Unfinished,
    /// Whoever took it away died, or is at it.
    Aside(ImageHash),
}

impl Folder {
    /// Opens a folder, making it when there is none.
    ///
    /// # Errors
    /// `Setup` when it cannot be used, which the message explains.
    pub(crate) fn open(folder: PathBuf) -> Result<Self> {
        let says = |error: io::Error| {
            StorageError::Setup(format!("cannot use the images in {}: {error}", folder.display()))
        };
        fs::create_dir_all(&folder).map_err(says)?;
        if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
            durable(above).map_err(says)?;
        }
        fs::read_dir(&folder).map_err(says)?;
        Ok(Self(folder))
    }

    fn place(&self, hash: ImageHash) -> PathBuf {
        self.0.join(hash.to_string())
    }

    fn aside(&self, hash: ImageHash) -> PathBuf {
        self.0.join(format!(".{hash}.gone"))
    }

    fn write(&self, hash: ImageHash, bytes: &[u8], now: Micros) -> io::Result<()> {
        let beside = self.0.join(format!(".{hash}.{:016x}.new", fastrand::u64(..)));
        let written = self.write_at(&beside, hash, bytes, now);
        if written.is_err() {
            // What is left of it is forgotten later.
            let _ = fs::remove_file(&beside);
        }
        written
    }

    fn write_at(
        &self,
        beside: &Path,
        hash: ImageHash,
        bytes: &[u8],
        now: Micros,
    ) -> io::Result<()> {
        let mut file = File::create_new(beside)?;
        file.write_all(bytes)?;
        file.set_modified(time(now))?;
        file.sync_all()?;
        fs::rename(beside, self.place(hash))?;
        durable(&self.0)
    }

    fn read(&self, hash: ImageHash) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = there(File::open(self.place(hash)))? else { return Ok(None) };
        let mut bytes = Vec::new();
        // One byte more than it can have: that it is broken is seen by its digest.
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn take_away(&self, hash: ImageHash, before: SystemTime) -> io::Result<bool> {
        let (place, aside) = (self.place(hash), self.aside(hash));
        if !was_put(&place, before)? {
            return Ok(false);
        }
        if there(fs::rename(&place, &aside))?.is_none() {
            return Ok(false);
        }
        if !was_put(&aside, before)? {
            there(fs::rename(&aside, &place))?;
            return Ok(false);
        }
        there(fs::remove_file(&aside))?;
        durable(&self.0)?;
        Ok(true)
    }

    /// All images that were put before a moment; what was left aside is seen to.
    fn before(&self, before: SystemTime) -> io::Result<Vec<ImageHash>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let hash = name.parse::<ImageHash>();
            let old = was_put(&path, before)?;
            match (hash, left(name)) {
                (Ok(hash), _) if old => found.push(hash),
                (Err(_), Some(Left::Unfinished)) if old => drop(there(fs::remove_file(&path))?),
                (Err(_), Some(Left::Aside(hash))) if !self.place(hash).exists() => {
                    there(fs::rename(&path, self.place(hash)))?;
                }
                // What is not ours is let be.
                (Ok(_) | Err(_), Some(_) | None) => {}
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// What a file's name says that is not an image's.
fn left(name: &str) -> Option<Left> {
    let (hash, rest) = name.strip_prefix('.')?.split_once('.')?;
    let hash = hash.parse().ok()?;
    match rest {
        "gone" => Some(Left::Aside(hash)),
        rest if rest.ends_with(".new") => Some(Left::Unfinished),
        _ => None,
    }
}

/// A file that is not there is no error.
fn there<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether it is there, and was put before that moment.
fn was_put(path: &Path, before: SystemTime) -> io::Result<bool> {
    let put_at = there(fs::metadata(path).and_then(|known| known.modified()))?;
    Ok(put_at.is_some_and(|put_at| put_at < before))
}

/// Has the names in a folder outlive a power cut.
fn durable(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn time(at: Micros) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(at.0).unwrap_or_default())
}

impl Folder {
    async fn off<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let folder = self.clone();
        let done = in_background(move || work(&folder)).await?;
        done.map_err(|error| StorageError::Unavailable(format!("the images' folder: {error}")))
    }
}

#[async_trait]
impl ImagesDuty for Folder {
    async fn put(&self, hash: ImageHash, bytes: Bytes, now: Micros) -> Result<()> {
        self.off(move |folder| folder.write(hash, &bytes, now)).await
    }

    async fn get(&self, hash: ImageHash) -> Result<Option<Bytes>> {
        self.off(move |folder| Ok(folder.read(hash)?.map(Bytes::from))).await
    }

    async fn remove(&self, hash: ImageHash, before: Micros) -> Result<bool> {
        self.off(move |folder| folder.take_away(hash, time(before))).await
    }

    async fn put_before(
        &self,
        before: Micros,
        after: Option<ImageHash>,
        limit: usize,
    ) -> Result<Vec<ImageHash>> {
        let all = self.off(move |folder| folder.before(time(before))).await?;
        Ok(all.into_iter().filter(|hash| Some(*hash) > after).take(limit).collect())
    }
}

#[cfg(test)]
mod tests;
