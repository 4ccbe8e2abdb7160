//! Logins and nonces that have expired are forgotten, and claims that were left pending are
//! finished.

use mysql_async::prelude::Queryable;
use mysql_async::{Row, Value};

use crate::clock::Micros;
use crate::error::Result;
use crate::mariadb::MariaDb;
use crate::mariadb::fault::Fault;
use crate::mariadb::identity::claims;
use crate::mariadb::router;
use crate::mariadb::rows::cell;
use crate::mariadb::tx::{Tx, Work};

/// How many keys stand in one statement.
const KEYS: usize = 256;

pub(super) async fn sweep(backend: &MariaDb, now: Micros, limit: usize) -> Result<usize> {
    // Where a server is away the others' is done all the same.
    let logins = router::sweep(&backend.router, limit, |limit| Logins { now, limit }).await;
    let nonces = router::sweep(&backend.router, limit, |limit| Nonces { now, limit }).await;
    claims::finish_abandoned(&backend.router, now, limit).await?;
    Ok(logins? + nonces?)
}

struct Logins {
    now: Micros,
    limit: usize,
}

impl Work for Logins {
    const NAME: &'static str = "sessions.sweep";
    type Answer = usize;

    async fn run(&self, tx: &mut Tx) -> Result<usize, Fault> {
        // A login that does not hold the epoch never will again, so this cannot become untrue
        // before it is deleted.
        let select = "SELECT login FROM login WHERE expires_at < ? \
            AND NOT EXISTS (SELECT 1 FROM member_session \
                WHERE member_session.member = login.member AND member_session.login = login.login) \
            ORDER BY expires_at LIMIT ?";
        let delete = |marks: &str| format!("DELETE FROM login WHERE login IN ({marks})");
        forget(tx, select, self.now, self.limit, delete).await
    }
}

struct Nonces {
    now: Micros,
    limit: usize,
}

impl Work for Nonces {
    const NAME: &'static str = "sessions.sweep_nonces";
    type Answer = usize;

    async fn run(&self, tx: &mut Tx) -> Result<usize, Fault> {
        let select =
            "SELECT nonce FROM used_nonce WHERE expires_at < ? ORDER BY expires_at LIMIT ?";
        // The same digest may be known in another game, and be good there for longer.
        let now = self.now.0;
        let delete = |marks: &str| {
            format!("DELETE FROM used_nonce WHERE nonce IN ({marks}) AND expires_at < {now}")
        };
        forget(tx, select, self.now, self.limit, delete).await
    }
}

/// Deletes what `select` finds, in the order of the keys.
async fn forget(
    tx: &mut Tx,
    select: &str,
    now: Micros,
    limit: usize,
    delete: impl Fn(&str) -> String,
) -> Result<usize, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = tx.exec(select, (now.0, limit)).await?;
    let mut keys: Vec<Vec<u8>> = Vec::with_capacity(rows.len());
    for mut row in rows {
        keys.push(cell(&mut row, 0, "a key that has expired")?);
    }
    keys.sort_unstable();
    let mut gone = 0;
    for some in keys.chunks(KEYS) {
        let marks = vec!["?"; some.len()].join(",");
        let values: Vec<Value> = some.iter().map(|key| Value::Bytes(key.clone())).collect();
        tx.exec_drop(delete(&marks), values).await?;
        gone += usize::try_from(tx.affected_rows()).unwrap_or(0);
    }
    Ok(gone)
}
