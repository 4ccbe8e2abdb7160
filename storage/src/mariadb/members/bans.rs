//! Bans in MariaDB.

use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row, Value};
use protocol::ids::{AppId, MemberId};
use protocol::text::Text;
use uuid::Uuid;

use super::{find, shard};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::push;
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::{cell, optional_bytes};
use crate::mariadb::sessions::lock::{lock, save};
use crate::mariadb::tx::Tx;
use crate::members::{Ban, BanWrite, By, Member};

/// The ban whose columns begin at `at`; `None` when the row joined none.
pub(super) fn read(row: &mut Row, at: usize) -> Result<Option<Ban>> {
    let Some(id) = optional_bytes(row, at, "ban.ban")? else { return Ok(None) };
    let id = Uuid::from_bytes(id);
    let corrupt = |column: &str| StorageError::Corrupt(format!("ban.{column} of {id}"));
    let (reason, by): (String, String) =
        (cell(row, at + 1, "ban.reason")?, cell(row, at + 4, "ban.created_by")?);
    let until: Option<i64> = cell(row, at + 2, "ban.ends_at")?;
    Ok(Some(Ban {
        id,
        reason: Text::new(&reason).map_err(|_| corrupt("reason"))?,
        until: until.map(Micros),
        at: Micros(cell(row, at + 3, "ban.created_at")?),
        by: By::parse(&by).ok_or_else(|| corrupt("created_by"))?,
    }))
}

pub(super) struct Bans;

impl WriteSet for Bans {
    const NAME: &'static str = "members.ban";
    type Item = BanWrite;
    type Answer = Option<u64>;
    type Key = MemberId;

    fn shard(write: &BanWrite) -> Shard {
        shard(write.member)
    }

    fn key(write: &BanWrite) -> MemberId {
        write.member
    }

    async fn write(writes: &[&BanWrite], tx: &mut Tx) -> Result<Vec<Result<Option<u64>>>, Fault> {
        let mut taken = lock(tx, writes.iter().map(|write| write.member)).await?;
        let mut answers = Vec::with_capacity(writes.len());
        for write in writes {
            let session = match taken.of(&write.app, write.member) {
                Ok(Some(session)) => session,
                Ok(None) => {
                    answers.push(Ok(None));
                    continue;
                }
                Err(error) => {
                    answers.push(Err(error));
                    continue;
                }
            };
            let seq = push::put(tx, session, &write.push, write.ban.at).await?;
            insert(tx, write).await?;
            point(tx, write.member, Some(write.ban.id)).await?;
            answers.push(Ok(Some(seq)));
        }
        save(tx, taken.held.into_values()).await?;
        Ok(answers)
    }
}

async fn insert(tx: &mut Tx, write: &BanWrite) -> Result<(), Fault> {
    let ban = &write.ban;
    let values: Vec<Value> = vec![
        ban.id.as_bytes().as_slice().into(),
        write.app.as_str().into(),
        write.member.number().into(),
        (&*ban.reason).into(),
        ban.until.map(|until| until.0).into(),
        ban.at.0.into(),
        ban.by.word().into(),
    ];
    let insert = "INSERT INTO ban (ban, app, member, reason, ends_at, created_at, created_by) \
                  VALUES (?, ?, ?, ?, ?, ?, ?)";
    Ok(tx.exec_drop(insert, Params::Positional(values)).await?)
}

/// Says which ban of the member counts.
async fn point(tx: &mut Tx, member: MemberId, ban: Option<Uuid>) -> Result<(), Fault> {
    let ban = ban.map(|ban| ban.as_bytes().to_vec());
    let update = "UPDATE member SET ban = ?, version = version + 1 WHERE member = ?";
    Ok(tx.exec_drop(update, (ban, member.number())).await?)
}

pub(super) struct Lift {
    pub(super) app: AppId,
    pub(super) member: MemberId,
    pub(super) word: String,
    pub(super) now: Micros,
}

pub(super) struct Lifts;

impl WriteSet for Lifts {
    const NAME: &'static str = "members.unban";
    type Item = Lift;
    type Answer = Option<Member>;
    type Key = MemberId;

    fn shard(lift: &Lift) -> Shard {
        shard(lift.member)
    }

    fn key(lift: &Lift) -> MemberId {
        lift.member
    }

    async fn write(lifts: &[&Lift], tx: &mut Tx) -> Result<Vec<Result<Option<Member>>>, Fault> {
        let taken = lock(tx, lifts.iter().map(|lift| lift.member)).await?;
        let found = find(tx, lifts.iter().map(|lift| lift.member)).await?;
        let mut answers = Vec::with_capacity(lifts.len());
        for lift in lifts {
            if taken.is_others(lift.member) {
                answers.push(Err(StorageError::Locked));
                continue;
            }
            let member = found.of(&lift.app, lift.member);
            if let Ok(Some(Member { ban: Some(_), .. })) = &member {
                outdate(tx, lift).await?;
                point(tx, lift.member, None).await?;
            }
            answers.push(member);
        }
        Ok(answers)
    }
}

/// Pushes of the word are of no use from now on.
async fn outdate(tx: &mut Tx, lift: &Lift) -> Result<(), Fault> {
    let update = "UPDATE inbox SET expires_at = ? WHERE member = ? AND word = ? AND expires_at > ?";
    let (now, member) = (lift.now.0, lift.member.number());
    Ok(tx.exec_drop(update, (now, member, lift.word.as_str(), now)).await?)
}
