//! What came of telling games' servers, and what they are told once more.

use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row, Value};
use protocol::ids::{AppId, MemberId};

use super::put::Notices;
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::{exec_by, signed, why};
use crate::mariadb::sessions::lock::lock;
use crate::mariadb::tx::Tx;
use crate::outbox::Outcome;

/// Takes in what came of it, and gives leases back.
pub(super) struct Outcomes;

impl WriteSet for Outcomes {
    const NAME: &'static str = "outbox.sent";
    type Item = Outcome;
    type Answer = bool;
    type Key = MemberId;

    fn shard(outcome: &Outcome) -> Shard {
        shard(outcome.member)
    }

    fn key(outcome: &Outcome) -> MemberId {
        outcome.member
    }

    async fn write(outcomes: &[&Outcome], tx: &mut Tx) -> Result<Vec<Result<bool>>, Fault> {
        let taken = lock(tx, outcomes.iter().map(|outcome| outcome.member)).await?;
        let mut answers = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            if taken.is_others(outcome.member) {
                answers.push(Err(StorageError::Locked));
                continue;
            }
            let ours = is_ours(tx, outcome).await?;
            if ours {
                mark(tx, outcome).await?;
                give_back(tx, outcome).await?;
            }
            answers.push(Ok(ours));
        }
        Ok(answers)
    }
}

/// Whether the lease is still the one under which they were sent. Whoever leases takes the row
/// without the member's lock, so it is taken here, too.
async fn is_ours(tx: &mut Tx, outcome: &Outcome) -> Result<bool, Fault> {
    let select = "SELECT 1 FROM outbox_member WHERE member = ? AND due_at = ? FOR UPDATE";
    let found: Option<Row> =
        tx.exec_first(select, (outcome.member.number(), outcome.until.0)).await?;
    Ok(found.is_some())
}

async fn mark(tx: &mut Tx, outcome: &Outcome) -> Result<(), Fault> {
    let member = outcome.member.number();
    let done = outcome.done.iter().map(|seq| vec![member.into(), signed(*seq).into()]);
    let update = "UPDATE outbox SET sent = 'done', why = NULL WHERE (member, seq)";
    exec_by(tx, update, Vec::new(), done.collect(), "AND sent = 'waiting'").await?;
    if let Some((seq, reason)) = &outcome.failed {
        try_in_vain(tx, member, *seq, reason, "failed").await?;
    }
    if let Some((seq, _, reason)) = &outcome.later {
        try_in_vain(tx, member, *seq, reason, "waiting").await?;
    }
    Ok(())
}

async fn try_in_vain(
    tx: &mut Tx,
    member: i64,
    seq: u64,
    reason: &str,
    sent: &str,
) -> Result<(), Fault> {
    let update = "UPDATE outbox SET sent = ?, tries = tries + 1, why = ? \
        WHERE member = ? AND seq = ? AND sent = 'waiting'";
    Ok(tx.exec_drop(update, (sent, why(reason), member, signed(seq))).await?)
}

/// What still waits is due at once, or when it was said.
async fn give_back(tx: &mut Tx, outcome: &Outcome) -> Result<(), Fault> {
    let member = outcome.member.number();
    let select = "SELECT 1 FROM outbox WHERE member = ? AND sent = 'waiting' LIMIT 1";
    let waits: Option<Row> = tx.exec_first(select, (member,)).await?;
    let at = outcome.later.as_ref().map_or(outcome.now, |(_, at, _)| *at);
    let update = "UPDATE outbox_member SET due_at = ? WHERE member = ?";
    Ok(tx.exec_drop(update, (waits.map(|_| at.0), member)).await?)
}

/// A notice to be sent again.
pub(super) struct Replay {
    pub(super) app: AppId,
    pub(super) member: MemberId,
    pub(super) seq: u64,
    pub(super) now: Micros,
}

pub(super) struct Replays;

impl WriteSet for Replays {
    const NAME: &'static str = "outbox.replay";
    type Item = Replay;
    type Answer = bool;
    type Key = MemberId;

    fn shard(replay: &Replay) -> Shard {
        shard(replay.member)
    }

    fn key(replay: &Replay) -> MemberId {
        replay.member
    }

    async fn write(replays: &[&Replay], tx: &mut Tx) -> Result<Vec<Result<bool>>, Fault> {
        let mut taken = lock(tx, replays.iter().map(|replay| replay.member)).await?;
        let mut notices = Notices::read(tx, replays.iter().map(|replay| replay.member)).await?;
        let mut answers = Vec::with_capacity(replays.len());
        for replay in replays {
            answers.push(match taken.of(&replay.app, replay.member) {
                Ok(Some(_)) => Ok(again(tx, replay, &mut notices).await?),
                Ok(None) => Ok(false),
                Err(error) => Err(error),
            });
        }
        notices.write(tx).await?;
        Ok(answers)
    }
}

/// Puts a notice behind what waits. Its three days begin anew.
async fn again(tx: &mut Tx, replay: &Replay, notices: &mut Notices) -> Result<bool, Fault> {
    let key: Vec<Value> = vec![replay.member.number().into(), signed(replay.seq).into()];
    let select = "SELECT seq FROM outbox WHERE member = ? AND seq = ? \
        AND sent IN ('done', 'failed') FOR UPDATE";
    let found: Option<Row> = tx.exec_first(select, Params::Positional(key.clone())).await?;
    if found.is_none() {
        return Ok(false);
    }
    let mut values: Vec<Value> =
        vec![notices.next(&replay.app, replay.member, replay.now).into(), replay.now.0.into()];
    values.extend(key);
    let update = "UPDATE outbox SET seq = ?, sent = 'waiting', tries = 0, why = NULL, \
        created_at = ? WHERE member = ? AND seq = ?";
    tx.exec_drop(update, Params::Positional(values)).await?;
    Ok(true)
}
