//! Regards and tallies that nobody asks for any more.

use mysql_async::prelude::Queryable;
use mysql_async::{Row, Value};

use crate::clock::Micros;
use crate::content::day;
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::router::{HOME, Router, Shard, WriteSet, sweep};
use crate::mariadb::rows::{bound, exec_by, peek};
use crate::mariadb::tx::{Tx, Work};

/// Forgets what was not touched since, at most `limit` of each.
pub(super) async fn forget(router: &Router, before: Micros, limit: usize) -> Result<usize> {
    let regards = sweep(router, limit, |limit| Regards { before, limit }).await?;
    Ok(regards + router.write_one::<Tallies>((before, limit)).await?)
}

struct Regards {
    before: Micros,
    limit: usize,
}

impl Work for Regards {
    const NAME: &'static str = "content.forget";
    type Answer = usize;

    async fn run(&self, tx: &mut Tx) -> Result<usize, Fault> {
        let select = "SELECT member, content FROM regard FORCE INDEX (regard_changed) \
            WHERE changed_at < ? ORDER BY changed_at LIMIT ?";
        let rows: Vec<Row> = tx.exec(select, (self.before.0, bound(self.limit))).await?;
        let mut keys: Vec<(i64, Vec<u8>)> = Vec::with_capacity(rows.len());
        for row in rows {
            keys.push((peek(&row, 0, "regard.member")?, peek(&row, 1, "regard.content")?));
        }
        // In the order of the keys, like whoever else writes them.
        keys.sort_unstable();
        let mut gone = 0;
        for some in keys.chunks(256) {
            let some = some.iter().map(|(of, what)| vec![(*of).into(), Value::Bytes(what.clone())]);
            let delete = "DELETE FROM regard WHERE (member, content)";
            // One that was touched meanwhile stays.
            let old = format!("AND changed_at < {}", self.before.0);
            gone += exec_by(tx, delete, Vec::new(), some.collect(), &old).await?;
        }
        Ok(gone)
    }
}

struct Tallies;

impl WriteSet for Tallies {
    const NAME: &'static str = "content.forget_tallies";
    type Item = (Micros, usize);
    type Answer = usize;
    type Key = ();

    fn shard(_: &Self::Item) -> Shard {
        HOME
    }

    fn key(_: &Self::Item) {}

    async fn write(items: &[&Self::Item], tx: &mut Tx) -> Result<Vec<Result<usize>>, Fault> {
        let mut answers = Vec::with_capacity(items.len());
        for (before, limit) in items {
            let delete = "DELETE FROM tally WHERE day < ? ORDER BY day LIMIT ?";
            tx.exec_drop(delete, (day(*before), bound(*limit))).await?;
            answers.push(Ok(usize::try_from(tx.affected_rows()).unwrap_or(usize::MAX)));
        }
        Ok(answers)
    }
}
