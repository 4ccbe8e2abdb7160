//! Named transactions that may run more than once.
//!
//! A transaction that another one was in the way of, or whose connection broke before
//! `COMMIT` was sent, is run again: at most [`TRIES`] times, after a short random rest, inside
//! one deadline. Once `COMMIT` was sent and its answer did not come, nobody knows: that is
//! said, and nothing is run again.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::time::{Instant, sleep, timeout_at};

use super::fault::{Fault, LOCK_WAIT, Meaning, words};
use super::pool::{Server, give_up};
use super::router::Expected;
use crate::error::StorageError;

/// How often a transaction is run at most.
pub(super) const TRIES: u32 = 4;
/// How long all its runs together may take.
pub(super) const DEADLINE: Duration = Duration::from_millis(4_500);
/// The rest before the second run; it doubles with each.
const REST: Duration = Duration::from_millis(5);

/// What becomes of an item whose rows another transaction has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locks {
    /// It waits, and with it all that are in the same transaction.
    Wait,
    /// It is left out and told [`StorageError::Locked`]; the others go on.
    Skip,
}

/// A connection inside a transaction.
pub(super) struct Tx {
    connection: Conn,
    pub(super) locks: Locks,
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.connection
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.connection
    }
}

/// A transaction that is under way. One that is let go of before its end, whoever does that and
/// wherever, takes its connection with it: in the pool it would be part of the next one.
struct Open(Option<Tx>);

impl Open {
    /// It has ended: its connection is good for the next one.
    fn ended(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(tx) = self.0.take() {
            give_up(tx.connection);
        }
    }
}

/// What is done in a transaction. It may run several times, so it changes nothing but the
/// database.
pub(super) trait Work: Sync {
    /// Its name in metrics and logs: the domain and the deed.
    const NAME: &'static str;
    /// What it comes to.
    type Answer: Send;

    /// Does it. An error undoes it.
    fn run(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;
}

/// Why a transaction has no answer.
#[derive(Debug)]
pub(super) enum End {
    /// Nothing was done; others in the same transaction may be the reason.
    Abandoned(StorageError),
    /// Nothing was done: another transaction was in the way, and is not to be waited for.
    Locked,
    /// Nothing was done, and nothing can be: the server is not reached.
    Unreachable(StorageError),
    /// Nothing was done: this primary keeps other shards than was thought.
    StaleMap,
    /// It may have been done.
    Unknown,
}

impl End {
    /// What is said of it.
    pub(super) fn said(self) -> StorageError {
        match self {
            Self::Abandoned(error) | Self::Unreachable(error) => error,
            Self::Locked => StorageError::Locked,
            Self::StaleMap => StorageError::Moved,
            Self::Unknown => StorageError::OutcomeUnknown,
        }
    }
}

/// Runs `work` in a transaction on `server`, up to `tries` times.
pub(super) async fn run_tx<W: Work>(
    server: &Server,
    expected: &Expected,
    work: &W,
    tries: u32,
    locks: Locks,
) -> Result<W::Answer, End> {
    let began = Instant::now();
    let by = began + DEADLINE;
    let mut run = 0;
    let end = loop {
        run += 1;
        let (reason, error) = match once(server, expected, work, locks, by).await {
            Ok(answer) => break Ok(answer),
            Err(Once::Again(LOCK_WAIT, _)) if locks == Locks::Skip => break Err(End::Locked),
            Err(Once::Again(reason, error)) => (reason, error),
            Err(Once::End(end)) => break Err(end),
        };
        let rest = REST * 2_u32.saturating_pow(run) / 2;
        let rest = rest.mul_f64(0.5 + fastrand::f64());
        if run >= tries || Instant::now() + rest >= by {
            break Err(End::Abandoned(error));
        }
        metrics::counter!("daemun_tx_retries_total", "tx" => W::NAME, "why" => reason).increment(1);
        sleep(rest).await;
    };
    let how = match &end {
        Ok(_) => "committed",
        Err(End::Abandoned(_)) => "abandoned",
        Err(End::Locked) => "locked",
        Err(End::Unreachable(_)) => "unreachable",
        Err(End::StaleMap) => "stale_map",
        Err(End::Unknown) => "unknown",
    };
    metrics::counter!("daemun_tx_total", "tx" => W::NAME, "end" => how).increment(1);
    metrics::histogram!("daemun_tx_seconds", "tx" => W::NAME).record(began.elapsed().as_secs_f64());
    end
}

enum Once {
    /// Worth another run; why, and what to say if there is none.
    Again(&'static str, StorageError),
    End(End),
}

async fn once<W: Work>(
    server: &Server,
    expected: &Expected,
    work: &W,
    locks: Locks,
    by: Instant,
) -> Result<W::Answer, Once> {
    let unreachable = |error| Once::End(End::Unreachable(error));
    let connection = server.writing().await.map_err(unreachable)?;
    let mut open = Open(None);
    let tx = open.0.insert(Tx { connection, locks });
    let ran = timeout_at(by, async {
        expected.hold(server, tx).await?;
        work.run(tx).await
    });
    let answer = match ran.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(fault)) => return Err(undone(server, open, fault, by).await),
        Err(_) => {
            let late = server.unavailable(&format!("{} took too long", W::NAME));
            return Err(Once::End(End::Abandoned(late)));
        }
    };
    let why = match timeout_at(by, tx.query_drop("COMMIT")).await {
        Ok(Ok(())) => {
            open.ended();
            return Ok(answer);
        }
        Ok(Err(error)) if refused(&error) => {
            return Err(undone(server, open, error.into(), by).await);
        }
        Ok(Err(error)) => words(&error),
        Err(_) => "no answer to its commit".to_owned(),
    };
    tracing::warn!(
        tx = W::NAME,
        server = server.name,
        error = why,
        "the outcome of {} is unknown",
        W::NAME
    );
    Err(Once::End(End::Unknown))
}

/// Whether this answer to `COMMIT` says that nothing is committed. One that was interrupted may
/// have been on the way to the disk.
fn refused(error: &mysql_async::Error) -> bool {
    matches!(error, mysql_async::Error::Server(_))
        && matches!(Meaning::of(error), Meaning::Conflict(_) | Meaning::Final)
}

/// Rolls back, and says what follows.
async fn undone(server: &Server, mut open: Open, fault: Fault, by: Instant) -> Once {
    let once = match fault {
        Fault::Own(error) => Once::End(End::Abandoned(error)),
        Fault::StaleMap => Once::End(End::StaleMap),
        Fault::Sql(error) => {
            let said = server.unavailable(&words(&error));
            match Meaning::of(&error) {
                Meaning::Conflict(why) => Once::Again(why, said),
                Meaning::Lost => return Once::Again("lost", said),
                Meaning::Interrupted | Meaning::Final => Once::End(End::Abandoned(said)),
            }
        }
    };
    // After some errors the transaction is gone already; to say so again is harmless, and
    // without it the next statement would be part of what is left.
    if let Some(tx) = &mut open.0
        && let Ok(Ok(())) = timeout_at(by, tx.query_drop("ROLLBACK")).await
    {
        open.ended();
    }
    once
}
