//! The clients of a bench, in one process of their own.
//!
//! The process does what it is ordered to on standard input and answers each order on
//! standard output, a line of JSON each. Between orders its sockets are silent.

pub(crate) mod client;
pub(crate) mod crowd;
mod echo;
pub(crate) mod hark;
pub(crate) mod player;

use std::io::Write;
use std::time::Duration;

use clap::ValueEnum;
use protocol::ids::MemberId;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::Fault;
use crate::process::{Process, leash};
use client::Door;
use crowd::Crowd;
use hark::{Noted, Pulse};
use player::Being;

/// What clients speak to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Whom {
    /// The server, at its HTTP address, in MessagePack.
    Daemun,
    /// The same in JSON.
    DaemunJson,
    /// An echo over TCP.
    Tcp,
    /// An echo over websockets.
    Websocket,
}

impl Whom {
    fn word(self) -> &'static str {
        match self {
            Self::Daemun => "daemun",
            Self::DaemunJson => "daemun-json",
            Self::Tcp => "tcp",
            Self::Websocket => "websocket",
        }
    }
}

/// The command line of the clients' process.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What they speak to.
    whom: Whom,
    /// Where it is.
    address: String,
    /// How many of them are at work at a time.
    #[arg(long, default_value_t = crowd::AT_A_TIME)]
    at_a_time: usize,
    /// What they say of themselves.
    #[command(flatten)]
    being: Being,
}

/// What the clients are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// So many more connect; of the server's each logs in as a new guest and opens a session.
    Enter(usize),
    /// So many new guests log in and leave again, with a token for a session later.
    Admit(usize),
    /// So many connect. The server's hold no session yet.
    Connect(usize),
    /// Those who connected log so many new guests in, each one after the other.
    LogIn(usize),
    /// Those who connected exchange the tokens of the first so many guests, as before.
    Refresh(usize),
    /// Each of those who connected opens a session with a token.
    Open,
    /// So many connect and, of the server's, open a session with a token.
    Storm(usize),
    /// Each asks, and hears every answer.
    Burst(Burst),
    /// Each hears one push.
    Hear,
    /// Each hears what everyone is told.
    Listen,
    /// Each notes when it hears a push of this word, all at once.
    Hark(Word),
    /// Each notes when it hears a push of this word, and when it is closed with this code then.
    HarkClosed(Word, u16),
    /// All together ask `session.ping` so often a second, for so many seconds, and note how long
    /// each answer took.
    Pulse {
        /// How often.
        a_second: u32,
        /// For how long.
        seconds: u32,
    },
    /// The last so many close their sessions and leave.
    Leave(usize),
    /// Says whose sessions are open.
    Members,
}

/// What a client asks for; an echo has but one thing to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// `session.ping` and `member.me` by turns.
    Mixed,
    /// `session.ping`, which the connection answers.
    Ping,
    /// `member.me`, which the session's actor answers.
    Me,
    /// `inbox.list`, which the session's actor answers.
    Inbox,
}

/// A push that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// `notice.published`.
    Published,
    /// `maintenance.scheduled`.
    Scheduled,
    /// `maintenance.started`.
    Started,
}

impl Word {
    fn word(self) -> &'static str {
        match self {
            Self::Published => "notice.published",
            Self::Scheduled => "maintenance.scheduled",
            Self::Started => "maintenance.started",
        }
    }
}

/// How often a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Burst {
    /// For what.
    pub(crate) question: Question,
    /// How often, before it is the next client's turn.
    pub(crate) reads: usize,
    /// How often before it waits for the answers, and then goes on.
    pub(crate) at_once: usize,
    /// How many times each client has its turn.
    pub(crate) turns: usize,
}

impl Burst {
    /// Asks once.
    pub(crate) const ONE: Self = Self::of(Question::Mixed, 1, 1);

    /// One turn each.
    pub(crate) const fn of(question: Question, reads: usize, at_once: usize) -> Self {
        Self { question, reads, at_once, turns: 1 }
    }

    /// The sizes of the parts that are asked at once, in one turn.
    fn parts(self) -> impl Iterator<Item = usize> {
        let at_once = self.at_once.max(1);
        (0..self.reads).step_by(at_once).map(move |asked| at_once.min(self.reads - asked))
    }
}

