//! What was shown: a member's on the member's shard, a store's own on its digest's. Whoever shows
//! something twice at once finds one row.

mod close;
mod lists;

pub(super) use close::{Closes, done};
pub(super) use lists::{Old, Waiting, parked, shown};

use mysql_async::{Row, Value};
use protocol::client::StoreName;
use protocol::ids::MemberId;

use super::taken::{Found, Keyed, read_all, take};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::identity::{Digest, shard_of};
use crate::mariadb::fault::Fault;
use crate::mariadb::members;
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::{app, cell, digest, id, optional_bytes, upsert, upsert_returning, word};
use crate::mariadb::tx::Tx;
use crate::purchases::{Evidence, Received, Shown, Source};
use uuid::Uuid;

const TABLE: &str = "evidence";
const COLUMNS: &str = "evidence, app, store, member, mark, body, reservation, shown, claim, why, \
    tries, due_at, created_at, changed_at";

/// Evidence as it stands in its row.
#[derive(Clone)]
pub(super) struct Kept {
    received: Received,
    /// Whether it is not yet older than its row: nobody touched it since it was put there.
    untouched: bool,
}

impl Keyed for Kept {
    const TABLE: &'static str = TABLE;
    const COLUMNS: &'static str = COLUMNS;

    fn read(key: Digest, row: &mut Row) -> Result<Self> {
        let member: Option<i64> = cell(row, 3, "evidence.member")?;
        let corrupt = |_| StorageError::Corrupt("evidence.member".to_owned());
        let member = member.map(MemberId::from_number).transpose().map_err(corrupt)?;
        let (at, changed_at): (i64, i64) =
            (cell(row, 12, "evidence.created_at")?, cell(row, 13, "evidence.changed_at")?);
        let received = Received {
            digest: key,
            evidence: Evidence {
                app: app(row, 1, "evidence.app")?,
                store: word(row, 2, "evidence.store", StoreName::parse)?,
                source: member.map_or(Source::Told, Source::Posted),
                mark: cell(row, 4, "evidence.mark")?,
                body: cell(row, 5, "evidence.body")?,
                reservation: optional_bytes(row, 6, "evidence.reservation")?.map(Uuid::from_bytes),
            },
            again: true,
            shown: word(row, 7, "evidence.shown", Shown::parse)?,
            claim: optional_bytes(row, 8, "evidence.claim")?,
            why: cell(row, 9, "evidence.why")?,
            tries: cell(row, 10, "evidence.tries")?,
            at: Micros(at),
        };
        Ok(Self { received, untouched: at == changed_at })
    }
}

/// Evidence that is shown.
pub(super) struct Show {
    pub(super) digest: Digest,
    pub(super) evidence: Evidence,
    pub(super) now: Micros,
    pub(super) until: Micros,
}

impl Show {
    pub(super) fn new((evidence, now, until): (Evidence, Micros, Micros)) -> Self {
        Self { digest: evidence.digest(), evidence, now, until }
    }

    /// As it stands when it was never shown before.
    fn new_row(&self) -> Received {
        Received {
            digest: self.digest,
            evidence: self.evidence.clone(),
            again: false,
            shown: Shown::Waiting,
            claim: None,
            why: None,
            tries: 0,
            at: self.now,
        }
    }

    /// As it stands when it is shown again. What was answered stays as it is.
    fn again(&self, found: Received) -> Received {
        match found.shown {
            Shown::Done | Shown::Refused => found,
            Shown::Waiting | Shown::Parked => {
                Received { evidence: self.evidence.clone(), shown: Shown::Waiting, ..found }
            }
        }
    }
}

fn shard(digest: &Digest, source: Source) -> Shard {
    match source {
        Source::Posted(member) => members::shard(member),
        Source::Told => shard_of(digest).cast_signed(),
    }
}

/// Keeps evidence.
pub(super) struct Shows;

