//! SQLite's plain way: one row, one commit, and then the next.

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::Fault;

/// As much as a purchase's row says of it, in bytes.
const ROW: usize = 500;

pub(super) struct Single {
    folder: TempDir,
}

impl Single {
    /// With the settings of the server's own database.
    pub(super) async fn open() -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("rows.db");
        spawn_blocking(move || {
            let connection = Connection::open(path)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT NOT NULL)", ())
        })
        .await??;
        Ok(Self { folder })
    }

    pub(super) async fn work(&mut self, rows: usize) -> Result<(), Fault> {
        let path = self.folder.path().join("rows.db");
        spawn_blocking(move || {
            let connection = Connection::open(path)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            let mut insert = connection.prepare("INSERT INTO row (body) VALUES (?1)")?;
            let body = "x".repeat(ROW);
            // Each commits by itself.
            (0..rows).try_for_each(|_| insert.execute([&body]).map(drop))
        })
        .await?
        .map_err(Fault::from)
    }
}
