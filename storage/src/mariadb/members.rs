//! The members in MariaDB.

mod bans;
mod overview;

use std::collections::HashMap;

use async_trait::async_trait;
use mysql_async::{Conn, Row, Value};
use protocol::ids::{AppId, MemberId};
use protocol::members::MemberState;

use super::MariaDb;
use super::fault::Fault;
use super::router::{ReadSet, Shard};
use super::rows::{cell, peek, select_in};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::freshness::Aged;
use crate::members::{Ban, BanWrite, Member, MembersDuty, Overview, OverviewRead};

#[async_trait]
impl MembersDuty for MariaDb {
    async fn member(&self, app: AppId, member: MemberId) -> Result<Option<Member>> {
        self.router.read_one::<Find>((app, member)).await
    }

    async fn member_all(&self, asked: Vec<(AppId, MemberId)>) -> Vec<Result<Option<Member>>> {
        self.router.read::<Find>(&asked).await
    }

    async fn overview(&self, read: OverviewRead) -> Result<Aged<Option<Overview>>> {
        overview::overview(self, read).await
    }

    async fn ban(&self, write: BanWrite) -> Result<Option<u64>> {
        self.router.write_one::<bans::Bans>(write).await
    }

    async fn unban(
        &self,
        app: AppId,
        member: MemberId,
        word: String,
        now: Micros,
    ) -> Result<Option<Member>> {
        self.router.write_one::<bans::Lifts>(bans::Lift { app, member, word, now }).await
    }
}

/// The shard of a member's rows.
pub(super) fn shard(member: MemberId) -> Shard {
    member.shard().cast_signed()
}

pub(super) struct Find;

impl ReadSet for Find {
    type Item = (AppId, MemberId);
    type Answer = Option<Member>;

    fn shard((_, member): &Self::Item) -> Shard {
        shard(*member)
    }

    async fn read(
        items: &[&Self::Item],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let members = find(connection, items.iter().map(|(_, member)| *member)).await?;
        Ok(items.iter().map(|(app, member)| members.of(app, *member)).collect())
    }
}

/// Members that were found, each readable or not.
pub(super) struct Found(HashMap<MemberId, Result<Member>>);

impl Found {
    /// A member of this game.
    pub(super) fn of(&self, app: &AppId, member: MemberId) -> Result<Option<Member>> {
        let found = self.0.get(&member).cloned().transpose()?;
        Ok(found.filter(|member| member.app == *app))
    }

    /// What keeps a member out now.
    pub(super) fn ban(&self, member: MemberId, now: Micros) -> Option<Ban> {
        let found = self.0.get(&member)?.as_ref().ok()?;
        found.banned(now).cloned()
    }
}

/// The columns that [`read`] reads.
pub(super) const COLUMNS: &str = "member.member, member.app, member.state, member.created_at, \
    ban.ban, ban.reason, ban.ends_at, ban.created_at, ban.created_by";
/// How many they are.
pub(super) const WIDTH: usize = 9;
/// What they are read from.
pub(super) const FROM: &str = "member LEFT JOIN ban ON ban.ban = member.ban";

/// Finds members, of whatever game.
pub(super) async fn find(
    connection: &mut Conn,
    ids: impl Iterator<Item = MemberId>,
) -> Result<Found, Fault> {
    let keys = ids.map(|id| Value::from(id.number())).collect();
    let select = format!("SELECT {COLUMNS} FROM {FROM} WHERE member.member");
    let rows = select_in(connection, &select, keys, "").await?;
    let mut found = HashMap::with_capacity(rows.len());
    for mut row in rows {
        let id = id(peek(&row, 0, "member.member")?)?;
        found.insert(id, read(&mut row, 0));
    }
    Ok(Found(found))
}

fn id(number: i64) -> Result<MemberId> {
    MemberId::from_number(number)
        .map_err(|error| StorageError::Corrupt(format!("member.member: {error}")))
}

/// The member whose columns begin at `at`. Its id stands in the error of one that is not
/// readable.
pub(super) fn read(row: &mut Row, at: usize) -> Result<Member> {
    let id = id(cell(row, at, "member.member")?)?;
    let (app, state): (String, String) =
        (cell(row, at + 1, "member.app")?, cell(row, at + 2, "member.state")?);
    let corrupt = |column: &str| StorageError::Corrupt(format!("member.{column} of {id}"));
    Ok(Member {
        app: app.parse().map_err(|_| corrupt("app"))?,
        id,
        state: MemberState::parse(&state).ok_or_else(|| corrupt("state"))?,
        created_at: Micros(cell(row, at + 3, "member.created_at")?),
        ban: bans::read(row, at + 4)?,
    })
}
