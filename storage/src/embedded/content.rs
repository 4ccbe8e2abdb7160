//! What members did with notices and banners, in SQLite.

use async_trait::async_trait;
use protocol::ids::MemberId;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::Embedded;
use super::rows::{self, get, signed};
use crate::clock::Micros;
use crate::content::{ContentDuty, Counts, Deed, MarkWrite, Regard, Tally, day};
use crate::error::Result;

#[async_trait]
impl ContentDuty for Embedded {
    async fn mark(&self, write: MarkWrite) -> Result<()> {
        self.truth.write(move |connection| mark(connection, &write)).await
    }

    async fn regards(&self, member: MemberId, mut contents: Vec<Uuid>) -> Result<Vec<Regard>> {
        let select = "SELECT content, seen_at, dismissed_until FROM regard
             WHERE member = ?1 AND content = ?2";
        contents.sort_unstable_by(|one, other| other.cmp(one));
        contents.dedup();
        let read = move |connection: &Connection| {
            let mut regards = Vec::new();
            for content in contents {
                let own = params![member.number(), content];
                regards.extend(rows::all(connection, select, own, regard)?);
            }
            Ok(regards)
        };
        self.truth.read(read).await
    }

    async fn tally(&self, tallies: Vec<Tally>) -> Result<()> {
        let write = move |connection: &Connection| {
            tallies.iter().try_for_each(|tally| keep(connection, tally))
        };
        self.truth.write(write).await
    }

    async fn tallied(&self, content: Uuid, from: i32, limit: usize) -> Result<Vec<(i32, Counts)>> {
        let select = "SELECT day, SUM(shown) AS shown, SUM(clicked) AS clicked,
                 SUM(dismissed) AS dismissed
             FROM tally WHERE content = ?1 AND day >= ?2 GROUP BY day ORDER BY day LIMIT ?3";
        let read = move |connection: &Connection| {
            rows::all(connection, select, params![content, from, signed(limit)], counts)
        };
        self.truth.read(read).await
    }

    async fn forget_content(&self, before: Micros, limit: usize) -> Result<usize> {
        let write = move |connection: &Connection| {
            let regards = rows::run(
                connection,
                "DELETE FROM regard WHERE (member, content) IN
                     (SELECT member, content FROM regard WHERE changed_at < ?1 LIMIT ?2)",
                params![before.0, signed(limit)],
            )?;
            let tallies = rows::run(
                connection,
                "DELETE FROM tally WHERE (content, day, run) IN
                     (SELECT content, day, run FROM tally WHERE day < ?1 LIMIT ?2)",
                params![day(before), signed(limit)],
            )?;
            Ok(regards + tallies)
        };
        self.truth.write(write).await
    }
}

fn mark(connection: &Connection, write: &MarkWrite) -> Result<()> {
    for (content, deed) in &write.marks {
        let (seen, until) = match deed {
            Deed::Seen => (Some(write.now.0), None),
            Deed::Dismissed(until) => (None, Some(until.0)),
        };
        rows::run(
            connection,
            "INSERT INTO regard (member, content, seen_at, dismissed_until, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (member, content) DO UPDATE SET
                 seen_at = COALESCE(seen_at, excluded.seen_at),
                 dismissed_until = COALESCE(excluded.dismissed_until, dismissed_until),
                 changed_at = MAX(changed_at, excluded.changed_at)",
            params![write.member.number(), content, seen, until, write.now.0],
        )?;
    }
    Ok(())
}

fn regard(row: &Row<'_>) -> Result<Regard> {
    let moment = |name| get::<Option<i64>>(row, name).map(|at| at.map(Micros));
    Ok(Regard {
        content: get(row, "content")?,
        seen_at: moment("seen_at")?,
        dismissed_until: moment("dismissed_until")?,
    })
}

fn keep(connection: &Connection, tally: &Tally) -> Result<()> {
    let Counts { shown, clicked, dismissed } = tally.counts;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    rows::run(
        connection,
        "INSERT INTO tally (content, day, run, shown, clicked, dismissed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (content, day, run) DO UPDATE SET
             shown = MAX(shown, excluded.shown), clicked = MAX(clicked, excluded.clicked),
             dismissed = MAX(dismissed, excluded.dismissed)",
        params![
            tally.content,
            tally.day,
            tally.run,
            number(shown),
            number(clicked),
            number(dismissed)
        ],
    )?;
    Ok(())
}

fn counts(row: &Row<'_>) -> Result<(i32, Counts)> {
    let number = |name| get::<i64>(row, name).map(|count| u64::try_from(count).unwrap_or(0));
    let counts = Counts {
        shown: number("shown")?,
        clicked: number("clicked")?,
        dismissed: number("dismissed")?,
    };
    Ok((get(row, "day")?, counts))
}
