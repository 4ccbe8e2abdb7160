//! Purchases are taken by their games.

use mysql_async::prelude::Queryable;
use mysql_async::{Params, Value};
use protocol::ids::MemberId;

use super::{owned, settle};
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::outbox::Notices;
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::id;
use crate::mariadb::sessions::lock::{Taken, lock};
use crate::mariadb::tx::Tx;
use crate::purchases::claim::Stand;
use crate::purchases::owned::{Event, notice};
use crate::purchases::{ConsumeWrite, Consumed, Purchase, Settle};

pub(super) struct Consumes;

impl WriteSet for Consumes {
    const NAME: &'static str = "purchases.consume";
    type Item = ConsumeWrite;
    type Answer = Consumed;
    type Key = MemberId;

    fn shard(write: &ConsumeWrite) -> Shard {
        shard(write.member)
    }

    fn key(write: &ConsumeWrite) -> MemberId {
        write.member
    }

    async fn write(writes: &[&ConsumeWrite], tx: &mut Tx) -> Result<Vec<Result<Consumed>>, Fault> {
        let mut taken = lock(tx, writes.iter().map(|write| write.member)).await?;
        let of = writes.iter().map(|write| (write.member, write.purchase));
        let purchases = owned::take(tx, of).await?;
        let told = writes.iter().filter(|write| write.webhook).map(|write| write.member);
        let mut notices = Notices::read(tx, told).await?;
        let mut answers = Vec::with_capacity(writes.len());
        for write in writes {
            let found = match is_there(&mut taken, write) {
                Ok(true) => purchases.of((write.member, write.purchase)),
                Ok(false) => Ok(None),
                Err(error) => Err(error),
            };
            let consumed = found.map(|found| consume(found, write));
            if let Ok(Consumed::Done { purchase, again: false }) = &consumed {
                mark(tx, write).await?;
                if write.webhook {
                    let (id, body) = notice(purchase, Event::Consumed, write.now);
                    let word = Event::Consumed.word();
                    notices.put(&write.app, write.member, id, word, body, write.now);
                }
            }
            answers.push(consumed);
        }
        notices.write(tx).await?;
        Ok(answers)
    }
}

/// Whether there is such a member, for whom that login may ask.
fn is_there(taken: &mut Taken, write: &ConsumeWrite) -> Result<bool> {
    let Some(session) = taken.of(&write.app, write.member)? else { return Ok(false) };
    if let Some(login) = write.login {
        session.fence(login)?;
    }
    Ok(true)
}

fn consume(found: Option<Purchase>, write: &ConsumeWrite) -> Consumed {
    let Some(purchase) = found else { return Consumed::Unknown };
    if purchase.consumed_at.is_some() {
        return Consumed::Done { purchase, again: true };
    }
    if purchase.stand != Stand::Granted {
        return Consumed::NotGranted(purchase);
    }
    let at = Some(write.now);
    let purchase = Purchase { consumed_at: at, changed_at: write.now, ..purchase };
    Consumed::Done { purchase, again: false }
}

async fn mark(tx: &mut Tx, write: &ConsumeWrite) -> Result<(), Fault> {
    let now = write.now.0;
    let mut values: Vec<Value> = vec![now.into(), now.into()];
    let told = if write.settle {
        values.extend([settle::word(Settle::Consume).into(), now.into()]);
        ", settle = ?, settle_at = ?, settle_tries = 0, settle_why = NULL"
    } else {
        ""
    };
    values.extend([write.member.number().into(), id(write.purchase)]);
    let update = format!(
        "UPDATE purchase SET consumed_at = ?, changed_at = ?{told} WHERE member = ? AND purchase = ?"
    );
    Ok(tx.exec_drop(update, Params::Positional(values)).await?)
}
