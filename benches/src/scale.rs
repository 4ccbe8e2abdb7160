//! How large a run is, and whether this machine can carry it.

use crate::Fault;
use crate::process::leash;

/// Open files that are not sessions.
const SPARE_FILES: usize = 200;

/// How many sessions a bench opens, one size after the other.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Sizes {
    /// How many sessions are open, one size after the other: 1000,5000,15000.
    #[arg(long = "sessions", value_delimiter = ',', default_values_t = [1000], value_parser = clap::value_parser!(u32).range(1..))]
    sessions: Vec<u32>,
}

impl Sizes {
    /// The sizes from the smallest, each once; at the largest, `more` connections than
    /// sessions are open in one process.
    ///
    /// # Errors
    /// When a process here may not have so many open files.
    pub(crate) fn rising(&self, more: usize) -> Result<Vec<usize>, Fault> {
        let mut sizes: Vec<usize> =
            self.sessions.iter().map(|&size| usize::try_from(size)).collect::<Result<_, _>>()?;
        sizes.sort_unstable();
        sizes.dedup();
        enough_files(sizes.last().copied().unwrap_or(0).saturating_add(more))?;
        Ok(sizes)
    }
}

/// Whether so many connections fit into a process.
///
/// # Errors
/// When a process here may not have so many open files.
pub(crate) fn enough_files(connections: usize) -> Result<(), Fault> {
    let files = leash::files();
    let most = files.saturating_sub(SPARE_FILES);
    if connections <= most {
        return Ok(());
    }
    let why = "each takes an open file in the server and one in the clients' process, and a \
               process may have";
    let advice = "take fewer --sessions, or raise the hard limit (ulimit -Hn)";
    Err(format!(
        "{connections} connections are too many, {most} are possible here: {why} {files} of them; {advice}"
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(sessions: &[u32]) -> Sizes {
        Sizes { sessions: sessions.to_vec() }
    }

    #[test]
    fn sizes_rise() {
        assert_eq!(sizes(&[3, 1, 3, 2]).rising(0).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn more_connections_than_files_are_refused() {
        assert!(enough_files(1).is_ok());
        let error = enough_files(usize::MAX).unwrap_err().to_string();
        assert!(error.contains("too many"), "{error}");
        assert!(error.contains(&format!("{} of them", leash::files())), "{error}");
        assert!(sizes(&[1]).rising(usize::MAX).is_err());
    }
}
