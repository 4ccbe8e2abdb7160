//! Pushes that nobody waits for any more.

use mysql_async::prelude::Queryable;
use mysql_async::{Row, Value};

use super::once::Forget;
use crate::clock::Micros;
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::router::{Router, sweep};
use crate::mariadb::rows::cell;
use crate::mariadb::tx::{Tx, Work};

struct Expire {
    now: Micros,
    limit: usize,
}

impl Work for Expire {
    const NAME: &'static str = "push.expire";
    type Answer = usize;

    async fn run(&self, tx: &mut Tx) -> Result<usize, Fault> {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let select =
            "SELECT member, seq FROM inbox WHERE expires_at < ? ORDER BY expires_at LIMIT ?";
        let rows: Vec<Row> = tx.exec(select, (self.now.0, limit)).await?;
        let mut keys: Vec<(i64, i64)> = Vec::with_capacity(rows.len());
        for mut row in rows {
            keys.push((cell(&mut row, 0, "inbox.member")?, cell(&mut row, 1, "inbox.seq")?));
        }
        // In the order of the keys, like whoever else deletes from inboxes.
        keys.sort_unstable();
        let mut gone = 0;
        for some in keys.chunks(256) {
            let marks = vec!["(?,?)"; some.len()].join(",");
            let values: Vec<Value> =
                some.iter().flat_map(|(member, seq)| [(*member).into(), (*seq).into()]).collect();
            tx.exec_drop(format!("DELETE FROM inbox WHERE (member, seq) IN ({marks})"), values)
                .await?;
            gone += usize::try_from(tx.affected_rows()).unwrap_or(0);
        }
        Ok(gone)
    }
}

/// Forgets what expired before `now`, at most `limit` of each.
pub(super) async fn expire(router: &Router, now: Micros, limit: usize) -> Result<usize> {
    let pushes = sweep(router, limit, |limit| Expire { now, limit }).await?;
    Ok(pushes + sweep(router, limit, |limit| Forget { now, limit }).await?)
}
