//! What a run costs: processor time and memory of this program, beside the server's.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// In how many parts of a second the kernel tells processor time. `USER_HZ` is 100 on every
/// architecture that Linux runs Rust on (see proc_pid_stat(5)).
const TICKS_A_SECOND: u64 = 100;

/// What a process has used, from the kernel's own account of it. There is none elsewhere
/// than on Linux.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    cpu_ms: u64,
    resident: u64,
    peak: u64,
}

impl Usage {
    /// Of this process, or that one; `None` when it is not known.
    pub(super) fn of(pid: Option<u32>) -> Option<Self> {
        let folder = pid.map_or("/proc/self".to_owned(), |pid| format!("/proc/{pid}"));
        let read = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).ok();
        let (resident, peak) = memory(&read("status")?)?;
        Some(Self { cpu_ms: cpu_ms(&read("stat")?)?, resident, peak })
    }
}

/// The time in user mode and in the kernel, fields 14 and 15 of `/proc/<pid>/stat`. The
/// second field is a name in parentheses that may hold anything.
fn cpu_ms(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) * (1_000 / TICKS_A_SECOND))
}

/// Resident bytes, and the most there ever were.
fn memory(status: &str) -> Option<(u64, u64)> {
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some((bytes("VmRSS:")?, bytes("VmHWM:")?))
}

/// What a process used over the part of a run that counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Processor time, in seconds, to a hundredth.
    pub cpu_s: f64,
    /// Resident memory at the beginning, in bytes.
    pub resident_before_bytes: u64,
    /// Resident memory at the end, in bytes.
    pub resident_after_bytes: u64,
    /// The most there ever was, in bytes.
    pub resident_peak_bytes: u64,
}

/// What the part of a run that counts cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Costs {
    /// How long it was, in seconds.
    pub seconds: f64,
    /// How many requests were answered in it.
    pub answered: u64,
    /// This program's.
    pub own: Option<Cost>,
    /// The server's, when its process is known.
    pub server: Option<Cost>,
}

/// How much memory the server's process had at a moment of the part that counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// When, in seconds since that part began.
    pub at_s: f64,
    /// Resident memory, in bytes.
    pub resident_bytes: u64,
}

/// How much memory that process has now; `None` when it is not known.
pub(super) fn resident(pid: u32) -> Option<u64> {
    Usage::of(Some(pid)).map(|usage| usage.resident)
}

/// One look at both.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// When.
    pub(super) at: Instant,
    answered: u64,
    own: Option<Usage>,
    server: Option<Usage>,
}

impl Look {
    /// Now.
    pub(super) fn now(server: Option<u32>, answered: u64) -> Self {
        let server = server.and_then(|pid| Usage::of(Some(pid)));
        Self { at: Instant::now(), answered, own: Usage::of(None), server }
    }

    /// What was used between two looks. Of a server that was started anew in between, nothing
    /// is known.
    pub(super) fn since(&self, before: &Self) -> Costs {
        Costs {
            seconds: self.at.saturating_duration_since(before.at).as_secs_f64(),
            answered: self.answered.saturating_sub(before.answered),
            own: cost(before.own, self.own),
            server: cost(before.server, self.server),
        }
    }
}

fn cost(before: Option<Usage>, after: Option<Usage>) -> Option<Cost> {
    let (before, after) = (before?, after?);
    Some(Cost {
        cpu_s: Duration::from_millis(after.cpu_ms.checked_sub(before.cpu_ms)?).as_secs_f64(),
        resident_before_bytes: before.resident,
        resident_after_bytes: after.resident,
        resident_peak_bytes: after.peak,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let stat = "42 (a) name) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 3 0 100 1 2";
        assert_eq!(cpu_ms(stat), Some(4_000));
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(memory(status), Some((1 << 20, 2 << 20)));
        assert_eq!((cpu_ms("42 (x)"), memory("VmRSS: 3 pages")), (None, None));
    }

    #[test]
    fn a_process_that_began_anew_has_no_cost() {
        let used = |cpu_ms| Some(Usage { cpu_ms, resident: 10, peak: 20 });
        let cost_of = |before, after| cost(used(before), used(after)).map(|cost| cost.cpu_s);
        assert_eq!(cost_of(1_000, 3_500), Some(2.5));
        assert_eq!(cost_of(3_500, 1_000), None);
        assert_eq!(cost(None, used(1)), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_some_memory() {
        let usage = Usage::of(None).unwrap();
        assert!(usage.resident > 0 && usage.peak >= usage.resident);
        assert_eq!(Usage::of(Some(u32::MAX)), None);
    }
}
