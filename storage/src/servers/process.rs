//! A server's process: started, asked whether it is ready, ended, and started again in the
//! same folder and on the same port.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::fault::{During, Fault};
use super::leash::Leash;
use super::port;

/// How long a server may take until it is ready, and until it has ended. Far more than the few
/// seconds that it needs: on two cores with twenty busy processes a `mongod` took a minute.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often what cannot be waited for is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How often another port is tried when a program of another process was quicker.
const PORTS: usize = 5;

/// What to run, and how to see that it is ready.
pub(super) struct Program {
    pub(super) binary: PathBuf,
    /// What its log says when it takes connections.
    pub(super) ready: &'static str,
    pub(super) arguments: Arguments,
}

/// A server's arguments, by its port and its folder.
pub(super) type Arguments = Box<dyn Fn(u16, &Path) -> Vec<OsString> + Send + Sync>;

/// A server of this process. Dropped, it is killed and its folder removed.
pub(super) struct Process {
    program: Program,
    port: u16,
    folder: PathBuf,
    running: Option<Child>,
    leash: Leash,
}

impl Process {
    /// Starts a server in a new folder, after `prepare` put there what it starts from.
    pub(super) fn start(
        program: Program,
        prepare: impl FnOnce(&Path) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let folder = tempfile::Builder::new()
            .prefix("daemun-test-")
            .tempdir()
            .during("making a folder for a test server")?
            .keep();
        let leash = Leash::tie(&folder)?;
        prepare(&folder)?;
        let mut process = Self { program, port: 0, folder, running: None, leash };
        process.find_port()?;
        Ok(process)
    }

    /// Starts on one port after another until none is quicker.
    fn find_port(&mut self) -> Result<(), Fault> {
        let mut tried = 0;
        loop {
            self.port = port::free()?;
            tried += 1;
            match self.run() {
                Err(fault) if tried < PORTS && fault.to_string().contains("ddress already") => {}
                outcome => return outcome,
            }
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number of the process while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Child::id)
    }

    /// Starts it where it was before. It is stopped first if it runs.
    pub(super) fn restart(&mut self) -> Result<(), Fault> {
        self.stop()?;
        self.run()
    }

    /// Starts it where it was before, with other arguments.
    pub(super) fn restart_as(&mut self, arguments: Arguments) -> Result<(), Fault> {
        self.program.arguments = arguments;
        self.restart()
    }

    /// Ends it in the middle of whatever it does.
    pub(super) fn kill(&mut self) -> Result<(), Fault> {
        self.end(Signal::KILL)
    }

    /// Asks it to end, and waits until it has.
    pub(super) fn stop(&mut self) -> Result<(), Fault> {
        // One that hangs could not end.
        self.resume()?;
        self.end(Signal::TERM)
    }

    /// Lets it hang: connections are taken, nothing is answered.
    pub(super) fn pause(&self) -> Result<(), Fault> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub(super) fn resume(&self) -> Result<(), Fault> {
        self.signal(Signal::CONT)
    }

    fn run(&mut self) -> Result<(), Fault> {
        let mut command = Command::new(&self.program.binary);
        command.args((self.program.arguments)(self.port, &self.folder));
        let log = self.log()?;
        let begin = log.metadata().during("looking at a test server's log")?.len();
        self.running = Some(self.leash.start(&command, log)?);
        self.wait_until_ready(begin)
    }

    fn wait_until_ready(&mut self, begin: u64) -> Result<(), Fault> {
        let patience = Instant::now() + PATIENCE;
        loop {
            // In this order: what it said last is read after it ended.
            let ended = self.ended()?;
            let said = self.said(begin)?;
            if let Some(status) = ended {
                self.running = None;
                self.leash.release()?;
                return Err(self.fault(&format!("ended at once ({status})"), &said));
            }
            if said.contains(self.program.ready) {
                return Ok(());
            }
            if Instant::now() > patience {
                self.kill()?;
                return Err(self.fault(&format!("was not ready after {PATIENCE:?}"), &said));
            }
            thread::sleep(LOOK);
        }
    }

    fn end(&mut self, signal: Signal) -> Result<(), Fault> {
        self.signal(signal)?;
        let patience = Instant::now() + PATIENCE;
        while self.running.is_some() && self.ended()?.is_none() {
            if Instant::now() > patience {
                self.signal(Signal::KILL)?;
            }
            thread::sleep(LOOK);
        }
        self.running = None;
        self.leash.release()
    }

    fn signal(&self, signal: Signal) -> Result<(), Fault> {
        let Some(child) = &self.running else { return Ok(()) };
        kill_process_group(Pid::from_child(child), signal).during("signalling a test server")
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, Fault> {
        let Some(child) = &mut self.running else { return Ok(None) };
        child.try_wait().during("looking after a test server")
    }

    fn log(&self) -> Result<File, Fault> {
        let path = self.folder.join("log");
        File::options().create(true).append(true).open(path).during("opening a test server's log")
    }

    /// What it said since `begin`.
    fn said(&self, begin: u64) -> Result<String, Fault> {
        let mut said = Vec::new();
        File::open(self.folder.join("log"))
            .and_then(|mut log| {
                log.seek(SeekFrom::Start(begin))?;
                log.read_to_end(&mut said)
            })
            .during("reading a test server's log")?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    fn fault(&self, what: &str, said: &str) -> Fault {
        let lines: Vec<&str> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(20)..].join("\n");
        Fault::new(format!("{} {what}; it said:\n{last}", self.program.binary.display()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Copies a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
