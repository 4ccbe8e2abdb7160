//! What the truth in MariaDB is held against: the bare driver with one statement at a time on
//! each of its connections, in a process of its own.
//!
//! It has a copy of the very table of logins, and statements like those that a session's
//! beginning and a token's exchange stand on. Its connections are held and its statements
//! prepared; nothing is batched, and nothing else is done. Every outcome is checked.

mod held;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::task::JoinSet;

use crate::Fault;
use crate::contest::{LONGEST, Taken, Watch};
use crate::process::{Process, leash};
use held::Held;

/// How long it may take to connect and to copy the table.
const READY: Duration = Duration::from_secs(60);

/// What it is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Copies the table of another database of the same server, and connects.
    Begin(Begin),
    /// Does so many, shared by its connections.
    Work(Work),
}

/// Where it works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begin {
    /// The address of its own database, with the account's password.
    pub(crate) url: String,
    /// The database whose logins it copies.
    pub(crate) from: String,
    /// How many connections it holds of each kind.
    pub(crate) connections: usize,
}

/// Some statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Work {
    /// Which.
    pub(crate) what: What,
    /// On how many connections at once.
    pub(crate) connections: usize,
    /// How many.
    pub(crate) many: usize,
}

/// What is done with a login's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// It is read by its key.
    Select,
    /// It is written by its key, in a transaction that is then committed.
    UpdateAndCommit,
    /// It is written by its key by a statement that is a transaction.
    Update,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done,
    Failed(String),
}

/// The process, as the bench has it.
pub(crate) struct Statements {
    process: Process,
}

impl Statements {
    /// Starts it, and has it make itself ready.
    ///
    /// # Errors
    /// When the database refuses.
    pub(crate) async fn start(begin: Begin) -> Result<Self, Fault> {
        let process = Process::start("the bare driver", leash::own("statements")?)?;
        let mut it = Self { process };
        it.order(&Order::Begin(begin), READY).await?;
        Ok(it)
    }

    /// Has work done, and takes what that took.
    ///
    /// # Errors
    /// When an outcome was wrong.
    pub(crate) async fn take(&mut self, work: Work) -> Result<Taken, Fault> {
        let watch = Watch::start(&self.process)?;
        self.order(&Order::Work(work), LONGEST).await?;
        watch.stop(&self.process, work.many).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it had ended before.
    pub(crate) async fn end(self) -> Result<(), Fault> {
        self.process.end().await
    }

    async fn order(&mut self, order: &Order, within: Duration) -> Result<(), Fault> {
        // The address of a database is no argument that everybody can read.
        self.process.say(&serde_json::to_string(order)?).await?;
        let understand = |line: &str| serde_json::from_str(line).ok();
        match self.process.hear("the end of its work", within, understand).await? {
            Outcome::Done => Ok(()),
            Outcome::Failed(why) => Err(self.process.trouble(&why)),
        }
    }
}

/// Is that process, until nobody can order it any more.
///
/// # Errors
/// When an order is not understood.
pub(crate) async fn run() -> Result<(), Fault> {
    let mut desk = Desk::default();
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = orders.next_line().await? {
        let outcome = match desk.obey(serde_json::from_str(&line)?).await {
            Ok(()) => Outcome::Done,
            Err(fault) => Outcome::Failed(fault.to_string()),
        };
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{}", serde_json::to_string(&outcome)?)?;
        stdout.flush()?;
    }
    Ok(())
}

/// Its connections, and the keys of its rows.
#[derive(Default)]
struct Desk {
    /// Each statement on them is a transaction.
    alone: Vec<Held>,
    /// Each statement on them waits for a commit.
    open: Vec<Held>,
    keys: Arc<Vec<Vec<u8>>>,
}

impl Desk {
    async fn obey(&mut self, order: Order) -> Result<(), Fault> {
        match order {
            Order::Begin(begin) => self.begin(&begin).await,
            Order::Work(work) => self.work(work).await,
        }
    }

    async fn begin(&mut self, begin: &Begin) -> Result<(), Fault> {
        let opts = Opts::from_url(&begin.url)?;
        let mut connection = Conn::new(opts.clone()).await?;
        connection.query_drop(format!("CREATE TABLE login LIKE {}.login", begin.from)).await?;
        connection
            .query_drop(format!("INSERT INTO login SELECT * FROM {}.login", begin.from))
            .await?;
        self.keys = Arc::new(connection.query("SELECT login FROM login ORDER BY login").await?);
        connection.disconnect().await?;
        for _ in 0..begin.connections {
            self.alone.push(Held::connect(&opts, true).await?);
            self.open.push(Held::connect(&opts, false).await?);
        }
        Ok(())
    }

    /// Whoever has done one takes the next, so that none waits for the slowest.
    async fn work(&mut self, work: Work) -> Result<(), Fault> {
        let connections = match work.what {
            What::Select | What::Update => &mut self.alone,
            What::UpdateAndCommit => &mut self.open,
        };
        if connections.len() < work.connections || self.keys.is_empty() {
            return Err("there are fewer connections than that, or no rows".into());
        }
        let next = Arc::new(AtomicUsize::new(0));
        let mut working = JoinSet::new();
        for mut held in connections.drain(..work.connections) {
            let (next, keys) = (next.clone(), self.keys.clone());
            working.spawn(async move {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= work.many {
                        return Ok::<_, Fault>(held);
                    }
                    held.once(work.what, &keys[at % keys.len()]).await?;
                }
            });
        }
        while let Some(held) = working.join_next().await {
            connections.push(held??);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_line() {
        let order = Order::Work(Work { what: What::Select, connections: 2, many: 3 });
        let line = serde_json::to_string(&order).unwrap();
        assert_eq!(line, r#"{"work":{"what":"select","connections":2,"many":3}}"#);
        assert_eq!(serde_json::from_str::<Order>(&line).unwrap(), order);
    }
}
