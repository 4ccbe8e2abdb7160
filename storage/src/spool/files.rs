//! What the spool asks of a folder, so that a test can take away what was not synced.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

/// A folder of the spool's files, all in one level.
pub(super) trait Files: Send + 'static {
    /// A file that is being written.
    type Handle: Handle;
    /// The files that are there, with their lengths in bytes.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;
    /// Makes an empty file, or empties the one that is there.
    fn create(&self, name: &str) -> io::Result<Self::Handle>;
    /// Opens a file for writing at its end, making it when there is none.
    fn extend(&self, name: &str) -> io::Result<Self::Handle>;
    /// At most `length` bytes of a file, from `offset` on; fewer at its end.
    fn read(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// Puts a file in the place of another.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a file away.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns when the folder's names are durable.
    fn sync_folder(&self) -> io::Result<()>;
}

/// An open file.
pub(super) trait Handle: Send + 'static {
    /// Writes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    /// Returns when all that was written is durable. After an error nothing is known of it.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder on the disk, open to its owner alone.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder when there is none.
    pub(super) fn make(path: PathBuf) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        // The folder's own name is in the one above.
        if let Some(above) = path.parent() {
            File::open(above)?.sync_all()?;
        }
        Ok(Self(path))
    }

    fn open(&self, name: &str, cut: bool) -> io::Result<File> {
        let mut options = File::options();
        options.create(true);
        if cut {
            options.write(true).truncate(true);
        } else {
            options.append(true);
        }
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(self.0.join(name))
    }
}

impl Files for Folder {
    type Handle = File;

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let length = entry.metadata()?.len();
            // A name that is not text is none of ours.
            if let Ok(name) = entry.file_name().into_string() {
                names.push((name, length));
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<File> {
        self.open(name, true)
    }

    fn extend(&self, name: &str) -> io::Result<File> {
        self.open(name, false)
    }

    fn read(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.0.join(name))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(length);
        file.take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl Handle for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        // A file that was emptied and cut since is written at its end all the same.
        self.seek(SeekFrom::End(0))?;
        self.write_all(bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
