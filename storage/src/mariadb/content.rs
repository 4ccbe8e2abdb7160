//! What members did with notices and banners, in MariaDB: regards with their members, tallies on
//! the home primary.

mod forget;

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};
use protocol::ids::MemberId;
use uuid::Uuid;

use super::MariaDb;
use super::fault::Fault;
use super::members::shard;
use super::router::{HOME, ReadSet, Shard, WriteSet};
use super::rows::{bound, cell, id, moment, select_in, signed, unsigned, upsert, uuid};
use super::tx::{Locks, Tx};
use crate::clock::Micros;
use crate::content::{ContentDuty, Counts, Deed, MarkWrite, Regard, Tally};
use crate::error::Result;

/// How many rows go into a statement: it takes 65,535 values at most.
const ROWS: usize = 1_024;

#[async_trait]
impl ContentDuty for MariaDb {
    async fn mark(&self, write: MarkWrite) -> Result<()> {
        self.router.write_one::<Marks>(write).await
    }

    async fn mark_all(&self, writes: Vec<MarkWrite>) -> Vec<Result<()>> {
        self.router.write::<Marks>(&writes, Locks::Wait).await
    }

    async fn regards(&self, member: MemberId, contents: Vec<Uuid>) -> Result<Vec<Regard>> {
        self.router.read_one::<Regards>((member, contents)).await
    }

    async fn tally(&self, tallies: Vec<Tally>) -> Result<()> {
        self.router.write_one::<Tallies>(tallies).await
    }

    async fn tallied(&self, content: Uuid, from: i32, limit: usize) -> Result<Vec<(i32, Counts)>> {
        self.router.read_one::<Tallied>((content, from, limit)).await
    }

    async fn forget_content(&self, before: Micros, limit: usize) -> Result<usize> {
        forget::forget(&self.router, before, limit).await
    }
}

struct Marks;

impl WriteSet for Marks {
    const NAME: &'static str = "content.mark";
    type Item = MarkWrite;
    type Answer = ();
    type Key = MemberId;

    fn shard(write: &MarkWrite) -> Shard {
        shard(write.member)
    }

    fn key(write: &MarkWrite) -> MemberId {
        write.member
    }

    async fn write(writes: &[&MarkWrite], tx: &mut Tx) -> Result<Vec<Result<()>>, Fault> {
        let mut marks: Vec<(MemberId, Uuid, Deed, Micros)> = writes
            .iter()
            .flat_map(|it| it.marks.iter().map(|(of, deed)| (it.member, *of, *deed, it.now)))
            .collect();
        // In the order of the keys, like whoever else writes them.
        marks.sort_unstable_by_key(|(member, content, ..)| (member.number(), *content));
        for some in marks.chunks(ROWS) {
            upsert(
                tx,
                "regard (member, content, seen_at, dismissed_until, changed_at)",
                some.iter().map(row).collect(),
                "seen_at = COALESCE(seen_at, VALUES(seen_at)), \
                 dismissed_until = COALESCE(VALUES(dismissed_until), dismissed_until), \
                 changed_at = GREATEST(changed_at, VALUES(changed_at))",
            )
            .await?;
        }
        Ok(writes.iter().map(|_| Ok(())).collect())
    }
}

fn row((member, content, deed, now): &(MemberId, Uuid, Deed, Micros)) -> Vec<Value> {
    let (seen, until) = match deed {
        Deed::Seen => (Value::Int(now.0), Value::NULL),
        Deed::Dismissed(until) => (Value::NULL, Value::Int(until.0)),
    };
    vec![member.number().into(), id(*content), seen, until, now.0.into()]
}

struct Regards;

impl ReadSet for Regards {
    type Item = (MemberId, Vec<Uuid>);
    type Answer = Vec<Regard>;

    fn shard((member, _): &Self::Item) -> Shard {
        shard(*member)
    }

    async fn read(
        items: &[&Self::Item],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let select = "SELECT content, seen_at, dismissed_until FROM regard";
        let mut answers = Vec::with_capacity(items.len());
        for (member, contents) in items {
            let keys = contents.iter().map(|content| id(*content)).collect();
            // A number: it needs no place of its own in the statement.
            let of = format!("{select} WHERE member = {} AND content", member.number());
            let rows = select_in(connection, &of, keys, "ORDER BY content DESC").await?;
            answers.push(rows.into_iter().map(regard).collect());
        }
        Ok(answers)
    }
}

fn regard(mut row: Row) -> Result<Regard> {
    Ok(Regard {
        content: uuid(&mut row, 0, "regard.content")?,
        seen_at: moment(&mut row, 1, "regard.seen_at")?,
        dismissed_until: moment(&mut row, 2, "regard.dismissed_until")?,
    })
}

struct Tallies;

impl WriteSet for Tallies {
    const NAME: &'static str = "content.tally";
    type Item = Vec<Tally>;
    type Answer = ();
    type Key = ();

    fn shard(_: &Vec<Tally>) -> Shard {
        HOME
    }

    fn key(_: &Vec<Tally>) {}

    async fn write(items: &[&Vec<Tally>], tx: &mut Tx) -> Result<Vec<Result<()>>, Fault> {
        let mut tallies: Vec<&Tally> = items.iter().flat_map(|all| all.iter()).collect();
        tallies.sort_unstable_by_key(|it| (it.content, it.day, it.run));
        for some in tallies.chunks(ROWS) {
            upsert(
                tx,
                "tally (content, day, run, shown, clicked, dismissed)",
                some.iter().map(|tally| counted(tally)).collect(),
                "shown = GREATEST(shown, VALUES(shown)), \
                 clicked = GREATEST(clicked, VALUES(clicked)), \
                 dismissed = GREATEST(dismissed, VALUES(dismissed))",
            )
            .await?;
        }
        Ok(items.iter().map(|_| Ok(())).collect())
    }
}

fn counted(tally: &Tally) -> Vec<Value> {
    let Counts { shown, clicked, dismissed } = tally.counts;
    let number = |count| Value::Int(signed(count));
    vec![
        id(tally.content),
        tally.day.into(),
        id(tally.run),
        number(shown),
        number(clicked),
        number(dismissed),
    ]
}

struct Tallied;

impl ReadSet for Tallied {
    type Item = (Uuid, i32, usize);
    type Answer = Vec<(i32, Counts)>;

    fn shard(_: &Self::Item) -> Shard {
        HOME
    }

    async fn read(
        items: &[&Self::Item],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let select = "SELECT day, CAST(SUM(shown) AS SIGNED), CAST(SUM(clicked) AS SIGNED), \
                CAST(SUM(dismissed) AS SIGNED) FROM tally \
            WHERE content = ? AND day >= ? GROUP BY day ORDER BY day LIMIT ?";
        let mut answers = Vec::with_capacity(items.len());
        for (content, from, limit) in items {
            let values = (id(*content), *from, bound(*limit));
            let rows: Vec<Row> = connection.exec(select, values).await?;
            answers.push(rows.into_iter().map(sums).collect());
        }
        Ok(answers)
    }
}

fn sums(mut row: Row) -> Result<(i32, Counts)> {
    let row = &mut row;
    let counts = Counts {
        shown: unsigned(cell(row, 1, "tally.shown")?),
        clicked: unsigned(cell(row, 2, "tally.clicked")?),
        dismissed: unsigned(cell(row, 3, "tally.dismissed")?),
    };
    Ok((cell(row, 0, "tally.day")?, counts))
}
