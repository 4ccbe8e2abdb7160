//! Claims on identities: whose each is, on the shard of its digest.

use std::collections::HashMap;
use std::sync::Arc;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::{LoginId, MemberId};
use uuid::Uuid;

use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::identity::{Digest, IdentityKey, LoginWrite, Proof, shard_of};
use crate::mariadb::fault::Fault;
use crate::mariadb::router::{ReadEach, ReadSet, Router, Shard, WriteSet};
use crate::mariadb::rows::{bytes, cell, digest, member, optional_bytes, select_in, upsert};
use crate::mariadb::tx::{DEADLINE, Locks, Tx};

use super::enter::{Finish, Finished};

/// Whose an identity is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mariadb) struct Claim {
    pub(super) identity: Digest,
    pub(super) key: IdentityKey,
    pub(in crate::mariadb) member: MemberId,
    pub(super) secret: Option<Digest>,
    /// The login that claimed it.
    pub(super) attempt: LoginId,
    pub(super) claimed_at: Micros,
    /// Whether it is not known yet that the member's rows are there.
    pub(in crate::mariadb) pending: bool,
}

impl Claim {
    /// The claim that a login makes.
    pub(in crate::mariadb) fn new(write: &LoginWrite, identity: Digest) -> Self {
        let secret = match write.proof {
            Proof::NewSecret(secret) => Some(secret),
            Proof::Secret(_) | Proof::Vouched => None,
        };
        Self {
            identity,
            key: write.key.clone(),
            member: write.candidate,
            secret,
            attempt: write.login.id,
            claimed_at: write.login.now,
            pending: true,
        }
    }

    fn row(&self) -> Vec<Value> {
        vec![
            digest(&self.identity),
            self.key.app.as_str().into(),
            self.key.provider.as_str().into(),
            self.key.subject.as_str().into(),
            self.member.number().into(),
            self.secret.as_ref().map(digest).into(),
            self.attempt.0.as_bytes().as_slice().into(),
            self.claimed_at.0.into(),
            i64::from(self.pending).into(),
        ]
    }

    fn read(row: &mut Row) -> Result<Self> {
        let app: String = cell(row, 1, "identity_claim.app")?;
        let app = app
            .parse()
            .map_err(|error| StorageError::Corrupt(format!("identity_claim.app: {error}")))?;
        let pending: i64 = cell(row, 8, "identity_claim.pending")?;
        Ok(Self {
            identity: bytes(row, 0, "identity_claim.identity")?,
            key: IdentityKey {
                app,
                provider: cell(row, 2, "identity_claim.provider")?,
                subject: cell(row, 3, "identity_claim.subject")?,
            },
            member: member(row, 4, "identity_claim.member")?,
            secret: optional_bytes(row, 5, "identity_claim.secret")?,
            attempt: LoginId(Uuid::from_bytes(bytes(row, 6, "identity_claim.attempt")?)),
            claimed_at: Micros(cell(row, 7, "identity_claim.claimed_at")?),
            pending: pending != 0,
        })
    }
}

const COLUMNS: &str =
    "identity, app, provider, subject, member, secret, attempt, claimed_at, pending";

fn shard(identity: &Digest) -> Shard {
    shard_of(identity).cast_signed()
}

async fn select(
    connection: &mut Conn,
    identities: impl Iterator<Item = Digest>,
) -> Result<HashMap<Digest, Claim>, Fault> {
    let mut identities: Vec<Digest> = identities.collect();
    identities.sort_unstable();
    let select = format!("SELECT {COLUMNS} FROM identity_claim WHERE identity");
    let keys = identities.iter().map(digest).collect();
    let mut claims = HashMap::new();
    for mut row in select_in(connection, &select, keys, "").await? {
        let claim = Claim::read(&mut row)?;
        claims.insert(claim.identity, claim);
    }
    Ok(claims)
}

/// Finds claims.
pub(super) struct Find;

impl ReadSet for Find {
    type Item = Digest;
    type Answer = Option<Claim>;

    fn shard(identity: &Digest) -> Shard {
        shard(identity)
    }

    async fn read(
        identities: &[&Digest],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Option<Claim>>>, Fault> {
        let claims = select(connection, identities.iter().map(|it| **it)).await?;
        Ok(identities.iter().map(|identity| Ok(claims.get(*identity).cloned())).collect())
    }
}

/// Claims identities. Answers the claim that stands: this one, or that of who was first.
pub(in crate::mariadb) struct Claims;

impl WriteSet for Claims {
    const NAME: &'static str = "identity.claim";
    type Item = Claim;
    type Answer = Claim;
    type Key = Digest;

    fn shard(claim: &Claim) -> Shard {
        shard(&claim.identity)
    }

    fn key(claim: &Claim) -> Digest {
        claim.identity
    }

