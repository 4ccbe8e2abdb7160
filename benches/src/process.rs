//! Processes that a bench starts: each ends with it, however it ends.

pub(crate) mod cpu;
pub(crate) mod leash;
mod memory;
mod settle;

use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;

pub(crate) use memory::Memory;

use crate::Fault;

/// How many of its last lines are told when a process gets into trouble.
const TAIL_LINES: usize = 15;
/// How long a process that was killed may take to be gone.
const GONE: Duration = Duration::from_secs(10);

/// A process that runs while this is kept, and is killed when it is dropped.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    said: UnboundedReceiver<String>,
    tail: Tail,
}

impl Process {
    /// Starts a command of [`leash::command`] or [`leash::own`].
    ///
    /// # Errors
    /// When the system does not start it.
    pub(crate) fn start(name: &'static str, mut command: Command) -> Result<Self, Fault> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        let (sender, said) = mpsc::unbounded_channel();
        let tail = Tail::default();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(listen(stdout, tail.clone(), Some(sender)));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(listen(stderr, tail.clone(), None));
        }
        let stdin = child.stdin.take();
        Ok(Self { name, child, stdin, said, tail })
    }

    /// Waits for a line of standard output that `understand` makes something of.
    ///
    /// # Errors
    /// When `what` does not come within this time, or the process ends first.
    pub(crate) async fn hear<T>(
        &mut self,
        what: &str,
        within: Duration,
        understand: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Fault> {
        let heard = timeout(within, async {
            loop {
                match self.said.recv().await.as_deref().map(&understand) {
                    Some(Some(understood)) => return Some(understood),
                    Some(None) => {}
                    None => return None,
                }
            }
        });
        match heard.await {
            Ok(Some(understood)) => Ok(understood),
            Ok(None) => Err(self.ended_before(what).await),
            Err(_) => Err(self.trouble(&format!("{what} did not come in {} s", within.as_secs()))),
        }
    }

    /// Writes a line to standard input.
    ///
    /// # Errors
    /// When the process no longer reads it.
    pub(crate) async fn say(&mut self, line: &str) -> Result<(), Fault> {
        let Some(stdin) = &mut self.stdin else {
            return Err(self.trouble("it has no standard input"));
        };
        match stdin.write_all(format!("{line}\n").as_bytes()).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.trouble(&format!("it takes no orders: {error}"))),
        }
    }

    /// What processor time it has used so far.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn cpu(&self) -> Result<Duration, Fault> {
        cpu::used_by(self.pid()?)
            .map_err(|error| self.trouble(&format!("its time cannot be read: {error}")))
    }

    /// What it has resident now.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn memory(&self) -> Result<Memory, Fault> {
        Memory::of(self.pid()?)
            .map_err(|error| self.trouble(&format!("its memory cannot be read: {error}")))
    }

    fn pid(&self) -> Result<u32, Fault> {
        self.child.id().ok_or_else(|| self.trouble("it has ended"))
    }

    /// What it has resident once that has not changed for a while.
    ///
    /// # Errors
    /// When it goes on changing, or the process is gone.
    pub(crate) async fn settled_memory(&self) -> Result<Memory, Fault> {
        settle::settled(|| self.memory()).await?.ok_or_else(|| {
            self.trouble(&format!("its memory did not settle in {} s", settle::PATIENCE_S))
        })
    }

    /// An error that says what this process said last.
    pub(crate) fn trouble(&self, what: &str) -> Fault {
        format!("{}: {what}{}", self.name, self.tail.told()).into()
    }

    async fn ended_before(&mut self, what: &str) -> Fault {
        // Waiting also gives the reader of its last words the time to hear them.
        let how = match timeout(GONE, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "its output is closed, but it runs".to_owned(),
        };
        self.trouble(&format!("it ended ({how}) before {what} came"))
    }

    /// Ends it and waits until it is gone.
    ///
    /// # Errors
    /// When it had ended before, which nobody asked it to.
    pub(crate) async fn end(mut self) -> Result<(), Fault> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(self.trouble(&format!("it ended by itself ({status})")));
        }
        match timeout(GONE, self.child.kill()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.trouble(&format!("it cannot be ended: {error}"))),
            Err(_) => Err(self.trouble("it was killed and is not gone")),
        }
    }
}

/// The last lines a process has said.
#[derive(Clone, Default)]
struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    fn told(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told: String = lines.iter().map(|line| format!("\n  | {line}")).collect();
        if told.is_empty() { told } else { format!("; its last lines:{told}") }
    }
}

/// Reads on until the end, so that the process is never held up by a full pipe.
async fn listen(pipe: impl AsyncRead + Unpin, tail: Tail, hearer: Option<UnboundedSender<String>>) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tail.push(&line);
        if let Some(hearer) = &hearer {
            // Whoever no longer listens has lost interest, but the pipe is still drained.
            let _ = hearer.send(line);
        }
    }
}

#[cfg(test)]
mod tests;
