//! The member's lock row: whoever writes a member's rows holds it first.

use std::collections::HashMap;

use mysql_async::{Conn, Row, Value};
use protocol::ids::{AppId, LoginId, MemberId};

use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::rows::{bytes, cell, member, select_in, upsert};

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
    /// The lock of a member of this game.
    pub(in crate::mariadb) fn of<'a>(
        held: &'a mut HashMap<MemberId, Self>,
        app: &AppId,
        member: MemberId,
    ) -> Option<&'a mut Self> {
        held.get_mut(&member).filter(|held| held.app == app.as_str())
    }

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

/// Takes the locks of these members, in the order of their ids.
pub(in crate::mariadb) async fn lock(
    connection: &mut Conn,
    members: impl Iterator<Item = MemberId>,
) -> Result<HashMap<MemberId, Held>, Fault> {
    find(connection, members, "ORDER BY member FOR UPDATE").await
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
