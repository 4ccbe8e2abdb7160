//! Where logins stand: one read for all that ask at once, and so of one moment.

use std::collections::HashMap;
use std::time::Duration;

use mysql_async::{Conn, Row};
use protocol::ids::LoginId;
use uuid::Uuid;

use super::{COLUMNS, WIDTH, key, login};
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::{self, shard};
use crate::mariadb::router::{ReadSet, Shard};
use crate::mariadb::rows::{cell, peek, select_in, unsigned};
use crate::sessions::{Standing, StandingRead};

pub(super) struct Read;

impl ReadSet for Read {
    type Item = StandingRead;
    type Answer = Option<Standing>;

    fn shard(ask: &StandingRead) -> Shard {
        shard(ask.member)
    }

    async fn read(
        asks: &[&StandingRead],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let select = format!(
            "SELECT {COLUMNS}, {}, member_session.epoch, member_session.inbox_seq, \
             member_session.inbox_acked FROM login JOIN member ON member.member = login.member AND member.app = login.app \
             LEFT JOIN ban ON ban.ban = member.ban JOIN member_session ON member_session.member = login.member \
             WHERE login.login",
            members::COLUMNS
        );
        let keys = asks.iter().map(|ask| key(ask.login)).collect();
        let rows = select_in(connection, &select, keys, "").await?;
        let mut found: HashMap<LoginId, Result<Standing>> = HashMap::with_capacity(rows.len());
        for mut row in rows {
            let id: Vec<u8> = peek(&row, 0, "login.login")?;
            // A row whose id is not readable is nobody's.
            if let Ok(id) = Uuid::from_slice(&id) {
                found.insert(LoginId(id), standing(&mut row));
            }
        }
        let answer = |ask: &&StandingRead| {
            let standing = found.get(&ask.login).cloned().transpose()?;
            Ok(standing.filter(|it| it.member.id == ask.member && it.member.app == ask.app))
        };
        Ok(asks.iter().map(answer).collect())
    }
}

fn standing(row: &mut Row) -> Result<Standing> {
    Ok(Standing {
        login: login(row)?,
        member: members::read(row, WIDTH)?,
        epoch: cell(row, WIDTH + members::WIDTH, "member_session.epoch")?,
        inbox: unsigned(cell(row, WIDTH + members::WIDTH + 1, "member_session.inbox_seq")?),
        acked: unsigned(cell(row, WIDTH + members::WIDTH + 2, "member_session.inbox_acked")?),
        age: Duration::ZERO,
    })
}
