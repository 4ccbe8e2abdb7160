//! What processor time a process has used, from the kernel's own account of it.

use std::io;
use std::time::Duration;

use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

/// The time that all threads of a process have run, those that have ended included, in user
/// mode and in the kernel. The process's own clock counts nanoseconds, where
/// `/proc/<pid>/stat` counts hundredths of a second.
///
/// # Errors
/// When there is no such process.
pub(crate) fn used_by(pid: u32) -> io::Result<Duration> {
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    Ok(clock_getcpuclockid(Pid::from_raw(pid))?.now()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted() {
        let before = used_by(std::process::id()).unwrap();
        let mut after = before;
        // However fast the machine is, looking takes time.
        while after == before {
            after = used_by(std::process::id()).unwrap();
        }
        assert!(after > before);
        // Above the most processes that Linux can have.
        assert!(used_by(1 << 23).is_err());
    }
}
