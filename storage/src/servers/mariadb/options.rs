//! How a test's MariaDB is started.

use std::ffi::OsString;
use std::path::Path;

use rustix::process::geteuid;

use super::{MariaDb, Primary};
use crate::servers::binaries::Binaries;

/// What a server of one's own is like.
#[derive(Default)]
pub struct MariaDbOptions {
    /// Where its programs are.
    pub(super) binaries: Binaries,
    /// Further arguments of `mariadbd`.
    pub(super) arguments: Vec<String>,
    /// The primary that it follows.
    pub(super) replica_of: Option<Primary>,
}

impl MariaDbOptions {
    /// A replica of a primary that was started here too. It is asynchronous; wait for it with
    /// [`MariaDb::reach`].
    #[must_use]
    pub fn replica_of(mut self, primary: &MariaDb) -> Self {
        self.replica_of = Some(Primary(primary.port()));
        self
    }

    /// Takes the programs from there.
    #[must_use]
    pub fn of(mut self, binaries: Binaries) -> Self {
        self.binaries = binaries;
        self
    }

    /// With a further argument of `mariadbd`, behind ours and so stronger: `--read-only`.
    #[must_use]
    pub fn with(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }
}

/// What production is told to set.
const PRODUCTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/mariadb/daemun.cnf");

/// Memory and files are small, and nobody else connects.
const SMALL: &[&str] = &[
    LOG_FILE_SIZE,
    "--innodb-buffer-pool-size=32M",
    "--innodb-temp-data-file-path=ibtmp1:1M:autoextend",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=1M",
    "--performance-schema=OFF",
    "--max-connections=300",
    "--bind-address=127.0.0.1",
];

/// The template is made with the same, so that no start has to change it.
pub(super) const LOG_FILE_SIZE: &str = "--innodb-log-file-size=16M";

pub(super) fn arguments(port: u16, folder: &Path, more: &[String]) -> Vec<OsString> {
    let path = |name: &str, value: &str| {
        let mut argument = OsString::from(name);
        argument.push(folder.join(value));
        argument
    };
    let mut arguments = vec![format!("--defaults-file={PRODUCTION}").into()];
    arguments.extend(as_user());
    arguments.extend([
        path("--datadir=", "data"),
        path("--tmpdir=", "data"),
        path("--socket=", "socket"),
        path("--pid-file=", "pid"),
        format!("--port={port}").into(),
        // Different on each server of a machine, as replication wants it.
        format!("--server-id={port}").into(),
    ]);
    arguments.extend(SMALL.iter().map(Into::into));
    arguments.extend(more.iter().map(Into::into));
    arguments
}

/// `mariadbd` runs as root only when it is told to.
pub(super) fn as_user() -> Option<OsString> {
    geteuid().is_root().then(|| "--user=root".into())
}
