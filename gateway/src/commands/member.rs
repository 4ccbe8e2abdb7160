//! `daemun member`: one member, seen and spoken to by an operator.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use protocol::ids::{AppId, MemberId};
use protocol::text::Text;
use serde::Serialize;

use super::{fail, load, say};
use crate::config::Flags;
use crate::control;
use crate::private::{MessageCommand, ShowCommand};

/// What to do with a member.
#[derive(Clone, Debug, Subcommand)]
pub enum MemberCommand {
    /// Shows a member: state, identities, logins, inbox.
    Show(Who),
    /// Sends a member a message. It waits in the member's inbox until it has arrived.
    Message {
        /// Which member.
        #[command(flatten)]
        who: Who,
        /// A heading.
        #[arg(long)]
        title: Option<String>,
        /// The text.
        #[arg(long)]
        text: String,
        /// How long it waits for the member, in seconds [default: 30 days]
        #[arg(long)]
        expires_s: Option<u64>,
    },
}

/// Which member.
#[derive(Clone, Debug, Args)]
pub struct Who {
    /// The member's id.
    member: MemberId,
    /// The game.
    #[arg(long, default_value = "demo")]
    app: AppId,
}

/// Runs the command by the server that runs on the data folder.
pub async fn run(command: MemberCommand, flags: &Flags) -> ExitCode {
    let done = match command {
        MemberCommand::Show(Who { app, member }) => {
            call(flags, "/commands/member/show", &ShowCommand { app, member }).await
        }
        MemberCommand::Message { who: Who { app, member }, title, text, expires_s } => {
            match message(app, member, title.as_deref(), &text, expires_s) {
                Ok(command) => call(flags, "/commands/member/message", &command).await,
                Err(error) => Err(error),
            }
        }
    };
    match done {
        Ok(answer) => say(&answer),
        Err(error) => fail(&error),
    }
}

fn message(
    app: AppId,
    member: MemberId,
    title: Option<&str>,
    text: &str,
    expires_s: Option<u64>,
) -> Result<MessageCommand, String> {
    let title = title.map(Text::new).transpose().map_err(|error| format!("--title is {error}"))?;
    let text = Text::new(text).map_err(|error| format!("--text is {error}"))?;
    Ok(MessageCommand { app, member, title, text, expires_s })
}

async fn call(flags: &Flags, path: &str, command: &impl Serialize) -> Result<String, String> {
    let settings = load(flags)?;
    let nobody = || format!("no server runs on {}: start it first", settings.data.display());
    let control = control::read(&settings.data).ok_or_else(nobody)?;
    let body = serde_json::to_vec(command).map_err(|error| error.to_string())?;
    let answer = control.call(path, Some(&body)).await.map_err(|error| error.to_string())?;
    let value: serde_json::Value =
        serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
    serde_json::to_string_pretty(&value).map(|text| text + "\n").map_err(|error| error.to_string())
}
