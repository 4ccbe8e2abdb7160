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
use crate::mariadb::rows::{bound, bytes, exec_by, peek, readable};
use crate::mariadb::tx::{Tx, Work};
use crate::purchases::{Claim, Look};

fn looks(rows: Vec<Row>) -> Vec<Look> {
    readable(rows, |mut row| {
        let claim = bytes(&mut row, 0, "purchase_claim.claim")?;
        Ok(Look { claim, of: Claim::read(claim, &mut row)? })
    })
}

/// Claims that have been pending since before a moment, the longest first.
pub(in crate::mariadb::purchases) struct Pending {
    pub(in crate::mariadb::purchases) before: Micros,
    pub(in crate::mariadb::purchases) limit: usize,
}

impl ReadEach for Pending {
    type Row = Look;

    async fn read(&self, connection: &mut Conn) -> Result<Vec<Look>, Fault> {
        let kept = Kept::look(connection).await?.digests("claim");
        let select = format!(
            "SELECT {COLUMNS} FROM purchase_claim FORCE INDEX (purchase_claim_pending) \
             WHERE pending = 1 AND changed_at < ? AND {kept} ORDER BY changed_at LIMIT ?"
        );
        Ok(looks(connection.exec(select, (self.before.0, bound(self.limit))).await?))
    }
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
