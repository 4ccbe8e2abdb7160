//! Purchases and what was spent of them.

mod forged;

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Report};
use crate::mariadb::tests::kill::history::{Event, Op, Said};
use crate::mariadb::tests::kill::writers::buyers::{BOUGHT, SPENT};

/// What all servers together hold of purchases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::mariadb::tests::kill) struct Books {
    pub(in crate::mariadb::tests::kill) claims: Vec<Claimed>,
    pub(in crate::mariadb::tests::kill) purchases: Vec<Booked>,
    /// The members' own, of gems.
    pub(in crate::mariadb::tests::kill) entries: Vec<Entry>,
    /// Members, and how many gems they have.
    pub(in crate::mariadb::tests::kill) balances: Vec<(String, i64)>,
    /// Members, and how often they were told that they have more or less.
    pub(in crate::mariadb::tests::kill) told: Vec<(String, u64)>,
    /// Members, and the number of each notice of theirs.
    pub(in crate::mariadb::tests::kill) notices: Vec<(String, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mariadb::tests::kill) struct Claimed {
    pub(in crate::mariadb::tests::kill) purchase: String,
    pub(in crate::mariadb::tests::kill) owner: Option<String>,
    pub(in crate::mariadb::tests::kill) pending: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mariadb::tests::kill) struct Booked {
    pub(in crate::mariadb::tests::kill) purchase: String,
    pub(in crate::mariadb::tests::kill) member: String,
    /// Its id here, by which entries name it.
    pub(in crate::mariadb::tests::kill) id: String,
    pub(in crate::mariadb::tests::kill) stand: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mariadb::tests::kill) struct Entry {
    pub(in crate::mariadb::tests::kill) member: String,
    pub(in crate::mariadb::tests::kill) transfer: String,
    pub(in crate::mariadb::tests::kill) purchase: Option<String>,
    pub(in crate::mariadb::tests::kill) delta: i64,
}

/// Members whose inboxes are written by purchases alone.
pub(super) fn buyers(events: &[Event]) -> BTreeSet<&str> {
    let buys = events.iter().filter_map(|Event { op, .. }| match op {
        Op::Buy { member, .. } => Some(member.as_str()),
        Op::Push { .. }
        | Op::Ack { .. }
        | Op::Rotate { .. }
        | Op::Login { .. }
        | Op::Ban { .. }
        | Op::Unban { .. }
        | Op::Refund { .. }
        | Op::Spend { .. } => None,
    });
    buys.collect()
}

/// What was asked for, and whether it was told to be done.
#[derive(Clone, Copy, Default)]
struct Wish {
    asked: Asked,
    told: bool,
}

impl Wish {
    fn add(&mut self, said: &Said) {
        self.asked.add(said);
        self.told |= matches!(said, Said::Ok(_));
    }
}

/// Wishes by member and what they are about.
type Wishes<'a> = BTreeMap<(&'a str, &'a str), Wish>;

#[derive(Default)]
struct Wanted<'a> {
    bought: Wishes<'a>,
    refunded: Wishes<'a>,
    spent: Wishes<'a>,
}

fn wanted(events: &[Event]) -> Wanted<'_> {
    let mut wanted = Wanted::default();
    for Event { op, said } in events {
        let (wishes, of) = match op {
            Op::Buy { member, purchase } => (&mut wanted.bought, (member, purchase)),
            Op::Refund { member, purchase } => (&mut wanted.refunded, (member, purchase)),
            Op::Spend { member, transfer } => (&mut wanted.spent, (member, transfer)),
            Op::Push { .. }
            | Op::Ack { .. }
            | Op::Rotate { .. }
            | Op::Login { .. }
            | Op::Ban { .. }
            | Op::Unban { .. } => continue,
        };
        wishes.entry((of.0, of.1)).or_default().add(said);
    }
    wanted
}

pub(super) fn check(events: &[Event], books: &Books, report: &mut Report) {
    let wanted = wanted(events);
    purchases(&wanted, books, report);
    entries(&wanted, books, report);
    members(books, report);
}

