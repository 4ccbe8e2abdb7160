//! Pushes, acknowledgements and bans.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Report, Rows, Session, books};
use crate::mariadb::tests::kill::history::{Event, Op, Said};

/// What a member's pushes and acknowledgements were told.
#[derive(Default)]
struct Told<'a> {
    /// Body and number, in the order of being told.
    pushes: Vec<(&'a str, u64)>,
    asked: BTreeMap<&'a str, Asked>,
    /// The highest acknowledgement that was told to be done.
    acked: u64,
    /// The highest that may be.
    may_be_acked: u64,
}

fn told(events: &[Event]) -> BTreeMap<&str, Told<'_>> {
    let mut all: BTreeMap<&str, Told<'_>> = BTreeMap::new();
    for Event { op, said } in events {
        match op {
            Op::Push { member, body } | Op::Ban { member, ban: body } => {
                let told = all.entry(member).or_default();
                told.asked.entry(body).or_default().add(said);
                if let Said::Ok(words) = said {
                    told.pushes.push((body, words[0].parse().unwrap()));
                }
            }
            Op::Ack { member, up_to } => {
                let told = all.entry(member).or_default();
                match said {
                    Said::Ok(_) => told.acked = told.acked.max(*up_to),
                    Said::Unknown => told.may_be_acked = told.may_be_acked.max(*up_to),
                    Said::Refused | Said::Wrong(_) => {}
                }
            }
            Op::Rotate { .. }
            | Op::Login { .. }
            | Op::Unban { .. }
            | Op::Buy { .. }
            | Op::Refund { .. }
            | Op::Spend { .. } => {}
        }
    }
    all
}

pub(super) fn check(events: &[Event], rows: &Rows, report: &mut Report) {
    let told = told(events);
    let buyers = books::buyers(events);
    let nothing = Told::default();
    for session in &rows.sessions {
        let told = told.get(session.member.as_str()).unwrap_or(&nothing);
        let kept: Vec<(u64, &str)> = (rows.pushes.iter())
            .filter(|push| push.member == session.member)
            .map(|push| (push.seq, push.body.as_str()))
            .collect();
        acks(session, told, report);
        numbers(session, &kept, report);
        if buyers.contains(session.member.as_str()) {
            // Of these the books say what must be told.
            continue;
        }
        bodies(session, told, &kept, report);
        acknowledged(session, told, &kept, report);
    }
    for member in told.keys() {
        if !rows.sessions.iter().any(|session| session.member == **member) {
            report.lost.push(format!("all of {member}"));
        }
    }
}

fn acks(session: &Session, told: &Told<'_>, report: &mut Report) {
    let Session { member, acked, .. } = session;
    if *acked < told.acked {
        report.lost.push(format!("ack {member} {}: at {acked}", told.acked));
    }
    if *acked > told.acked.max(told.may_be_acked) {
        report.invented.push(format!("ack {member} {acked}"));
    }
}

/// What is not acknowledged is there without a gap, once.
fn numbers(session: &Session, kept: &[(u64, &str)], report: &mut Report) {
    let Session { member, seq, acked, .. } = session;
    let mut open: BTreeSet<u64> = (acked + 1..=*seq).collect();
    let mut seen = BTreeSet::new();
    for (seq, body) in kept {
        if !seen.insert(seq) {
            report.doubled.push(format!("number {seq} of {member}"));
        } else if !open.remove(seq) {
            report.doubled.push(format!("push {member} {body}: back as {seq}, beyond the numbers"));
        }
    }
    for seq in open {
        report.lost.push(format!("number {seq} of {member}"));
    }
}

fn bodies(session: &Session, told: &Told<'_>, kept: &[(u64, &str)], report: &mut Report) {
    let member = &session.member;
    let mut seen = BTreeSet::new();
    for (seq, body) in kept {
        if !seen.insert(body) {
            report.doubled.push(format!("push {member} {body}: again as {seq}"));
        }
        if !told.asked.get(body).is_some_and(|asked| asked.may_be_there()) {
            report.invented.push(format!("push {member} {body}: {seq}"));
        }
    }
}

fn acknowledged(session: &Session, told: &Told<'_>, kept: &[(u64, &str)], report: &mut Report) {
    let Session { member, seq, acked, .. } = session;
    let mut numbers = BTreeSet::new();
    let mut last = 0;
    for (body, number) in &told.pushes {
        if !numbers.insert(*number) {
            report.doubled.push(format!("number {number} of {member}, told twice"));
        }
        if *number < last {
            report.wrong.push(format!("push {member} {body}: {number} after {last}"));
        }
        last = *number;
        match kept.iter().find(|(_, kept)| kept == body) {
            Some((seq, _)) if seq == number => {}
            Some((seq, _)) => {
                report.doubled.push(format!("push {member} {body}: told {number}, there as {seq}"));
            }
            None if *number <= *acked => {}
            None => report.lost.push(format!("push {member} {body}: told {number} of {seq}")),
        }
    }
    // What was acknowledged is gone; each of its numbers was told, or given to what is not known.
    let untold = (1..=*acked).filter(|number| !numbers.contains(number)).count();
    let open = told.asked.iter().filter(|(body, asked)| {
        let settled = told.pushes.iter().any(|(told, _)| told == *body)
            || kept.iter().any(|(_, kept)| kept == *body);
        asked.unknown > 0 && !settled
    });
    if untold > open.count() {
        report
            .doubled
            .push(format!("{untold} acknowledged numbers of {member} that nobody was told"));
    }
}

/// Each ban is written once, and the last one told counts.
pub(super) fn check_bans(events: &[Event], rows: &Rows, report: &mut Report) {
    let mut asked: BTreeMap<&str, Asked> = BTreeMap::new();
    // What may count in the end, by member.
    let mut counts: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
    for Event { op, said } in events {
        let (member, state) = match op {
            Op::Ban { member, ban } => {
                asked.entry(ban).or_default().add(said);
                let kept = rows.bans.iter().filter(|(kept, _)| kept == ban).count();
                match (said, kept) {
                    (Said::Ok(_), 0) => report.lost.push(op.to_string()),
                    (_, 0 | 1) => {}
                    _ => report.doubled.push(op.to_string()),
                }
                (member, Some(ban.as_str()))
            }
            Op::Unban { member } => (member, None),
            Op::Push { .. }
            | Op::Ack { .. }
            | Op::Rotate { .. }
            | Op::Login { .. }
            | Op::Buy { .. }
            | Op::Refund { .. }
            | Op::Spend { .. } => continue,
        };
        let counts = counts.entry(member).or_insert_with(|| vec![None]);
        match said {
            Said::Ok(_) => *counts = vec![state],
            Said::Unknown => counts.push(state),
            Said::Refused | Said::Wrong(_) => {}
        }
    }
    for (ban, member) in &rows.bans {
        if !asked.get(ban.as_str()).is_some_and(|asked| asked.may_be_there()) {
            report.invented.push(format!("ban {member} {ban}"));
        }
    }
    for member in &rows.members {
        let may = counts.get(member.member.as_str()).cloned().unwrap_or_else(|| vec![None]);
        if !may.contains(&member.ban.as_deref()) {
            report.lost.push(format!(
                "the last ban of {}: {:?} counts, not one of {may:?}",
                member.member, member.ban
            ));
        }
    }
}
