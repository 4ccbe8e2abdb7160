//! The MariaDB of a bench: real, with the settings of production, and thrown away.

use std::time::Duration;

use storage::servers::{MariaDb, MariaDbOptions};

use crate::Fault;
use crate::process::cpu;

/// Behind the settings of tests, whose memory is small: what is measured is no want of it.
const ROOMY: [&str; 2] = ["--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M"];

/// A server, and the databases in it.
pub(super) struct Maria {
    server: MariaDb,
    /// The address of the database of what is measured.
    pub(super) own: String,
    /// The address of that of the server that has a Redis too.
    pub(super) warm: String,
    /// The address of that of the reference.
    pub(super) other: String,
}

impl Maria {
    /// Starts it. That blocks, so it has a thread of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) async fn start() -> Result<Self, Fault> {
        tokio::task::spawn_blocking(|| {
            let options = ROOMY.iter().fold(MariaDbOptions::default(), |it, more| it.with(more));
            let server = MariaDb::start(options)?;
            let (own, warm) = (server.database("bench")?, server.database("warm")?);
            let other = server.database("reference")?;
            Ok(Self { server, own, warm, other })
        })
        .await?
    }

    /// The name of the database of what is measured.
    pub(super) fn own_name(&self) -> &str {
        self.own.rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// What processor time it has used so far.
    ///
    /// # Errors
    /// When it is gone.
    pub(super) fn cpu(&self) -> Result<Duration, Fault> {
        let pid = self.server.pid().ok_or("MariaDB has ended")?;
        Ok(cpu::used_by(pid)?)
    }

    /// Ends it.
    ///
    /// # Errors
    /// As [`Maria::start`].
    pub(super) async fn end(self) -> Result<(), Fault> {
        Ok(tokio::task::spawn_blocking(move || drop(self)).await?)
    }
}
