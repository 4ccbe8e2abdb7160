//! All of a member at once, from a replica where that is good enough.

use mysql_async::Conn;

use super::{Find, shard};
use crate::error::Result;
use crate::freshness::Aged;
use crate::mariadb::MariaDb;
use crate::mariadb::fault::Fault;
use crate::mariadb::identity::OfMember;
use crate::mariadb::push::Read as Inboxes;
use crate::mariadb::router::{ReadSet, Shard, one};
use crate::mariadb::sessions::live::Read as Logins;
use crate::members::{Overview, OverviewRead};
use crate::push::InboxRead;
use crate::sessions::LoginsRead;

pub(super) async fn overview(
    backend: &MariaDb,
    read: OverviewRead,
) -> Result<Aged<Option<Overview>>> {
    let freshness = read.freshness;
    backend.router.read_aged::<All>(read, freshness).await
}

struct All;

impl ReadSet for All {
    type Item = OverviewRead;
    type Answer = Option<Overview>;

    fn shard(read: &OverviewRead) -> Shard {
        shard(read.member)
    }

    async fn read(
        reads: &[&OverviewRead],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let mut answers = Vec::with_capacity(reads.len());
        for read in reads {
            answers.push(Ok(member(read, connection).await?));
        }
        Ok(answers)
    }
}

async fn member(read: &OverviewRead, connection: &mut Conn) -> Result<Option<Overview>, Fault> {
    let OverviewRead { app, member, now, logins, freshness: _ } = read.clone();
    let who = (app.clone(), member);
    let Some(found) = one(Find::read(&[&who], connection).await?)? else { return Ok(None) };
    let identities = one(OfMember::read(&[&who], connection).await?)?;
    let ask = LoginsRead { app: app.clone(), member, now, limit: logins };
    let (logins, epoch) = one(Logins::read(&[&ask], connection).await?)?;
    let counters = InboxRead { app, member, after: 0, now, limit: 0 };
    let inbox = one(Inboxes::read(&[&counters], connection).await?)?;
    Ok(Some(Overview {
        member: found,
        identities,
        logins,
        epoch,
        inbox: inbox.seq,
        acked: inbox.acked,
    }))
}
