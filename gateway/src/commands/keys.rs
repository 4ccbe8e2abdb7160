//! `daemun keys`: the keys that sign access tokens.

use std::process::ExitCode;
use std::time::Duration;

use actors::identity::keyring::{self, Keyring, PUBLISH_AHEAD};
use clap::Subcommand;
use storage::clock::{Clock, SystemClock};

use super::{fail, load, say};
use crate::config::{Flags, Mode, Settings};
use crate::control::{self, ControlError};
use crate::private::{Rotate, Rotated};
use crate::server::keys_dir;

/// What to do with the keys.
#[derive(Clone, Debug, Subcommand)]
pub enum KeysCommand {
    /// Lists them, and from when each signs.
    List,
    /// Makes a new one. It is published at once and signs ten minutes later; the old one
    /// verifies until what it signed has expired, so nobody is logged out.
    Rotate {
        /// Has it sign at once. Whoever verifies with a cached key set may refuse tokens
        /// until it looks again: for a key that leaked.
        #[arg(long)]
        now: bool,
    },
}

/// Runs the command.
pub async fn run(command: KeysCommand, flags: &Flags) -> ExitCode {
    let settings = match load(flags) {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    let done = match command {
        KeysCommand::List => list(&settings),
        KeysCommand::Rotate { now } => {
            let ahead = if now { Duration::ZERO } else { PUBLISH_AHEAD };
            rotate(&settings, ahead).await
        }
    };
    match done {
        Ok(text) => say(&text),
        Err(error) => fail(&error),
    }
}

fn list(settings: &Settings) -> Result<String, String> {
    // Listing shows development's keys in production too: they are what is in the way.
    let ring = Keyring::read(&keys_dir(settings), false).map_err(|error| error.to_string())?;
    let now = SystemClock.now();
    let signer = ring.signer(now).map(|key| key.kid.clone());
    let rows = ring.names().map(|(kid, from)| {
        let state = match () {
            () if Some(kid) == signer.as_deref() => "signs now",
            () if from > now => "will sign",
            () => "verifies",
        };
        format!("{kid}  from {from}  {state}\n")
    });
    Ok(rows.collect())
}

async fn rotate(settings: &Settings, ahead: Duration) -> Result<String, String> {
    let body =
        serde_json::to_vec(&Rotate { ahead_s: ahead.as_secs() }).map_err(|e| e.to_string())?;
    if let Some(control) = control::read(&settings.data) {
        match control.call("/commands/keys/rotate", Some(&body)).await {
            Ok(answer) => {
                let rotated: Rotated =
                    serde_json::from_slice(&answer).map_err(|e| e.to_string())?;
                return Ok(made(&rotated.kid, ahead, "the running server knows it"));
            }
            // It ran once and does not any more.
            Err(ControlError::Nobody(_)) => {}
            Err(error @ ControlError::Refused(..)) => return Err(error.to_string()),
        }
    }
    let (folder, now) = (keys_dir(settings), SystemClock.now());
    let production = settings.mode == Mode::Production;
    Keyring::prepare(&folder, now, production).map_err(|error| error.to_string())?;
    let kid = keyring::add(&folder, now.after(ahead), production).map_err(|e| e.to_string())?;
    Ok(made(&kid, ahead, "no server runs on this data folder"))
}

fn made(kid: &str, ahead: Duration, server: &str) -> String {
    format!("key {kid} is made and signs in {} s; {server}\n", ahead.as_secs())
}
