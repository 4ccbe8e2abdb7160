//! Evidence that waits for its store to be asked, and evidence that may be forgotten.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use super::{COLUMNS, Kept};
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::mariadb::fault::Fault;
use crate::mariadb::purchases::taken::Keyed;
use crate::mariadb::router::{self, ReadEach, Router};
use crate::mariadb::rows::{bound, bytes, exec_by, peek, readable};
use crate::mariadb::tx::{Tx, Work};
use crate::purchases::Received;

/// Leases evidence that waits and is due.
pub(in crate::mariadb::purchases) struct Waiting {
    pub(in crate::mariadb::purchases) now: Micros,
    pub(in crate::mariadb::purchases) until: Micros,
    pub(in crate::mariadb::purchases) limit: usize,
}

impl Work for Waiting {
    const NAME: &'static str = "purchases.waiting";
    type Answer = Vec<Received>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Received>, Fault> {
        let kept = router::Kept::hold(tx).await?;
        let (members, digests) = (kept.members("member"), kept.digests("evidence"));
        let select = format!(
            "SELECT {COLUMNS} FROM evidence FORCE INDEX (evidence_due) WHERE due_at <= ? \
             AND IF(member IS NULL, {digests}, {members}) \
             ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED"
        );
        let rows: Vec<Row> = tx.exec(select, (self.now.0, bound(self.limit))).await?;
        let keys: Result<Vec<Vec<Value>>> =
            rows.iter().map(|row| Ok(vec![peek(row, 0, "evidence.evidence")?])).collect();
        let update = "UPDATE evidence SET due_at = ? WHERE (evidence)";
        exec_by(tx, update, vec![self.until.0.into()], keys?, "").await?;
        Ok(readable(rows, |mut row| {
            let key = bytes(&mut row, 0, "evidence.evidence")?;
            Ok(Kept::read(key, &mut row)?.received)
        }))
    }
}

/// Evidence that is parked, the longest first.
pub(in crate::mariadb::purchases) async fn parked(
    router: &Router,
    limit: usize,
) -> Result<Vec<Received>> {
    let of = "FORCE INDEX (evidence_changed) WHERE shown = 'parked'".to_owned();
    let (all, whole) = router.read_each(&Looked { of, limit }).await;
    whole.map(|()| all)
}

/// Evidence under a digest, on whichever server: it is not said whose it is.
pub(in crate::mariadb::purchases) async fn shown(
    router: &Router,
    evidence: Digest,
) -> Result<Option<Received>> {
    let hex: String = evidence.iter().map(|byte| format!("{byte:02X}")).collect();
    let of = format!("WHERE evidence = X'{hex}'");
    let (found, whole) = router.read_each(&Looked { of, limit: 1 }).await;
    match found.into_iter().next() {
        Some(found) => Ok(Some(found)),
        None => whole.map(|()| None),
    }
}

/// Evidence that is looked at, on every server.
struct Looked {
    of: String,
    limit: usize,
}

impl ReadEach for Looked {
    type Row = Received;

    async fn read(&self, connection: &mut Conn) -> Result<Vec<Received>, Fault> {
        let kept = router::Kept::look(connection).await?;
        let (members, digests) = (kept.members("member"), kept.digests("evidence"));
        let select = format!(
            "SELECT {COLUMNS} FROM evidence {} AND IF(member IS NULL, {digests}, {members}) \
             ORDER BY changed_at LIMIT ?",
            self.of
        );
        let rows: Vec<Row> = connection.exec(select, (bound(self.limit),)).await?;
        Ok(readable(rows, |mut row| {
            let key = bytes(&mut row, 0, "evidence.evidence")?;
            Ok(Kept::read(key, &mut row)?.received)
        }))
    }
}

/// Forgets evidence that was answered before a moment.
pub(in crate::mariadb::purchases) struct Old {
    pub(in crate::mariadb::purchases) before: Micros,
    pub(in crate::mariadb::purchases) limit: usize,
}

impl Work for Old {
    const NAME: &'static str = "purchases.forget_evidence";
    type Answer = usize;

    async fn run(&self, tx: &mut Tx) -> Result<usize, Fault> {
        let select = "SELECT evidence FROM evidence FORCE INDEX (evidence_changed) \
            WHERE shown IN ('done', 'refused') AND changed_at < ? LIMIT ?";
        let rows: Vec<Row> = tx.exec(select, (self.before.0, bound(self.limit))).await?;
        let mut keys: Vec<Vec<u8>> = Vec::with_capacity(rows.len());
        for row in rows {
            keys.push(peek(&row, 0, "evidence.evidence")?);
        }
        // In the order of the keys, like whoever else takes them.
        keys.sort_unstable();
        let mut gone = 0;
        for some in keys.chunks(256) {
            let some = some.iter().map(|key| vec![Value::Bytes(key.clone())]).collect();
            gone +=
                exec_by(tx, "DELETE FROM evidence WHERE (evidence)", Vec::new(), some, "").await?;
        }
        Ok(gone)
    }
}
