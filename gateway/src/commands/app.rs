//! `daemun app`: one game, spoken to by an operator.

use std::process::ExitCode;

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
    /// Counts who is connected, by the games, to this server and to those that share its Redis.
    Players,
}

/// Runs the command by the server that runs on the data folder.
pub async fn run(command: AppCommand, flags: &Flags) -> ExitCode {
    match told(command, flags).await.and_then(|answer| pretty(&answer)) {
        Ok(answer) => say(&answer),
        Err(error) => fail(&error),
    }
}

async fn told(command: AppCommand, flags: &Flags) -> Result<Value, String> {
    let (path, body) = match command {
        AppCommand::Announce { app, title, text } => {
            let title = title.as_deref().map(|title| bounded("--title", title)).transpose()?;
            let command = AnnounceCommand { app, title, text: bounded("--text", &text)? };
            ("/commands/app/announce", serde_json::to_vec(&command))
        }
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
