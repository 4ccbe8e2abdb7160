//! Logins, their chains of refresh tokens, and whose each identity is.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Report, Rows};
use crate::mariadb::tests::kill::history::{Event, Op, Said};

/// The chain of one login, as it was told.
#[derive(Default)]
struct Chain<'a> {
    asked: Asked,
    /// Member and epoch.
    told: Option<(&'a str, u64)>,
    /// The tokens one of which is good now: the last that was told, and those whose outcome is
    /// not known since.
    good: Vec<&'a str>,
}

fn chains(events: &[Event]) -> BTreeMap<&str, Chain<'_>> {
    let mut chains: BTreeMap<&str, Chain<'_>> = BTreeMap::new();
    for Event { op, said } in events {
        match op {
            Op::Login { login, token, .. } => {
                let chain = chains.entry(login).or_default();
                chain.asked.add(said);
                chain.good = vec![token];
                if let Said::Ok(words) = said {
                    chain.told = Some((&words[0], words[1].parse().unwrap()));
                }
            }
            Op::Rotate { login, next, .. } => {
                let chain = chains.entry(login).or_default();
                match said {
                    Said::Ok(words) => chain.good = vec![&words[0]],
                    Said::Unknown => chain.good.push(next),
                    Said::Refused | Said::Wrong(_) => {}
                }
            }
            Op::Push { .. }
            | Op::Ack { .. }
            | Op::Ban { .. }
            | Op::Unban { .. }
            | Op::Buy { .. }
            | Op::Refund { .. }
            | Op::Spend { .. } => {}
        }
    }
    chains
}

/// Each login that was told is there once, with the token that was told last.
pub(super) fn check(events: &[Event], rows: &Rows, report: &mut Report) {
    let chains = chains(events);
    for (login, chain) in &chains {
        let kept: Vec<_> = rows.logins.iter().filter(|kept| kept.login == **login).collect();
        match (kept.as_slice(), chain.told) {
            ([], Some(_)) => report.lost.push(format!("login {login}")),
            ([], None) => {}
            ([kept], told) => {
                if told.is_some_and(|told| told != (kept.member.as_str(), kept.epoch)) {
                    report.lost.push(format!("login {login}: told {told:?}, kept as {kept:?}"));
                }
                if kept.ended {
                    report.lost.push(format!("login {login}: it was ended"));
                }
                if !chain.good.contains(&kept.token.as_str()) {
                    let good = &chain.good;
                    report
                        .lost
                        .push(format!("token of {login}: {} is none of {good:?}", kept.token));
                }
            }
            _ => report.doubled.push(format!("login {login}")),
        }
    }
    for kept in &rows.logins {
        if !chains.get(kept.login.as_str()).is_some_and(|chain| chain.asked.may_be_there()) {
            report.invented.push(format!("login {} of {}", kept.login, kept.member));
        }
    }
    epochs(rows, report);
}

/// A member's logins are numbered without a gap, and the last one counts.
fn epochs(rows: &Rows, report: &mut Report) {
    for session in &rows.sessions {
        let member = &session.member;
        let mut open: BTreeSet<u64> = (1..=session.epoch).collect();
        for login in rows.logins.iter().filter(|login| login.member == *member) {
            if !open.remove(&login.epoch) {
                report.doubled.push(format!("epoch {} of {member}", login.epoch));
            }
        }
        for epoch in open {
            report.lost.push(format!("the login of epoch {epoch} of {member}"));
        }
    }
}

/// Each person is one member, on one server.
pub(super) fn check_people(events: &[Event], rows: &Rows, report: &mut Report) {
    let mut people: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Event { op, said } in events {
        if let (Op::Login { person, .. }, Said::Ok(words)) = (op, said) {
            people.entry(person).or_default().insert(&words[0]);
        }
    }
    for (person, members) in &people {
        if members.len() > 1 {
            report.doubled.push(format!("{person} was told of {members:?}"));
        }
        let claimed = rows.claims.iter().filter(|(of, _)| of == person).map(|(_, it)| it.as_str());
        let claimed: Vec<&str> = claimed.collect();
        match claimed.as_slice() {
            [] => report.lost.push(format!("the claim of {person}")),
            [one] if members.contains(one) => {}
            [one] => report.lost.push(format!("{person} is {one}, and was told {members:?}")),
            _ => report.doubled.push(format!("{person} is {claimed:?}")),
        }
        for member in members {
            let known = |(of, by): &&(String, String)| of == member && by == person;
            if rows.identities.iter().filter(known).count() != 1 {
                report.lost.push(format!("{member} is not known as {person}"));
            }
        }
    }
    whole(rows, &people, report);
}

/// No member is there twice, none is nobody's, none has half of its rows.
fn whole(rows: &Rows, people: &BTreeMap<&str, BTreeSet<&str>>, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for member in rows.members.iter().map(|it| it.member.as_str()) {
        if !seen.insert(member) {
            report.doubled.push(format!("member {member}"));
        }
        if rows.claims.iter().filter(|(_, of)| of == member).count() != 1 {
            report.doubled.push(format!("member {member}, whom not one person claims"));
        }
        if !rows.identities.iter().any(|(of, _)| of == member) {
            report.lost.push(format!("what {member} is known by"));
        }
        if rows.sessions.iter().filter(|session| session.member == member).count() != 1 {
            report.lost.push(format!("the lock of {member}"));
        }
    }
    for member in people.values().flatten() {
        if !seen.contains(member) {
            report.lost.push(format!("member {member}"));
        }
    }
}
