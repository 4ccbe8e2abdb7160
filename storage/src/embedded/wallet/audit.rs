//! Adds up the ledger, as it was at one moment.

use std::collections::BTreeMap;

use protocol::ids::MemberId;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::embedded::purchases;
use crate::embedded::rows::{self, get};
use crate::error::Result;
use crate::wallet::{Audited, Discrepancy, MEMBER};

pub(super) fn audit(
    connection: &Connection,
    after: Option<MemberId>,
    limit: usize,
) -> Result<Audited> {
    let mut audited = Audited::default();
    let mut last = after;
    // A member without entries costs a look, too.
    let mut looks = 0;
    while let Some(member) = next(connection, last)? {
        if looks >= limit {
            audited.next = last;
            break;
        }
        let before = audited.entries + audited.balances + audited.purchases;
        one(connection, member, &mut audited)?;
        let seen = audited.entries + audited.balances + audited.purchases - before;
        looks = looks.saturating_add(usize::try_from(seen).unwrap_or(usize::MAX));
        last = Some(member);
    }
    Ok(audited)
}

/// The first member behind `after` who has, had or bought anything.
fn next(connection: &Connection, after: Option<MemberId>) -> Result<Option<MemberId>> {
    let select = "SELECT min(member) AS member FROM (
                      SELECT min(member) AS member FROM ledger WHERE member > ?1
                      UNION ALL SELECT min(member) FROM wallet WHERE member > ?1
                      UNION ALL SELECT min(member) FROM purchase WHERE member > ?1)";
    let after = after.map_or(0, MemberId::number);
    let found = rows::one(connection, select, [after], |row| rows::member(row, "member"))?;
    Ok(found.flatten())
}

/// What a member's entries sum up to.
#[derive(Default)]
struct Sums {
    items: BTreeMap<String, i128>,
    purchases: BTreeMap<(Uuid, String), i128>,
    /// Of the transfer that is being added up.
    transfer: Option<(Uuid, BTreeMap<String, i128>)>,
}

fn one(connection: &Connection, member: MemberId, audited: &mut Audited) -> Result<()> {
    let mut sums = Sums::default();
    entries(connection, member, &mut sums, audited)?;
    balances(connection, member, &mut sums, audited)?;
    bought(connection, member, &mut sums, audited)
}

/// Adds up the entries; each transfer comes as one.
fn entries(
    connection: &Connection,
    member: MemberId,
    sums: &mut Sums,
    audited: &mut Audited,
) -> Result<()> {
    rows::each(
        connection,
        "SELECT transfer, account, item, delta, purchase FROM ledger WHERE member = ?1
         ORDER BY transfer, line",
        [member.number()],
        |row| {
            let (transfer, item): (Uuid, String) = (get(row, "transfer")?, get(row, "item")?);
            let delta = i128::from(get::<i64>(row, "delta")?);
            if sums.transfer.as_ref().is_none_or(|(id, _)| *id != transfer) {
                sums.close(member, audited);
                sums.transfer = Some((transfer, BTreeMap::new()));
            }
            if let Some((_, lines)) = &mut sums.transfer {
                *lines.entry(item.clone()).or_default() += delta;
            }
            if get::<String>(row, "account")? == MEMBER {
                *sums.items.entry(item.clone()).or_default() += delta;
                if let Some(purchase) = get(row, "purchase")? {
                    *sums.purchases.entry((purchase, item)).or_default() += delta;
                }
            }
            audited.entries += 1;
            Ok(())
        },
    )?;
    sums.close(member, audited);
    Ok(())
}

impl Sums {
    /// The transfer is at its end: its lines sum up to zero.
    fn close(&mut self, member: MemberId, audited: &mut Audited) {
        let Some((id, lines)) = self.transfer.take() else { return };
        for (item, sum) in lines.into_iter().filter(|(_, sum)| *sum != 0) {
            audited.discrepancies.push(Discrepancy::Transfer { member, id, item, sum });
        }
    }
}

fn balances(
    connection: &Connection,
    member: MemberId,
    sums: &mut Sums,
    audited: &mut Audited,
) -> Result<()> {
    let select = "SELECT item, balance FROM wallet WHERE member = ?1 ORDER BY item";
    rows::each(connection, select, params![member.number()], |row| {
        let (item, kept): (String, i64) = (get(row, "item")?, get(row, "balance")?);
        audited.balances += 1;
        let sum = sums.items.remove(&item).unwrap_or(0);
        if i128::from(kept) != sum {
            let kept = Some(kept);
            audited.discrepancies.push(Discrepancy::Balance { member, item, kept, sum });
        }
        Ok(())
    })?;
    for (item, sum) in std::mem::take(&mut sums.items) {
        audited.discrepancies.push(Discrepancy::Balance { member, item, kept: None, sum });
    }
    Ok(())
}

fn bought(
    connection: &Connection,
    member: MemberId,
    sums: &mut Sums,
    audited: &mut Audited,
) -> Result<()> {
    purchases::of_member(connection, member, |purchase| {
        audited.purchases += 1;
        for grant in purchase.in_force() {
            let (id, item, in_force) = (purchase.id, grant.item.to_string(), grant.amount);
            let sum = sums.purchases.remove(&(id, item.clone())).unwrap_or(0);
            if i128::from(in_force) != sum {
                let wrong = Discrepancy::Purchase { member, id, item, in_force, sum };
                audited.discrepancies.push(wrong);
            }
        }
        Ok(())
    })?;
    // What was moved for a purchase that grants no such item, or is not there.
    for ((id, item), sum) in std::mem::take(&mut sums.purchases) {
        if sum != 0 {
            let wrong = Discrepancy::Purchase { member, id, item, in_force: 0, sum };
            audited.discrepancies.push(wrong);
        }
    }
    Ok(())
}
