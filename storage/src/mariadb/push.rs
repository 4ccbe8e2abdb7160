//! Inboxes in MariaDB.

use std::collections::HashMap;

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::{AppId, LoginId, MemberId};

use super::MariaDb;
use super::fault::Fault;
use super::members::shard;
use super::router::{Shard, WriteSet};
use super::rows::{cell, insert, signed, unsigned};
use super::sessions::lock::{Held, lock, save};
use super::tx::{Locks, Tx};
use crate::clock::Micros;
use crate::error::Result;
use crate::push::{
    AckWrite, Inbox, InboxRead, KeptPush, NewPush, PostOnce, PostWrite, PostedOnce, PushDuty,
};

mod expire;
mod once;
mod read;

pub(super) use read::Read;

#[async_trait]
impl PushDuty for MariaDb {
    async fn post(
        &self,
        app: AppId,
        member: MemberId,
        pushes: Vec<NewPush>,
        now: Micros,
    ) -> Result<Option<Vec<KeptPush>>> {
        self.router.write_one::<Posts>(PostWrite { app, member, pushes, now }).await
    }

    async fn post_all(&self, writes: Vec<PostWrite>) -> Vec<Result<Option<Vec<KeptPush>>>> {
        self.router.write::<Posts>(&writes, Locks::Skip).await
    }

    async fn post_once(&self, write: PostOnce) -> Result<PostedOnce> {
        self.router.write_one::<once::Posts>(write).await
    }

    async fn inbox(
        &self,
        app: AppId,
        member: MemberId,
        after: u64,
        now: Micros,
        limit: usize,
    ) -> Result<Inbox> {
        self.router.read_one::<Read>(InboxRead { app, member, after, now, limit }).await
    }

    async fn inbox_all(&self, reads: Vec<InboxRead>) -> Vec<Result<Inbox>> {
        self.router.read::<Read>(&reads).await
    }

    async fn ack(&self, app: AppId, member: MemberId, login: LoginId, up_to: u64) -> Result<u64> {
        self.router.write_one::<Acks>(AckWrite { app, member, login, up_to }).await
    }

    async fn ack_all(&self, writes: Vec<AckWrite>) -> Vec<Result<u64>> {
        self.router.write::<Acks>(&writes, Locks::Skip).await
    }

    async fn expire(&self, now: Micros, limit: usize) -> Result<usize> {
        expire::expire(&self.router, now, limit).await
    }
}

struct Posts;

impl WriteSet for Posts {
    const NAME: &'static str = "push.post";
    type Item = PostWrite;
    type Answer = Option<Vec<KeptPush>>;
    type Key = MemberId;

    fn shard(post: &PostWrite) -> Shard {
        shard(post.member)
    }

    fn key(post: &PostWrite) -> MemberId {
        post.member
    }

    async fn write(posts: &[&PostWrite], tx: &mut Tx) -> Result<Vec<Result<Self::Answer>>, Fault> {
        let mut taken = lock(tx, posts.iter().map(|post| post.member)).await?;
        let (mut rows, mut answers) = (Vec::new(), Vec::with_capacity(posts.len()));
        for post in posts {
            answers.push(
                taken
                    .of(&post.app, post.member)
                    .map(|session| Some(number(session?, &post.pushes, post.now, &mut rows))),
            );
        }
        write(tx, rows).await?;
        save(tx, taken.held.into_values()).await?;
        Ok(answers)
    }
}

/// Gives pushes the next numbers of a member whose lock is held. Their rows are written later, by
/// [`write()`].
pub(super) fn number(
    session: &mut Held,
    pushes: &[NewPush],
    now: Micros,
    rows: &mut Vec<Vec<Value>>,
) -> Vec<KeptPush> {
    let kept = pushes.iter().map(|push| {
        session.inbox_seq += 1;
        rows.push(vec![
            session.member.number().into(),
            session.inbox_seq.into(),
            push.word.as_str().into(),
            push.body.as_str().into(),
            now.0.into(),
            push.expires_at.0.into(),
        ]);
        let seq = unsigned(session.inbox_seq);
        KeptPush { seq, word: push.word.clone(), body: push.body.clone(), at: now }
    });
    kept.collect()
}

/// Puts numbered pushes into their inboxes.
pub(super) async fn write(tx: &mut Tx, rows: Vec<Vec<Value>>) -> Result<(), Fault> {
    insert(tx, "inbox (member, seq, word, body, created_at, expires_at)", rows).await
}

/// Puts one push into the inbox of a member whose lock is held; returns its number.
pub(super) async fn put(
    tx: &mut Tx,
    session: &mut Held,
    push: &NewPush,
    now: Micros,
) -> Result<u64, Fault> {
    let mut rows = Vec::new();
    number(session, std::slice::from_ref(push), now, &mut rows);
    write(tx, rows).await?;
    Ok(unsigned(session.inbox_seq))
}

struct Acks;

impl WriteSet for Acks {
    const NAME: &'static str = "push.ack";
    type Item = AckWrite;
    type Answer = u64;
    type Key = MemberId;

    fn shard(ack: &AckWrite) -> Shard {
        shard(ack.member)
    }

    fn key(ack: &AckWrite) -> MemberId {
        ack.member
    }

    async fn write(acks: &[&AckWrite], tx: &mut Tx) -> Result<Vec<Result<u64>>, Fault> {
        let mut taken = lock(tx, acks.iter().map(|ack| ack.member)).await?;
        let (mut moved, mut answers) = (HashMap::new(), Vec::with_capacity(acks.len()));
        for ack in acks {
            let session = match taken.of(&ack.app, ack.member) {
                Ok(Some(session)) => session.fence(ack.login).map(|()| Some(session)),
                other => other,
            };
            answers.push(session.map(|session| {
                let Some(session) = session else { return 0 };
                let acked = signed(ack.up_to).min(session.inbox_seq).max(session.inbox_acked);
                if acked > session.inbox_acked {
                    session.inbox_acked = acked;
                    moved.insert(ack.member, acked);
                }
                unsigned(acked)
            }));
        }
        taken.held.retain(|member, _| moved.contains_key(member));
        save(tx, taken.held.into_values()).await?;
        for (member, acked) in moved {
            let delete = "DELETE FROM inbox WHERE member = ? AND seq <= ?";
            tx.exec_drop(delete, (member.number(), acked)).await?;
        }
        Ok(answers)
    }
}

/// Reads pushes out of rows.
fn kept(rows: Vec<Row>) -> Result<Vec<KeptPush>> {
    let push = |mut row: Row| {
        Ok(KeptPush {
            seq: unsigned(cell(&mut row, 0, "inbox.seq")?),
            word: cell(&mut row, 1, "inbox.word")?,
            body: cell(&mut row, 2, "inbox.body")?,
            at: Micros(cell(&mut row, 3, "inbox.created_at")?),
        })
    };
    rows.into_iter().map(push).collect()
}

/// At most `limit` pushes of one member.
async fn pushes(
    connection: &mut Conn,
    member: MemberId,
    from: i64,
    now: Micros,
    limit: usize,
) -> Result<Result<Vec<KeptPush>>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values: Vec<Value> = vec![member.number().into(), from.into(), now.0.into(), limit.into()];
    let select = "SELECT seq, word, body, created_at FROM inbox \
                  WHERE member = ? AND seq > ? AND expires_at > ? ORDER BY seq LIMIT ?";
    Ok(kept(connection.exec(select, Params::Positional(values)).await?))
}
