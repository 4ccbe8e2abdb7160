//! The exchange of refresh tokens: those of many members in one transaction.

use std::collections::HashMap;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::{LoginId, MemberId};
use uuid::Uuid;

use super::lock::{Taken, lock, save};
use super::take::{self, Holders};
use super::{COLUMNS, end, ended_by, key, login};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::members::{self, Found, shard};
use crate::mariadb::router::{Router, Shard, WriteSet};
use crate::mariadb::rows::{bytes, cell, digest, member, optional_bytes, peek, select_in, upsert};
use crate::mariadb::tx::{Locks, Tx};
use crate::members::Member;
use crate::sessions::exchange::{Chain, Verdict};
use crate::sessions::{EndedBy, Login, NewLogin, RefreshOutcome, RefreshWrite, TakeOver};

/// Exchanges tokens. One that names no member is none that was given here.
pub(super) async fn refresh(
    router: &Router,
    writes: Vec<RefreshWrite>,
    locks: Locks,
) -> Vec<Result<RefreshOutcome>> {
    let named = |write: &RefreshWrite| Some((write.member?, write.clone()));
    let items: Vec<(MemberId, RefreshWrite)> = writes.iter().filter_map(named).collect();
    let mut answers = router.write::<Exchanges>(&items, locks).await.into_iter();
    let answer = |write: RefreshWrite| match write.member {
        Some(_) => answers.next().unwrap_or(Err(StorageError::Moved)),
        None => Ok(RefreshOutcome::Unknown),
    };
    writes.into_iter().map(answer).collect()
}

pub(super) struct Exchanges;

impl WriteSet for Exchanges {
    const NAME: &'static str = "sessions.refresh";
    /// The member that the token names, and the exchange.
    type Item = (MemberId, RefreshWrite);
    type Answer = RefreshOutcome;
    type Key = MemberId;

    fn shard((member, _): &Self::Item) -> Shard {
        shard(*member)
    }

    fn key((member, _): &Self::Item) -> MemberId {
        *member
    }

    async fn write(
        items: &[&Self::Item],
        tx: &mut Tx,
    ) -> Result<Vec<Result<RefreshOutcome>>, Fault> {
        let mut desk = Desk::read(items, tx).await?;
        let answers = items.iter().map(|(member, write)| desk.exchange(*member, write)).collect();
        desk.write(tx).await?;
        Ok(answers)
    }
}

/// All that exchanges are judged by, read under the members' locks, and what is to be written.
struct Desk {
    taken: Taken,
    chains: HashMap<LoginId, Result<Chain>>,
    members: Found,
    holders: Holders,
    /// The logins that take-overs go on from.
    old: HashMap<LoginId, Result<Login>>,
    rotate: Vec<Vec<Value>>,
    reused: Vec<(LoginId, Micros)>,
    taken_from: Vec<(LoginId, Vec<Value>, Micros)>,
    new: Vec<Vec<Value>>,
    saved: Vec<MemberId>,
}

impl Desk {
    async fn read(items: &[&(MemberId, RefreshWrite)], tx: &mut Tx) -> Result<Self, Fault> {
        let taken = lock(tx, items.iter().map(|(member, _)| *member)).await?;
        let held = &taken.held;
        // The row of a login belongs to whoever has its member's lock.
        let free = items.iter().filter(|(member, _)| !taken.is_others(*member));
        let chains = chains(tx, free.map(|(_, write)| write.login)).await?;
        let members = members::find(tx, held.keys().copied()).await?;
        let takes = |(member, write): &&&(MemberId, RefreshWrite)| {
            let epoch = held.get(member).map_or(0, |held| held.epoch);
            let chain = chains.get(&write.login).and_then(|chain| chain.as_ref().ok());
            let ban = members.ban(*member, write.now);
            chain
                .is_some_and(|chain| matches!(chain.judge(epoch, ban, write), Verdict::TakeOver(_)))
        };
        let taking: Vec<_> = items.iter().filter(takes).collect();
        let holders =
            Holders::read(tx, taking.iter().filter_map(|(member, _)| held.get(member))).await?;
        let old = logins(tx, taking.iter().map(|(_, write)| write.login)).await?;
        Ok(Self {
            taken,
            chains,
            members,
            holders,
            old,
            rotate: Vec::new(),
            reused: Vec::new(),
            taken_from: Vec::new(),
            new: Vec::new(),
            saved: Vec::new(),
        })
    }

    fn exchange(&mut self, named: MemberId, write: &RefreshWrite) -> Result<RefreshOutcome> {
        if self.taken.is_others(named) {
            return Err(StorageError::Locked);
        }
        let chain = match self.chains.get(&write.login) {
            Some(chain) => chain.clone()?,
            None => return Ok(RefreshOutcome::Unknown),
        };
        // A token that names another member than its own was not given like that.
        if chain.member != named {
            return Ok(RefreshOutcome::Unknown);
        }
        let Some(held) = self.taken.of(&write.app, named)? else {
            return Ok(RefreshOutcome::Unknown);
        };
        let member = || -> Result<Member> {
            self.members.of(&write.app, named)?.ok_or_else(|| {
                StorageError::Corrupt(format!("login {} names an absent member", write.login))
            })
        };
        let ban = self.members.ban(named, write.now);
        Ok(match chain.judge(held.epoch, ban, write) {
            Verdict::Banned(ban) => RefreshOutcome::Banned(ban),
            Verdict::Unknown => RefreshOutcome::Unknown,
            Verdict::Ended(by) => RefreshOutcome::Ended(by),
            Verdict::Repeat { sealed, expires_at } => {
                RefreshOutcome::Repeated { member: member()?, sealed, expires_at }
            }
            Verdict::Reused => {
                self.reused.push((write.login, write.now));
                RefreshOutcome::Reused { member: named }
            }
            Verdict::Expired => RefreshOutcome::Expired,
            Verdict::Replaced => RefreshOutcome::Replaced,
            Verdict::Rotate => {
                let member = member()?;
                self.rotate.push(rotated(write));
                RefreshOutcome::Rotated { member }
            }
            Verdict::TakeOver(offer) => {
                let member = member()?;
                let old = self.old.get(&write.login).cloned().unwrap_or_else(|| {
                    Err(StorageError::Corrupt(format!("login {} went away", write.login)))
                })?;
                let new = successor(write, offer, old);
                let (epoch, replaced) = self.holders.take(held, &new);
                self.new.push(take::row(held, &new));
                self.taken_from.push((write.login, answered(write, offer), write.now));
                self.saved.push(named);
                RefreshOutcome::TakenOver { member, epoch, replaced }
            }
        })
    }

