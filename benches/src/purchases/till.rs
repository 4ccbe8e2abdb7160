//! What makes purchases durable, in a process of its own: the server's storage, or the bare
//! driver in a loop on each connection.

mod batched;
mod interactive;
mod single;

use std::io::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::Fault;
use crate::contest::{LONGEST, Taken, Watch};
use crate::process::{Process, leash};
use batched::Batched;
use interactive::Interactive;
use single::Single;

/// How long it may take to open, and to make the members.
const READY: Duration = Duration::from_secs(120);

/// How it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// By the server's storage.
    Batched,
    /// By the driver, a transaction at a time on each connection.
    Interactive,
    /// By SQLite, one row and one commit after the other.
    Single,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// Opens the database of this address, or an embedded one, and makes so many members.
    Open { way: Way, url: Option<String>, members: usize },
    /// Makes so many purchases durable, so many at once.
    Work { purchases: usize, in_flight: usize },
    /// Looks whether so many were granted, each once.
    Count(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done,
    Failed(String),
}

/// The process, as the bench has it.
pub(super) struct Till(Process);

impl Till {
    /// Starts it.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub(super) async fn start(way: Way, url: Option<&str>, members: usize) -> Result<Self, Fault> {
        let mut it = Self(Process::start("a till", leash::own("till")?)?);
        it.order(&Order::Open { way, url: url.map(str::to_owned), members }, READY).await?;
        Ok(it)
    }

    /// Has purchases made durable, and takes what that took.
    ///
    /// # Errors
    /// When one was not.
    pub(super) async fn take(
        &mut self,
        purchases: usize,
        in_flight: usize,
    ) -> Result<Taken, Fault> {
        let watch = Watch::start(&self.0)?;
        self.order(&Order::Work { purchases, in_flight }, LONGEST).await?;
        watch.stop(&self.0, purchases).await
    }

    /// # Errors
    /// When more or fewer were granted, or the ledger does not add up.
    pub(super) async fn count(&mut self, purchases: usize) -> Result<(), Fault> {
        self.order(&Order::Count(purchases), LONGEST).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it had ended before.
    pub(super) async fn end(self) -> Result<(), Fault> {
        self.0.end().await
    }

    async fn order(&mut self, order: &Order, within: Duration) -> Result<(), Fault> {
        // The address of a database is no argument that everybody can read.
        self.0.say(&serde_json::to_string(order)?).await?;
        let understand = |line: &str| serde_json::from_str(line).ok();
        match self.0.hear("the end of its work", within, understand).await? {
            Outcome::Done => Ok(()),
            Outcome::Failed(why) => Err(self.0.trouble(&why)),
        }
    }
}

enum Open {
    Batched(Box<Batched>),
    Interactive(Interactive),
    Single(Single),
}

impl Open {
    async fn new(way: Way, url: Option<&str>, members: usize) -> Result<Self, Fault> {
        Ok(match way {
            Way::Batched => Self::Batched(Box::new(Batched::open(url, members).await?)),
            Way::Interactive => {
                let url = url.ok_or("there is no address")?;
                Self::Interactive(Interactive::open(url, members).await?)
            }
            Way::Single => Self::Single(Single::open().await?),
        })
    }

    async fn work(&mut self, purchases: usize, in_flight: usize) -> Result<(), Fault> {
        match self {
            Self::Batched(it) => it.work(purchases, in_flight).await,
            Self::Interactive(it) => it.work(purchases, in_flight).await,
            Self::Single(it) => it.work(purchases).await,
        }
    }

    async fn count(&self, purchases: usize) -> Result<(), Fault> {
        match self {
            Self::Batched(it) => it.count(purchases).await,
            Self::Interactive(_) | Self::Single(_) => Err("nothing is counted there".into()),
        }
    }
}

/// Is that process, until nobody can order it any more.
///
/// # Errors
/// When an order is not understood.
pub(crate) async fn run() -> Result<(), Fault> {
    let mut open = None;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = orders.next_line().await? {
        let outcome = match obey(serde_json::from_str(&line)?, &mut open).await {
            Ok(()) => Outcome::Done,
            Err(fault) => Outcome::Failed(fault.to_string()),
        };
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{}", serde_json::to_string(&outcome)?)?;
        stdout.flush()?;
    }
    Ok(())
}

async fn obey(order: Order, open: &mut Option<Open>) -> Result<(), Fault> {
    let nothing = || Fault::from("nothing is open");
    match order {
        Order::Open { way, url, members } => {
            *open = Some(Open::new(way, url.as_deref(), members).await?);
            Ok(())
        }
        Order::Work { purchases, in_flight } => {
            open.as_mut().ok_or_else(nothing)?.work(purchases, in_flight).await
        }
        Order::Count(purchases) => open.as_ref().ok_or_else(nothing)?.count(purchases).await,
    }
}
