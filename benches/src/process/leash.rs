//! The tie between a bench and what it starts.
//!
//! A bench may panic, be interrupted or be killed. What it started must not go on then, and
//! the server knows nothing of benches. So everything is started through this program,
//! which asks the system for a signal at its starter's end (`PR_SET_PDEATHSIG`; it outlives
//! `exec`) and then becomes the command.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;

use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};
use tokio::process::Command;

use crate::Fault;

/// A command that runs `program` on the leash.
///
/// # Errors
/// When this program's own file is unknown.
pub(crate) fn command(program: &Path) -> Result<Command, Fault> {
    let mut command = Command::new(own_file()?);
    command.arg("leash").arg("--").arg(program);
    Ok(command)
}

/// A command that runs a hidden subcommand of this program on the leash.
///
/// # Errors
/// When this program's own file is unknown.
pub(crate) fn own(subcommand: &str) -> Result<Command, Fault> {
    let mut command = command(&own_file()?)?;
    command.arg(subcommand);
    Ok(command)
}

fn own_file() -> Result<std::path::PathBuf, Fault> {
    std::env::current_exe()
        .map_err(|error| format!("this program's own file cannot be found: {error}").into())
}

/// Becomes the command, tied to the process that started this one, and with as many open
/// files as it may have. Returns only when that fails.
pub(crate) fn exec(command: &[OsString]) -> Fault {
    let Some((program, arguments)) = command.split_first() else {
        return "there is no command to run".into();
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return format!("the leash cannot be tied: {error}").into();
    }
    if let Err(error) = raise_files() {
        return format!("the limit of open files cannot be raised: {error}").into();
    }
    let error = std::process::Command::new(program).args(arguments).exec();
    format!("{} cannot be run: {error}", program.display()).into()
}

fn raise_files() -> rustix::io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
}

/// How many files a process on the leash may have open.
#[must_use]
pub(crate) fn files() -> usize {
    let limit = getrlimit(Resource::Nofile).maximum;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}
