//! What waits in inboxes: the counters of all that ask at once, then the pushes of those that
//! have any.

use mysql_async::Conn;

use super::pushes;
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::router::{ReadSet, Shard};
use crate::mariadb::rows::{signed, unsigned};
use crate::mariadb::sessions::lock::look;
use crate::push::{Inbox, InboxRead};

pub(in crate::mariadb) struct Read;

impl ReadSet for Read {
    type Item = InboxRead;
    type Answer = Inbox;

    fn shard(ask: &InboxRead) -> Shard {
        shard(ask.member)
    }

    async fn read(asks: &[&InboxRead], connection: &mut Conn) -> Result<Vec<Result<Inbox>>, Fault> {
        let held = look(connection, asks.iter().map(|ask| ask.member)).await?;
        let mut inboxes = Vec::with_capacity(asks.len());
        for ask in asks {
            let session = held.get(&ask.member).filter(|session| session.app == ask.app.as_str());
            let Some(session) = session else {
                inboxes.push(Ok(Inbox::default()));
                continue;
            };
            let (seq, acked) = (unsigned(session.inbox_seq), unsigned(session.inbox_acked));
            let from = signed(ask.after).max(session.inbox_acked);
            // Most inboxes hold nothing new: the counters say so.
            let found = if from >= session.inbox_seq || ask.limit == 0 {
                Ok(Vec::new())
            } else {
                pushes(connection, ask.member, from, ask.now, ask.limit).await?
            };
            inboxes.push(found.map(|pushes| Inbox {
                // What came after the counters were read is for the next look: its numbers are
                // beyond what is said to be there.
                pushes: pushes.into_iter().filter(|push| push.seq <= seq).collect(),
                seq,
                acked,
            }));
        }
        Ok(inboxes)
    }
}
