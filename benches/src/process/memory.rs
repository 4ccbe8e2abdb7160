//! What a process has resident, from the kernel's own account of it.

use std::io;

use serde::Serialize;

/// Bytes of `/proc/<pid>/smaps_rollup` (see proc_pid_smaps(5)). It walks the page tables,
/// where `VmRSS` of `/proc/<pid>/status` is put together from counters that lag behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// `Rss`: every page that is resident, of whatever kind. What is claimed is this.
    pub(crate) rss: u64,
    /// `Anonymous`: of these, the heap and the stacks alone, without pages of files. Kept
    /// beside the other to show that nothing but heap grows with the sessions.
    pub(crate) anonymous: u64,
}

impl Memory {
    /// Of a process now.
    ///
    /// # Errors
    /// When there is no such process, or it is another user's.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        Self::parse(&text)
            .ok_or_else(|| io::Error::other("smaps_rollup without Rss and Anonymous in kB"))
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            Some(kib * 1024)
        };
        Some(Self { rss: bytes("Rss:")?, anonymous: bytes("Anonymous:")? })
    }

    /// What each of `many` has added since `before`.
    #[must_use]
    pub(crate) fn each_since(self, before: Self, many: usize) -> Each {
        let each = |now: u64, before: u64| (now as f64 - before as f64) / many as f64;
        Each { rss: each(self.rss, before.rss), anonymous: each(self.anonymous, before.anonymous) }
    }
}

/// Bytes for each of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Each {
    /// Of [`Memory::rss`].
    pub(crate) rss: f64,
    /// Of [`Memory::anonymous`].
    pub(crate) anonymous: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rollup_is_read_in_bytes() {
        let text = "55f3-7ffd ---p 00000000 00:00 0    [rollup]\n\
                    Rss:                1764 kB\nPss:  233 kB\nAnonymous:           108 kB\n";
        let memory = Memory::parse(text).unwrap();
        assert_eq!(memory, Memory { rss: 1764 * 1024, anonymous: 108 * 1024 });
        assert_eq!(Memory::parse("Rss: 12 pages\nAnonymous: 3 kB\n"), None);
    }

    #[test]
    fn what_each_added_may_be_less_than_nothing() {
        let before = Memory { rss: 4096, anonymous: 0 };
        let each = Memory { rss: 2048, anonymous: 1024 }.each_since(before, 2);
        assert_eq!(each, Each { rss: -1024.0, anonymous: 512.0 });
    }
}
