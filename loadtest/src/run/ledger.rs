//! How long everything took.
//!
//! A request's latency is counted from the moment it was *due*, not from when there was room
//! to send it, so a server that stalls for a second is seen to have kept everyone waiting who
//! came in that second. Every latency is kept, to three digits (HDR histograms): a percentile
//! is one of all, not an average of percentiles.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use protocol::operation::Operation;
use serde::Serialize;

use super::ask::Ask;

/// The longest latency that is told apart, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// What took a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// The TCP connection and the upgrade, the first time from when the player was due.
    Connect,
    /// `auth.login`, as a new guest.
    Login,
    /// `session.open` of a new session.
    Open,
    /// `session.open` with `resume`.
    Resume,
    /// From when a player was due until its session was open, with all it had to wait for.
    Entry,
    /// From a lost connection until the session was open again.
    Back,
    /// A request on an open session.
    Asked(Ask),
}

impl Row {
    /// As reports call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Login => Operation::AuthLogin.name(),
            Self::Open => Operation::SessionOpen.name(),
            Self::Resume => "session.open (resume)",
            Self::Entry => "due to open",
            Self::Back => "lost to open again",
            Self::Asked(ask) => ask.operation().name(),
        }
    }
}

/// A row of a report. Times are in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Latencies {
    /// What took so long.
    pub name: String,
    /// How often.
    pub count: u64,
    /// How often the server said that it has too much to do.
    pub shed: u64,
    /// The longest of the quicker half.
    pub p50_us: u64,
    /// The longest of the quickest nine tenths.
    pub p90_us: u64,
    /// The longest of the quickest 99 in a hundred.
    pub p99_us: u64,
    /// The longest of the quickest 999 in a thousand.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// Part of a run, and what took how long in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Which part.
    pub title: String,
    /// Whether a threshold applies to it.
    pub judged: bool,
    /// What took how long.
    pub rows: Vec<Latencies>,
}

type Took = Histogram<u32>;

/// Every latency, shared by all players.
pub(super) struct Ledger {
    empty: Took,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    rows: Vec<(Row, Book)>,
    late: Option<Took>,
    sections: Vec<Section>,
}

struct Book {
    took: Took,
    shed: u64,
}

impl Ledger {
    /// A ledger without an entry.
    ///
    /// # Errors
    /// None: the bounds are good ones.
    pub(super) fn new() -> Result<Self, CreationError> {
        Ok(Self { empty: Took::new_with_bounds(1, LONGEST_US, 3)?, books: Mutex::default() })
    }

    /// Something took so long.
    pub(super) fn took(&self, row: Row, took: Duration) {
        self.book(row, |book| book.took.saturating_record(micros(took)));
    }

    /// The server said that it has too much to do.
    pub(super) fn shed(&self, row: Row) {
        self.book(row, |book| book.shed = book.shed.saturating_add(1));
    }

    /// A request was so late when its player got round to it: this program's own doing.
    pub(super) fn late(&self, late: Duration) {
        let mut books = self.books();
        books.late.get_or_insert_with(|| self.empty.clone()).saturating_record(micros(late));
    }

    fn book(&self, row: Row, write: impl FnOnce(&mut Book)) {
        let mut books = self.books();
        let place = books.rows.iter().position(|(of, _)| *of == row).unwrap_or_else(|| {
            books.rows.push((row, Book { took: self.empty.clone(), shed: 0 }));
            books.rows.len() - 1
        });
        write(&mut books.rows[place].1);
    }

    /// Ends a section: takes out all rows of `which`, in the order in which they began.
    pub(super) fn close(&self, title: impl Into<String>, judged: bool, which: fn(Row) -> bool) {
        let mut books = self.books();
        let (taken, left) = std::mem::take(&mut books.rows).into_iter().partition(|it| which(it.0));
        books.rows = left;
        let taken: Vec<(Row, Book)> = taken;
        let mut rows: Vec<_> = taken.iter().map(|(row, book)| row_of(row.name(), book)).collect();
        if taken.iter().any(|(row, _)| matches!(row, Row::Asked(_))) {
            rows.push(row_of("all", &self.all(&taken)));
            rows.extend(books.late.take().map(|took| row_of(LATE, &Book { took, shed: 0 })));
        }
        books.sections.push(Section { title: title.into(), judged, rows });
    }

    fn all(&self, rows: &[(Row, Book)]) -> Book {
        let mut all = Book { took: self.empty.clone(), shed: 0 };
        for (_, book) in rows {
            // Histograms of the same bounds can always be added.
            let _ = all.took.add(&book.took);
            all.shed += book.shed;
        }
        all
    }

    /// Everything that took a while so far: the sections that ended.
    pub(super) fn sections(&self) -> Vec<Section> {
        self.books().sections.clone()
    }

    /// One row over all that took a while since the last section ended.
    pub(super) fn so_far(&self) -> Latencies {
        row_of("all", &self.all(&self.books().rows))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // An entry is whole or was not made.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The row of how late this program was itself.
pub(super) const LATE: &str = "(sent late by)";

fn row_of(name: &str, Book { took, shed }: &Book) -> Latencies {
    Latencies {
        name: name.to_owned(),
        count: took.len(),
        shed: *shed,
        p50_us: took.value_at_quantile(0.5),
        p90_us: took.value_at_quantile(0.9),
        p99_us: took.value_at_quantile(0.99),
        p999_us: took.value_at_quantile(0.999),
        max_us: took.max(),
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
