//! `daemun member`: one member, seen, spoken to and kept out by an operator.

pub(super) mod duration;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use protocol::error::ErrorBody;
use protocol::ids::{AppId, MemberId};
use protocol::text::{Text, TextError};
use protocol::time::Micros;
use serde::Deserialize;
use serde_json::Value;

use super::{fail, load, say};
use crate::config::{Flags, Settings};
use crate::control::{self, ControlError};
use crate::private::{BanCommand, Desk, Left, MessageCommand, Order, ShowCommand, Whom};

/// What to do with a member.
#[derive(Clone, Debug, Subcommand)]
pub enum MemberCommand {
    /// Shows a member: state, ban, identities, logins, inbox, and what was given back of purchases.
    Show {
        /// Which member.
        #[command(flatten)]
        who: Who,
        /// Takes what a replica of the database has, and says how old that may be.
        #[arg(long)]
        lagging: bool,
    },
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
    /// Keeps a member out, at once and wherever it is logged in. A later ban takes the place
    /// of an earlier one.
    Ban {
        /// Which member.
        #[command(flatten)]
        who: Who,
        /// What the player is told, in at most 512 bytes.
        #[arg(long)]
        reason: String,
        /// When it ends, for example 2027-01-31T09:00:00+09:00 [default: without an end]
        #[arg(long, value_name = "TIME")]
        until: Option<Micros>,
        /// How long it lasts, for example 7d, 12h or 1w2d, instead of --until
        #[arg(long = "for", value_name = "DURATION", conflicts_with = "until")]
        #[arg(value_parser = duration::seconds)]
        lasts_s: Option<u64>,
    },
    /// Lets a member in again. One who is not kept out stays as it is.
    Unban(Who),
}

/// Which member.
#[derive(Clone, Debug, Args)]
pub struct Who {
    /// The member's id.
    pub(super) member: MemberId,
    /// The game.
    #[arg(long, default_value = "demo")]
    pub(super) app: AppId,
}

impl From<Who> for Whom {
    fn from(Who { app, member }: Who) -> Self {
        Self { app, member }
    }
}

/// Runs the command by the server that runs on the data folder, or on the folder itself when
/// none runs.
pub async fn run(command: MemberCommand, flags: &Flags) -> ExitCode {
    match order(command) {
        Ok(order) => order_done(order, flags).await,
        Err(error) => fail(&error),
    }
}

/// Has an order carried out, and says what came of it.
pub(super) async fn order_done(order: Order, flags: &Flags) -> ExitCode {
    let done = match load(flags) {
        Ok(settings) => carry_out(&settings, order).await,
        Err(error) => Err(error),
    };
    match done.and_then(|answer| pretty(&answer)) {
        Ok(answer) => say(&answer),
        Err(error) => fail(&error),
    }
}

fn order(command: MemberCommand) -> Result<Order, String> {
    Ok(match command {
        MemberCommand::Show { who: Who { app, member }, lagging } => {
            Order::Show(ShowCommand { app, member, lagging })
        }
        MemberCommand::Message { who: Who { app, member }, title, text, expires_s } => {
            let title = title.as_deref().map(|title| bounded("--title", title)).transpose()?;
            let text = bounded("--text", &text)?;
            Order::Message(MessageCommand { app, member, title, text, expires_s })
        }
        MemberCommand::Ban { who: Who { app, member }, reason, until, lasts_s } => {
            let reason = bounded("--reason", &reason)?;
            Order::Ban(BanCommand { app, member, reason, until, for_s: lasts_s })
        }
        MemberCommand::Unban(who) => Order::Unban(who.into()),
    })
}

pub(super) fn bounded<const MAX: usize>(flag: &str, text: &str) -> Result<Text<MAX>, String> {
    Text::new(text).map_err(|error| match error {
        TextError::TooLong(_) => format!("{flag} is {error}"),
        TextError::Control => format!("{flag} {error}"),
    })
}

pub(super) async fn carry_out(settings: &Settings, order: Order) -> Result<Value, String> {
    if let Some(control) = control::read(&settings.data) {
        let body = serde_json::to_vec(&order).map_err(|error| error.to_string())?;
        match control.call(order.path(), Some(&body)).await {
            Ok(answer) => return serde_json::from_slice(&answer).map_err(|e| e.to_string()),
            // It ran once and does not any more.
            Err(ControlError::Nobody(_)) => {}
            Err(error @ ControlError::Refused(..)) => return Err(refused(&error)),
        }
    }
    let desk = Desk::alone(settings).await?;
    let answer = order.done_at(&desk).await.map_err(|error| error.to_string());
    if desk.leave().await? == Left::InTheSpool {
        // If standard error is closed there is nobody to tell.
        let _ = writeln!(
            std::io::stderr(),
            "daemun: the game log does not answer: what this command logged waits in {}, for the next daemun there",
            settings.data.join("spool").display()
        );
    }
    answer
}

/// What the server says is wrong, without its envelope.
pub(super) fn refused(error: &ControlError) -> String {
    #[derive(Deserialize)]
    struct Envelope {
        err: ErrorBody,
    }
    match error {
        ControlError::Refused(_, text) => serde_json::from_str(text)
            .map_or_else(|_| error.to_string(), |Envelope { err }| err.to_string()),
        ControlError::Nobody(_) => error.to_string(),
    }
}

pub(super) fn pretty(answer: &Value) -> Result<String, String> {
    serde_json::to_string_pretty(answer).map(|text| text + "\n").map_err(|error| error.to_string())
}
