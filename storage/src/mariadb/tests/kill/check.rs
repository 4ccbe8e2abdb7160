//! Holds a history against what the databases hold in the end. It asks nobody: both are given.

mod books;
mod forged;
mod inboxes;
mod logins;

use std::fmt;

use super::history::{Event, Said};
pub(super) use books::{Booked, Books, Claimed, Entry};

/// What all servers together hold, as they say it themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) sessions: Vec<Session>,
    pub(super) pushes: Vec<Push>,
    pub(super) logins: Vec<Login>,
    pub(super) members: Vec<Member>,
    /// The person, and its member.
    pub(super) claims: Vec<(String, String)>,
    /// A member, and the person that it is known by.
    pub(super) identities: Vec<(String, String)>,
    /// A ban, and whom it keeps out.
    pub(super) bans: Vec<(String, String)>,
    pub(super) books: Books,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) member: String,
    pub(super) epoch: u64,
    pub(super) seq: u64,
    pub(super) acked: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Push {
    pub(super) member: String,
    pub(super) seq: u64,
    pub(super) body: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) login: String,
    pub(super) member: String,
    pub(super) epoch: u64,
    pub(super) token: String,
    pub(super) ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) member: String,
    /// The ban that counts.
    pub(super) ban: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) acknowledged: usize,
    pub(super) unknown: usize,
    pub(super) refused: usize,
    /// Acknowledged, and not there.
    pub(super) lost: Vec<String>,
    /// There more than once.
    pub(super) doubled: Vec<String>,
    /// There, and refused or never asked for.
    pub(super) invented: Vec<String>,
    /// Answered as it never should be.
    pub(super) wrong: Vec<String>,
}

impl Report {
    pub(super) fn is_good(&self) -> bool {
        [&self.lost, &self.doubled, &self.invented, &self.wrong].iter().all(|all| all.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, unknown, refused, lost, doubled, invented, wrong } = self;
        write!(
            f,
            "{acknowledged} acknowledged, {unknown} unknown, {refused} refused: lost {}, \
             doubled {}, refused and there {}, answered wrongly {}",
            lost.len(),
            doubled.len(),
            invented.len(),
            wrong.len()
        )?;
        for (what, all) in
            [("lost", lost), ("doubled", doubled), ("invented", invented), ("wrong", wrong)]
        {
            for one in all.iter().take(20) {
                write!(f, "\n  {what}: {one}")?;
            }
        }
        Ok(())
    }
}

/// Finds what is in one and not in the other.
pub(super) fn check(events: &[Event], rows: &Rows) -> Report {
    let mut report = Report::default();
    for Event { op, said } in events {
        match said {
            Said::Ok(_) => report.acknowledged += 1,
            Said::Unknown => report.unknown += 1,
            Said::Refused => report.refused += 1,
            Said::Wrong(what) => report.wrong.push(format!("{op}: {what}")),
        }
    }
    inboxes::check(events, rows, &mut report);
    inboxes::check_bans(events, rows, &mut report);
    logins::check(events, rows, &mut report);
    logins::check_people(events, rows, &mut report);
    books::check(events, &rows.books, &mut report);
    report
}

/// Whether something that was asked for may be there: unless all that asked for it were refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Asked {
    times: usize,
    refused: usize,
    /// How often it was not said whether it was done.
    unknown: usize,
}

impl Asked {
    fn add(&mut self, said: &Said) {
        self.times += 1;
        self.refused += usize::from(*said == Said::Refused);
        self.unknown += usize::from(*said == Said::Unknown);
    }

    fn may_be_there(self) -> bool {
        self.refused < self.times
    }
}
