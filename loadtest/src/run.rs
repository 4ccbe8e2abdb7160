//! The load generator: very many players, and what becomes of them.
//!
//! A [`Plan`] says what is to be done; [`run`] does it and gives a [`Report`]. Each player is
//! one task with one websocket. Requests come in an open model (`arrivals.rs`): they are due
//! when they are due, however slow the server is, and their latency counts from then.

mod ask;
mod known;
mod plan;

mod arguments;
mod arrivals;
mod pace;

mod back_off;
mod door;
mod line;
mod player;
mod seat;
mod slow_reader;

mod desk;
mod poster;
mod pushes;

mod complaints;
mod cost;
mod ledger;
mod metrics;
mod requests;
mod roll;
mod stage;

mod crowd;
mod login_storm;
mod reconnect_storm;
mod slow_clients;
mod steady;

mod progress;
mod report;

use std::fmt;
use std::sync::Arc;

use protocol::launching::StatusReply;

use crate::dial::{Dialer, allow_open_files};
use crate::failure::Failure;
use crate::player::Visitor;
use stage::Stage;

pub use arguments::Arguments;
pub use complaints::Wrong;
pub use cost::{Cost, Costs, Moment};
pub use desk::Access;
pub use ledger::{Latencies, Section};
pub use login_storm::LoginStorm;
pub use plan::{Messages, Plan, Scenario};
pub use progress::Screen;
pub use pushes::PushCounts;
pub use reconnect_storm::ReconnectStorm;
pub use report::{Findings, Options, Report, Verdict};
pub use requests::RequestCounts;
pub use roll::Places;
pub use slow_reader::SlowReaders;

/// How many files are open beside the players' sockets.
const OTHER_FILES: u64 = 64;

/// Why a run could not begin.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// There is no server.
    NobodyThere {
        /// Where it was looked for.
        server: String,
        /// What the system says.
        why: String,
    },
    /// This machine does not allow so many sockets.
    TooManySessions {
        /// How many files would be open.
        needed: u64,
        /// How many may be.
        allowed: u64,
    },
    /// The server does not serve the game.
    NotServed(String),
    /// Something here is not as it should be.
    Local(String),
}

impl Fault {
    /// The exit status that says so.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::NotServed(_) => Verdict::WrongAnswers.status(),
            Self::NobodyThere { .. } | Self::TooManySessions { .. } | Self::Local(_) => 2,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyThere { server, why } => write!(
                f,
                "nothing answers at {server} ({why}): start the server with `cargo run --release`, then try again"
            ),
            Self::TooManySessions { needed, allowed } => write!(
                f,
                "--sessions: so many need {needed} open files, and {allowed} are allowed here (`ulimit -Hn`)"
            ),
            Self::NotServed(why) => write!(f, "players are not served: {why}"),
            Self::Local(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Fault {}

/// Does what is planned.
///
/// # Errors
/// When it could not begin. What goes wrong later is in the report.
pub async fn run(plan: Plan, screen: Screen) -> Result<Report, Fault> {
    let needed = plan.sessions as u64 + OTHER_FILES;
    let allowed = allow_open_files(needed)
        .map_err(|error| Fault::Local(format!("the limit of open files: {error}")))?;
    if allowed < needed {
        return Err(Fault::TooManySessions { needed, allowed });
    }
    look_ahead(&plan).await?;
    let road = Box::new(Dialer::new(plan.to, plan.sources));
    let stage =
        Stage::new(plan, road, true).map_err(|failure| Fault::Local(failure.to_string()))?;
    let stage = Arc::new(stage);
    let report = tokio::select! {
        report = perform(&stage) => report,
        () = stage.watch_memory() => Report::of(&stage, None),
        () = progress::show(stage.clone(), screen) => Report::of(&stage, None),
        _ = tokio::signal::ctrl_c() => Report::of(&stage, None),
    };
    Ok(report.with_metrics(metrics::read(&stage.plan.private).await))
}

/// Plays the plan's scenario to its end.
async fn perform(stage: &Arc<Stage>) -> Report {
    let mut findings = Findings::default();
    // In boxes: a scenario holds what all its parts need.
    match stage.plan.scenario {
        Scenario::Steady => Box::pin(steady::play(stage)).await,
        Scenario::LoginStorm => {
            findings.login_storm = Some(Box::pin(login_storm::play(stage)).await);
        }
        Scenario::ReconnectStorm { by_server } => {
            let storm = Box::pin(reconnect_storm::play(stage, by_server)).await;
            findings.reconnect_storm = Some(storm);
        }
        Scenario::SlowClients { .. } => {
            findings.slow_clients = Some(Box::pin(slow_clients::play(stage)).await);
        }
    }
    Report::of(stage, Some(findings))
}

/// Asks whether the game is in service, before thousands do.
async fn look_ahead(plan: &Plan) -> Result<(), Fault> {
    let visitor = Visitor::new(&plan.server, &plan.app, plan.format)
        .map_err(|failure| Fault::Local(format!("--app: {failure}")))?;
    match visitor.status().await {
        Ok(StatusReply { status: 200..=299, .. }) => Ok(()),
        Ok(status) => Err(Fault::NotServed(format!(
            "the game is {} ({})",
            status.word.word().replace('_', " "),
            status.status
        ))),
        Err(Failure::Unreachable { address, why }) => {
            Err(Fault::NobodyThere { server: address, why })
        }
        Err(other) => Err(Fault::NotServed(other.to_string())),
    }
}

#[cfg(test)]
mod tests;
