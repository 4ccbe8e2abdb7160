//! Where the servers' programs are.

use std::env;
use std::path::{Path, PathBuf};

use super::fault::Fault;

/// The folders in which programs are looked for, the first that has one wins.
#[derive(Clone, Debug)]
pub struct Binaries {
    folders: Vec<PathBuf>,
}

/// What is on `PATH`, where systems keep servers that are not, and what
/// `deploy/test-servers.sh` fetched.
impl Default for Binaries {
    fn default() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let beside = ["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from);
        let folders = env::split_paths(&path).chain(beside).chain([fetched().join("bin")]);
        Self { folders: folders.collect() }
    }
}

/// The folder of what was fetched; what is made once a machine is kept there too.
pub(super) fn fetched() -> PathBuf {
    match env::var_os("DAEMUN_TEST_SERVERS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/servers"),
    }
}

impl Binaries {
    /// Looks nowhere but in one folder.
    #[must_use]
    pub fn only_in(folder: impl Into<PathBuf>) -> Self {
        Self { folders: vec![folder.into()] }
    }

    /// The program of a name.
    ///
    /// # Errors
    /// When it is in none of the folders; says how to get it.
    pub(super) fn find(&self, name: &str) -> Result<PathBuf, Fault> {
        let mut candidates = self.folders.iter().map(|folder| folder.join(name));
        candidates.find(|candidate| candidate.is_file()).ok_or_else(|| missing(name))
    }
}

fn missing(name: &str) -> Fault {
    Fault::new(format!(
        "a real server is started here, and no `{name}` is on PATH or in {}. \
         Run deploy/test-servers.sh (`make test` does), which fetches it or says how to get it",
        fetched().join("bin").display(),
    ))
}
