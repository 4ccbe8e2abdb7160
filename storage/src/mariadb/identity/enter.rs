//! The member's side of a login: its rows, on its shard, in one transaction.

use std::collections::HashMap;

use mysql_async::{Conn, Value};
use protocol::ids::{LoginId, MemberId};
use protocol::members::MemberState;

use super::claims::Claim;
use crate::error::{Result, StorageError};
use crate::identity::Digest;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::{self, Found, shard};
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::{bytes, digest, member, select_in, upsert};
use crate::mariadb::sessions::lock::{Held, Taken, lock, make, save};
use crate::mariadb::sessions::take::{self, Holders};
use crate::mariadb::tx::Tx;
use crate::members::{Ban, Member};
use crate::sessions::NewLogin;

/// A login under a claim.
pub(super) struct Entry {
    pub(super) claim: Claim,
    pub(super) login: NewLogin,
}

/// How it ended.
pub(super) enum Entered {
    In {
        member: Member,
        new_member: bool,
        epoch: i64,
        replaced: Option<LoginId>,
    },
    /// The claimed id is the member's of another identity.
    IdTaken,
    /// The member is kept out.
    Banned {
        member: MemberId,
        ban: Ban,
    },
}

/// Writes logins, and the members that are new.
pub(super) struct Enter;

impl WriteSet for Enter {
    const NAME: &'static str = "identity.login";
    type Item = Entry;
    type Answer = Entered;
    type Key = MemberId;

    fn shard(entry: &Entry) -> Shard {
        shard(entry.claim.member)
    }

    fn key(entry: &Entry) -> MemberId {
        entry.claim.member
    }

    async fn write(entries: &[&Entry], tx: &mut Tx) -> Result<Vec<Result<Entered>>, Fault> {
        let claims: Vec<&Claim> = entries.iter().map(|entry| &entry.claim).collect();
        let mut rows = Rows::make(tx, &claims).await?;
        let holders = Holders::read(tx, rows.taken.held.values()).await?;
        let (mut logins, mut identities, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        let mut entered = Vec::new();
        for entry in entries {
            let member = match rows.member(&entry.claim) {
                Ok(Some(member)) => member,
                Ok(None) => {
                    answers.push(Ok(Entered::IdTaken));
                    continue;
                }
                Err(error) => {
                    answers.push(Err(error));
                    continue;
                }
            };
            if let Some(ban) = member.banned(entry.login.now) {
                answers.push(Ok(Entered::Banned { member: member.id, ban: ban.clone() }));
                continue;
            }
            let Some(held) = rows.held(&entry.claim) else {
                answers.push(Err(absent(member.id)));
                continue;
            };
            let new_member = held.epoch == 0;
            let (epoch, replaced) = holders.take(held, &entry.login);
            logins.push(take::row(held, &entry.login));
            identities.push(identity(&entry.claim, entry.login.now.0));
            entered.push(member.id);
            answers.push(Ok(Entered::In { member, new_member, epoch, replaced }));
        }
        link(tx, identities, "last_login_at = VALUES(last_login_at)").await?;
        take::write(tx, logins).await?;
        let held: Vec<Held> = entered.iter().filter_map(|id| rows.taken.held.remove(id)).collect();
        save(tx, held.into_iter()).await?;
        Ok(answers)
    }
}

/// How a claim was finished.
pub(super) enum Finished {
    /// The member's rows are there now.
    There,
    /// The claimed id is the member's of another identity.
    IdTaken,
}

/// Makes the members of claims that were left, without a login.
pub(super) struct Finish;

impl WriteSet for Finish {
    const NAME: &'static str = "identity.finish";
    type Item = Claim;
    type Answer = Finished;
    type Key = MemberId;

    fn shard(claim: &Claim) -> Shard {
        shard(claim.member)
    }

    fn key(claim: &Claim) -> MemberId {
        claim.member
    }

