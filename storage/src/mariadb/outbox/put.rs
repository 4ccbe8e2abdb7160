//! Notices are written with their causes, under the members' locks.

use std::collections::BTreeMap;

use mysql_async::Value;
use protocol::ids::{AppId, MemberId};
use uuid::Uuid;

use crate::clock::Micros;
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::rows::{cell, id, insert, member, select_in, upsert};
use crate::mariadb::tx::Tx;
use crate::outbox::Sent;

/// Notices to be written, numbered for each member.
pub(in crate::mariadb) struct Notices {
    /// The last number that each member has.
    last: BTreeMap<MemberId, i64>,
    rows: Vec<Vec<Value>>,
    members: BTreeMap<MemberId, (AppId, Micros)>,
}

impl Notices {
    /// Reads how far these members' numbers go. Their locks are held.
    pub(in crate::mariadb) async fn read(
        tx: &mut Tx,
        members: impl Iterator<Item = MemberId>,
    ) -> Result<Self, Fault> {
        let keys = members.map(|member| member.number().into()).collect();
        let select = "SELECT member, seq FROM outbox_member WHERE member";
        let mut last = BTreeMap::new();
        for mut row in select_in(tx, select, keys, "").await? {
            let of = member(&mut row, 0, "outbox_member.member")?;
            last.insert(of, cell(&mut row, 1, "outbox_member.seq")?);
        }
        Ok(Self { last, rows: Vec::new(), members: BTreeMap::new() })
    }

    /// Gives a notice the member's next number.
    pub(in crate::mariadb) fn put(
        &mut self,
        app: &AppId,
        member: MemberId,
        notice: Uuid,
        word: &str,
        body: String,
        now: Micros,
    ) {
        let seq = self.next(app, member, now);
        self.rows.push(vec![
            member.number().into(),
            seq.into(),
            app.as_str().into(),
            id(notice),
            word.into(),
            body.into(),
            Sent::Waiting.word().into(),
            0.into(),
            now.0.into(),
        ]);
    }

    /// The member's next number, for something that is to be told from now on.
    pub(super) fn next(&mut self, app: &AppId, member: MemberId, now: Micros) -> i64 {
        let seq = self.last.entry(member).or_insert(0);
        *seq += 1;
        self.members.insert(member, (app.clone(), now));
        *seq
    }

    /// Writes all of it. What is due already stays due when it is, or was leased until.
    pub(in crate::mariadb) async fn write(self, tx: &mut Tx) -> Result<(), Fault> {
        let into = "outbox (member, seq, app, notice, word, body, sent, tries, created_at)";
        insert(tx, into, self.rows).await?;
        let last = &self.last;
        let rows = self.members.iter().map(|(member, (app, now))| {
            let seq = last.get(member).copied().unwrap_or(0);
            vec![member.number().into(), app.as_str().into(), seq.into(), now.0.into()]
        });
        let update = "seq = VALUES(seq), due_at = COALESCE(due_at, VALUES(due_at))";
        upsert(tx, "outbox_member (member, app, seq, due_at)", rows.collect(), update).await
    }
}