/// What has come of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// Every reply was as it should be.
    Done(Done),
    /// One was not; the run is worth nothing.
    Failed(String),
}

/// An order that was carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    /// How many clients are connected now.
    pub(crate) connected: usize,
    /// For how many seconds from its login on the shortest-lived token is good; `None`
    /// where there are no tokens.
    pub(crate) good_for_s: Option<u64>,
    /// Whose sessions are open, when that was the order.
    pub(crate) members: Vec<MemberId>,
    /// What each noted, when that was the order.
    #[serde(default)]
    pub(crate) noted: Vec<Noted>,
    /// What was asked, when that was the order.
    #[serde(default)]
    pub(crate) pulses: Vec<Pulse>,
}

/// The clients' process, as the bench has it.
pub(crate) struct Clients {
    process: Process,
}

impl Clients {
    /// Starts the process; nobody is connected yet. Of its clients so many are at work at a
    /// time.
    ///
    /// # Errors
    /// When the system does not start it.
    pub(crate) fn start(whom: Whom, address: &str, at_a_time: usize) -> Result<Self, Fault> {
        Self::being(whom, address, at_a_time, &Being::default())
    }

    /// The same, of clients who say that of themselves.
    ///
    /// # Errors
    /// As [`Clients::start`].
    pub(crate) fn being(
        whom: Whom,
        address: &str,
        at_a_time: usize,
        being: &Being,
    ) -> Result<Self, Fault> {
        let mut command = leash::own("clients")?;
        command.args([whom.word(), address, "--at-a-time", &at_a_time.to_string()]);
        command.args(being.arguments());
        Ok(Self { process: Process::start("the clients", command)? })
    }

    /// What processor time they have used so far.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn cpu(&self) -> Result<Duration, Fault> {
        self.process.cpu()
    }

    /// Has an order carried out.
    ///
    /// # Errors
    /// When a reply was wrong, or it takes longer than `within`.
    pub(crate) async fn order(&mut self, order: Order, within: Duration) -> Result<Done, Fault> {
        self.process.say(&serde_json::to_string(&order)?).await?;
        let what = format!("the end of {order:?}");
        let outcome =
            self.process.hear(&what, within, |line| serde_json::from_str(line).ok()).await?;
        match outcome {
            Outcome::Done(done) => Ok(done),
            Outcome::Failed(why) => Err(self.process.trouble(&format!("{order:?}: {why}"))),
        }
    }

    /// Ends the process, and with it whoever is still connected.
    ///
    /// # Errors
    /// When it had ended before.
    pub(crate) async fn end(self) -> Result<(), Fault> {
        self.process.end().await
    }
}

/// Is the clients' process, until nobody can order it any more.
///
/// # Errors
/// When an order is not understood.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Fault> {
    let door = Door::new(arguments.whom, &arguments.address, arguments.being.clone())?;
    let mut crowd = Crowd::new(door, arguments.at_a_time);
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = orders.next_line().await? {
        let outcome = match crowd.obey(serde_json::from_str(&line)?).await {
            Ok(done) => Outcome::Done(done),
            Err(fault) => Outcome::Failed(fault.to_string()),
        };
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{}", serde_json::to_string(&outcome)?)?;
        stdout.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_comes_in_parts() {
        let parts =
            |reads, at_once| Burst::of(Question::Mixed, reads, at_once).parts().collect::<Vec<_>>();
        assert_eq!(parts(50, 16), [16, 16, 16, 2]);
        assert_eq!(parts(2, 50), [2]);
        assert_eq!(parts(2, 0), [1, 1]);
        assert!(parts(0, 16).is_empty());
    }

    #[test]
    fn orders_and_outcomes_are_lines() {
        assert_eq!(serde_json::to_string(&Order::Enter(5)).unwrap(), r#"{"enter":5}"#);
        assert_eq!(serde_json::from_str::<Order>(r#""open""#).unwrap(), Order::Open);
        let done = Outcome::Done(Done { connected: 5, good_for_s: Some(900), ..Done::default() });
        let line = serde_json::to_string(&done).unwrap();
        assert_eq!(serde_json::from_str::<Outcome>(&line).unwrap(), done);
        assert!(serde_json::from_str::<Outcome>("listening").is_err());
    }
}