    async fn write(claims: &[&Claim], tx: &mut Tx) -> Result<Vec<Result<Finished>>, Fault> {
        let rows = Rows::make(tx, claims).await?;
        let (mut identities, mut answers) = (Vec::new(), Vec::with_capacity(claims.len()));
        for claim in claims {
            answers.push(match rows.member(claim) {
                Ok(Some(_)) => {
                    identities.push(identity(claim, claim.claimed_at.0));
                    Ok(Finished::There)
                }
                Ok(None) => Ok(Finished::IdTaken),
                Err(error) => Err(error),
            });
        }
        link(tx, identities, "identity = VALUES(identity)").await?;
        Ok(answers)
    }
}

/// The locked rows of the claims' members.
struct Rows {
    taken: Taken,
    members: Found,
    origins: HashMap<MemberId, Digest>,
}

impl Rows {
    /// Takes the locks, and makes the members of pending claims that are not there.
    async fn make(tx: &mut Tx, claims: &[&Claim]) -> Result<Self, Fault> {
        let pending = || claims.iter().filter(|claim| claim.pending);
        let new = pending().map(|claim| (claim.member, claim.key.app.clone()));
        make(tx, new).await?;
        let taken = lock(tx, claims.iter().map(|claim| claim.member)).await?;
        let mut rows: Vec<&&Claim> = pending().collect();
        rows.sort_unstable_by_key(|claim| claim.member);
        let rows = rows.into_iter().map(|claim| new_member(claim)).collect();
        let into = "member (member, app, state, origin, created_at, version)";
        upsert(tx, into, rows, "member = VALUES(member)").await?;
        let members = members::find(tx, claims.iter().map(|claim| claim.member)).await?;
        let origins = origins(tx, claims).await?;
        Ok(Self { taken, members, origins })
    }

    /// The lock of the claim's member, if it is ours.
    fn held(&mut self, claim: &Claim) -> Option<&mut Held> {
        self.taken.of(&claim.key.app, claim.member).ok().flatten()
    }

    /// The claim's member; `None` when the id is the member's of another identity.
    fn member(&self, claim: &Claim) -> Result<Option<Member>> {
        if self.taken.is_others(claim.member) {
            return Err(StorageError::Locked);
        }
        if self.origins.get(&claim.member) != Some(&claim.identity) && claim.pending {
            return Ok(None);
        }
        let member = self.members.of(&claim.key.app, claim.member)?;
        member.map(Some).ok_or_else(|| absent(claim.member))
    }
}

fn absent(id: MemberId) -> StorageError {
    StorageError::Corrupt(format!("an identity names the absent member {id}"))
}

fn new_member(claim: &Claim) -> Vec<Value> {
    vec![
        claim.member.number().into(),
        claim.key.app.as_str().into(),
        MemberState::Active.word().into(),
        digest(&claim.identity),
        claim.claimed_at.0.into(),
        1.into(),
    ]
}

async fn origins(
    connection: &mut Conn,
    claims: &[&Claim],
) -> Result<HashMap<MemberId, Digest>, Fault> {
    let pending = claims.iter().filter(|claim| claim.pending);
    let keys = pending.map(|claim| claim.member.number().into()).collect();
    let select = "SELECT member, origin FROM member WHERE member";
    let mut origins = HashMap::new();
    for mut row in select_in(connection, select, keys, "").await? {
        let id = member(&mut row, 0, "member.member")?;
        origins.insert(id, bytes(&mut row, 1, "member.origin")?);
    }
    Ok(origins)
}

fn identity(claim: &Claim, last_login_at: i64) -> Vec<Value> {
    vec![
        claim.member.number().into(),
        digest(&claim.identity),
        claim.key.app.as_str().into(),
        claim.key.provider.as_str().into(),
        claim.key.subject.as_str().into(),
        claim.claimed_at.0.into(),
        last_login_at.into(),
    ]
}

/// Writes what members can log in by.
async fn link(connection: &mut Conn, rows: Vec<Vec<Value>>, update: &str) -> Result<(), Fault> {
    let into = "identity (member, identity, app, provider, subject, linked_at, last_login_at)";
    upsert(connection, into, rows, update).await
}
