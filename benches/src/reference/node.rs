//! Node's `ws`, where Node is at hand: what many would write a game's server with.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::Reference;
use crate::Fault;
use crate::process::{Process, leash};

/// What it is called in a report.
pub(crate) const NAME: &str = "Node `ws`";
/// Where the package is installed; it is kept for the next run.
const FOLDER: &str = "target/bench/node";
/// How long the installation may take.
const INSTALL: Duration = Duration::from_secs(120);
/// How long Node may take to say its version.
const VERSION: Duration = Duration::from_secs(20);

/// The package, with its version and digest.
const PACKAGE: &str = include_str!("node/package.json");
const LOCK: &str = include_str!("node/package-lock.json");
const ECHO: &str = include_str!("node/echo.mjs");

/// An echo that can be started.
pub(crate) struct Node {
    echo: PathBuf,
    /// Node's version, as it says it.
    pub(crate) version: String,
}

impl Node {
    /// Looks for Node, and installs the package unless it is there.
    ///
    /// # Errors
    /// Why there is none; a bench goes on without it, and says so.
    pub(crate) async fn ready() -> Result<Self, Fault> {
        let version = said("node", &["--version"], Path::new("."), VERSION).await?;
        let folder = Path::new(FOLDER);
        std::fs::create_dir_all(folder)?;
        let installed = folder.join("node_modules/ws").is_dir()
            && std::fs::read_to_string(folder.join("package-lock.json")).is_ok_and(|it| it == LOCK);
        for (name, text) in [("package.json", PACKAGE), ("echo.mjs", ECHO)] {
            std::fs::write(folder.join(name), text)?;
        }
        if !installed {
            eprintln!("{NAME}: installing the package into {FOLDER}");
            std::fs::write(folder.join("package-lock.json"), LOCK)?;
            let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
            said("npm", &arguments, folder, INSTALL).await?;
        }
        Ok(Self { echo: std::path::absolute(folder.join("echo.mjs"))?, version })
    }

    /// Starts the echo.
    ///
    /// # Errors
    /// When it does not listen in time.
    pub(crate) async fn start(&self) -> Result<Reference, Fault> {
        let mut command = leash::command(Path::new("node"))?;
        command.arg(&self.echo);
        Reference::listening(Process::start(NAME, command)?).await
    }
}

/// Runs a command to its end, and gives what it has said.
async fn said(
    program: &str,
    arguments: &[&str],
    folder: &Path,
    within: Duration,
) -> Result<String, Fault> {
    let mut command: Command = leash::command(Path::new(program))?;
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(within, command.output())
        .await
        .map_err(|_| format!("{program} took more than {} s", within.as_secs()))??;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", why.trim().lines().last().unwrap_or("failed")).into())
}
