//! `daemun gamelog`: what players did.

use std::process::ExitCode;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use protocol::ids::AppId;
use protocol::time::Micros;
use storage::clock::{Clock, SystemClock};
use storage::gamelog::Event;
use uuid::Uuid;

use super::member::{self, Who, duration};
use crate::config::Flags;
use crate::private::{LogOf, LogQuery, Order};

/// What to read of the game log.
#[derive(Clone, Debug, Subcommand)]
pub enum GamelogCommand {
    /// Shows what happened to a member, the oldest first, a page at a time. The answer says
    /// where the next page begins.
    Member {
        /// Which member.
        #[command(flatten)]
        who: Who,
        /// Which part of it.
        #[command(flatten)]
        page: Page,
    },
    /// Shows what happened of one kind, the oldest first, a page at a time. The answer says
    /// where the next page begins.
    Kind {
        /// Which kind
        #[arg(value_parser = PossibleValuesParser::new(Event::KINDS))]
        kind: String,
        /// The game.
        #[arg(long, default_value = "demo")]
        app: AppId,
        /// Which part of it.
        #[command(flatten)]
        page: Page,
    },
}

/// Which part of what there is.
#[derive(Clone, Debug, Args)]
pub struct Page {
    /// From when on, for example 2027-01-31T09:00:00+09:00, or how long ago, for example 7d
    #[arg(long, value_name = "TIME|DURATION", value_parser = since, default_value = "30d")]
    since: Since,
    /// Behind which record of that very moment: an id, as the page before says.
    #[arg(long, value_name = "ID")]
    after: Option<Uuid>,
    /// The most records of a page, at most 1000
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// A moment, or a time before now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// This one.
    At(Micros),
    /// So long ago.
    Ago(Duration),
}

fn since(text: &str) -> Result<Since, String> {
    match (text.parse(), duration::seconds(text)) {
        (Ok(at), _) => Ok(Since::At(at)),
        (Err(_), Ok(seconds)) => Ok(Since::Ago(Duration::from_secs(seconds))),
        (Err(_), Err(_)) => Err("neither a time, such as 2027-01-31T09:00:00+09:00, nor how long \
                                 ago, such as 7d or 12h"
            .to_owned()),
    }
}

/// Runs the command by the server that runs on the data folder, or on the log itself when none
/// runs.
pub async fn run(command: GamelogCommand, flags: &Flags) -> ExitCode {
    let (of, app, page) = match command {
        GamelogCommand::Member { who: Who { member, app }, page } => {
            (LogOf::Member(member), app, page)
        }
        GamelogCommand::Kind { kind, app, page } => (LogOf::Kind(kind), app, page),
    };
    let Page { since, after, limit } = page;
    let since = match since {
        Since::At(at) => at,
        Since::Ago(ago) => SystemClock.now().before(ago),
    };
    member::order_done(Order::Log(LogQuery { app, of, since, after, limit }), flags).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_a_moment_or_a_time_before_now() {
        let day = Duration::from_secs(24 * 3600);
        assert_eq!(since("1d"), Ok(Since::Ago(day)));
        assert_eq!(since("30d"), Ok(Since::Ago(30 * day)));
        let at = Since::At(Micros(1_800_000_000_000_001));
        assert_eq!(since("2027-01-15T08:00:00.000001Z"), Ok(at));
        for text in ["", "yesterday", "7", "-1d"] {
            assert!(since(text).unwrap_err().contains("neither a time"), "{text}");
        }
    }
}
