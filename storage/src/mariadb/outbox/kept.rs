//! Notices as they are kept: looked at, and forgotten.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::MemberId;

use crate::clock::Micros;
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::router::{Kept, ReadEach, ReadSet, Router, Shard};
use crate::mariadb::rows::{app, bound, cell, exec_by, member, peek, unsigned, uuid, word};
use crate::mariadb::tx::{Tx, Work};
use crate::outbox::{Notice, NoticesRead, Sent};

/// The columns that [`notice`] reads.
pub(super) const COLUMNS: &str =
    "app, member, seq, notice, word, body, sent, tries, why, created_at";

pub(super) fn notice(row: &mut Row) -> Result<Notice> {
    Ok(Notice {
        app: app(row, 0, "outbox.app")?,
        member: member(row, 1, "outbox.member")?,
        seq: unsigned(cell(row, 2, "outbox.seq")?),
        id: uuid(row, 3, "outbox.notice")?,
        word: cell(row, 4, "outbox.word")?,
        body: cell(row, 5, "outbox.body")?,
        sent: word(row, 6, "outbox.sent", Sent::parse)?,
        tries: cell(row, 7, "outbox.tries")?,
        why: cell(row, 8, "outbox.why")?,
        at: Micros(cell(row, 9, "outbox.created_at")?),
    })
}

/// What was to be told, the newest first.
pub(super) async fn notices(router: &Router, read: NoticesRead) -> Result<Vec<Notice>> {
    if let Some(member) = read.member {
        return router.read_one::<Of>((member, read)).await;
    }
    let (mut notices, whole) = router.read_each(&Every(read)).await;
    notices.sort_by_key(|notice| std::cmp::Reverse((notice.at, notice.member, notice.seq)));
    whole.map(|()| notices)
}

/// Of one member.
struct Of;

impl ReadSet for Of {
    type Item = (MemberId, NoticesRead);
    type Answer = Vec<Notice>;

    fn shard((member, _): &Self::Item) -> Shard {
        shard(*member)
    }

    async fn read(
        items: &[&Self::Item],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Vec<Notice>>>, Fault> {
        let mut answers = Vec::with_capacity(items.len());
        for (member, read) in items {
            let of = format!("member = {}", member.number());
            answers.push(select(connection, read, &of).await?);
        }
        Ok(answers)
    }
}

/// Of everybody.
struct Every(NoticesRead);

impl ReadEach for Every {
    type Row = Notice;

    async fn read(&self, connection: &mut Conn) -> Result<Vec<Notice>, Fault> {
        let kept = Kept::look(connection).await?.members("member");
        Ok(select(connection, &self.0, &kept).await??)
    }
}

async fn select(
    connection: &mut Conn,
    read: &NoticesRead,
    of: &str,
) -> Result<Result<Vec<Notice>>, Fault> {
    let mut values: Vec<Value> = vec![read.app.as_str().into()];
    let mut conditions = String::new();
    if let Some(sent) = read.sent {
        conditions.push_str(" AND sent = ?");
        values.push(sent.word().into());
    }
    if let Some(before) = read.before {
        conditions.push_str(" AND created_at < ?");
        values.push(before.0.into());
    }
    values.push(bound(read.limit).into());
    let select = format!(
        "SELECT {COLUMNS} FROM outbox WHERE app = ? AND {of}{conditions} \
         ORDER BY created_at DESC, member DESC, seq DESC LIMIT ?"
    );
    let rows: Vec<Row> = connection.exec(select, Params::Positional(values)).await?;
    Ok(rows.into_iter().map(|mut row| notice(&mut row)).collect())
}

/// Forgets notices that were done or failed and written before a moment.
pub(super) struct Old {
    pub(super) before: Micros,
    pub(super) limit: usize,
}

impl Work for Old {
    const NAME: &'static str = "outbox.forget";
    type Answer = usize;

    async fn run(&self, tx: &mut Tx) -> Result<usize, Fault> {
        let select = "SELECT member, seq FROM outbox FORCE INDEX (outbox_sent) \
            WHERE sent IN ('done', 'failed') AND created_at < ? LIMIT ?";
        let rows: Vec<Row> = tx.exec(select, (self.before.0, bound(self.limit))).await?;
        let mut keys: Vec<(i64, i64)> = Vec::with_capacity(rows.len());
        for row in rows {
            keys.push((peek(&row, 0, "outbox.member")?, peek(&row, 1, "outbox.seq")?));
        }
        // In the order of the keys, like whoever else writes them.
        keys.sort_unstable();
        let mut gone = 0;
        for some in keys.chunks(256) {
            let some = some.iter().map(|(member, seq)| vec![(*member).into(), (*seq).into()]);
            let delete = "DELETE FROM outbox WHERE (member, seq)";
            // One that is to be told again meanwhile stays.
            let settled = "AND sent IN ('done', 'failed')";
            gone += exec_by(tx, delete, Vec::new(), some.collect(), settled).await?;
        }
        Ok(gone)
    }
}
