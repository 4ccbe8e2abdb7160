//! The tie between a test and the server it started.
//!
//! A test process may be killed, and then runs no code any more; the server knows nothing of
//! tests. So a shell beside them reads from a pipe whose other end this process holds. The
//! pipe ends with the process, however that ends, and then the shell kills the server and
//! removes its folder. It has a process group of its own, so that what kills the tests'
//! group (Ctrl-C, a runner's time limit) leaves it alive to do so.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::Pid;

use super::fault::{During, Fault};

/// Reads which group is on the leash, an empty line for none, until the pipe ends.
const HOLD: &str = r#"
held=
while read -r group; do held=$group; done
if [ -n "$held" ]; then
    kill -s KILL -- "-$held"
    tries=100
    while [ $tries -gt 0 ] && kill -s 0 -- "-$held"; do
        sleep 0.1
        tries=$((tries - 1))
    done
fi
rm -rf "$1"
"#;

/// Becomes the server at the word, but not if whoever started it is gone before it comes.
const WAIT: &str = r#"read -r _ && exec "$@" </dev/null"#;

/// A shell that ends what this process started, and removes the folder.
pub(super) struct Leash {
    shell: Child,
    /// Taken when the leash is let go.
    pipe: Option<ChildStdin>,
}

impl Leash {
    /// From here on the folder ends with this process.
    pub(super) fn tie(folder: &Path) -> Result<Self, Fault> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", HOLD, "leash"])
            .arg(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .during("starting the shell that ends test servers")?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Starts a server on the leash, as a process group of its own.
    ///
    /// It is put on the leash before it runs, so there is no moment in which it would outlive
    /// this process.
    pub(super) fn start(&mut self, server: &Command, log: std::fs::File) -> Result<Child, Fault> {
        let what = || format!("starting {}", server.get_program().display());
        let mut child = Command::new("/bin/sh")
            .args(["-c", WAIT, "server"])
            .arg(server.get_program())
            .args(server.get_args())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().during(what())?)
            .stderr(log)
            .spawn()
            .during(what())?;
        self.say(&Pid::from_child(&child).to_string())?;
        if let Some(mut word) = child.stdin.take() {
            word.write_all(b"go\n").during(what())?;
        }
        Ok(child)
    }

    /// The server is gone; its number may be another's from now on.
    pub(super) fn release(&mut self) -> Result<(), Fault> {
        self.say("")
    }

    fn say(&mut self, line: &str) -> Result<(), Fault> {
        match &mut self.pipe {
            Some(pipe) => writeln!(pipe, "{line}").during("telling the leash of a test server"),
            None => Ok(()),
        }
    }
}

/// Ends what is on the leash, and waits until the folder is gone.
impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}
