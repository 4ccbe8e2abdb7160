//! Claims that wait for something: for their owners' rows, for somebody to look, for their store
//! to be asked again.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use super::COLUMNS;
use crate::clock::Micros;
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::purchases::taken::Keyed;
use crate::mariadb::router::{Kept, ReadEach};
use crate::mariadb::rows::{bound, bytes, digest, exec_by, peek, readable, select_in};
use crate::mariadb::tx::{Tx, Work};
use crate::purchases::{Claim, Finishing, Look};

fn looks(rows: Vec<Row>) -> Vec<Look> {
    readable(rows, |mut row| {
        let claim = bytes(&mut row, 0, "purchase_claim.claim")?;
        Ok(Look { claim, of: Claim::read(claim, &mut row)? })
    })
}

/// Takes claims that were left pending, those that were never tried first.
pub(in crate::mariadb::purchases) struct Left(pub(in crate::mariadb::purchases) Finishing);

impl Work for Left {
    const NAME: &'static str = "purchases.finish";
    type Answer = Vec<Look>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Look>, Fault> {
        let kept = Kept::hold(tx).await?.digests("claim");
        let Finishing { before, now, limit } = self.0;
        // Looked for without a lock, so that a claim that is under way is not touched.
        let select = format!(
            "SELECT claim FROM purchase_claim FORCE INDEX (purchase_claim_pending) \
             WHERE pending = 1 AND finish_at <= ? AND changed_at < ? AND {kept} \
             ORDER BY finish_at, changed_at LIMIT ?"
        );
        let found: Vec<Row> = tx.exec(select, (now.0, before.0, bound(limit))).await?;
        let keys = keys(&found)?;
        let select = format!("SELECT {COLUMNS} FROM purchase_claim WHERE pending = 1 AND claim");
        let rows = select_in(tx, &select, keys, "ORDER BY claim FOR UPDATE SKIP LOCKED").await?;
        let left = looks(rows);
        for look in &left {
            let again = self.0.again(look.of.changed_at).0;
            let update = "UPDATE purchase_claim SET finish_at = ? WHERE claim = ?";
            tx.exec_drop(update, (again, digest(&look.claim))).await?;
        }
        Ok(left)
    }
}

fn keys(rows: &[Row]) -> Result<Vec<Value>> {
    rows.iter().map(|row| peek(row, 0, "purchase_claim.claim")).collect()
}

/// Claims that are paid and held, the oldest first.
pub(in crate::mariadb::purchases) struct Held {
    pub(in crate::mariadb::purchases) limit: usize,
}

impl ReadEach for Held {
    type Row = Look;

    async fn read(&self, connection: &mut Conn) -> Result<Vec<Look>, Fault> {
        let kept = Kept::look(connection).await?.digests("claim");
        let select = format!(
            "SELECT {COLUMNS} FROM purchase_claim FORCE INDEX (purchase_claim_stand) \
             WHERE stand = 'paid' AND hold IS NOT NULL AND {kept} ORDER BY created_at LIMIT ?"
        );
        Ok(looks(connection.exec(select, (bound(self.limit),)).await?))
    }
}

/// Leases claims whose store is to be asked again.
pub(in crate::mariadb::purchases) struct Looks {
    pub(in crate::mariadb::purchases) now: Micros,
    pub(in crate::mariadb::purchases) until: Micros,
    pub(in crate::mariadb::purchases) limit: usize,
}

impl Work for Looks {
    const NAME: &'static str = "purchases.to_look_at";
    type Answer = Vec<Look>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Look>, Fault> {
        let kept = Kept::hold(tx).await?.digests("claim");
        let select = format!(
            "SELECT {COLUMNS} FROM purchase_claim FORCE INDEX (purchase_claim_look) \
             WHERE look_at <= ? AND {kept} ORDER BY look_at LIMIT ? FOR UPDATE SKIP LOCKED"
        );
        let rows: Vec<Row> = tx.exec(select, (self.now.0, bound(self.limit))).await?;
        let keys = rows.iter().map(|row| Ok(vec![peek(row, 0, "purchase_claim.claim")?]));
        let keys: Result<Vec<Vec<Value>>> = keys.collect();
        let update = "UPDATE purchase_claim SET look_at = ? WHERE (claim)";
        exec_by(tx, update, vec![self.until.0.into()], keys?, "").await?;
        let until =
            |look: Look| Look { of: Claim { look_at: Some(self.until), ..look.of }, ..look };
        Ok(looks(rows).into_iter().map(until).collect())
    }
}
