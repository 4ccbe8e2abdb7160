//! Logins are ended.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::{LoginId, MemberId};
use uuid::Uuid;

use super::key;
use super::lock::lock;
use crate::clock::Micros;
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::bytes;
use crate::mariadb::tx::Tx;
use crate::sessions::{End, EndWrite, EndedBy};

pub(super) struct Ends;

impl WriteSet for Ends {
    const NAME: &'static str = "sessions.end";
    type Item = EndWrite;
    type Answer = Vec<LoginId>;
    type Key = MemberId;

    fn shard(ending: &EndWrite) -> Shard {
        shard(ending.member)
    }

    fn key(ending: &EndWrite) -> MemberId {
        ending.member
    }

    async fn write(endings: &[&EndWrite], tx: &mut Tx) -> Result<Vec<Result<Vec<LoginId>>>, Fault> {
        let mut taken = lock(tx, endings.iter().map(|ending| ending.member)).await?;
        let mut answers = Vec::with_capacity(endings.len());
        for ending in endings {
            let fenced = match (taken.of(&ending.app, ending.member), ending.which) {
                (Ok(Some(session)), End::All(login)) => session.fence(login).map(|()| true),
                (Ok(Some(_)), End::One(_)) => Ok(true),
                (Ok(None), _) => Ok(false),
                (Err(error), _) => Err(error),
            };
            answers.push(match fenced {
                Ok(true) => Ok(end(tx, ending).await?),
                Ok(false) => Ok(Vec::new()),
                Err(error) => Err(error),
            });
        }
        Ok(answers)
    }
}

/// Ends logins of a member whose lock is held.
async fn end(connection: &mut Conn, ending: &EndWrite) -> Result<Vec<LoginId>, Fault> {
    let mut values: Vec<Value> = vec![ending.member.number().into(), ending.app.as_str().into()];
    let one = match ending.which {
        End::One(login) => {
            values.push(key(login));
            "AND login = ?"
        }
        End::All(_) => "",
    };
    let select = format!(
        "SELECT login FROM login WHERE member = ? AND app = ? AND ended_by IS NULL {one} \
         ORDER BY login FOR UPDATE"
    );
    let rows: Vec<Row> = connection.exec(select, Params::Positional(values)).await?;
    let mut ended = Vec::with_capacity(rows.len());
    for mut row in rows {
        ended.push(LoginId(Uuid::from_bytes(bytes(&mut row, 0, "login.login")?)));
    }
    close(connection, &ended, ending.by, ending.now).await?;
    Ok(ended)
}

/// Marks logins as ended. Their members' locks are held.
pub(super) async fn close(
    connection: &mut Conn,
    logins: &[LoginId],
    by: EndedBy,
    now: Micros,
) -> Result<(), Fault> {
    for some in logins.chunks(64) {
        let Some(last) = some.last() else { continue };
        let mut some: Vec<Value> = some.iter().map(|login| key(*login)).collect();
        some.resize(some.len().next_power_of_two(), key(*last));
        let marks = vec!["?"; some.len()].join(",");
        let mut values: Vec<Value> = vec![by.word().into(), now.0.into()];
        values.append(&mut some);
        let update = format!(
            "UPDATE login SET ended_by = ?, ended_at = ?, sealed = NULL WHERE login IN ({marks})"
        );
        connection.exec_drop(update, Params::Positional(values)).await?;
    }
    Ok(())
}