    async fn write(claims: &[&Claim], tx: &mut Tx) -> Result<Vec<Result<Claim>>, Fault> {
        let mut ordered: Vec<&&Claim> = claims.iter().collect();
        ordered.sort_unstable_by_key(|claim| claim.identity);
        let rows = ordered.iter().map(|claim| claim.row()).collect();
        let into = format!("identity_claim ({COLUMNS})");
        upsert(tx, &into, rows, "identity = VALUES(identity)").await?;
        let stand = select(tx, claims.iter().map(|claim| claim.identity)).await?;
        let stands = |claim: &&Claim| {
            let gone = || StorageError::Corrupt("a claim went away".to_owned());
            stand.get(&claim.identity).cloned().ok_or_else(gone)
        };
        Ok(claims.iter().map(stands).collect())
    }
}

/// What becomes of a pending claim.
#[derive(Clone, Copy)]
enum Fate {
    /// The member's rows are there.
    Done,
    /// The drawn id is another's.
    Void,
}

struct Close;

impl WriteSet for Close {
    const NAME: &'static str = "identity.close_claim";
    type Item = (Claim, Fate);
    type Answer = ();
    type Key = Digest;

    fn shard((claim, _): &Self::Item) -> Shard {
        shard(&claim.identity)
    }

    fn key((claim, _): &Self::Item) -> Digest {
        claim.identity
    }

    async fn write(items: &[&Self::Item], tx: &mut Tx) -> Result<Vec<Result<()>>, Fault> {
        let mut ordered: Vec<&&Self::Item> = items.iter().collect();
        ordered.sort_unstable_by_key(|(claim, _)| claim.identity);
        for (claim, fate) in ordered {
            // Whoever claims it after this one was void has drawn another id.
            let statement = match fate {
                Fate::Done => {
                    "UPDATE identity_claim SET pending = 0 WHERE identity = ? AND member = ?"
                }
                Fate::Void => {
                    "DELETE FROM identity_claim WHERE identity = ? AND member = ? AND pending = 1"
                }
            };
            let values = vec![digest(&claim.identity), claim.member.number().into()];
            tx.exec_drop(statement, Params::Positional(values)).await?;
        }
        Ok(items.iter().map(|_| Ok(())).collect())
    }
}

async fn close(router: &Router, claims: Vec<Claim>, fate: Fate) {
    let items: Vec<(Claim, Fate)> = claims.into_iter().map(|claim| (claim, fate)).collect();
    for closed in router.write::<Close>(&items, Locks::Wait).await {
        if let Err(error) = closed {
            // It stays pending, and is finished by whoever meets it.
            tracing::warn!(%error, "a claim on an identity could not be closed");
        }
    }
}

/// Takes back claims whose drawn ids are others'.
pub(super) async fn void(router: &Router, claims: Vec<Claim>) {
    close(router, claims, Fate::Void).await;
}

/// Marks claims as done; nobody waits for it.
pub(super) fn done_later(router: &Arc<Router>, claims: Vec<Claim>) {
    if claims.is_empty() {
        return;
    }
    let router = router.clone();
    tokio::spawn(async move {
        let closed = close(&router, claims, Fate::Done);
        // As long as it may take to be had and run.
        let _ = tokio::time::timeout(2 * DEADLINE, closed).await;
    });
}

/// Finishes claims that were left pending before `before`, at most `limit` a server.
pub(in crate::mariadb) async fn finish_abandoned(
    router: &Router,
    before: Micros,
    limit: usize,
) -> Result<()> {
    let (claims, whole) = router.read_each(&Abandoned { before, limit }).await;
    let finished = router.write::<Finish>(&claims, Locks::Skip).await;
    let (mut done, mut void) = (Vec::new(), Vec::new());
    for (claim, finished) in claims.into_iter().zip(finished) {
        match finished {
            Ok(Finished::There) => done.push(claim),
            Ok(Finished::IdTaken) => void.push(claim),
            // Somebody is at it.
            Err(StorageError::Locked) => {}
            Err(error) => tracing::warn!(%error, "an abandoned claim could not be finished"),
        }
    }
    metrics::counter!("daemun_claims_finished_total").increment(done.len() as u64);
    close(router, done, Fate::Done).await;
    close(router, void, Fate::Void).await;
    whole
}

/// The claims that were left.
struct Abandoned {
    before: Micros,
    limit: usize,
}

impl ReadEach for Abandoned {
    type Row = Claim;

    async fn read(&self, connection: &mut Conn) -> Result<Vec<Claim>, Fault> {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let select = format!(
            "SELECT {COLUMNS} FROM identity_claim WHERE pending = 1 AND claimed_at < ? \
             ORDER BY claimed_at LIMIT ?"
        );
        let rows: Vec<Row> = connection.exec(select, (self.before.0, limit)).await?;
        let mut claims = Vec::with_capacity(rows.len());
        for mut row in rows {
            claims.push(Claim::read(&mut row)?);
        }
        Ok(claims)
    }
}
