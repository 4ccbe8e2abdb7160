//! Where and when a figure was taken: without that it means little.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::time::Micros;
use serde::Serialize;

use crate::{Fault, server};

/// The machine, and what ran on it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// The processor's model, as it calls itself.
    pub(crate) cpu: String,
    /// How many cores this process may use.
    pub(crate) cores: usize,
    /// Its memory, in bytes.
    pub(crate) memory: u64,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// Whether the kernel backs memory with huge pages unasked.
    pub(crate) huge_pages: String,
    /// When the run ended, in UTC.
    pub(crate) at: String,
    /// The commit of the sources, `-dirty` when they were changed after it; `None` where
    /// there is none.
    pub(crate) commit: Option<String>,
    /// When the server was built, in UTC.
    pub(crate) server_built: String,
    /// How this program was built, and the server beside it.
    pub(crate) profile: &'static str,
}

impl Machine {
    /// This machine, now.
    ///
    /// # Errors
    /// When the clock is before 1970, or the server is not built.
    pub(crate) fn here() -> Result<Self, Fault> {
        let now = Micros::default().after(SystemTime::now().duration_since(UNIX_EPOCH)?);
        let release = read("/proc/sys/kernel/osrelease");
        Ok(Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism()?.get(),
            memory: field(&read("/proc/meminfo"), "MemTotal").and_then(kib).unwrap_or(0),
            kernel: if release.is_empty() { unknown() } else { release.trim().to_owned() },
            huge_pages: chosen(&read("/sys/kernel/mm/transparent_hugepage/enabled"))
                .unwrap_or_else(unknown),
            at: to_the_second(now),
            commit: commit(),
            server_built: to_the_second(server::built()?),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, kernel, huge_pages, at, server_built, profile, .. } = self;
        let memory = self.memory as f64 / f64::from(1 << 30);
        let commit = self.commit.as_deref().unwrap_or("none");
        writeln!(
            f,
            "{cores} cores of {cpu}, {memory:.0} GiB, Linux {kernel}, huge pages {huge_pages}"
        )?;
        write!(f, "{at}, commit {commit}, {profile} build, server built {server_built}")
    }
}

fn to_the_second(at: Micros) -> String {
    Micros::from_seconds(at.seconds()).to_string().replace(".000000", "")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(path)).unwrap_or_default()
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// The value of the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':').map(str::trim));
    value.map(str::to_owned)
}

fn kib(text: String) -> Option<u64> {
    Some(text.strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// The word in brackets, which is how the kernel marks what is chosen.
fn chosen(text: &str) -> Option<String> {
    Some(text.split_once('[')?.1.split_once(']')?.0.to_owned())
}

fn commit() -> Option<String> {
    // Without a lock, and with no tags in the name: it only looks.
    let arguments = ["--no-optional-locks", "describe", "--always", "--dirty", "--exclude", "*"];
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let info = "processor\t: 0\nmodel name\t: Some Processor @ 2.50GHz\n";
        assert_eq!(field(info, "model name").as_deref(), Some("Some Processor @ 2.50GHz"));
        assert_eq!(field("MemTotal:       1024 kB\n", "MemTotal").and_then(kib), Some(1 << 20));
        assert_eq!(chosen("always [madvise] never\n").as_deref(), Some("madvise"));
        assert_eq!(field(info, "MemTotal"), None);
    }

    #[test]
    fn a_date_has_no_fractions() {
        assert_eq!(to_the_second(Micros(1_795_355_000_123_456)), "2026-11-22T13:43:20Z");
    }
}
