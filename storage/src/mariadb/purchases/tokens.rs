//! The tokens that members hand to stores, on their members' shards.

use mysql_async::Conn;
use protocol::ids::{AppId, MemberId};
use uuid::Uuid;

use crate::error::{Result, StorageError};
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::router::{ReadSet, Shard, WriteSet};
use crate::mariadb::rows::{app, id, select_in, upsert_returning, uuid};
use crate::mariadb::sessions::lock::lock;
use crate::mariadb::tx::Tx;

/// Reads the token of a member of a game.
pub(super) struct Find;

impl ReadSet for Find {
    type Item = (AppId, MemberId);
    type Answer = Option<Uuid>;

    fn shard((_, member): &Self::Item) -> Shard {
        shard(*member)
    }

    async fn read(
        items: &[&Self::Item],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Option<Uuid>>>, Fault> {
        let mut answers = Vec::with_capacity(items.len());
        for (of, member) in items {
            let select = "SELECT app, token FROM account_token WHERE member";
            let rows = select_in(connection, select, vec![member.number().into()], "").await?;
            let token = |mut row| {
                let token = uuid(&mut row, 1, "account_token.token")?;
                Ok((app(&mut row, 0, "account_token.app")? == *of).then_some(token))
            };
            answers.push(rows.into_iter().next().map_or(Ok(None), token));
        }
        Ok(answers)
    }
}

/// Gives a member a token, if it has none.
pub(super) struct Give;

impl WriteSet for Give {
    const NAME: &'static str = "purchases.account_token";
    type Item = (AppId, MemberId, Uuid);
    type Answer = Option<Uuid>;
    type Key = MemberId;

    fn shard((_, member, _): &Self::Item) -> Shard {
        shard(*member)
    }

    fn key((_, member, _): &Self::Item) -> MemberId {
        *member
    }

    async fn write(items: &[&Self::Item], tx: &mut Tx) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let mut taken = lock(tx, items.iter().map(|(_, member, _)| *member)).await?;
        let mut answers = Vec::with_capacity(items.len());
        for (app, member, candidate) in items {
            answers.push(match taken.of(app, *member) {
                Ok(Some(_)) => give(tx, app, *member, *candidate).await?,
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            });
        }
        Ok(answers)
    }
}

async fn give(
    tx: &mut Tx,
    app: &AppId,
    member: MemberId,
    candidate: Uuid,
) -> Result<Result<Option<Uuid>>, Fault> {
    let row = vec![member.number().into(), app.as_str().into(), id(candidate)];
    let into = "account_token (member, app, token)";
    let stays = "member = VALUES(member)";
    let rows = upsert_returning(tx, into, vec![row], stays, "token").await?;
    let gone = || StorageError::Corrupt(format!("the account token of {member} went away"));
    let row = rows.into_iter().next().ok_or_else(gone);
    Ok(row.and_then(|mut row| uuid(&mut row, 0, "account_token.token")).map(Some))
}
