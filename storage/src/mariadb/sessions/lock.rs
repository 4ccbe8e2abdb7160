//! The member's lock row: whoever writes a member's rows holds it first.

use std::collections::{HashMap, HashSet};

use mysql_async::{Conn, Row, Value};
use protocol::ids::{AppId, LoginId, MemberId};

use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::rows::{bytes, cell, member, select_in, upsert};
use crate::mariadb::tx::{Locks, Tx};

/// A member's lock row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mariadb) struct Held {
    pub(in crate::mariadb) member: MemberId,
    pub(in crate::mariadb) app: String,
    /// 0 when nobody has logged in yet.
    pub(in crate::mariadb) epoch: i64,
    pub(in crate::mariadb) login: [u8; 16],
    pub(in crate::mariadb) inbox_seq: i64,
    pub(in crate::mariadb) inbox_acked: i64,
}

impl Held {
    /// Refuses a login that does not hold the session: a login holds one epoch and never
    /// another, so whose the epoch is says as much as its number.
    pub(in crate::mariadb) fn fence(&self, login: LoginId) -> Result<()> {
        if self.login == *login.0.as_bytes() { Ok(()) } else { Err(StorageError::Replaced) }
    }

    fn read(mut row: Row) -> Result<Self> {
        let row = &mut row;
        Ok(Self {
            member: member(row, 0, "member_session.member")?,
            app: cell(row, 1, "member_session.app")?,
            epoch: cell(row, 2, "member_session.epoch")?,
            login: bytes(row, 3, "member_session.login")?,
            inbox_seq: cell(row, 4, "member_session.inbox_seq")?,
            inbox_acked: cell(row, 5, "member_session.inbox_acked")?,
        })
    }

    fn row(&self) -> Vec<Value> {
        vec![
            self.member.number().into(),
            self.app.as_str().into(),
            self.epoch.into(),
            self.login.as_slice().into(),
            self.inbox_seq.into(),
            self.inbox_acked.into(),
        ]
    }
}

const SELECT: &str = "SELECT member, app, epoch, login, inbox_seq, inbox_acked \
                      FROM member_session WHERE member";
const INTO: &str = "member_session (member, app, epoch, login, inbox_seq, inbox_acked)";

/// The locks of members that were asked for.
#[derive(Default)]
pub(in crate::mariadb) struct Taken {
    /// Those that are ours.
    pub(in crate::mariadb) held: HashMap<MemberId, Held>,
    /// Whose lock row is there, and another transaction's.
    others: HashSet<MemberId>,
}

impl Taken {
    /// The lock of a member of this game; `None` when there is no such member.
    ///
    /// # Errors
    /// [`StorageError::Locked`] when another transaction has it.
    pub(in crate::mariadb) fn of(
        &mut self,
        app: &AppId,
        member: MemberId,
    ) -> Result<Option<&mut Held>> {
        if self.others.contains(&member) {
            return Err(StorageError::Locked);
        }
        Ok(self.held.get_mut(&member).filter(|held| held.app == app.as_str()))
    }

    /// Whether another transaction has a member's lock.
    pub(in crate::mariadb) fn is_others(&self, member: MemberId) -> bool {
        self.others.contains(&member)
    }
}

/// Takes the locks of these members, in the order of their ids. Those that others have are waited
/// for or left out, as the transaction was told.
pub(in crate::mariadb) async fn lock(
    tx: &mut Tx,
    members: impl Iterator<Item = MemberId>,
) -> Result<Taken, Fault> {
    let after = match tx.locks {
        Locks::Wait => "ORDER BY member FOR UPDATE",
        Locks::Skip => "ORDER BY member FOR UPDATE SKIP LOCKED",
    };
    let members: Vec<MemberId> = members.collect();
    let held = find(tx, members.iter().copied(), after).await?;
    let missing = members.into_iter().filter(|member| !held.contains_key(member));
    let others = match tx.locks {
        Locks::Wait => HashSet::new(),
        // A row that is there and was left out is locked, or was a moment ago.
        Locks::Skip => look(tx, missing).await?.into_keys().collect(),
    };
    Ok(Taken { held, others })
}

/// Reads the lock rows without taking them.
pub(in crate::mariadb) async fn look(
    connection: &mut Conn,
    members: impl Iterator<Item = MemberId>,
) -> Result<HashMap<MemberId, Held>, Fault> {
    find(connection, members, "").await
}

async fn find(
    connection: &mut Conn,
    members: impl Iterator<Item = MemberId>,
    after: &str,
) -> Result<HashMap<MemberId, Held>, Fault> {
    let mut ids: Vec<i64> = members.map(MemberId::number).collect();
    ids.sort_unstable();
    ids.dedup();
    let keys = ids.into_iter().map(Value::from).collect();
    let rows = select_in(connection, SELECT, keys, after).await?;
    let mut held = HashMap::with_capacity(rows.len());
    for row in rows {
        let row = Held::read(row)?;
        held.insert(row.member, row);
    }
    Ok(held)
}

/// Writes lock rows that are held.
pub(in crate::mariadb) async fn save(
    connection: &mut Conn,
    held: impl Iterator<Item = Held>,
) -> Result<(), Fault> {
    let mut rows: Vec<Held> = held.collect();
    rows.sort_unstable_by_key(|held| held.member);
    let rows = rows.iter().map(Held::row).collect();
    let update = "epoch = VALUES(epoch), login = VALUES(login), \
                  inbox_seq = VALUES(inbox_seq), inbox_acked = VALUES(inbox_acked)";
    upsert(connection, INTO, rows, update).await
}

/// Makes the lock rows of members that may be new, or takes those that are there.
pub(in crate::mariadb) async fn make(
    connection: &mut Conn,
    members: impl Iterator<Item = (MemberId, AppId)>,
) -> Result<(), Fault> {
    let mut rows: Vec<Held> = members
        .map(|(member, app)| Held {
            member,
            app: app.as_str().to_owned(),
            epoch: 0,
            login: [0; 16],
            inbox_seq: 0,
            inbox_acked: 0,
        })
        .collect();
    rows.sort_unstable_by_key(|held| held.member);
    let rows = rows.iter().map(Held::row).collect();
    // An update that changes nothing takes the row for itself; an INSERT IGNORE would share it
    // with others that came for the same, and then none of them could go on.
    upsert(connection, INTO, rows, "member = VALUES(member)").await
}
