//! Where members are logged in.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};

use super::{COLUMNS, lock, login};
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::router::{ReadSet, Shard};
use crate::sessions::{Login, LoginsRead};

pub(in crate::mariadb) struct Read;

impl ReadSet for Read {
    type Item = LoginsRead;
    type Answer = (Vec<Login>, i64);

    fn shard(ask: &LoginsRead) -> Shard {
        shard(ask.member)
    }

    async fn read(
        asks: &[&LoginsRead],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let held = lock::look(connection, asks.iter().map(|ask| ask.member)).await?;
        let mut answers = Vec::with_capacity(asks.len());
        for ask in asks {
            let epoch = held.get(&ask.member).map_or(0, |held| held.epoch);
            let rows = live(connection, ask).await?;
            let logins: Result<Vec<Login>> =
                rows.into_iter().map(|mut row| login(&mut row)).collect();
            answers.push(logins.map(|logins| (logins, epoch)));
        }
        Ok(answers)
    }
}

/// One member's: how many of its logins are wanted has a bound of its own, which a list of
/// members would not keep.
async fn live(connection: &mut Conn, ask: &LoginsRead) -> Result<Vec<Row>, Fault> {
    let select = format!(
        "SELECT {COLUMNS} FROM login \
         WHERE member = ? AND app = ? AND ended_by IS NULL AND expires_at > ? \
         ORDER BY created_at DESC, login DESC LIMIT ?"
    );
    let values: Vec<Value> = vec![
        ask.member.number().into(),
        ask.app.as_str().into(),
        ask.now.0.into(),
        i64::try_from(ask.limit).unwrap_or(i64::MAX).into(),
    ];
    Ok(connection.exec(select, Params::Positional(values)).await?)
}
