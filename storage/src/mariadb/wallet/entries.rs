//! Entries of the ledger: two rows for each line of a transfer, the member's and the other
//! account's.

use mysql_async::Value;
use protocol::ids::MemberId;
use protocol::purchases::Grant;
use uuid::Uuid;

use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::rows::{id, insert};
use crate::mariadb::tx::Tx;
use crate::wallet::{Cause, Line, MEMBER};

/// A transfer to be written.
pub(in crate::mariadb) struct Entry<'a> {
    pub(in crate::mariadb) member: MemberId,
    pub(in crate::mariadb) id: Uuid,
    pub(in crate::mariadb) cause: Cause,
    pub(in crate::mariadb) lines: &'a [Line],
    /// What the member has right after, in the lines' order.
    pub(in crate::mariadb) balances: &'a [Grant],
    pub(in crate::mariadb) purchase: Option<Uuid>,
    pub(in crate::mariadb) note: Option<&'a str>,
    pub(in crate::mariadb) at: Micros,
}

/// Rows to be written.
#[derive(Default)]
pub(in crate::mariadb) struct Entries(Vec<Vec<Value>>);

impl Entries {
    /// Adds a transfer, all of it or, if it cannot be kept, nothing.
    pub(in crate::mariadb) fn put(&mut self, entry: &Entry<'_>) -> Result<()> {
        let beyond =
            || StorageError::Corrupt(format!("a transfer of {} is too large", entry.member));
        let mut rows = Vec::with_capacity(2 * entry.lines.len());
        for (place, (line, balance)) in entry.lines.iter().zip(entry.balances).enumerate() {
            let place = i64::try_from(2 * place).map_err(|_| beyond())?;
            let from = line.delta.checked_neg().ok_or_else(beyond)?;
            rows.push(row(entry, place, MEMBER, line, line.delta, Some(balance.amount)));
            rows.push(row(entry, place + 1, entry.cause.account(), line, from, None));
        }
        self.0.append(&mut rows);
        Ok(())
    }

    pub(in crate::mariadb) async fn write(self, tx: &mut Tx) -> Result<(), Fault> {
        let into = "ledger (member, transfer, line, account, item, delta, balance, cause, \
            purchase, note, at)";
        insert(tx, into, self.0).await
    }
}

fn row(
    entry: &Entry<'_>,
    place: i64,
    account: &str,
    line: &Line,
    delta: i64,
    balance: Option<i64>,
) -> Vec<Value> {
    vec![
        entry.member.number().into(),
        id(entry.id),
        place.into(),
        account.into(),
        (&*line.item).into(),
        delta.into(),
        balance.into(),
        entry.cause.word().into(),
        entry.purchase.map(id).into(),
        entry.note.into(),
        entry.at.0.into(),
    ]
}
