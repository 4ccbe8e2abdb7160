//! Transfers that games' servers ask for.

use std::collections::BTreeMap;

use mysql_async::{Row, Value};
use protocol::ids::MemberId;
use protocol::purchases::Grant;
use uuid::Uuid;

use super::{Balances, Entries, Entry};
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::push;
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::{cell, id, member, select_by, text, uuid, word};
use crate::mariadb::sessions::lock::{Held, Taken, lock, save};
use crate::mariadb::tx::Tx;
use crate::wallet::{self, Cause, Line, MOST, TransferWrite, Transferred};

pub(super) struct Transfers;

impl WriteSet for Transfers {
    const NAME: &'static str = "wallet.transfer";
    type Item = TransferWrite;
    type Answer = Transferred;
    type Key = MemberId;

    fn shard(write: &TransferWrite) -> Shard {
        shard(write.member)
    }

    fn key(write: &TransferWrite) -> MemberId {
        write.member
    }

    async fn write(
        writes: &[&TransferWrite],
        tx: &mut Tx,
    ) -> Result<Vec<Result<Transferred>>, Fault> {
        let mut taken = lock(tx, writes.iter().map(|write| write.member)).await?;
        let ours: Vec<&TransferWrite> =
            writes.iter().copied().filter(|it| taken.held.contains_key(&it.member)).collect();
        let mut set = Set::read(tx, &ours).await?;
        let answers =
            writes.iter().map(|write| set.transfer(write, session(&mut taken, write)?)).collect();
        set.write(tx).await?;
        Ok(answers)
    }
}

/// The member's lock; `None` when there is no such member.
fn session<'a>(taken: &'a mut Taken, write: &TransferWrite) -> Result<Option<&'a mut Held>> {
    let Some(session) = taken.of(&write.app, write.member)? else { return Ok(None) };
    if let Some(login) = write.login {
        session.fence(login)?;
    }
    Ok(Some(session))
}

/// A transfer as it was done before.
#[derive(Default)]
struct Before {
    cause: Option<Cause>,
    note: Option<String>,
    lines: Vec<(Line, Option<i64>)>,
}

/// What is known of the transfers, and what is to be written.
struct Set {
    before: BTreeMap<(MemberId, Uuid), Before>,
    balances: Balances,
    entries: Entries,
    pushes: Vec<Vec<Value>>,
    sessions: Vec<Held>,
}

impl Set {
    async fn read(tx: &mut Tx, writes: &[&TransferWrite]) -> Result<Self, Fault> {
        let before = before(tx, writes).await?;
        let mut moved = Vec::new();
        for write in writes {
            moved.extend(write.lines.iter().map(|line| (write.member, line.item.clone())));
        }
        Ok(Self {
            before,
            balances: Balances::take(tx, moved.into_iter()).await?,
            entries: Entries::default(),
            pushes: Vec::new(),
            sessions: Vec::new(),
        })
    }

    fn transfer(
        &mut self,
        write: &TransferWrite,
        session: Option<&mut Held>,
    ) -> Result<Transferred> {
        let Some(session) = session else { return Ok(Transferred::Unknown) };
        if let Some(before) = self.before.get(&(write.member, write.id)) {
            return Ok(again(write, before));
        }
        if let Some(refused) = self.refuses(write) {
            return Ok(refused);
        }
        let balances = self.balances.after(write.member, &write.lines)?;
        self.entries.put(&Entry {
            member: write.member,
            id: write.id,
            cause: write.cause,
            lines: &write.lines,
            balances: &balances,
            purchase: None,
            note: write.note.as_deref(),
            at: write.now,
        })?;
        self.balances.set(&write.app, write.member, &balances);
        let push = wallet::push(balances.clone(), write.now);
        let kept = push::number(session, &[push], write.now, &mut self.pushes);
        self.sessions.push(session.clone());
        let pushed = kept.last().map(|push| push.seq);
        Ok(Transferred::Done { balances, again: false, pushed })
    }

    /// The first line that cannot be.
    fn refuses(&self, write: &TransferWrite) -> Option<Transferred> {
        write.lines.iter().find_map(|line| {
            let amount = self.balances.of(write.member, &line.item);
            let after = amount.saturating_add(line.delta);
            let there = Grant { item: line.item.clone(), amount };
            if line.delta < 0 && after < 0 {
                Some(Transferred::TooLittle(there))
            } else if line.delta > 0 && after > MOST {
                Some(Transferred::TooMuch(there))
            } else {
                None
            }
        })
    }

    async fn write(self, tx: &mut Tx) -> Result<(), Fault> {
        self.entries.write(tx).await?;
        self.balances.write(tx).await?;
        push::write(tx, self.pushes).await?;
        save(tx, self.sessions.into_iter()).await
    }
}

/// What was done then, if it is the same.
fn again(write: &TransferWrite, before: &Before) -> Transferred {
    let lines = before.lines.iter().map(|(line, _)| line);
    let same = before.cause == Some(write.cause)
        && before.note.as_deref() == write.note.as_deref()
        && lines.eq(&write.lines);
    if !same {
        return Transferred::Differs;
    }
    let then = |(line, balance): &(Line, Option<i64>)| Grant {
        item: line.item.clone(),
        amount: balance.unwrap_or(0),
    };
    let balances = before.lines.iter().map(then).collect();
    Transferred::Done { balances, again: true, pushed: None }
}

async fn before(
    tx: &mut Tx,
    writes: &[&TransferWrite],
) -> Result<BTreeMap<(MemberId, Uuid), Before>, Fault> {
    let keys = writes.iter().map(|write| vec![write.member.number().into(), id(write.id)]);
    let select = "SELECT member, transfer, item, delta, balance, cause, note FROM ledger \
        WHERE account = 'member' AND (member, transfer)";
    let after = "ORDER BY member, transfer, line";
    let mut before: BTreeMap<(MemberId, Uuid), Before> = BTreeMap::new();
    for mut row in select_by(tx, select, keys.collect(), after).await? {
        let of = (member(&mut row, 0, "ledger.member")?, uuid(&mut row, 1, "ledger.transfer")?);
        read(&mut row, before.entry(of).or_default())?;
    }
    Ok(before)
}

fn read(row: &mut Row, before: &mut Before) -> Result<()> {
    let item = text(row, 2, "ledger.item")?;
    let line = Line { item, delta: cell(row, 3, "ledger.delta")? };
    before.lines.push((line, cell(row, 4, "ledger.balance")?));
    before.cause = Some(word(row, 5, "ledger.cause", Cause::parse)?);
    before.note = cell(row, 6, "ledger.note")?;
    Ok(())
}
