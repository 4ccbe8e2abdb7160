//! Members of whom something is to be told, for one who tells it at a time.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::{AppId, MemberId};

use super::kept::{COLUMNS, notice};
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::router::{Kept, ReadSet, Router, Shard, partly};
use crate::mariadb::rows::{app, bound, exec_by, member, peek, readable};
use crate::mariadb::tx::{Tx, Work};
use crate::outbox::{Due, Leasing, Notice};

/// Leases members.
pub(super) struct Members(pub(super) Leasing);

impl Work for Members {
    const NAME: &'static str = "outbox.lease";
    type Answer = Vec<(AppId, MemberId)>;

    async fn run(&self, tx: &mut Tx) -> Result<Self::Answer, Fault> {
        let Leasing { now, until, members, each: _ } = self.0;
        let kept = Kept::hold(tx).await?.members("member");
        let select = format!(
            "SELECT member, app FROM outbox_member FORCE INDEX (outbox_member_due) \
             WHERE due_at <= ? AND {kept} ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED"
        );
        let rows: Vec<Row> = tx.exec(select, (now.0, bound(members))).await?;
        let key = |row: &Row| Ok(vec![peek(row, 0, "outbox_member.member")?]);
        let keys: Result<Vec<Vec<Value>>> = rows.iter().map(key).collect();
        let update = "UPDATE outbox_member SET due_at = ? WHERE (member)";
        exec_by(tx, update, vec![until.0.into()], keys?, "").await?;
        Ok(readable(rows, |mut row| {
            let app = app(&mut row, 1, "outbox_member.app")?;
            Ok((app, member(&mut row, 0, "outbox_member.member")?))
        }))
    }
}

/// What waits of those who were leased.
pub(super) async fn notices(
    router: &Router,
    leased: Vec<(AppId, MemberId)>,
    Leasing { until, each, .. }: Leasing,
) -> Result<Vec<Due>> {
    let asked: Vec<(MemberId, usize)> = leased.iter().map(|(_, member)| (*member, each)).collect();
    let (mut due, mut whole) = (Vec::new(), Ok(()));
    for ((app, member), notices) in leased.into_iter().zip(router.read::<Waiting>(&asked).await) {
        match notices {
            Ok(notices) => due.push(Due { app, member, until, notices }),
            Err(error) => whole = whole.and(Err(error)),
        }
    }
    partly(due, whole, Members::NAME)
}

struct Waiting;

impl ReadSet for Waiting {
    type Item = (MemberId, usize);
    type Answer = Vec<Notice>;

    fn shard((member, _): &Self::Item) -> Shard {
        shard(*member)
    }

    async fn read(
        items: &[&Self::Item],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Vec<Notice>>>, Fault> {
        let select = format!(
            "SELECT {COLUMNS} FROM outbox WHERE member = ? AND sent = 'waiting' \
             ORDER BY seq LIMIT ?"
        );
        let mut answers = Vec::with_capacity(items.len());
        for (member, each) in items {
            let values: Vec<Value> = vec![member.number().into(), bound(*each).into()];
            let rows: Vec<Row> = connection.exec(&select, Params::Positional(values)).await?;
            // In order or not at all: one that is not readable is behind all that are sent.
            answers.push(rows.into_iter().map(|mut row| notice(&mut row)).collect());
        }
        Ok(answers)
    }
}