impl WriteSet for Shows {
    const NAME: &'static str = "purchases.receive";
    type Item = Show;
    type Answer = Received;
    type Key = Digest;

    fn shard(show: &Show) -> Shard {
        shard(&show.digest, show.evidence.source)
    }

    fn key(show: &Show) -> Digest {
        show.digest
    }

    async fn write(shows: &[&Show], tx: &mut Tx) -> Result<Vec<Result<Received>>, Fault> {
        let taken = take::<Kept>(tx, shows.iter().map(|show| show.digest)).await?;
        let mut found: Vec<Result<Option<Kept>>> =
            shows.iter().map(|show| taken.of(&show.digest)).collect();
        let mut there = insert(tx, shows, &found).await?;
        for (show, found) in shows.iter().zip(&mut found) {
            // Somebody else's who came in between.
            let met =
                there.remove(&show.digest).transpose().map(|it| it.filter(|it| !it.untouched));
            match met {
                Ok(None) => {}
                met => *found = met,
            }
        }
        let answer = |(show, found): (&&Show, Result<Option<Kept>>)| {
            Ok(match found? {
                Some(kept) => show.again(kept.received),
                None => show.new_row(),
            })
        };
        let answers: Vec<Result<Received>> = shows.iter().zip(found).map(answer).collect();
        wait_again(tx, shows, &answers).await?;
        Ok(answers)
    }
}

/// Puts what is new where it belongs, and says what stands there. What somebody else put there
/// meanwhile is touched by that, and so known from what is ours.
async fn insert(
    tx: &mut Tx,
    shows: &[&Show],
    found: &[Result<Option<Kept>>],
) -> Result<Found<Kept>, Fault> {
    let new = shows.iter().zip(found).filter(|(_, found)| matches!(found, Ok(None)));
    let mut new: Vec<&&Show> = new.map(|(show, _)| show).collect();
    new.sort_unstable_by_key(|show| show.digest);
    let rows = new.iter().map(|show| row(show, &show.new_row())).collect();
    let into = format!("{TABLE} ({COLUMNS})");
    let touch = "changed_at = changed_at + 1";
    Ok(read_all(upsert_returning(tx, &into, rows, touch, COLUMNS).await?)?)
}

/// Writes what waits from now on with what is shown now.
async fn wait_again(
    tx: &mut Tx,
    shows: &[&Show],
    answers: &[Result<Received>],
) -> Result<(), Fault> {
    let mut again: Vec<(&Show, &Received)> = shows
        .iter()
        .zip(answers)
        .filter_map(|(show, answer)| Some((*show, answer.as_ref().ok()?)))
        .filter(|(_, received)| received.again && received.shown == Shown::Waiting)
        .collect();
    again.sort_unstable_by_key(|(show, _)| show.digest);
    let rows = again.into_iter().map(|(show, received)| row(show, received)).collect();
    // Never back in time: that it was not touched is said by its moments.
    let update = "mark = VALUES(mark), body = VALUES(body), reservation = VALUES(reservation), \
        shown = VALUES(shown), due_at = VALUES(due_at), \
        changed_at = GREATEST(changed_at + 1, VALUES(changed_at))";
    upsert(tx, &format!("{TABLE} ({COLUMNS})"), rows, update).await
}

fn row(show: &Show, received: &Received) -> Vec<Value> {
    let member = match show.evidence.source {
        Source::Posted(member) => Some(member.number()),
        Source::Told => None,
    };
    vec![
        digest(&show.digest),
        show.evidence.app.as_str().into(),
        show.evidence.store.word().into(),
        member.into(),
        show.evidence.mark.as_str().into(),
        show.evidence.body.as_str().into(),
        show.evidence.reservation.map(id).into(),
        received.shown.word().into(),
        received.claim.as_ref().map(digest).into(),
        received.why.as_deref().into(),
        received.tries.into(),
        show.until.0.into(),
        received.at.0.into(),
        show.now.0.into(),
    ]
}
