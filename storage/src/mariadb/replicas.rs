//! Replicas: how far each lags, and whether it is read.
//!
//! A look each second asks every primary that has replicas where it is, and every replica how far
//! it came. One that is away, follows another, or lags more than the settings allow is not read;
//! that is said once, and once again when it is read anew. A read asks for itself as well.

mod past;
mod position;
mod reads;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::fault::{Fault, words};
use super::pool::{Server, give_up};
use super::router::Router;
use crate::error::Result;
use past::Past;
pub(super) use position::Position;

/// How often it is looked.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a server may take to say where it is.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Where a primary is: empty without a binary log.
pub(super) const WRITTEN: &str = "SELECT @@global.gtid_binlog_pos";
/// How far a replica came: empty when it follows nobody.
pub(super) const APPLIED: &str = "SELECT @@global.gtid_slave_pos";

/// A copy of a primary.
pub(super) struct Replica {
    pub(super) server: Server,
    /// The place of its primary.
    pub(super) of: usize,
    standing: Mutex<Standing>,
}

/// Whether a replica is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody has looked yet.
    Unknown,
    Read,
    /// It is not, and why.
    Unread(&'static str, String),
}

impl Replica {
    pub(super) fn new(server: Server, of: usize) -> Self {
        Self { server, of, standing: Mutex::new(Standing::Unknown) }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        // Nothing under the lock can be left half done.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing says that it is the copy of another.
    fn is_ours(&self) -> bool {
        match &*self.standing() {
            Standing::Unknown | Standing::Read => true,
            Standing::Unread(why, _) => matches!(*why, "away" | "behind"),
        }
    }

    fn is_read(&self) -> bool {
        *self.standing() == Standing::Read
    }

    /// Takes a new standing, and says it when it is another.
    fn stands(&self, new: Standing) {
        let old = std::mem::replace(&mut *self.standing(), new.clone());
        let kind = std::mem::discriminant::<Standing>;
        let name = self.server.name.as_str();
        match (&old, &new) {
            (Standing::Unread(old, _), Standing::Unread(new, _)) if old == new => {}
            (_, Standing::Unread(why, what)) => {
                tracing::warn!(replica = name, why, "replica `{name}` is not read: {what}");
            }
            (Standing::Unread(..), Standing::Read) => {
                tracing::info!(replica = name, "replica `{name}` is read again");
            }
            (old, new) if kind(old) == kind(new) => {}
            (_, Standing::Read | Standing::Unknown) => {}
        }
        let read = if new == Standing::Read { 1.0 } else { 0.0 };
        metrics::gauge!("daemun_replica_read", "replica" => name.to_owned()).set(read);
    }
}

/// The replicas of all primaries.
pub(super) struct Replicas {
    pub(super) all: Vec<Replica>,
    /// By primary.
    past: Vec<Mutex<Past>>,
    /// Above it a replica is not read.
    most: Duration,
    turn: AtomicUsize,
    /// How many reads they answered.
    #[cfg(test)]
    pub(super) answered: AtomicUsize,
}

impl Replicas {
    /// Lets everything that is known have been longer ago.
    #[cfg(test)]
    pub(super) fn backdate(&self, by: Duration) {
        (0..self.past.len()).for_each(|primary| self.past(primary).backdate(by));
    }

    /// Whether the first replica is read, or why not.
    #[cfg(test)]
    pub(super) fn first(&self) -> Standing {
        self.all[0].standing().clone()
    }

    pub(super) fn new(all: Vec<Replica>, primaries: usize, most: Duration) -> Self {
        let past = (0..primaries).map(|_| Mutex::default()).collect();
        Self {
            all,
            past,
            most,
            turn: AtomicUsize::new(0),
            #[cfg(test)]
            answered: AtomicUsize::new(0),
        }
    }

    /// A replica of a primary that is read, each in turn.
    fn choose(&self, primary: usize) -> Option<&Replica> {
        let read: Vec<&Replica> =
            self.all.iter().filter(|it| it.of == primary && it.is_read()).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        read.get(turn.checked_rem(read.len())?).copied()
    }