    async fn write(mut self, tx: &mut Tx) -> Result<(), Fault> {
        let update = "previous = VALUES(previous), token = VALUES(token), \
            sealed = VALUES(sealed), refreshed_at = VALUES(refreshed_at), \
            expires_at = VALUES(expires_at)";
        // Every row is there, and locked: this only updates, many in one statement.
        upsert(tx, INTO, self.rotate, update).await?;
        for (login, now) in self.reused {
            end::close(tx, &[login], EndedBy::Reuse, now).await?;
        }
        for (login, values, now) in self.taken_from {
            end::close(tx, &[login], EndedBy::TakeOver, now).await?;
            // The answer may be lost: the token that took over can ask for it again for a while.
            let update = "UPDATE login SET token = ?, sealed = ?, refreshed_at = ?, \
                          expires_at = ? WHERE login = ?";
            tx.exec_drop(update, Params::Positional(values)).await?;
        }
        take::write(tx, self.new).await?;
        let saved = self.saved.iter().filter_map(|member| self.taken.held.remove(member));
        save(tx, saved.collect::<Vec<_>>().into_iter()).await
    }
}

/// All columns that have no default. Where a row is there only the last ones are written.
const INTO: &str = "login (login, app, member, provider, epoch, platform, version, created_at, \
    tag, previous, token, sealed, refreshed_at, expires_at)";

fn rotated(write: &RefreshWrite) -> Vec<Value> {
    vec![
        key(write.login),
        "".into(),
        0.into(),
        "".into(),
        0.into(),
        "".into(),
        "".into(),
        0.into(),
        digest(&write.tag),
        digest(&write.token),
        digest(&write.next),
        write.next_sealed.as_slice().into(),
        write.now.0.into(),
        write.expires_at.0.into(),
    ]
}

fn answered(write: &RefreshWrite, offer: &TakeOver) -> Vec<Value> {
    vec![
        digest(&write.token),
        offer.sealed.as_slice().into(),
        write.now.0.into(),
        write.expires_at.0.into(),
        key(write.login),
    ]
}

/// The login that takes the session back: provider and device are the old one's.
fn successor(write: &RefreshWrite, offer: &TakeOver, old: Login) -> NewLogin {
    NewLogin {
        id: offer.id,
        provider: old.provider,
        device: old.device,
        tag: offer.tag,
        token: offer.token,
        expires_at: write.expires_at,
        now: write.now,
    }
}

async fn chains(
    connection: &mut Conn,
    ids: impl Iterator<Item = LoginId>,
) -> Result<HashMap<LoginId, Result<Chain>>, Fault> {
    let mut ids: Vec<LoginId> = ids.collect();
    ids.sort_unstable();
    let select = "SELECT login, member, epoch, refreshed_at, expires_at, ended_by, tag, token, \
                  previous, sealed FROM login WHERE login";
    let keys = ids.into_iter().map(key).collect();
    let rows = select_in(connection, select, keys, "ORDER BY login FOR UPDATE").await?;
    let mut chains = HashMap::with_capacity(rows.len());
    for mut row in rows {
        let id = LoginId(Uuid::from_bytes(bytes(&mut row, 0, "login.login")?));
        chains.insert(id, chain(id, &mut row));
    }
    Ok(chains)
}

fn chain(login: LoginId, row: &mut Row) -> Result<Chain> {
    Ok(Chain {
        member: member(row, 1, "login.member")?,
        epoch: cell(row, 2, "login.epoch")?,
        refreshed_at: Micros(cell(row, 3, "login.refreshed_at")?),
        expires_at: Micros(cell(row, 4, "login.expires_at")?),
        ended: ended_by(cell(row, 5, "login.ended_by")?, login)?,
        tag: bytes(row, 6, "login.tag")?,
        token: bytes(row, 7, "login.token")?,
        previous: optional_bytes(row, 8, "login.previous")?,
        sealed: cell(row, 9, "login.sealed")?,
    })
}

async fn logins(
    connection: &mut Conn,
    ids: impl Iterator<Item = LoginId>,
) -> Result<HashMap<LoginId, Result<Login>>, Fault> {
    let select = format!("SELECT {COLUMNS} FROM login WHERE login");
    let rows = select_in(connection, &select, ids.map(key).collect(), "").await?;
    let mut logins = HashMap::with_capacity(rows.len());
    for mut row in rows {
        // `login` takes the values out of the row: the id is read before.
        let id: Vec<u8> = peek(&row, 0, "login.login")?;
        let Ok(id) = Uuid::from_slice(&id) else { continue };
        logins.insert(LoginId(id), login(&mut row));
    }
    Ok(logins)
}
