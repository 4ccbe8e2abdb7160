//! Pushes that are posted once under a name.

use std::collections::HashMap;

use mysql_async::Value;
use protocol::ids::MemberId;
use uuid::Uuid;

use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::{bound, bytes, cell, digest, exec_by, id, member, peek, select_by};
use crate::mariadb::rows::{signed, unsigned, upsert, uuid};
use crate::mariadb::sessions::lock::{Held, lock, save};
use crate::mariadb::tx::{Tx, Work};
use crate::push::{PostOnce, PostedOnce};

/// Posts them.
pub(super) struct Posts;

/// Which was posted: of what, under which number, known until when.
type Known = HashMap<(MemberId, Uuid), (Digest, u64, Micros)>;

impl WriteSet for Posts {
    const NAME: &'static str = "push.post_once";
    type Item = PostOnce;
    type Answer = PostedOnce;
    /// Those of one name one after the other.
    type Key = (MemberId, Uuid);

    fn shard(post: &PostOnce) -> Shard {
        shard(post.member)
    }

    fn key(post: &PostOnce) -> Self::Key {
        (post.member, post.id)
    }

    async fn write(posts: &[&PostOnce], tx: &mut Tx) -> Result<Vec<Result<PostedOnce>>, Fault> {
        let mut taken = lock(tx, posts.iter().map(|post| post.member)).await?;
        let known = known(tx, posts).await?;
        let (mut pushes, mut names) = (Vec::new(), Vec::new());
        let mut changed: HashMap<MemberId, Held> = HashMap::new();
        let mut answers = Vec::with_capacity(posts.len());
        for post in posts {
            answers.push(taken.of(&post.app, post.member).map(|session| {
                let Some(session) = session else { return PostedOnce::Unknown };
                match known.get(&(post.member, post.id)) {
                    Some((of, seq, until)) if *until >= post.now => match *of == post.digest {
                        true => PostedOnce::Posted { seq: *seq, again: true },
                        false => PostedOnce::Differs,
                    },
                    Some(_) | None => {
                        let push = std::slice::from_ref(&post.push);
                        super::number(session, push, post.now, &mut pushes);
                        changed.insert(post.member, session.clone());
                        let seq = unsigned(session.inbox_seq);
                        names.push(name(post, seq));
                        PostedOnce::Posted { seq, again: false }
                    }
                }
            }));
        }
        super::write(tx, pushes).await?;
        let into = "posted (member, post, digest, seq, expires_at)";
        let update = "digest = VALUES(digest), seq = VALUES(seq), expires_at = VALUES(expires_at)";
        upsert(tx, into, names, update).await?;
        save(tx, changed.into_values()).await?;
        Ok(answers)
    }
}

fn name(post: &PostOnce, seq: u64) -> Vec<Value> {
    vec![
        post.member.number().into(),
        id(post.id),
        digest(&post.digest),
        signed(seq).into(),
        post.known_until.0.into(),
    ]
}

/// What was posted under these names. The members' locks are held.
async fn known(tx: &mut Tx, posts: &[&PostOnce]) -> Result<Known, Fault> {
    let keys = posts.iter().map(|post| vec![post.member.number().into(), id(post.id)]).collect();
    let select = "SELECT member, post, digest, seq, expires_at FROM posted WHERE (member, post)";
    let mut known = Known::new();
    for mut row in select_by(tx, select, keys, "").await? {
        let of = (member(&mut row, 0, "posted.member")?, uuid(&mut row, 1, "posted.post")?);
        let digest = bytes(&mut row, 2, "posted.digest")?;
        let seq = unsigned(cell(&mut row, 3, "posted.seq")?);
        known.insert(of, (digest, seq, Micros(cell(&mut row, 4, "posted.expires_at")?)));
    }
    Ok(known)
}

/// Forgets names.
pub(super) struct Forget {
    pub(super) now: Micros,
    pub(super) limit: usize,
}

impl Work for Forget {
    const NAME: &'static str = "push.forget_names";
    type Answer = usize;

    async fn run(&self, tx: &mut Tx) -> Result<usize, Fault> {
        use mysql_async::prelude::Queryable;
        let select = "SELECT member, post FROM posted FORCE INDEX (posted_expires) \
            WHERE expires_at < ? ORDER BY expires_at LIMIT ?";
        let rows: Vec<mysql_async::Row> = tx.exec(select, (self.now.0, bound(self.limit))).await?;
        let mut keys: Vec<(i64, Vec<u8>)> = Vec::with_capacity(rows.len());
        for row in rows {
            keys.push((peek(&row, 0, "posted.member")?, peek(&row, 1, "posted.post")?));
        }
        // In the order of the keys, like whoever else writes them.
        keys.sort_unstable();
        let mut gone = 0;
        for some in keys.chunks(256) {
            let some = some.iter().map(|(of, post)| vec![(*of).into(), Value::Bytes(post.clone())]);
            let delete = "DELETE FROM posted WHERE (member, post)";
            // One that was posted anew meanwhile stays.
            let old = format!("AND expires_at < {}", self.now.0);
            gone += exec_by(tx, delete, Vec::new(), some.collect(), &old).await?;
        }
        Ok(gone)
    }
}
