//! `daemun app`: one game, spoken to by an operator.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use actors::random;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::Subcommand;
use protocol::ids::AppId;
use serde_json::Value;

use super::member::{bounded, pretty, refused};
use super::{fail, load, say};
use crate::config::Flags;
use crate::control::{self, ControlError};
use crate::private::AnnounceCommand;

/// What to do with a game.
#[derive(Clone, Debug, Subcommand)]
pub enum AppCommand {
    /// Tells everyone who is connected to this server and plays the game. Whoever is not
    /// there does not hear it: what must arrive is a message to a member.
    Announce {
        /// The game.
        #[arg(default_value = "demo")]
        app: AppId,
        /// A heading.
        #[arg(long)]
        title: Option<String>,
        /// The text.
        #[arg(long)]
        text: String,
    },
    /// Makes a secret for a game's server, and writes it into a new file that its owner alone can
    /// read.
    Key {
        /// The file.
        file: PathBuf,
        /// Makes one that signs webhooks, whsec_ and base64, not one that signs requests.
        #[arg(long)]
        webhook: bool,
    },
    /// Counts who is connected, by the games, to this server and to those that share its Redis.
    Players,
}

/// Runs the command by the server that runs on the data folder.
pub async fn run(command: AppCommand, flags: &Flags) -> ExitCode {
    if let AppCommand::Key { file, webhook } = &command {
        return match key(file, *webhook) {
            Ok(()) => say(&format!("{} has a new secret\n", file.display())),
            Err(error) => fail(&format!("{}: {error}", file.display())),
        };
    }
    match told(command, flags).await.and_then(|answer| pretty(&answer)) {
        Ok(answer) => say(&answer),
        Err(error) => fail(&error),
    }
}

/// Writes a secret of 32 random bytes. A file that is there stays: somebody may use it.
fn key(file: &Path, webhook: bool) -> io::Result<()> {
    let bytes = random::bytes::<32>();
    let text = match webhook {
        true => format!("whsec_{}\n", STANDARD.encode(bytes)),
        false => format!("{}\n", URL_SAFE_NO_PAD.encode(bytes)),
    };
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).open(file)?.write_all(text.as_bytes())
}

async fn told(command: AppCommand, flags: &Flags) -> Result<Value, String> {
    let (path, body) = match command {
        AppCommand::Announce { app, title, text } => {
            let title = title.as_deref().map(|title| bounded("--title", title)).transpose()?;
            let command = AnnounceCommand { app, title, text: bounded("--text", &text)? };
            ("/commands/app/announce", serde_json::to_vec(&command))
        }
        AppCommand::Key { .. } => return Err("a key is made without a server".to_owned()),
        AppCommand::Players => ("/commands/app/players", Ok(b"{}".to_vec())),
    };
    let data = load(flags)?.data;
    let nobody = || format!("no server runs on {}, so nobody is connected to it", data.display());
    let control = control::read(&data).ok_or_else(nobody)?;
    let body = body.map_err(|error| error.to_string())?;
    match control.call(path, Some(&body)).await {
        Ok(answer) => serde_json::from_slice(&answer).map_err(|error| error.to_string()),
        Err(ControlError::Nobody(_)) => Err(nobody()),
        Err(error @ ControlError::Refused(..)) => Err(refused(&error)),
    }
}