/// Each purchase that was told is there once, and is the buyer's.
fn purchases(wanted: &Wanted<'_>, books: &Books, report: &mut Report) {
    for ((member, purchase), wish) in &wanted.bought {
        let claims = books.claims.iter().filter(|kept| kept.purchase == *purchase);
        let claims: Vec<_> = claims.collect();
        let kept = books.purchases.iter().filter(|kept| kept.purchase == *purchase);
        let kept: Vec<_> = kept.collect();
        if wish.told && (claims.is_empty() || kept.is_empty()) {
            report.lost.push(format!("buy {member} {purchase}"));
        }
        if claims.len() > 1 || kept.len() > 1 {
            report.doubled.push(format!("buy {member} {purchase}"));
        }
        let others = claims.iter().any(|it| it.owner.as_deref() != Some(*member))
            || kept.iter().any(|it| it.member != *member);
        if others {
            report.wrong.push(format!("buy {member} {purchase}: it is another's"));
        }
        if claims.iter().any(|it| it.pending) {
            report.lost.push(format!("buy {member} {purchase}: its owner's rows never followed"));
        }
    }
    for kept in &books.purchases {
        let of = (kept.member.as_str(), kept.purchase.as_str());
        if !wanted.bought.get(&of).is_some_and(|wish| wish.asked.may_be_there()) {
            report.invented.push(format!("buy {} {}", kept.member, kept.purchase));
        }
        let refund = wanted.refunded.get(&of).copied().unwrap_or_default();
        let stands = kept.stand == "refunded" || kept.stand == "void";
        if refund.told && !stands {
            report.lost.push(format!("refund {} {}: {}", kept.member, kept.purchase, kept.stand));
        }
        if stands && !refund.asked.may_be_there() {
            report.invented.push(format!("refund {} {}", kept.member, kept.purchase));
        }
    }
}

/// Of each purchase and each transfer there is what was asked for, once.
fn entries(wanted: &Wanted<'_>, books: &Books, report: &mut Report) {
    for kept in &books.purchases {
        let of = books.entries.iter().filter(|it| it.purchase.as_ref() == Some(&kept.id));
        let deltas: Vec<i64> = of.map(|it| it.delta).collect();
        let good: &[&[i64]] = match kept.stand.as_str() {
            "granted" => &[&[BOUGHT]],
            // It may have been given back before it was granted.
            "refunded" => &[&[BOUGHT, -BOUGHT], &[-BOUGHT, BOUGHT], &[]],
            _ => &[&[]],
        };
        if !good.contains(&deltas.as_slice()) {
            let what = format!("grant {} {}: {deltas:?}", kept.member, kept.purchase);
            let all = if deltas.is_empty() { &mut report.lost } else { &mut report.doubled };
            all.push(what);
        }
    }
    let ids: BTreeSet<&str> = books.purchases.iter().map(|kept| kept.id.as_str()).collect();
    for entry in &books.entries {
        let known = match &entry.purchase {
            Some(purchase) => ids.contains(purchase.as_str()),
            None => {
                let of = (entry.member.as_str(), entry.transfer.as_str());
                wanted.spent.get(&of).is_some_and(|wish| wish.asked.may_be_there())
            }
        };
        if !known {
            report.invented.push(format!("entry {} {}", entry.member, entry.transfer));
        }
    }
    for ((member, transfer), wish) in &wanted.spent {
        let kept = books.entries.iter();
        let kept = kept.filter(|it| it.member == *member && it.transfer == *transfer);
        let deltas: Vec<i64> = kept.map(|it| it.delta).collect();
        match deltas.as_slice() {
            [] if wish.told => report.lost.push(format!("spend {member} {transfer}")),
            [] => {}
            [delta] if *delta == -SPENT => {}
            _ => report.doubled.push(format!("spend {member} {transfer}: {deltas:?}")),
        }
    }
}

/// What each member has, was told, and what its game's server is told, follow from the entries.
fn members(books: &Books, report: &mut Report) {
    let mut sums: BTreeMap<&str, (i64, u64, u64)> = BTreeMap::new();
    for entry in &books.entries {
        let (sum, transfers, of_purchases) = sums.entry(&entry.member).or_default();
        *sum += entry.delta;
        *transfers += 1;
        *of_purchases += u64::from(entry.purchase.is_some());
    }
    for (member, _) in &books.balances {
        sums.entry(member).or_default();
    }
    for (member, (sum, transfers, of_purchases)) in sums {
        let balance = books.balances.iter().find(|(kept, _)| kept == member).map(|(_, it)| *it);
        if balance != Some(sum) {
            report.wrong.push(format!("{member} has {balance:?} and not {sum}"));
        }
        let told = books.told.iter().find(|(kept, _)| kept == member).map_or(0, |(_, it)| *it);
        if told != transfers {
            let all = if told < transfers { &mut report.lost } else { &mut report.doubled };
            all.push(format!("{member} was told {told} of {transfers} changes"));
        }
        let mut seqs: Vec<u64> = Vec::new();
        seqs.extend(books.notices.iter().filter(|(kept, _)| kept == member).map(|(_, seq)| *seq));
        seqs.sort_unstable();
        if seqs != (1..=of_purchases).collect::<Vec<_>>() {
            report.lost.push(format!("notices of {member}: {seqs:?} and not {of_purchases}"));
        }
    }
}
