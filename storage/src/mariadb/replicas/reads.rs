//! Reading from replicas what may be old, or what they have caught up to.
//!
//! Present is what was committed before it was asked for: the primary says where it is, the
//! replica waits until it is there, not for long. A replica is asked which shards it shows, after
//! the rows, as a primary is. Whatever is in the way, the primary answers; and when the primary
//! is what cannot be reached, a replica does, and says how far it may lag.

use std::slice;
use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::time::{Instant, timeout};

use super::{APPLIED, PATIENCE, Position, Replica, Standing, WRITTEN, position, said};
use crate::error::{Result, StorageError};
use crate::freshness::{Aged, Freshness};
use crate::mariadb::fault::{Fault, words};
use crate::mariadb::pool::give_up;
use crate::mariadb::router::{Expected, ReadSet, Router, ShardMap, one};

/// How long a replica is waited for that is a little behind, in seconds.
const CATCH_UP_S: f64 = 0.25;

/// Why a replica has no answer.
enum Miss {
    /// It is further behind than may be.
    Behind,
    /// It does not answer, or says what makes no sense.
    Away(String),
    /// It shows other shards than was thought.
    Moved,
    /// Nobody knows what present is.
    NoPrimary,
}

impl Miss {
    fn word(&self) -> &'static str {
        match self {
            Self::Behind => "behind",
            Self::Away(_) => "away",
            Self::Moved => "moved",
            Self::NoPrimary => "no_primary",
        }
    }
}

impl From<Fault> for Miss {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Own(error) => Self::Away(error.to_string()),
            Fault::Sql(error) => Self::Away(words(&error)),
            Fault::StaleMap => Self::Moved,
        }
    }
}

/// What a replica must have before it is asked.
enum Wanted {
    At(Position),
    Within(Duration),
}

impl Router {
    /// Reads one thing that may be as old as `freshness` says.
    pub(in crate::mariadb) async fn read_aged<R: ReadSet>(
        &self,
        item: R::Item,
        freshness: Freshness,
    ) -> Result<Aged<R::Answer>> {
        let map = self.map.load_full();
        let kept = map.place(R::shard(&item)).map(|range| range.primary);
        if let Some(primary) = kept.filter(|_| !self.replicas.all.is_empty())
            && let Some(answer) = self.at_replica::<R>(primary, &map, &item, freshness).await
        {
            return Ok(answer);
        }
        let read = one(self.read::<R>(slice::from_ref(&item)).await);
        match (read, kept) {
            (Err(StorageError::Unavailable(why)), Some(primary)) => self
                .without_primary::<R>(primary, &map, &item)
                .await
                .ok_or(StorageError::Unavailable(why)),
            (read, _) => read.map(Aged::present),
        }
    }

    async fn at_replica<R: ReadSet>(
        &self,
        primary: usize,
        map: &ShardMap,
        item: &R::Item,
        freshness: Freshness,
    ) -> Option<Aged<R::Answer>> {
        let Some(replica) = self.replicas.choose(primary) else {
            self.count(primary, "unfit");
            return None;
        };
        let wanted = match freshness {
            Freshness::Lagging => Ok(Wanted::Within(self.replicas.most)),
            Freshness::Present => match position(&self.primaries[primary], WRITTEN).await {
                Ok(Some(position)) => Ok(Wanted::At(position)),
                Ok(None) => Err(Miss::NoPrimary),
                // It is not asked again for the rows: one that hangs would take all the time.
                Err(_) => return self.without_primary::<R>(primary, map, item).await,
            },
        };
        let read = match wanted {
            Ok(wanted) => self.ask::<R>(replica, &wanted, map, item).await,
            Err(miss) => Err(miss),
        };
        self.count(primary, read.as_ref().map_or_else(Miss::word, |_| "answered"));
        match read {
            Ok(answer) => {
                #[cfg(test)]
                self.replicas.answered.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                return Some(answer);
            }
            // Nobody asks it again before the next look.
            Err(Miss::Away(why)) => replica.stands(Standing::Unread("away", why)),
            // The next look decides whether that is for long.
            Err(Miss::Behind | Miss::Moved | Miss::NoPrimary) => {}
        }
        None
    }

    /// The primary does not answer: what a replica has, however far that lags.
    async fn without_primary<R: ReadSet>(
        &self,
        primary: usize,
        map: &ShardMap,
        item: &R::Item,
    ) -> Option<Aged<R::Answer>> {
        let copies = self.replicas.all.iter().filter(|it| it.of == primary && it.is_ours());
        for replica in copies {
            let wanted = Wanted::Within(Duration::MAX);
            if let Ok(answer) = self.ask::<R>(replica, &wanted, map, item).await {
                self.count(primary, "instead");
                return Some(answer);
            }
        }
        None
    }

    async fn ask<R: ReadSet>(
        &self,
        replica: &Replica,
        wanted: &Wanted,
        map: &ShardMap,
        item: &R::Item,
    ) -> Result<Aged<R::Answer>, Miss> {
        let late = || Miss::Away("it did not answer in time".to_owned());
        let connection = timeout(PATIENCE, replica.server.reading()).await.map_err(|_| late())?;
        let mut connection = connection.map_err(|error| Miss::Away(error.to_string()))?;
        let asked = self.read_at::<R>(replica, wanted, map, item, &mut connection);
        match timeout(PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(_) => {
                give_up(connection);
                Err(late())
            }
        }
    }

    async fn read_at<R: ReadSet>(
        &self,
        replica: &Replica,
        wanted: &Wanted,
        map: &ShardMap,
        item: &R::Item,
        connection: &mut Conn,
    ) -> Result<Aged<R::Answer>, Miss> {
        // How far it is, before the rows: they are no older.
        let came = match wanted {
            Wanted::At(position) => {
                catch_up(connection, position).await?;
                None
            }
            Wanted::Within(_) => Some(said(connection, APPLIED).await?.ok_or(Miss::Behind)?),
        };
        let answer = one(R::read(&[item], connection).await?);
        Expected::of(map, [R::shard(item)]).is_shown(connection).await?;
        let value = answer.map_err(Fault::Own)?;
        let lag = match (wanted, came) {
            (Wanted::Within(most), Some(came)) => {
                let lag = self.replicas.lag(replica.of, &came, Instant::now());
                Some(lag.filter(|lag| lag <= most).ok_or(Miss::Behind)?)
            }
            (Wanted::Within(_) | Wanted::At(_), _) => None,
        };
        Ok(Aged { value, lag })
    }

    fn count(&self, primary: usize, end: &'static str) {
        let name = self.primaries[primary].name.clone();
        metrics::counter!("daemun_replica_reads_total", "primary" => name, "end" => end)
            .increment(1);
    }
}

/// Returns when the replica has all up to there.
async fn catch_up(connection: &mut Conn, position: &Position) -> Result<(), Miss> {
    let wait = (position.to_string(), CATCH_UP_S);
    let waited = connection.exec_first("SELECT MASTER_GTID_WAIT(?, ?)", wait).await;
    let reached: Option<Option<i64>> = waited.map_err(Fault::Sql)?;
    if reached.flatten() == Some(0) { Ok(()) } else { Err(Miss::Behind) }
}
