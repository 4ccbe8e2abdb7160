//! One process a data folder.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::error::{Result, StorageError};

/// Holds the folder's lock file locked; the system lets go of it when the process ends,
/// however it ends.
pub(crate) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Lock {
    pub(crate) fn take(data: &Path) -> Result<Self> {
        let path = data.join("lock");
        let says = |what: &str| StorageError::Setup(format!("{what} ({})", path.display()));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| says(&format!("cannot open the lock file: {error}")))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(says(
                "another process uses this data folder: stop it, or choose another --data",
            )),
            Err(TryLockError::Error(error)) => {
                Err(says(&format!("cannot lock the data folder: {error}")))
            }
        }
    }
}
