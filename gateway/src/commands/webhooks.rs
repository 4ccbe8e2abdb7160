//! `daemun webhooks`: what the games' own servers are told.

use std::process::ExitCode;

use clap::Subcommand;
use protocol::ids::{AppId, MemberId};
use protocol::time::Micros;
use storage::outbox::Sent;

use super::member::order_done;
use crate::config::Flags;
use crate::private::{NoticesQuery, Order, ReplayCommand};

/// What to do with webhooks.
#[derive(Clone, Debug, Subcommand)]
pub enum WebhooksCommand {
    /// Shows what a game's server is told and was told, the newest first.
    List {
        /// The game.
        #[arg(long, default_value = "demo")]
        app: AppId,
        /// Only about this member.
        #[arg(long)]
        member: Option<MemberId>,
        /// Only what nobody took for three days.
        #[arg(long, conflicts_with = "waiting")]
        failed: bool,
        /// Only what is still to be taken.
        #[arg(long)]
        waiting: bool,
        /// Only what was written before this moment.
        #[arg(long, value_name = "TIME")]
        before: Option<Micros>,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Sends a notice again that was taken or set aside. It keeps its id.
    Replay {
        /// The game.
        app: AppId,
        /// The member that it is about.
        member: MemberId,
        /// Its number, as `list` shows it.
        seq: u64,
    },
}

/// Runs the command by the server that runs on the data folder, or on the folder itself when
/// none runs.
pub async fn run(command: WebhooksCommand, flags: &Flags) -> ExitCode {
    let order = match command {
        WebhooksCommand::List { app, member, failed, waiting, before, limit } => {
            let sent = match (failed, waiting) {
                (true, _) => Some(Sent::Failed),
                (false, true) => Some(Sent::Waiting),
                (false, false) => None,
            };
            Order::Notices(NoticesQuery { app, member, sent, before, limit: Some(limit) })
        }
        WebhooksCommand::Replay { app, member, seq } => {
            Order::Replay(ReplayCommand { app, member, seq })
        }
    };
    order_done(order, flags).await
}
