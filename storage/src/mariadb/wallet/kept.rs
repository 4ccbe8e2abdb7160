//! Balances of members whose locks are held.

use std::collections::{BTreeMap, BTreeSet};

use mysql_async::Value;
use protocol::ids::{AppId, MemberId};
use protocol::purchases::Grant;
use protocol::text::Text;

use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::rows::{cell, member, select_by, text, upsert};
use crate::mariadb::tx::Tx;
use crate::wallet::Line;

/// What some members have of some items, taken for a transaction, and what is written of it.
pub(in crate::mariadb) struct Balances {
    kept: BTreeMap<(MemberId, Text<64>), i64>,
    changed: BTreeMap<(MemberId, Text<64>), (AppId, i64)>,
}

impl Balances {
    /// Takes the balances, in the order of their keys.
    pub(in crate::mariadb) async fn take(
        tx: &mut Tx,
        of: impl Iterator<Item = (MemberId, Text<64>)>,
    ) -> Result<Self, Fault> {
        let of: BTreeSet<(MemberId, Text<64>)> = of.collect();
        let keys = of.iter().map(|(member, item)| vec![member.number().into(), (&**item).into()]);
        let select = "SELECT member, item, balance FROM wallet WHERE (member, item)";
        let after = "ORDER BY member, item FOR UPDATE";
        let mut kept = BTreeMap::new();
        for mut row in select_by(tx, select, keys.collect(), after).await? {
            let of = (member(&mut row, 0, "wallet.member")?, text(&mut row, 1, "wallet.item")?);
            kept.insert(of, cell(&mut row, 2, "wallet.balance")?);
        }
        Ok(Self { kept, changed: BTreeMap::new() })
    }

    /// What the member has now of an item.
    pub(in crate::mariadb) fn of(&self, member: MemberId, item: &Text<64>) -> i64 {
        let of = (member, item.clone());
        let changed = self.changed.get(&of).map(|(_, balance)| *balance);
        changed.or_else(|| self.kept.get(&of).copied()).unwrap_or(0)
    }

    /// What the member would have after these lines, in their order.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when that is beyond everything that can be kept.
    pub(in crate::mariadb) fn after(&self, member: MemberId, lines: &[Line]) -> Result<Vec<Grant>> {
        let after = |line: &Line| {
            let amount = self.of(member, &line.item).checked_add(line.delta);
            let beyond =
                || StorageError::Corrupt(format!("a balance of {member} would be too large"));
            Ok(Grant { item: line.item.clone(), amount: amount.ok_or_else(beyond)? })
        };
        lines.iter().map(after).collect()
    }

    /// Says what the member has from now on.
    pub(in crate::mariadb) fn set(&mut self, app: &AppId, member: MemberId, balances: &[Grant]) {
        let changed =
            balances.iter().map(|it| ((member, it.item.clone()), (app.clone(), it.amount)));
        self.changed.extend(changed);
    }

    /// Writes what changed, in the order of the keys.
    pub(in crate::mariadb) async fn write(self, tx: &mut Tx) -> Result<(), Fault> {
        let row = |((member, item), (app, balance)): ((MemberId, Text<64>), (AppId, i64))| {
            let row: Vec<Value> =
                vec![member.number().into(), (&*item).into(), app.as_str().into(), balance.into()];
            row
        };
        let rows = self.changed.into_iter().map(row).collect();
        upsert(tx, "wallet (member, item, app, balance)", rows, "balance = VALUES(balance)").await
    }
}