    fn past(&self, primary: usize) -> MutexGuard<'_, Past> {
        self.past[primary].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far who is at `position` lags behind a primary at most.
    fn lag(&self, primary: usize, position: &Position, now: Instant) -> Option<Duration> {
        self.past(primary).lag(position, now)
    }

    /// Looks at every replica and its primary.
    pub(super) async fn look(&self, primaries: &[Server], now: Instant) {
        let each = (0..primaries.len()).map(|primary| self.look_at(primary, primaries, now));
        join_all(each).await;
    }

    async fn look_at(&self, primary: usize, primaries: &[Server], now: Instant) {
        let copies: Vec<&Replica> = self.all.iter().filter(|it| it.of == primary).collect();
        if copies.is_empty() {
            return;
        }
        // First how far they came, then where the primary is: so nobody who follows is ahead.
        let came = join_all(copies.iter().map(|it| position(&it.server, APPLIED))).await;
        let written = position(&primaries[primary], WRITTEN).await;
        if let Ok(Some(written)) = &written {
            self.past(primary).saw(written.clone(), now);
        }
        for (replica, came) in copies.into_iter().zip(came) {
            let standing = self.judge(primary, came, written.as_ref().ok(), now, replica);
            replica.stands(standing);
        }
    }

    fn judge(
        &self,
        primary: usize,
        came: Result<Option<Position>>,
        written: Option<&Option<Position>>,
        now: Instant,
        replica: &Replica,
    ) -> Standing {
        let came = match came {
            Ok(Some(came)) => came,
            Ok(None) => return Standing::Unread("lost", FOLLOWS_NOBODY.to_owned()),
            Err(error) => return Standing::Unread("away", error.to_string()),
        };
        match written {
            Some(None) => return Standing::Unread("unlogged", NO_LOG.to_owned()),
            Some(Some(written)) if came.is_ahead_of(written) => {
                return Standing::Unread("foreign", AHEAD.to_owned());
            }
            // Without its primary it lags as far as it is known to.
            Some(Some(_)) | None => {}
        }
        let lag = self.lag(primary, &came, now);
        if let Some(lag) = lag {
            let name = replica.server.name.clone();
            metrics::gauge!("daemun_replica_lag_seconds", "replica" => name).set(lag.as_secs_f64());
        }
        match lag {
            Some(lag) if lag <= self.most => Standing::Read,
            Some(lag) => Standing::Unread("behind", format!("it lags {} s", lag.as_secs())),
            None => Standing::Unread("behind", "it lags longer than is known".to_owned()),
        }
    }
}

pub(super) const FOLLOWS_NOBODY: &str = "it follows no primary (its gtid_slave_pos is empty)";
pub(super) const NO_LOG: &str = "its primary has no binary log (its gtid_binlog_pos is empty)";
pub(super) const AHEAD: &str = "it has what its primary has not, so it is the copy of another";

/// Where a server says that it is; `None` when it says nothing.
pub(super) async fn position(server: &Server, select: &str) -> Result<Option<Position>> {
    let late = || server.unavailable("it did not say in time how far it is");
    let mut connection = timeout(PATIENCE, server.reading()).await.map_err(|_| late())??;
    match timeout(PATIENCE, said(&mut connection, select)).await {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(Fault::Own(error))) => Err(error),
        Ok(Err(Fault::Sql(error))) => Err(server.unavailable(&words(&error))),
        Ok(Err(Fault::StaleMap)) => Err(late()),
        Err(_) => {
            give_up(connection);
            Err(late())
        }
    }
}

async fn said(connection: &mut Conn, select: &str) -> Result<Option<Position>, Fault> {
    let said: Option<String> = connection.query_first(select).await?;
    Ok(said.as_deref().and_then(Position::parse))
}

/// Looks each second, as long as anybody holds the router.
pub(super) fn keep_looking(router: &Arc<Router>) {
    let router: Weak<Router> = Arc::downgrade(router);
    tokio::spawn(async move {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once, and was made at the start.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let Some(router) = router.upgrade() else { return };
            router.replicas.look(&router.primaries, Instant::now()).await;
        }
    });
}
